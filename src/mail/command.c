/* command: see command.h. Verbs, the parameters each of MAIL and RCPT may carry, and the texts of refusals. */
#include "mail/command.h"

#include "mail/envelope.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

enum { WORD_MAX = 32, HELO_MAX = 255, PARAM_VALUE_MAX = 12288 /* RFC 4954 4 */ };

struct verb_row {
    struct str name;
    enum verb verb;
};
#define VERB(name, verb)                                                                                                         \
    {                                                                                                                            \
        {name, sizeof name - 1}, verb                                                                                            \
    }

/* The first row of a verb has its name. The most frequent come first. */
static const struct verb_row verb_table[] = {
    VERB("RCPT", VERB_RCPT),     VERB("MAIL", VERB_MAIL),     VERB("DATA", VERB_DATA),        VERB("BDAT", VERB_BDAT),
    VERB("EHLO", VERB_EHLO),     VERB("RSET", VERB_RSET),     VERB("QUIT", VERB_QUIT),        VERB("STARTTLS", VERB_STARTTLS),
    VERB("AUTH", VERB_AUTH),     VERB("HELO", VERB_HELO),     VERB("LHLO", VERB_LHLO),        VERB("NOOP", VERB_NOOP),
    VERB("VRFY", VERB_VRFY),     VERB("EXPN", VERB_EXPN),     VERB("HELP", VERB_HELP),        VERB("ETRN", VERB_OBSOLETE),
    VERB("ATRN", VERB_OBSOLETE), VERB("TURN", VERB_OBSOLETE), VERB("SEND", VERB_OBSOLETE),    VERB("SOML", VERB_OBSOLETE),
    VERB("SAML", VERB_OBSOLETE), VERB("BURL", VERB_OBSOLETE), VERB("GET", VERB_FOREIGN),      VERB("POST", VERB_FOREIGN),
    VERB("PUT", VERB_FOREIGN),   VERB("HEAD", VERB_FOREIGN),  VERB("OPTIONS", VERB_FOREIGN),  VERB("DELETE", VERB_FOREIGN),
    VERB("PATCH", VERB_FOREIGN), VERB("TRACE", VERB_FOREIGN), VERB("CONNECT", VERB_FOREIGN),  VERB("PRI", VERB_FOREIGN),
    VERB("USER", VERB_FOREIGN),  VERB("Host:", VERB_FOREIGN), VERB("SSH-2.0-", VERB_FOREIGN),
};
enum { VERB_ROWS = sizeof verb_table / sizeof verb_table[0] };

static bool is_space(char c) { return c == ' ' || c == '\t'; }

const char *verb_name(enum verb v)
{
    for (unsigned i = 0; v < VERB_OBSOLETE && i < VERB_ROWS; i++)
        if (verb_table[i].verb == v)
            return verb_table[i].name.p;
    return v == VERB_OBSOLETE ? "an obsolete command" : v == VERB_FOREIGN ? "another protocol" : "an unknown command";
}

/* Takes a word from the front, and the white space after it. */
static struct str word_take(struct str *s)
{
    size_t n = 0;
    while (n < s->n && !is_space(s->p[n]))
        n++;
    struct str word = str_mem(s->p, n);
    *s = str_trim(str_mem(s->p + n, s->n - n));
    return word;
}

static enum verb verb_of(struct str word)
{
    for (unsigned i = 0; i < VERB_ROWS; i++)
        if (str_eq_nocase(word, verb_table[i].name))
            return verb_table[i].verb;
    bool tls_record = word.n > 1 && word.p[0] == 0x16 && word.p[1] == 0x03;
    return tls_record || str_starts_nocase(word, STR("SSH-")) ? VERB_FOREIGN : VERB_UNKNOWN;
}

struct command command_parse(struct str line)
{
    struct command c = {.rest = line};
    c.word = word_take(&c.rest);
    c.verb = verb_of(c.word);
    if (c.word.n > WORD_MAX)
        c.word.n = WORD_MAX;
    return c;
}

static bool refuse(struct command_refusal *why, int code, unsigned subject, unsigned detail, const char *text)
{
    struct enhanced e = {(uint8_t)(code / 100), (uint16_t)subject, (uint16_t)detail};
    *why = (struct command_refusal){code, e, text};
    return false;
}

static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/* esmtp-keyword */
static bool name_valid(struct str s)
{
    if (s.n == 0 || !is_name_start(s.p[0]))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_name_start(s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}

/* esmtp-value; UTF8-non-ascii by RFC 6531 3.3. */
static bool value_valid(struct str s)
{
    if (s.n == 0 || s.n > PARAM_VALUE_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == '=' || c == 0x7F)
            return false;
    }
    return true;
}

const struct param *path_param(const struct path *p, struct str name)
{
    for (unsigned i = 0; i < p->params; i++)
        if (str_eq_nocase(p->param[i].name, name))
            return &p->param[i];
    return NULL;
}

static bool param_add(struct path *p, struct str word, struct command_refusal *why)
{
    struct param param = {.value = word};
    param.name = str_split(&param.value, '=');
    param.has_value = param.value.p != NULL;
    if (!name_valid(param.name) || (param.has_value && !value_valid(param.value)))
        return refuse(why, 501, 5, 4, "Malformed parameter after the address");
    if (path_param(p, param.name))
        return refuse(why, 501, 5, 4, "A parameter is given twice");
    if (p->params == PARAMS_MAX)
        return refuse(why, 501, 5, 4, "Too many parameters");
    p->param[p->params++] = param;
    return true;
}

/* Where the path's ">" is: quoted strings may hold one. s.n: there is none. */
static size_t bracket_end(struct str s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        if (quoted && s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (s.p[i] == '>' && !quoted)
            return i;
    }
    return s.n;
}

/* A-d-l ":" in front of the mailbox: "MUST be accepted, SHOULD be ignored" (RFC 5321 4.1.1.3 and appendix C). */
static bool source_route_skip(struct str *s, bool utf8_ok)
{
    if (s->n == 0 || s->p[0] != '@')
        return true;
    struct str mailbox = *s, route = str_split(&mailbox, ':');
    if (!mailbox.p)
        return false;
    while (route.p) {
        struct str hop = str_split(&route, ',');
        if (hop.n < 2 || hop.p[0] != '@' || !domain_valid(str_mem(hop.p + 1, hop.n - 1), utf8_ok))
            return false;
    }
    *s = mailbox;
    return true;
}

/* What differs between MAIL and RCPT. */
struct path_kind {
    struct str keyword;  /* "FROM:" */
    const char *no_path; /* refusal texts */
    const char *no_keyword;
    unsigned bad_address; /* detail of 5.1.x */
    bool null_ok;         /* <> */
    bool postmaster_ok;
};
static const struct path_kind mail_kind = {
    {"FROM:", 5}, "Expected <address> after MAIL FROM:", "Expected MAIL FROM:<address>", 7, true, false};
static const struct path_kind rcpt_kind = {
    {"TO:", 3}, "Expected <address> after RCPT TO:", "Expected RCPT TO:<address>", 3, false, true};

static bool address_parse(const struct path_kind *k, struct str s, bool utf8_ok, struct path *ret, struct command_refusal *why)
{
    const char *reason;
    if (s.n == 0 && k->null_ok)
        return true; /* *ret is zeroed: the null sender */
    if (k->postmaster_ok && str_eq_nocase(s, STR("postmaster"))) {
        ret->mailbox = (struct mailbox){.text = s, .local = s}; /* RFC 5321 4.1.1.3, 4.5.1 */
        return true;
    }
    if (!source_route_skip(&s, utf8_ok))
        return refuse(why, 501, 1, k->bad_address, "The source route is malformed");
    if (mailbox_parse(s, utf8_ok, &ret->mailbox, &reason))
        return true;
    return refuse(why, 501, 1, k->bad_address, reason);
}

/* Takes "<...>" from the front of *s. */
static bool path_take(const struct path_kind *k, struct str *s, unsigned flags, struct str *ret, struct command_refusal *why)
{
    if (!str_starts_nocase(*s, k->keyword))
        return refuse(why, 501, 5, 4, k->no_keyword);
    *s = str_mem(s->p + k->keyword.n, s->n - k->keyword.n);
    if ((flags & PATH_LAX_SPACE) != 0)
        *s = str_trim(*s);
    size_t end = s->n > 0 && s->p[0] == '<' ? bracket_end(*s) : s->n;
    if (end == s->n || (end + 1 < s->n && !is_space(s->p[end + 1])))
        return refuse(why, 501, 5, 4, k->no_path);
    *ret = str_mem(s->p + 1, end - 1);
    *s = str_trim(str_mem(s->p + end + 1, s->n - end - 1));
    return true;
}

static bool path_parse(const struct path_kind *k, struct str rest, unsigned flags, struct path *ret, struct command_refusal *why)
{
    struct str address;
    *ret = (struct path){.mailbox = {.text = STR(""), .local = STR(""), .domain = STR("")}};
    if (!path_take(k, &rest, flags, &address, why))
        return false;
    bool utf8_ok = (flags & PATH_UTF8) != 0;
    if (utf8_needed(address) && !utf8_ok)
        return refuse(why, 553, 6, 7, "The address has non-ASCII characters, which need SMTPUTF8");
    if (!address_parse(k, address, utf8_ok, ret, why))
        return false;
    while (rest.n > 0)
        if (!param_add(ret, word_take(&rest), why))
            return false;
    return true;
}

bool command_mail(struct str rest, unsigned flags, struct path *ret, struct command_refusal *why)
{
    if (!path_parse(&mail_kind, rest, flags, ret, why))
        return false;
    if (ret->mailbox.utf8 && !path_param(ret, STR("SMTPUTF8"))) /* RFC 6531 3.5 */
        return refuse(why, 553, 6, 7, "The sender has non-ASCII characters: give the parameter SMTPUTF8");
    return true;
}

bool command_rcpt(struct str rest, unsigned flags, struct path *ret, struct command_refusal *why)
{
    return path_parse(&rcpt_kind, rest, flags, ret, why);
}

bool command_bdat(struct str rest, uint64_t *ret_size, bool *ret_last, struct command_refusal *why)
{
    struct str size = word_take(&rest);
    bool last = str_eq_nocase(rest, STR("LAST"));
    if ((rest.n > 0 && !last) || size.n > 20 || !str_to_u64(size, INT64_MAX, ret_size))
        return refuse(why, 501, 5, 4, "Expected BDAT size [LAST]");
    *ret_last = last;
    return true;
}

bool command_helo(struct str rest, struct str *ret_name, struct command_refusal *why)
{
    struct str name = word_take(&rest);
    bool printable = true;
    for (size_t i = 0; i < name.n; i++)
        printable &= name.p[i] > 0x20 && name.p[i] < 0x7F;
    if (name.n == 0 || name.n > HELO_MAX || rest.n > 0 || !printable)
        return refuse(why, 501, 5, 4, "Expected the name of your host, one word of at most 255 ASCII characters");
    *ret_name = name;
    return true;
}

bool command_auth(struct str rest, struct str *ret_mechanism, struct str *ret_initial, struct command_refusal *why)
{
    struct str mechanism = word_take(&rest), initial = rest.n > 0 ? word_take(&rest) : (struct str){NULL, 0};
    if (mechanism.n == 0 || mechanism.n > 20 || rest.n > 0) /* RFC 4422 3.1 */
        return refuse(why, 501, 5, 4, "Expected AUTH mechanism [initial-response]");
    *ret_mechanism = mechanism;
    *ret_initial = str_eq(initial, STR("=")) ? STR("") : initial;
    return true;
}

bool notify_parse(struct str value, uint8_t *ret)
{
    static const struct {
        struct str name;
        uint8_t bit;
    } rows[] = {{{"NEVER", 5}, NOTIFY_NEVER},
                {{"SUCCESS", 7}, NOTIFY_SUCCESS},
                {{"FAILURE", 7}, NOTIFY_FAILURE},
                {{"DELAY", 5}, NOTIFY_DELAY}};
    uint8_t bits = 0;
    while (value.p) {
        struct str word = str_split(&value, ',');
        uint8_t bit = 0;
        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
            if (str_eq_nocase(word, rows[i].name))
                bit = rows[i].bit;
        if (bit == 0)
            return false;
        bits |= bit;
    }
    if (bits == 0 || ((bits & NOTIFY_NEVER) && bits != NOTIFY_NEVER))
        return false;
    *ret = bits;
    return true;
}

bool envid_valid(struct str value) { return value.n > 0 && value.n <= ENVID_MAX && xtext_valid(value); }

bool orcpt_valid(struct str value, bool utf8_ok)
{
    struct buf address = {.max = ORCPT_MAX};
    struct str type;
    if (value.n > ORCPT_MAX || (utf8_needed(value) && !utf8_ok))
        return false;
    bool ok = orcpt_decode(value, &type, &address) && address.n > 0;
    buf_done(&address);
    return ok;
}
