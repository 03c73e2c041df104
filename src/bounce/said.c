/* said: what a server said, found in what another one tells of it: "host mx.example.net [192.0.2.1] said: 550 5.1.1 <x>: User
 * unknown (in reply to RCPT TO command)". A code counts only where a code can stand, so that the year, the port and the address
 * of such a sentence are not taken for one. One pass over a text of REASON_MAX bytes at most. */
#include "bounce/inner.h"

enum { TELLING_LETTERS = 10 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

/* Reads up to three digits. */
static size_t digits(struct str s, size_t at, unsigned *ret)
{
    size_t n = 0;
    *ret = 0;
    while (at + n < s.n && n < 4 && is_digit(s.p[at + n])) {
        *ret = *ret * 10 + (unsigned)(s.p[at + n] - '0');
        n++;
    }
    return n <= 3 ? n : 0;
}

/* An enhanced code that begins here: its length, or 0. What stands on either side must not make it a part of a longer number. */
static size_t enhanced_here(struct str s, size_t at, struct enhanced *ret)
{
    unsigned subject, detail;
    char c = s.p[at];
    if ((c != '2' && c != '4' && c != '5') || at + 4 >= s.n || s.p[at + 1] != '.')
        return 0;
    if (at > 0 && (is_alnum(s.p[at - 1]) || s.p[at - 1] == '.' || s.p[at - 1] == '-'))
        if (!(s.p[at - 1] == '-' && at > 3 && is_digit(s.p[at - 2])))
            return 0;
    size_t n = digits(s, at + 2, &subject);
    if (n == 0 || at + 2 + n >= s.n || s.p[at + 2 + n] != '.')
        return 0;
    size_t m = digits(s, at + 3 + n, &detail), end = at + 3 + n + m;
    if (m == 0 || (end < s.n && is_alnum(s.p[end])) || (end + 1 < s.n && s.p[end] == '.' && is_digit(s.p[end + 1])))
        return 0;
    *ret = (struct enhanced){.class = (uint8_t)(c - '0'), .subject = (uint16_t)subject, .detail = (uint16_t)detail};
    return end - at;
}

bool said_enhanced(struct str text, struct enhanced *ret)
{
    for (size_t i = 0; i + 4 < text.n; i++)
        if (enhanced_here(text, i, ret))
            return true;
    return false;
}

bool enhanced_finer(struct enhanced a, struct enhanced b)
{
    if (b.class == 0)
        return false;
    return a.class == 0 || (a.subject == 0 && a.detail == 0 && (b.subject != 0 || b.detail != 0)) ||
           (a.detail == 0 && b.detail != 0 && a.subject == b.subject);
}

/* The words right before a number after which it is no reply's code. */
static bool counts_something(struct str before)
{
    static const char *const words[] = {"port", "line", "error code is", "after",   "for",   "within", "id",
                                        "in",   "of",   "than",          "version", "least", "most"};
    struct str b = cut_white(before);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (b.n >= n && str_eq_nocase(str_mem(b.p + b.n - n, n), str_of(words[i])) && (b.n == n || !is_alnum(b.p[b.n - n - 1])))
            return true;
    }
    return false;
}

/* A reply's code that begins here (RFC 5321 4.2.1, and codes up to 59x as servers invent them); 0: none does. */
static int code_here(struct str s, size_t at)
{
    unsigned code;
    if ((s.p[at] != '2' && s.p[at] != '4' && s.p[at] != '5') || digits(s, at, &code) != 3 ||
        (at + 3 < s.n && is_digit(s.p[at + 3])))
        return 0;
    if ((code >= 200 && code < 210) || code > 599 || (code > 254 && code < 400) || (code > 459 && code < 499))
        return 0;
    char before = at > 0 ? s.p[at - 1] : ' ', after = at + 3 < s.n ? s.p[at + 3] : ' ';
    if (!strchr(" \t\n:;([<>'\"=,#-_", before) || !strchr(" \t\n-:;,)]>'\"_", after))
        return 0;
    if (before == '-' && at > 1 && s.p[at - 2] != ' ' && s.p[at - 2] != '-')
        return 0;
    if (before == ':' && at > 1 &&
        (s.p[at - 2] == ':' || (s.p[at - 2] != ' ' && strchr(":]", after)))) /* within an IPv6 address or a time */
        return 0;
    if (after == '-' && at + 4 < s.n && !strchr(" \n245#<['\"", s.p[at + 4]) && !is_alnum(s.p[at + 4]))
        return 0;
    if (counts_something(str_mem(s.p + (at > 20 ? at - 20 : 0), at > 20 ? 20 : at)))
        return 0;
    return (int)code;
}

/* Where the reply begins: the first code that an enhanced code of its class follows, else the first one of a refusal, else the
 * first one. */
static bool code_find(struct str s, size_t *ret_at, int *ret)
{
    int best = 0;
    *ret = 0;
    for (size_t i = 0; i + 2 < s.n; i++) {
        int code = code_here(s, i), rank = 1;
        struct enhanced e;
        if (code == 0)
            continue;
        size_t next = i + 3;
        while (next < s.n && strchr(" :-#(\n'\"", s.p[next]))
            next++;
        if (next + 4 < s.n && enhanced_here(s, next, &e) && e.class == code / 100)
            rank = 3;
        else if (code >= 400)
            rank = 2;
        if (rank > best) {
            best = rank;
            *ret = code;
            *ret_at = i;
        }
    }
    return best > 0;
}

/* How a step of the conversation is named; lower case. What is more exact stands first. */
static const struct {
    const char *word;
    enum phase phase;
} steps[] = {
    {"end of data", PHASE_BODY},
    {"after i sent the message", PHASE_BODY},
    {"end of message", PHASE_BODY},
    {"our final data", PHASE_BODY},
    {"text command", PHASE_BODY},
    {"after the data", PHASE_BODY},
    {"pipelined data", PHASE_DATA},
    {"to data command", PHASE_DATA},
    {"after data", PHASE_DATA},
    {">>> data", PHASE_DATA},
    {"our data", PHASE_DATA},
    {"rcpt", PHASE_RCPT},
    {"does not like recipient", PHASE_RCPT},
    {"mail from", PHASE_MAIL},
    {"mail_from", PHASE_MAIL},
    {"sender was rejected", PHASE_MAIL},
    {"starttls", PHASE_STARTTLS},
    {"tls handshake", PHASE_TLS},
    {"after ehlo", PHASE_EHLO},
    {"to ehlo", PHASE_EHLO},
    {"our ehlo", PHASE_EHLO},
    {"after helo", PHASE_EHLO},
    {"to helo", PHASE_EHLO},
    {"initial connection", PHASE_BANNER},
    {"greeting", PHASE_BANNER},
    {"connect to", PHASE_CONNECT},
    {"connection refused", PHASE_CONNECT},
    {"connection timed out", PHASE_CONNECT},
    {"no route to host", PHASE_CONNECT},
    {"name service error", PHASE_DNS},
    {"host not found", PHASE_DNS},
    {"host unknown", PHASE_DNS},
};

enum phase said_phase(struct str lower)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (contains(lower, steps[i].word))
            return steps[i].phase;
    return PHASE_NONE;
}

bool said_code(struct str text)
{
    size_t at;
    int code;
    return code_find(text, &at, &code);
}

/* Words enough to tell a reason: letters beside the codes. */
static bool is_telling(struct str s)
{
    unsigned letters = 0;
    for (size_t i = 0; i < s.n; i++)
        letters += !is_digit(s.p[i]) && (is_alnum(s.p[i]) || (unsigned char)s.p[i] >= 0x80);
    return letters >= TELLING_LETTERS;
}

void said_reply(struct str text, struct arena *a, struct bounce_rcpt *r)
{
    struct str s = cut_white(str_mem(text.p, text.n < REASON_MAX ? text.n : REASON_MAX));
    struct enhanced e = {0};
    size_t at = 0;
    if (s.n == 0)
        return;
    if (r->phase == PHASE_NONE)
        r->phase = said_phase(lower_copy(s, a));
    bool found = code_find(s, &at, &r->code);
    struct str reply = str_mem(s.p + at, s.n - at);
    if ((found && said_enhanced(reply, &e)) || said_enhanced(s, &e))
        r->status = e;
    r->said = found && is_telling(reply) ? reply : s;
}
