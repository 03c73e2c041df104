/* explain: see explain.h. Three tables, asked in this order:
 *
 *   words    phrases that say more than any code; they win over a code that says otherwise ("550 5.1.1 sender is blacklisted" is
 *            not a dead address)
 *   statuses enhanced codes (RFC 3463 and the IANA registry), or at least their subject
 *   codes    the bare code and the phase it came in
 *
 * The more of them agree, the greater the confidence. Only a verdict of user-unknown or mailbox-disabled with words or an
 * enhanced code behind it is confident enough to act upon. */
#include "explain/explain.h"

enum { SURE = 95, WORDS = 85, WORDS_AGAINST_CODE = 75, STATUS = 70, CODE_ONLY = 40, GUESS = 20 };
enum { SCAN_MAX = 1024 }; /* bytes of a reply in which words are looked for */

/* A phrase, in lower case, and what it means. digit: only for codes of that class (0: any). */
struct word_row {
    const char *cause;
    int digit;
    const char *word;
};

/* The first that is found decides: what is more exact stands before what is more general. */
static const struct word_row words[] = {
    {"greylisted", 4, "greylist"},
    {"greylisted", 4, "graylist"},
    {"greylisted", 4, "grey-list"},
    {"greylisted", 4, "grey list"},
    {"greylisted", 4, "postgrey"},
    {"virus", 0, "virus"},
    {"virus", 0, "malware"},
    {"virus", 0, "trojan"},
    {"virus", 0, "infected"},
    {"sender-refused", 0, "sender is blacklisted"},
    {"sender-refused", 0, "sender blacklisted"},
    {"sender-refused", 0, "sender address blacklisted"},
    {"domain-listed", 0, "uribl"},
    {"domain-listed", 0, "surbl"},
    {"domain-listed", 0, "dbl.spamhaus"},
    {"domain-listed", 0, "url in the message"},
    {"ip-listed", 0, "blacklist"},
    {"ip-listed", 0, "black list"},
    {"ip-listed", 0, "blocklist"},
    {"ip-listed", 0, "block list"},
    {"ip-listed", 0, "blocked using"},
    {"ip-listed", 0, "spamhaus"},
    {"ip-listed", 0, "spamcop"},
    {"ip-listed", 0, "dnsbl"},
    {"ip-listed", 0, "barracudacentral"},
    {"ip-listed", 0, "uceprotect"},
    {"ip-listed", 0, "is in an rbl"},
    {"ip-listed", 0, "listed at"},
    {"ip-listed", 0, "czarnej li"},
    {"no-reverse-dns", 0, "reverse dns"},
    {"no-reverse-dns", 0, "reverse hostname"},
    {"no-reverse-dns", 0, "cannot find your reverse"},
    {"no-reverse-dns", 0, "ptr record"},
    {"no-reverse-dns", 0, "rdns"},
    {"no-reverse-dns", 0, "helo command rejected"},
    {"no-reverse-dns", 0, "invalid helo"},
    {"reputation", 0, "reputation"},
    {"reputation", 0, "user complaints"},
    {"connection-limit", 0, "too many connections"},
    {"connection-limit", 0, "too many concurrent"},
    {"connection-limit", 0, "too many simultaneous"},
    {"connection-limit", 0, "too many sessions"},
    {"connection-limit", 0, "connection limit"},
    {"rate-limited", 0, "rate limit"},
    {"rate-limited", 0, "ratelimit"},
    {"rate-limited", 0, "rate-limit"},
    {"rate-limited", 0, "throttl"},
    {"rate-limited", 0, "too quickly"},
    {"rate-limited", 0, "too fast"},
    {"rate-limited", 0, "slow down"},
    {"rate-limited", 0, "try again slower"},
    {"rate-limited", 0, "too many messages"},
    {"rate-limited", 0, "too much mail"},
    {"rate-limited", 0, "too many invalid"},
    {"rate-limited", 0, "unusual rate"},
    {"rate-limited", 0, "excessive volume"},
    {"rate-limited", 0, "unexpected volume"},
    {"rate-limited", 0, "sending limit"},
    {"rate-limited", 0, "sending quota"},
    {"rate-limited", 0, "relay limit"},
    {"rate-limited", 0, "daily limit"},
    {"rate-limited", 0, "hourly limit"},
    {"too-many-recipients", 0, "too many recipients"},
    {"message-too-large", 0, "message too large"},
    {"message-too-large", 0, "message too big"},
    {"message-too-large", 0, "message size exceeds"},
    {"message-too-large", 0, "message length exceeds"},
    {"message-too-large", 0, "message size limit"},
    {"message-too-large", 0, "exceeds maximum message size"},
    {"mailbox-full", 0, "mailbox full"},
    {"mailbox-full", 0, "mailbox is full"},
    {"mailbox-full", 0, "mailbox size limit"},
    {"mailbox-full", 0, "over quota"},
    {"mailbox-full", 0, "overquota"},
    {"mailbox-full", 0, "over-quota"},
    {"mailbox-full", 0, "quota exceeded"},
    {"mailbox-full", 0, "exceeded quota"},
    {"mailbox-full", 0, "exceeds quota"},
    {"mailbox-full", 0, "exceeded storage"},
    {"mailbox-full", 0, "out of storage"},
    {"mailbox-full", 0, "mailfolder is full"},
    {"mailbox-full", 0, "przepe"},
    {"mailbox-full", 0, "skrzynka jest pe"},
    {"mail-loop", 0, "mail loop"},
    {"mail-loop", 0, "hop count"},
    {"mail-loop", 0, "too many hops"},
    {"mail-loop", 0, "routing loop"},
    {"mail-loop", 0, "loops back"},
    {"expired", 0, "message expired"},
    {"expired", 0, "delivery time expired"},
    {"relay-denied", 5, "relay access denied"},
    {"relay-denied", 5, "relaying denied"},
    {"relay-denied", 5, "relay denied"},
    {"relay-denied", 5, "unable to relay"},
    {"relay-denied", 5, "not permitted to relay"},
    {"relay-denied", 5, "relay not permitted"},
    {"relay-denied", 5, "relaying not permitted"},
    {"relay-denied", 5, "relaying not allowed"},
    {"tls-failed", 0, "starttls"},
    {"tls-failed", 0, "tls required"},
    {"tls-failed", 0, "mta-sts"},
    {"auth-required", 0, "authentication required"},
    {"auth-required", 0, "authentication is required"},
    {"auth-required", 0, "must authenticate"},
    {"sender-auth-failed", 0, "dmarc"},
    {"sender-auth-failed", 0, "dkim"},
    {"sender-auth-failed", 0, " spf "},
    {"sender-auth-failed", 0, "[spf]"},
    {"sender-auth-failed", 0, "spf check"},
    {"sender-auth-failed", 0, "by spf"},
    {"sender-auth-failed", 0, "spf fail"},
    {"sender-auth-failed", 0, "(spf"},
    {"sender-auth-failed", 0, "unauthenticated email"},
    {"sender-refused", 0, "sender address rejected"},
    {"sender-refused", 0, "domain of sender"},
    {"sender-refused", 0, "sender domain"},
    {"sender-refused", 0, "sender verify"},
    {"sender-refused", 0, "unknown sender"},
    {"sender-refused", 0, "sender rejected"},
    {"sender-refused", 0, "sender denied"},
    {"sender-refused", 0, "banned sender"},
    {"recipient-blocked-sender", 5, "recipient doesn't want"},
    {"recipient-blocked-sender", 5, "rejected by this user"},
    {"recipient-blocked-sender", 5, "blocked by recipient"},
    {"recipient-blocked-sender", 5, "blocked by the recipient"},
    {"mailbox-disabled", 5, "mailbox disabled"},
    {"mailbox-disabled", 5, "mailbox is disabled"},
    {"mailbox-disabled", 5, "account disabled"},
    {"mailbox-disabled", 5, "account is disabled"},
    {"mailbox-disabled", 5, "user disabled"},
    {"mailbox-disabled", 5, "disabled recipient"},
    {"mailbox-disabled", 5, "tried to reach is disabled"},
    {"mailbox-disabled", 5, "tried to reach is inactive"},
    {"mailbox-disabled", 5, "inactive mailbox"},
    {"mailbox-disabled", 5, "mailbox inactive"},
    {"mailbox-disabled", 5, "mailbox is inactive"},
    {"mailbox-disabled", 5, "account inactive"},
    {"mailbox-disabled", 5, "account is inactive"},
    {"mailbox-disabled", 5, "inactive user"},
    {"mailbox-disabled", 5, "account has been suspended"},
    {"mailbox-disabled", 5, "account is suspended"},
    {"mailbox-disabled", 5, "account suspended"},
    {"mailbox-disabled", 5, "mailbox suspended"},
    {"mailbox-disabled", 5, "mailbox is frozen"},
    {"user-unknown", 0, "user unknown"},
    {"user-unknown", 0, "unknown user"},
    {"user-unknown", 0, "no such user"},
    {"user-unknown", 0, "no such recipient"},
    {"user-unknown", 0, "no such mailbox"},
    {"user-unknown", 0, "no such address"},
    {"user-unknown", 0, "no mailbox here"},
    {"user-unknown", 0, "user not found"},
    {"user-unknown", 0, "user does not exist"},
    {"user-unknown", 0, "user doesn't exist"},
    {"user-unknown", 0, "unknown recipient"},
    {"user-unknown", 0, "recipient unknown"},
    {"user-unknown", 0, "recipient not found"},
    {"user-unknown", 0, "recipnotfound"},
    {"user-unknown", 0, "recipient does not exist"},
    {"user-unknown", 0, "recipient address does not exist"},
    {"user-unknown", 0, "mailbox not found"},
    {"user-unknown", 0, "mailbox does not exist"},
    {"user-unknown", 0, "mailbox unknown"},
    {"user-unknown", 0, "unknown mailbox"},
    {"user-unknown", 0, "address does not exist"},
    {"user-unknown", 0, "that you tried to reach does not exist"},
    {"user-unknown", 0, "unknown address"},
    {"user-unknown", 0, "invalid recipient"},
    {"user-unknown", 0, "invalid mailbox"},
    {"user-unknown", 0, "account does not exist"},
    {"user-unknown", 5, "recipient address rejected: access denied"},
    {"user-unknown", 0, "nieznany odbiorca"},
    {"user-unknown", 0, "nie ma takiego u"},
    {"user-unknown", 0, "nie ma takiej skrzynki"},
    {"spam-content", 0, "spam"},
    {"spam-content", 0, "unsolicited"},
    {"malformed-message", 5, "rfc 5322"},
    {"malformed-message", 5, "rfc5322"},
    {"malformed-message", 5, "rfc 2822"},
    {"forbidden-content", 5, "attachment"},
    {"forbidden-content", 5, "file type"},
    {"receiver-overloaded", 4, "server busy"},
    {"receiver-overloaded", 4, "too busy"},
    {"receiver-overloaded", 4, "system load"},
    {"receiver-overloaded", 4, "overload"},
};
enum { WORD_ROWS = sizeof words / sizeof words[0] };

/* An enhanced code's subject and detail. */
struct status_row {
    uint16_t subject, detail;
    const char *cause;
};
static const struct status_row statuses[] = {
    {1, 1, "user-unknown"},
    {1, 2, "domain-not-found"},
    {1, 3, "address-syntax"},
    {1, 4, "user-unknown"},
    {1, 6, "recipient-moved"},
    {1, 7, "sender-refused"},
    {1, 8, "sender-refused"},
    {1, 9, "protocol-error"},
    {1, 10, "null-mx"},
    {2, 1, "mailbox-disabled"},
    {2, 2, "mailbox-full"},
    {2, 3, "message-too-large"},
    {2, 4, "receiver-error"},
    {3, 0, "receiver-error"},
    {3, 1, "receiver-error"},
    {3, 2, "receiver-overloaded"},
    {3, 3, "protocol-error"},
    {3, 4, "message-too-large"},
    {3, 5, "receiver-error"},
    {4, 1, "host-unreachable"},
    {4, 2, "connection-lost"},
    {4, 3, "dns-failure"},
    {4, 4, "no-mail-host"},
    {4, 5, "receiver-overloaded"},
    {4, 6, "mail-loop"},
    {4, 7, "expired"},
    {5, 0, "protocol-error"},
    {5, 1, "protocol-error"},
    {5, 2, "protocol-error"},
    {5, 3, "too-many-recipients"},
    {5, 4, "protocol-error"},
    {5, 5, "protocol-error"},
    {5, 6, "protocol-error"},
    {6, 0, "malformed-message"},
    {6, 1, "forbidden-content"},
    {6, 2, "forbidden-content"},
    {6, 3, "8bit-unsupported"},
    {6, 5, "malformed-message"},
    {6, 6, "malformed-message"},
    {6, 7, "smtputf8-unsupported"},
    {6, 8, "smtputf8-unsupported"},
    {6, 9, "smtputf8-unsupported"},
    {6, 11, "malformed-message"},
    {7, 5, "tls-failed"},
    {7, 8, "auth-failed"},
    {7, 9, "auth-failed"},
    {7, 10, "tls-failed"},
    {7, 11, "tls-failed"},
    {7, 13, "auth-failed"},
    {7, 17, "recipient-moved"},
    {7, 18, "recipient-moved"},
    {7, 20, "sender-auth-failed"},
    {7, 21, "sender-auth-failed"},
    {7, 22, "sender-auth-failed"},
    {7, 23, "sender-auth-failed"},
    {7, 24, "sender-auth-failed"},
    {7, 25, "no-reverse-dns"},
    {7, 26, "sender-auth-failed"},
    {7, 27, "sender-refused"},
    {7, 28, "rate-limited"},
    {7, 29, "sender-auth-failed"},
    {7, 30, "tls-failed"},
};
enum { STATUS_ROWS = sizeof statuses / sizeof statuses[0] };

/* A bare code at a phase (PHASE_NONE: any); the first that fits. */
struct code_row {
    int code;
    enum phase phase;
    const char *cause;
};
static const struct code_row codes[] = {
    {421, PHASE_NONE, "receiver-overloaded"},
    {422, PHASE_NONE, "mailbox-full"},
    {431, PHASE_NONE, "receiver-error"},
    {432, PHASE_NONE, "receiver-overloaded"},
    {441, PHASE_NONE, "host-unreachable"},
    {442, PHASE_NONE, "connection-lost"},
    {446, PHASE_NONE, "mail-loop"},
    {447, PHASE_NONE, "expired"},
    {449, PHASE_NONE, "receiver-error"},
    {450, PHASE_RCPT, "greylisted"},
    {450, PHASE_NONE, "receiver-overloaded"},
    {451, PHASE_RCPT, "greylisted"},
    {451, PHASE_NONE, "receiver-error"},
    {452, PHASE_RCPT, "too-many-recipients"},
    {452, PHASE_NONE, "receiver-error"},
    {454, PHASE_STARTTLS, "tls-failed"},
    {454, PHASE_AUTH, "auth-failed"},
    {455, PHASE_NONE, "protocol-error"},
    {500, PHASE_NONE, "protocol-error"},
    {501, PHASE_RCPT, "address-syntax"},
    {501, PHASE_NONE, "protocol-error"},
    {502, PHASE_NONE, "protocol-error"},
    {503, PHASE_NONE, "protocol-error"},
    {504, PHASE_NONE, "protocol-error"},
    {521, PHASE_NONE, "null-mx"}, /* RFC 7504 */
    {523, PHASE_NONE, "message-too-large"},
    {525, PHASE_NONE, "auth-failed"},
    {530, PHASE_NONE, "auth-required"},
    {534, PHASE_NONE, "auth-failed"},
    {535, PHASE_NONE, "auth-failed"},
    {538, PHASE_NONE, "tls-failed"},
    {550, PHASE_RCPT, "user-unknown"},
    {550, PHASE_MAIL, "sender-refused"},
    {550, PHASE_NONE, "policy"},
    {551, PHASE_NONE, "recipient-moved"},
    {552, PHASE_RCPT, "mailbox-full"},
    {552, PHASE_NONE, "message-too-large"},
    {553, PHASE_MAIL, "sender-refused"},
    {553, PHASE_NONE, "address-syntax"},
    {554, PHASE_BANNER, "reputation"},
    {554, PHASE_NONE, "policy"},
    {555, PHASE_NONE, "protocol-error"},
    {556, PHASE_NONE, "null-mx"}, /* RFC 7504 */
};
enum { CODE_ROWS = sizeof codes / sizeof codes[0] };

/* What our own note (deliver/ writes it) says when no reply came. Phase PHASE_NONE: any. */
struct note_row {
    enum phase phase;
    const char *word; /* NULL: whatever it says */
    const char *cause;
};
static const struct note_row notes[] = {
    {PHASE_DNS, NULL, "dns-failure"},
    {PHASE_STARTTLS, NULL, "tls-failed"},
    {PHASE_TLS, NULL, "tls-failed"},
    {PHASE_AUTH, "logging in", "auth-failed"},
    {PHASE_LOCAL, NULL, "local-error"},
    {PHASE_NONE, "this server stopped", "interrupted"},
    {PHASE_NONE, "refused", "connection-refused"},
    {PHASE_NONE, "timed out", "timeout"},
    {PHASE_NONE, "timeout", "timeout"},
    {PHASE_NONE, "too long", "timeout"},
    {PHASE_NONE, "unreachable", "host-unreachable"},
    {PHASE_NONE, "no route", "host-unreachable"},
    {PHASE_CONNECT, NULL, "host-unreachable"},
    {PHASE_NONE, "no smtp reply", "protocol-error"},
    {PHASE_NONE, "without being asked", "protocol-error"},
    {PHASE_NONE, NULL, "connection-lost"},
};
enum { NOTE_ROWS = sizeof notes / sizeof notes[0] };

/* The text in lower case, NUL-terminated, a newline made a space, with one at both ends so that whole words can be asked for. */
static void lowered(struct str s, char out[SCAN_MAX + 3])
{
    size_t n = s.n < SCAN_MAX ? s.n : SCAN_MAX;
    out[0] = ' ';
    for (size_t i = 0; i < n; i++) {
        char c = s.p[i];
        out[i + 1] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '\n' || c == '\0' ? ' ' : c;
    }
    out[n + 1] = ' ';
    out[n + 2] = '\0';
}

/* Before RCPT the server does not know the recipient: "user unknown" is then about the sender or about our login. */
static bool phase_allows(const char *cause, enum phase phase)
{
    bool early = phase >= PHASE_BANNER && phase <= PHASE_MAIL;
    return !early || cause_find(str_of(cause))->whose != WHOSE_RECIPIENT;
}

static const char *cause_by_words(const char *text, int code, enum phase phase)
{
    for (unsigned i = 0; i < WORD_ROWS; i++)
        if ((words[i].digit == 0 || words[i].digit == code / 100) && strstr(text, words[i].word) &&
            phase_allows(words[i].cause, phase))
            return words[i].cause;
    return NULL;
}

static const char *cause_by_status(struct enhanced e, enum phase phase)
{
    for (unsigned i = 0; e.class && i < STATUS_ROWS; i++)
        if (statuses[i].subject == e.subject && statuses[i].detail == e.detail && phase_allows(statuses[i].cause, phase))
            return statuses[i].cause;
    return NULL;
}

/* A detail that is not registered: the subject still tells the field. Subject 7, security or policy, never means a dead address.
 */
static const char *cause_by_subject(struct enhanced e)
{
    static const char *const subjects[] = {
        [3] = "receiver-error", [4] = "host-unreachable", [6] = "malformed-message", [7] = "policy"};
    return e.class && e.subject < sizeof subjects / sizeof subjects[0] ? subjects[e.subject] : NULL;
}

static const char *cause_by_code(int code, enum phase phase)
{
    for (unsigned i = 0; i < CODE_ROWS; i++)
        if (codes[i].code == code && (codes[i].phase == PHASE_NONE || codes[i].phase == phase))
            return codes[i].cause;
    return NULL;
}

/* What the server says for good is for good (RFC 5321 4.2.1); without a reply nothing is. */
static struct verdict verdict_of(const char *name, int code, uint8_t confidence)
{
    const struct cause *c = cause_find(str_of(name));
    return (struct verdict){str_of(c->name), c->whose, code / 100 == 5, confidence};
}

static struct verdict explain_note(enum phase phase, struct str note)
{
    char text[SCAN_MAX + 3];
    lowered(note, text);
    for (unsigned i = 0; i + 1 < NOTE_ROWS; i++) {
        const struct note_row *n = &notes[i];
        if ((n->phase == PHASE_NONE || n->phase == phase) && (!n->word || strstr(text, n->word)))
            return verdict_of(n->cause, 0, SURE);
    }
    return verdict_of(notes[NOTE_ROWS - 1].cause, 0, STATUS);
}

static struct verdict reply_verdict(enum phase phase, const struct reply *r, struct str note)
{
    char text[SCAN_MAX + 3];
    if (r->code == 0)
        return explain_note(phase, note);
    if (phase == PHASE_LOCAL && r->code / 100 == 4) /* our own words about our own disk */
        return verdict_of("local-error", r->code, SURE);
    lowered(r->text, text);
    const char *by_words = cause_by_words(text, r->code, phase);
    const char *by_status = cause_by_status(r->enhanced, phase);
    const char *by_rest = cause_by_subject(r->enhanced);
    if (!by_rest)
        by_rest = cause_by_code(r->code, phase);
    if (by_words && by_status)
        return verdict_of(by_words, r->code, strcmp(by_words, by_status) == 0 ? SURE : WORDS_AGAINST_CODE);
    if (by_words)
        return verdict_of(by_words, r->code, WORDS);
    if (by_status)
        return verdict_of(by_status, r->code, STATUS);
    return by_rest ? verdict_of(by_rest, r->code, CODE_ONLY) : verdict_of("unknown", r->code, GUESS);
}

static bool cause_is(const struct verdict *v, const char *name) { return str_eq(v->cause, str_of(name)); }

static bool slows(const struct verdict *v, int code)
{
    if (cause_is(v, "rate-limited") || cause_is(v, "connection-limit"))
        return true;
    bool distrust = cause_is(v, "reputation") || cause_is(v, "ip-listed");
    return code / 100 == 4 && (code == 421 || distrust || cause_is(v, "receiver-overloaded"));
}

static bool is_dead(const struct verdict *v)
{
    return v->permanent && v->confidence >= STATUS && (cause_is(v, "user-unknown") || cause_is(v, "mailbox-disabled"));
}

static struct explanation explained(const struct explain_input *in, const struct verdict *v)
{
    struct explanation e = {.cause = cause_find(v->cause), .whose = v->whose, .permanent = v->permanent};
    e.confidence = v->confidence;
    e.rule = e.cause->name;
    e.source = e.provider = "";
    e.code = in->code;
    e.enhanced = in->enhanced;
    e.phase = in->phase;
    e.action = slows(v, in->code) ? ACTION_SLOW_DOWN : is_dead(v) ? ACTION_SUPPRESS : v->permanent ? ACTION_STOP : ACTION_RETRY;
    return e;
}

struct explanation explain(const struct explain_input *in)
{
    struct reply_parser p = {0};
    struct reply r = {in->code, in->enhanced, in->text}, read;
    struct buf line = {0};
    size_t taken;
    if (!in->code && in->text.n) {
        buf_add_str(&line, in->text);
        buf_add_str(&line, STR("\r\n"));
        if (reply_feed(&p, line.p, line.n, &taken, &read) == REPLY_DONE)
            r = read;
    }
    struct verdict v = reply_verdict(in->phase, &r, in->note);
    struct explanation e = explained(in, &v);
    reply_parser_done(&p);
    buf_done(&line);
    return e;
}

struct verdict explain_verdict(const struct explanation *e)
{
    return (struct verdict){str_of(e->cause->name), e->whose, e->permanent, e->confidence, e->action, str_of(e->rule)};
}

struct verdict explain_decided(const struct cause *c, bool permanent)
{
    return (struct verdict){str_of(c->name), c->whose, permanent, 100, permanent ? ACTION_STOP : ACTION_RETRY, STR("decided")};
}
