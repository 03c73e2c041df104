/* status: see status.h. What is met: the reply itself ("550-5.1.1 text"); Postfix ("host x[192.0.2.1] said: 550 5.1.1 ... (in
 * reply to RCPT TO command)"); a Diagnostic-Code field ("smtp; 550 5.1.1 ..."); Exchange ("#550 5.1.1", "#<x #5.1.1
 * smtp;550 5.1.1 ...>", "Remote Server returned '550 5.4.1 ...'"); qmail ("Remote host said: 550 ... (#5.1.1)"). Numbers that are
 * no codes, such as parts of addresses and versions, must not be taken for one. */
#include "explain/status.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char byte_at(struct str s, size_t i) { return i < s.n ? s.p[i] : '\0'; }

/* A part of an enhanced code: 1 to 3 digits. */
static size_t part_at(struct str s, size_t at, uint16_t *ret)
{
    size_t n = 0;
    *ret = 0;
    for (; n < 3 && is_digit(byte_at(s, at + n)); n++)
        *ret = (uint16_t)(*ret * 10 + (byte_at(s, at + n) - '0'));
    return n;
}

/* "5.1.1" but not "5.1.1.9" (RFC 3463: subjects go up to 7). */
static size_t enhanced_at(struct str s, size_t at, struct enhanced *ret)
{
    char class = byte_at(s, at);
    struct enhanced e = {(uint8_t)(class - '0'), 0, 0};
    if ((class != '2' && class != '4' && class != '5') || byte_at(s, at + 1) != '.')
        return 0;
    size_t n = part_at(s, at + 2, &e.subject), m = 0;
    if (n > 0 && byte_at(s, at + 2 + n) == '.')
        m = part_at(s, at + 3 + n, &e.detail);
    size_t end = at + 3 + n + m;
    if (!m || e.subject > 7 || is_digit(byte_at(s, end)) || (byte_at(s, end) == '.' && is_digit(byte_at(s, end + 1))))
        return 0;
    *ret = e;
    return end - at;
}

/* "550" that is no part of a longer number, word or address. */
static size_t code_at(struct str s, size_t at, int *ret)
{
    uint16_t code;
    char after = byte_at(s, at + 3);
    if (byte_at(s, at) < '2' || byte_at(s, at) > '5' || part_at(s, at, &code) != 3)
        return 0;
    if (is_digit(after) || (after == '.' && is_digit(byte_at(s, at + 4))) || ((after | 0x20) >= 'a' && (after | 0x20) <= 'z'))
        return 0;
    *ret = code;
    return 3;
}

size_t status_at(struct str s, size_t at, struct status *ret)
{
    *ret = (struct status){0};
    size_t end = at + enhanced_at(s, at, &ret->enhanced);
    if (end == at) {
        size_t n = code_at(s, at, &ret->code), more = 0;
        if (!n)
            return 0;
        end = at + n;
        while (byte_at(s, end + more) == ' ' || byte_at(s, end + more) == '-' || byte_at(s, end + more) == '#')
            more++;
        size_t e = more ? enhanced_at(s, end + more, &ret->enhanced) : 0;
        end += e ? more + e : 0; /* even of another class: "551 4.7.17" */
    }
    if (byte_at(s, end) == ' ' || byte_at(s, end) == '-')
        end++;
    return end - at;
}

/* Does a code alone at this place say how it went? At the start, or after what introduces a quotation. */
static bool introduced(struct str s, size_t at)
{
    while (at > 0 && (s.p[at - 1] == ' ' || s.p[at - 1] == '"' || s.p[at - 1] == '#'))
        at--;
    if (at == 0)
        return true;
    char before = s.p[at - 1];
    struct str said = str_mem(s.p, at);
    static const char *const words[] = {"error", "code", "returned", "status", "reply", "response"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct str w = str_of(words[i]);
        if (said.n >= w.n && str_eq_nocase(str_mem(said.p + said.n - w.n, w.n), w))
            return true;
    }
    return before == ':' || before == ';' || before == '\'' || before == '<' || before == '(' || before == '\n' || before == '>';
}

/* May a number begin here? */
static bool begins(struct str s, size_t at)
{
    char before = at ? s.p[at - 1] : ' ';
    bool word = is_digit(before) || ((before | 0x20) >= 'a' && (before | 0x20) <= 'z');
    return is_digit(s.p[at]) && !word && before != '.' && before != '-' && before != '/' && before != '@' && before != '_';
}

struct status status_find(struct str s)
{
    struct status best = {0}, here;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] > '5' || s.p[i] < '2' || !begins(s, i) || !status_at(s, i, &here))
            continue;
        if (here.code && here.enhanced.class)
            return here;
        if (here.code && !best.code && introduced(s, i))
            best.code = here.code;
        if (here.enhanced.class && !best.enhanced.class)
            best.enhanced = here.enhanced;
    }
    return best;
}

/* What follows the first of these words, empty if they are not there. */
static struct str after(struct str s, struct str words)
{
    const char *at = s.n ? memmem(s.p, s.n, words.p, words.n) : NULL;
    return at ? str_mem(at + words.n, (size_t)(s.p + s.n - at) - words.n) : STR("");
}

enum phase status_phase(struct str s)
{
    static const struct {
        const char *command;
        enum phase phase;
    } rows[] = {
        {"RCPT TO", PHASE_RCPT}, {"MAIL FROM", PHASE_MAIL}, {"end of DATA", PHASE_BODY},  {"DATA", PHASE_DATA},
        {"EHLO", PHASE_EHLO},    {"HELO", PHASE_EHLO},      {"STARTTLS", PHASE_STARTTLS},
    };
    struct str command = after(s, STR("in reply to "));
    if (!command.n)
        command = after(s, STR("SMTP error from remote mail server after "));
    for (unsigned i = 0; command.n && i < sizeof rows / sizeof rows[0]; i++)
        if (str_starts_nocase(command, str_of(rows[i].command)))
            return rows[i].phase;
    return PHASE_NONE;
}
