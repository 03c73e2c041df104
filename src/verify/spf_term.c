/* spf_term: see spf_term.h. The whole record is read before anything of it is looked up: a mistake anywhere is a mistake of the
 * whole (RFC 7208 4.6). */
#include "verify/spf_term.h"

#include "lib/buf.h"
#include "lib/net.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>

enum { DOMAIN_MAX = 253, TERMS_MAX = 2000 };

static bool is_alpha(char c) { return isalpha((unsigned char)c) != 0; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }

bool spf_is_record(struct str txt) { return str_starts_nocase(txt, STR("v=spf1")) && (txt.n == 6 || txt.p[6] == ' '); }

/* ---- macros (7.1) ---- */

/* One "%{...}", read and checked. */
struct macro {
    char letter;   /* as written: upper case asks for URL escapes */
    unsigned keep; /* labels from the right; 0: all */
    bool reverse;
    struct str delimiters; /* ".": by default */
};

/* Reads what stands behind "%{", up to and with "}". */
static bool macro_read(struct str *s, bool explanation, struct macro *ret)
{
    struct macro m = {.delimiters = STR(".")};
    size_t at = 0;
    const char *letters = explanation ? "slodiphcrtv" : "slodiphv";
    if (s->n == 0 || !strchr(letters, tolower((unsigned char)s->p[0])) || s->p[0] == '\0')
        return false;
    m.letter = s->p[at++];
    size_t digits = at;
    while (at < s->n && is_digit(s->p[at])) {
        m.keep = m.keep > 1000 ? m.keep : m.keep * 10 + (unsigned)(s->p[at] - '0');
        at++;
    }
    if (at > digits && m.keep == 0)
        return false;
    if (at < s->n && (s->p[at] == 'r' || s->p[at] == 'R')) {
        m.reverse = true;
        at++;
    }
    size_t from = at;
    while (at < s->n && s->p[at] != '}' && strchr(".-+,/_=", s->p[at]))
        at++;
    if (at == s->n || s->p[at] != '}')
        return false;
    if (at > from)
        m.delimiters = str_mem(s->p + from, at - from);
    *s = str_mem(s->p + at + 1, s->n - at - 1);
    *ret = m;
    return true;
}

/* Walks a macro-string: literal(ctx, byte) and expand(ctx, macro) as they come; false where it is not well formed. */
static bool macro_walk(struct str s, bool explanation, void (*literal)(void *ctx, char c),
                       void (*expand)(void *ctx, const struct macro *m), void *ctx)
{
    while (s.n > 0) {
        char c = s.p[0];
        s = str_mem(s.p + 1, s.n - 1);
        if (c != '%') {
            if (c < '!' && !(explanation && c == ' '))
                return false;
            if (c > '~')
                return false;
            literal(ctx, c);
            continue;
        }
        char next = s.n > 0 ? s.p[0] : '\0';
        struct macro m;
        if (next == '%' || next == '_') {
            literal(ctx, next == '%' ? '%' : ' ');
        } else if (next == '-') {
            literal(ctx, '%');
            literal(ctx, '2');
            literal(ctx, '0');
        } else if (next == '{') {
            s = str_mem(s.p + 1, s.n - 1);
            if (!macro_read(&s, explanation, &m))
                return false;
            expand(ctx, &m);
            continue;
        } else {
            return false;
        }
        s = str_mem(s.p + 1, s.n - 1);
    }
    return true;
}

static void ignore_literal(void *ctx, char c)
{
    (void)ctx;
    (void)c;
}

static void ignore_macro(void *ctx, const struct macro *m)
{
    (void)ctx;
    (void)m;
}

bool spf_macro_valid(struct str text, bool explanation)
{
    return macro_walk(text, explanation, ignore_literal, ignore_macro, NULL);
}

struct search {
    char letter;
    bool found;
};

static void look_at(void *ctx, const struct macro *m)
{
    struct search *s = ctx;
    s->found |= tolower((unsigned char)m->letter) == s->letter;
}

bool spf_macro_uses(struct str text, char letter)
{
    struct search s = {letter, false};
    macro_walk(text, true, ignore_literal, look_at, &s);
    return s.found;
}

struct expansion {
    const struct spf_macros *macros;
    struct buf text;
    char number[24];
};

static struct str value_of(struct expansion *x, char letter)
{
    const struct spf_macros *m = x->macros;
    switch (tolower((unsigned char)letter)) {
    case 's':
        return m->sender;
    case 'l':
        return m->local;
    case 'o':
        return m->sender_domain;
    case 'd':
        return m->domain;
    case 'i':
        return m->address_dotted;
    case 'p':
        return m->validated.n ? m->validated : STR("unknown");
    case 'h':
        return m->helo;
    case 'c':
        return m->address_text;
    case 'r':
        return m->receiver.n ? m->receiver : STR("unknown");
    case 'v':
        return m->version;
    case 't':
        snprintf(x->number, sizeof x->number, "%lld", (long long)m->now_s);
        return str_of(x->number);
    default:
        return (struct str){"", 0};
    }
}

static void put_escaped(struct expansion *x, struct str s, bool escape)
{
    for (size_t i = 0; i < s.n; i++)
        if (escape && !is_alnum(s.p[i]) && !strchr("-._~", s.p[i]))
            buf_addf(&x->text, "%%%02X", (unsigned char)s.p[i]);
        else
            buf_add(&x->text, s.p + i, 1);
}

enum { PARTS_MAX = 128 };

/* Split at any of the delimiters, turned round if asked, the rightmost kept, joined with dots (7.3). */
static void put_macro(void *ctx, const struct macro *m)
{
    struct expansion *x = ctx;
    struct str value = value_of(x, m->letter), part[PARTS_MAX];
    size_t n = 0, from = 0;
    for (size_t i = 0; i <= value.n && n < PARTS_MAX; i++)
        if (i == value.n || memchr(m->delimiters.p, value.p[i], m->delimiters.n)) {
            part[n++] = str_mem(value.p + from, i - from);
            from = i + 1;
        }
    for (size_t i = 0; m->reverse && i < n / 2; i++) {
        struct str other = part[i];
        part[i] = part[n - 1 - i];
        part[n - 1 - i] = other;
    }
    for (size_t i = m->keep && m->keep < n ? n - m->keep : 0, first = i; i < n; i++) {
        if (i > first)
            buf_add(&x->text, ".", 1);
        put_escaped(x, part[i], isupper((unsigned char)m->letter));
    }
}

static void put_literal(void *ctx, char c) { buf_add(&((struct expansion *)ctx)->text, &c, 1); }

struct str spf_macro_expand(struct str text, const struct spf_macros *m, struct arena *a)
{
    struct expansion x = {.macros = m};
    macro_walk(text, true, put_literal, put_macro, &x);
    struct str all = arena_str(a, buf_str(&x.text));
    buf_done(&x.text);
    return all;
}

/* ---- domain-spec (7.1) ---- */

/* toplabel: letters, digits and inner hyphens, not digits alone. */
static bool is_toplabel(struct str s)
{
    bool letter = false, hyphen = false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
        letter |= is_alpha(s.p[i]);
        hyphen |= s.p[i] == '-';
    }
    return s.n > 0 && s.p[0] != '-' && s.p[s.n - 1] != '-' && (letter || hyphen);
}

static bool is_domain_spec(struct str s)
{
    if (s.n == 0 || !spf_macro_valid(s, false))
        return false;
    if (s.p[s.n - 1] == '}') /* braces are legal literals too, but then no toplabel either */
        return memmem(s.p, s.n, "%{", 2) != NULL;
    if (s.n > 1 && s.p[s.n - 2] == '%' && memchr("%_-", s.p[s.n - 1], 3) && !(s.n > 2 && s.p[s.n - 3] == '%'))
        return true;
    if (s.p[s.n - 1] == '.')
        s.n--;
    size_t dot = s.n;
    while (dot > 0 && s.p[dot - 1] != '.')
        dot--;
    return dot > 0 && is_toplabel(str_mem(s.p + dot, s.n - dot));
}

/* ---- terms ---- */

/* Takes "/number" (or "//number") off the end. 1: taken, 0: there is none, -1: it is out of bounds. */
static int take_bits(struct str *s, const char *slashes, unsigned most, unsigned *ret)
{
    size_t at = s->n, n = strlen(slashes);
    while (at > 0 && is_digit(s->p[at - 1]))
        at--;
    struct str number = str_mem(s->p + at, s->n - at);
    uint64_t bits;
    if (number.n == 0 || at < n || memcmp(s->p + at - n, slashes, n) != 0)
        return 0;
    if ((number.n > 1 && number.p[0] == '0') || !str_to_u64(number, most, &bits))
        return -1;
    *ret = (unsigned)bits;
    s->n = at - n;
    return 1;
}

static const char bad_bits[] = "has a prefix length that is out of bounds";
static const char bad_domain[] = "has a domain that is not well formed";
static const char bad_address[] = "has an address that is not well formed";

static const char *read_dual(struct str rest, struct spf_term *t)
{
    t->bits4 = 32;
    t->bits6 = 128;
    if (rest.n == 0)
        return NULL;
    if (take_bits(&rest, "//", 128, &t->bits6) < 0)
        return bad_bits;
    if (take_bits(&rest, "/", 32, &t->bits4) < 0)
        return bad_bits;
    if (rest.n == 0)
        return NULL;
    if (rest.p[0] != ':')
        return bad_domain;
    t->domain = str_mem(rest.p + 1, rest.n - 1);
    return is_domain_spec(t->domain) ? NULL : bad_domain;
}

static const char *read_domain(struct str rest, bool required, struct spf_term *t)
{
    if (rest.n == 0)
        return required ? "lacks its domain" : NULL;
    t->domain = str_mem(rest.p + 1, rest.n - 1);
    return rest.p[0] == ':' && is_domain_spec(t->domain) ? NULL : bad_domain;
}

static const char *read_address(struct str rest, bool v6, struct spf_term *t)
{
    struct sockaddr_storage sa;
    socklen_t len;
    if (rest.n < 2 || rest.p[0] != ':')
        return bad_address;
    rest = str_mem(rest.p + 1, rest.n - 1);
    t->bits4 = 32;
    t->bits6 = 128;
    if (take_bits(&rest, "/", v6 ? 128 : 32, v6 ? &t->bits6 : &t->bits4) < 0)
        return bad_bits;
    if (!net_parse_ip(rest, 0, &sa, &len) || (sa.ss_family == AF_INET6) != v6)
        return bad_address;
    if (v6)
        memcpy(t->address, &((struct sockaddr_in6 *)(void *)&sa)->sin6_addr, 16);
    else
        memcpy(t->address, &((struct sockaddr_in *)(void *)&sa)->sin_addr, 4);
    return NULL;
}

static const char *read_rest(struct str rest, struct spf_term *t)
{
    switch (t->kind) {
    case SPF_ALL:
        return rest.n ? "takes nothing behind it" : NULL;
    case SPF_INCLUDE:
    case SPF_EXISTS:
        return read_domain(rest, true, t);
    case SPF_PTR:
        return read_domain(rest, false, t);
    case SPF_A:
    case SPF_MX:
        return read_dual(rest, t);
    case SPF_IP4:
    case SPF_IP6:
        return read_address(rest, t->kind == SPF_IP6, t);
    default:
        return NULL;
    }
}

static const char *read_mechanism(struct str word, struct spf_term *t)
{
    static const struct {
        const char *name;
        enum spf_kind kind;
    } names[] = {{"all", SPF_ALL}, {"include", SPF_INCLUDE}, {"a", SPF_A},     {"mx", SPF_MX},
                 {"ptr", SPF_PTR}, {"ip4", SPF_IP4},         {"ip6", SPF_IP6}, {"exists", SPF_EXISTS}};
    t->qualifier = '+';
    if (word.n && memchr("+-~?", word.p[0], 4)) {
        t->qualifier = word.p[0];
        word = str_mem(word.p + 1, word.n - 1);
    }
    size_t n = 0;
    while (n < word.n && word.p[n] != ':' && word.p[n] != '/')
        n++;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_nocase(str_mem(word.p, n), str_of(names[i].name))) {
            t->kind = names[i].kind;
            return read_rest(str_mem(word.p + n, word.n - n), t);
        }
    return "is not a mechanism that exists";
}

/* name "=" value, where the name has neither ":" nor "/" (4.6.1). */
static bool is_modifier(struct str word, struct str *ret_name, struct str *ret_value)
{
    size_t n = 0;
    while (n < word.n && (is_alnum(word.p[n]) || memchr("-_.", word.p[n], 3)))
        n++;
    if (n == 0 || !is_alpha(word.p[0]) || n == word.n || word.p[n] != '=')
        return false;
    *ret_name = str_mem(word.p, n);
    *ret_value = str_mem(word.p + n + 1, word.n - n - 1);
    return true;
}

static const char *read_modifier(struct str name, struct str value, struct spf_term *t)
{
    t->domain = value;
    t->kind = str_eq_nocase(name, STR("redirect")) ? SPF_REDIRECT
              : str_eq_nocase(name, STR("exp"))    ? SPF_EXP
                                                   : SPF_UNKNOWN_MODIFIER;
    if (t->kind == SPF_UNKNOWN_MODIFIER)
        return spf_macro_valid(value, false) ? NULL : "has a value that is not well formed";
    return is_domain_spec(value) ? NULL : bad_domain;
}

static bool is_twice(const struct spf_term *list, unsigned n, enum spf_kind kind)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i].kind == kind)
            return true;
    return false;
}

const char *spf_parse(struct str record, struct arena *a, struct spf_term **ret, unsigned *ret_n, struct str *bad)
{
    struct str rest = str_mem(record.p + 6, record.n - 6), name, value;
    struct spf_term *list = arena_alloc(a, (record.n / 2 + 1) * sizeof *list);
    unsigned n = 0;
    while (rest.p) {
        struct str word = str_split(&rest, ' ');
        if (word.n == 0)
            continue;
        struct spf_term *t = &list[n];
        *bad = word;
        if (n == TERMS_MAX)
            return "is one of too many";
        *t = (struct spf_term){.text = word, .domain = {"", 0}};
        bool modifier = is_modifier(word, &name, &value);
        const char *wrong = modifier ? read_modifier(name, value, t) : read_mechanism(word, t);
        if (wrong)
            return wrong;
        if (modifier && t->kind != SPF_UNKNOWN_MODIFIER && is_twice(list, n, t->kind))
            return "stands there twice";
        n++;
    }
    *ret = list;
    *ret_n = n;
    return NULL;
}
