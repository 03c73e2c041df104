/* spf: see spf.h. check_host() of RFC 7208 4: a record is found, read as a whole, and its terms are asked in order; include asks
 * another domain's, redirect goes on with it. Counted along the way: terms that ask DNS, and those that asked in vain (4.6.4). */
#include "verify/spf.h"

#include "lib/net.h"
#include "verify/spf_term.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

enum { LOOKUPS_MAX = 10, VOIDS_MAX = 2, NAMES_MAX = 10, DOMAIN_MAX = 253, EXPLANATION_MAX = 500 };

struct check {
    const struct spf_input *in;
    const struct verify_dns *dns;
    struct arena *arena;
    struct spf_answer *answer;
    struct spf_macros macros;
    uint8_t address[16];
    bool v6, asked_validated;
    unsigned lookups, voids;
    struct str exp, exp_domain; /* of the record that decided, if it is the sender's own (6.2) */
};

/* Did a term match, or what stands in the way of knowing? */
enum match { MATCHES, DOES_NOT, TEMPERROR, PERMERROR };

static enum spf_result check_host(struct check *c, struct str domain, unsigned depth, bool explains);

const char *spf_result_name(enum spf_result r)
{
    static const char *const names[] = {
        [SPF_NONE] = "none",         [SPF_NEUTRAL] = "neutral",     [SPF_PASS] = "pass",          [SPF_FAIL] = "fail",
        [SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror", [SPF_PERMERROR] = "permerror"};
    return names[r];
}

/* ---- what is told ---- */

static struct str said(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A sentence; what strangers put into it is made harmless. */
static struct str said(struct check *c, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return arena_str(c->arena, str_of(text));
}

/* Returns it, so that a term stands before what it leads to; its note may come later. What is beyond the bound is not shown. */
static struct spf_step *step(struct check *c, unsigned depth, struct str domain, struct str term, struct str note)
{
    struct spf_step *s = &c->answer->step[c->answer->steps];
    c->answer->steps += c->answer->steps < SPF_STEPS_MAX;
    *s = (struct spf_step){depth, domain, term, note};
    return s;
}

/* ---- names and DNS ---- */

/* A name that can be asked for: labels of 1 to 63 bytes, 253 in all. */
static bool is_askable(struct str s)
{
    size_t label = 0;
    for (size_t i = 0; i < s.n; i++) {
        label = s.p[i] == '.' ? 0 : label + 1;
        if (label > 63 || (label == 0 && (i == 0 || s.p[i - 1] == '.')))
            return false;
    }
    return s.n > 0 && s.n <= DOMAIN_MAX && label > 0;
}

static struct str without_dot(struct str s)
{
    if (s.n && s.p[s.n - 1] == '.')
        s.n--;
    return s;
}

/* Labels go from the left until it fits (7.3). */
static struct str fitted(struct str s)
{
    s = without_dot(s);
    while (s.n > DOMAIN_MAX) {
        str_split(&s, '.');
        if (!s.p)
            return (struct str){"", 0};
    }
    return s;
}

static enum dns_result ask(struct check *c, struct str name, enum dns_type type, struct dns_answer *ret)
{
    *ret = (struct dns_answer){0};
    return is_askable(name) ? c->dns->ask(c->dns->ctx, name, type, c->arena, ret) : DNS_NO_NAME;
}

static bool is_void(enum dns_result r) { return r == DNS_NO_DATA || r == DNS_NO_NAME; }

/* A term asked DNS: was it one too many, or in vain too often? */
static enum match count(struct check *c, enum dns_result r)
{
    if (r == DNS_TROUBLE) {
        c->answer->reason = STR("DNS gave no answer");
        return TEMPERROR;
    }
    if (is_void(r) && ++c->voids > VOIDS_MAX) {
        c->answer->reason = STR("more than two look-ups found nothing (RFC 7208 4.6.4)");
        return PERMERROR;
    }
    return MATCHES;
}

static bool too_many(struct check *c)
{
    if (++c->lookups <= LOOKUPS_MAX)
        return false;
    c->answer->reason = STR("more than ten terms ask DNS (RFC 7208 4.6.4)");
    return true;
}

/* ---- addresses ---- */

static bool is_in(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static bool any_in(const struct check *c, const struct dns_answer *d, const struct spf_term *t)
{
    for (unsigned i = 0; i < d->n; i++)
        if (is_in(c->address, d->record[i].address, c->v6 ? t->bits6 : t->bits4))
            return true;
    return false;
}

static enum dns_type address_type(const struct check *c) { return c->v6 ? DNS_AAAA : DNS_A; }

/* ---- names of the client's address, proven (5.5) ---- */

static bool is_under(struct str name, struct str domain)
{
    return str_eq_nocase(name, domain) || (name.n > domain.n && name.p[name.n - domain.n - 1] == '.' &&
                                           str_eq_nocase(str_mem(name.p + name.n - domain.n, domain.n), domain));
}

static bool is_proven(struct check *c, struct str name)
{
    struct dns_answer d;
    struct spf_term whole = {.bits4 = 32, .bits6 = 128};
    return ask(c, name, address_type(c), &d) == DNS_FOUND && any_in(c, &d, &whole);
}

/* "1.2.0.192.in-addr.arpa" */
static struct str reverse_name(struct check *c)
{
    char text[80];
    size_t n = 0;
    if (!c->v6)
        return said(c, "%u.%u.%u.%u.in-addr.arpa", c->address[3], c->address[2], c->address[1], c->address[0]);
    for (int i = 15; i >= 0; i--)
        n += (size_t)snprintf(text + n, sizeof text - n, "%x.%x.", c->address[i] & 15u, c->address[i] >> 4);
    snprintf(text + n, sizeof text - n, "ip6.arpa");
    return arena_str(c->arena, str_of(text));
}

/* For %{p}: the domain itself, or a name under it, or any (7.3). */
static void validate(struct check *c, struct str domain)
{
    struct dns_answer d;
    struct str best = {"", 0};
    int rank = 0;
    if (c->asked_validated)
        return;
    c->asked_validated = true;
    if (ask(c, reverse_name(c), DNS_PTR, &d) != DNS_FOUND)
        return;
    for (unsigned i = 0; i < d.n && i < NAMES_MAX; i++) {
        struct str name = d.record[i].text;
        int r = str_eq_nocase(name, domain) ? 3 : is_under(name, domain) ? 2 : 1;
        if (r > rank && is_proven(c, name)) {
            best = name;
            rank = r;
        }
    }
    c->macros.validated = best;
}

/* ---- the mechanisms (5) ---- */

static struct str expanded(struct check *c, struct str text, struct str domain)
{
    c->macros.domain = domain;
    if (spf_macro_uses(text, 'p'))
        validate(c, domain);
    return spf_macro_expand(text, &c->macros, c->arena);
}

static struct str target(struct check *c, const struct spf_term *t, struct str domain)
{
    return t->domain.n ? fitted(expanded(c, t->domain, domain)) : domain;
}

static enum match match_a(struct check *c, const struct spf_term *t, struct str name)
{
    struct dns_answer d;
    enum match m = count(c, ask(c, name, address_type(c), &d));
    return m != MATCHES ? m : any_in(c, &d, t) ? MATCHES : DOES_NOT;
}

static enum match match_mx(struct check *c, const struct spf_term *t, struct str name)
{
    struct dns_answer d, addresses;
    enum match m = count(c, ask(c, name, DNS_MX, &d));
    if (m != MATCHES)
        return m;
    if (d.n > NAMES_MAX) {
        c->answer->reason = said(c, "%.*s has more than ten mail hosts (RFC 7208 4.6.4)", STR_ARGS(name));
        return PERMERROR;
    }
    for (unsigned i = 0; i < d.n; i++) {
        enum dns_result r = ask(c, d.record[i].text, address_type(c), &addresses);
        if (r == DNS_TROUBLE)
            return count(c, r);
        if (r == DNS_FOUND && any_in(c, &addresses, t))
            return MATCHES;
    }
    return DOES_NOT;
}

static enum match match_ptr(struct check *c, struct str name)
{
    struct dns_answer d;
    enum dns_result r = ask(c, reverse_name(c), DNS_PTR, &d);
    if (r == DNS_TROUBLE)
        return DOES_NOT;
    enum match m = count(c, r);
    if (m != MATCHES)
        return m;
    for (unsigned i = 0; i < d.n && i < NAMES_MAX; i++)
        if (is_under(d.record[i].text, name) && is_proven(c, d.record[i].text))
            return MATCHES;
    return DOES_NOT;
}

static enum match match_exists(struct check *c, struct str name)
{
    struct dns_answer d;
    enum dns_result r = ask(c, name, DNS_A, &d);
    enum match m = count(c, r);
    return m != MATCHES ? m : r == DNS_FOUND ? MATCHES : DOES_NOT;
}

static enum match match_include(struct check *c, struct str name, unsigned depth)
{
    switch (check_host(c, name, depth + 1, false)) {
    case SPF_PASS:
        return MATCHES;
    case SPF_TEMPERROR:
        return TEMPERROR;
    case SPF_NONE:
        c->answer->reason = said(c, "the included %.*s has no SPF record", STR_ARGS(name));
        return PERMERROR;
    case SPF_PERMERROR:
        return PERMERROR;
    default:
        return DOES_NOT;
    }
}

static bool asks_dns(enum spf_kind k) { return k != SPF_ALL && k != SPF_IP4 && k != SPF_IP6; }

static enum match matches(struct check *c, const struct spf_term *t, struct str domain, unsigned depth)
{
    if (asks_dns(t->kind) && too_many(c))
        return PERMERROR;
    struct str name = asks_dns(t->kind) ? target(c, t, domain) : domain;
    switch (t->kind) {
    case SPF_ALL:
        return MATCHES;
    case SPF_IP4:
        return !c->v6 && is_in(c->address, t->address, t->bits4) ? MATCHES : DOES_NOT;
    case SPF_IP6:
        return c->v6 && is_in(c->address, t->address, t->bits6) ? MATCHES : DOES_NOT;
    case SPF_A:
        return match_a(c, t, name);
    case SPF_MX:
        return match_mx(c, t, name);
    case SPF_PTR:
        return match_ptr(c, name);
    case SPF_EXISTS:
        return match_exists(c, name);
    case SPF_INCLUDE:
        return match_include(c, name, depth);
    default:
        return DOES_NOT;
    }
}

/* ---- records (4) ---- */

/* The domain's one record. SPF_PASS: found; otherwise the result that follows. */
static enum spf_result find_record(struct check *c, struct str domain, struct str *ret)
{
    struct dns_answer d;
    unsigned n = 0;
    enum dns_result r = ask(c, domain, DNS_TXT, &d);
    if (r == DNS_TROUBLE) {
        c->answer->reason = said(c, "DNS gave no answer about %.*s", STR_ARGS(domain));
        return SPF_TEMPERROR;
    }
    for (unsigned i = 0; i < d.n; i++)
        if (spf_is_record(d.record[i].text)) {
            *ret = d.record[i].text;
            n++;
        }
    if (n == 1)
        return SPF_PASS;
    c->answer->reason = n ? said(c, "%.*s has %u SPF records, one is allowed (RFC 7208 4.5)", STR_ARGS(domain), n)
                          : said(c, "%.*s has no SPF record", STR_ARGS(domain));
    return n ? SPF_PERMERROR : SPF_NONE;
}

static const struct spf_term *find_term(const struct spf_term *list, unsigned n, enum spf_kind kind)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i].kind == kind)
            return &list[i];
    return NULL;
}

static enum spf_result of_qualifier(char q)
{
    return q == '-' ? SPF_FAIL : q == '~' ? SPF_SOFTFAIL : q == '?' ? SPF_NEUTRAL : SPF_PASS;
}

static const char *match_note(enum match m)
{
    static const char *const notes[] = {[MATCHES] = "matches",
                                        [DOES_NOT] = "does not match",
                                        [TEMPERROR] = "DNS gave no answer",
                                        [PERMERROR] = "cannot be evaluated"};
    return notes[m];
}

static enum spf_result follow_redirect(struct check *c, const struct spf_term *t, struct str domain, unsigned depth,
                                       bool explains)
{
    if (too_many(c))
        return SPF_PERMERROR;
    struct str name = target(c, t, domain);
    step(c, depth, domain, t->text, STR("goes on there"));
    enum spf_result r = check_host(c, name, depth + 1, explains);
    return r == SPF_NONE ? SPF_PERMERROR : r;
}

/* The terms in order; what none of them decides is neutral, unless there is a redirect (4.7, 6.1). */
static enum spf_result evaluate(struct check *c, const struct spf_term *list, unsigned n, struct str domain, unsigned depth,
                                bool explains)
{
    const struct spf_term *exp = find_term(list, n, SPF_EXP), *redirect = find_term(list, n, SPF_REDIRECT);
    for (unsigned i = 0; i < n; i++) {
        const struct spf_term *t = &list[i];
        if (t->kind >= SPF_REDIRECT)
            continue;
        struct spf_step *s = step(c, depth, domain, t->text, STR(""));
        enum match m = matches(c, t, domain, depth);
        s->note = str_of(match_note(m));
        if (m == DOES_NOT)
            continue;
        if (m == MATCHES && explains) {
            c->answer->mechanism = t->text;
            c->exp = exp ? exp->domain : (struct str){"", 0};
            c->exp_domain = domain;
        }
        return m == TEMPERROR ? SPF_TEMPERROR : m == PERMERROR ? SPF_PERMERROR : of_qualifier(t->qualifier);
    }
    return redirect ? follow_redirect(c, redirect, domain, depth, explains) : SPF_NEUTRAL;
}

/* 4.3: a name that cannot be a domain has no policy. */
static bool is_domain(struct str s) { return is_askable(s) && memchr(s.p, '.', s.n) && s.p[0] != '['; }

static enum spf_result check_host(struct check *c, struct str domain, unsigned depth, bool explains)
{
    struct str record, bad;
    struct spf_term *list;
    unsigned n;
    if (!is_domain(domain)) {
        c->answer->reason = said(c, "\"%.*s\" is not a domain", (int)(domain.n > 253 ? 253 : domain.n), domain.p);
        return SPF_NONE;
    }
    enum spf_result r = find_record(c, domain, &record);
    if (r != SPF_PASS) {
        step(c, depth, domain, STR("TXT"), c->answer->reason);
        return r;
    }
    step(c, depth, domain, record, STR("the record"));
    const char *wrong = spf_parse(record, c->arena, &list, &n, &bad);
    if (wrong) {
        c->answer->reason =
            said(c, "the record of %.*s is wrong: \"%.*s\" %s", STR_ARGS(domain), (int)(bad.n > 100 ? 100 : bad.n), bad.p, wrong);
        step(c, depth, domain, bad, str_of(wrong));
        return SPF_PERMERROR;
    }
    return evaluate(c, list, n, domain, depth, explains);
}

/* ---- the explanation of a fail (6.2) ---- */

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return true;
}

static void explain(struct check *c)
{
    struct dns_answer d;
    if (!c->exp.n)
        return;
    struct str name = fitted(expanded(c, c->exp, c->exp_domain));
    if (ask(c, name, DNS_TXT, &d) != DNS_FOUND || d.n != 1)
        return;
    struct str text = d.record[0].text;
    if (!is_ascii(text) || !spf_macro_valid(text, true))
        return;
    text = expanded(c, text, c->exp_domain);
    if (text.n <= EXPLANATION_MAX && is_ascii(text))
        c->answer->explanation = text;
}

/* ---- beginning ---- */

static void take_address(struct check *c)
{
    const struct sockaddr *sa = c->in->client;
    if (sa->sa_family == AF_INET) {
        memcpy(c->address, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
        return;
    }
    memcpy(c->address, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    c->v6 = memcmp(c->address, mapped, sizeof mapped) != 0;
    if (!c->v6)
        memmove(c->address, c->address + 12, 4);
}

/* %{i}: dotted; IPv6 as nibbles (7.3). */
static void name_address(struct check *c)
{
    char text[INET6_ADDRSTRLEN];
    inet_ntop(c->v6 ? AF_INET6 : AF_INET, c->address, text, sizeof text);
    c->macros.address_text = arena_str(c->arena, str_of(text));
    c->macros.address_dotted = c->macros.address_text;
    c->macros.version = c->v6 ? STR("ip6") : STR("in-addr");
    if (!c->v6)
        return;
    char nibbles[64];
    size_t n = 0;
    for (int i = 0; i < 16; i++)
        n += (size_t)snprintf(nibbles + n, sizeof nibbles - n, "%X.%X%s", c->address[i] >> 4, c->address[i] & 15u,
                              i < 15 ? "." : "");
    c->macros.address_dotted = arena_str(c->arena, str_of(nibbles));
}

/* Who is checked: the domain of MAIL FROM, or the HELO name for a null sender (2.4, 4.3). */
static struct str take_identity(struct check *c)
{
    struct str sender = c->in->sender, local = STR("postmaster"), domain = without_dot(c->in->helo);
    if (sender.n) {
        size_t at = sender.n;
        while (at > 0 && sender.p[at - 1] != '@')
            at--;
        if (at > 1)
            local = str_mem(sender.p, at - 1);
        domain = without_dot(str_mem(sender.p + at, sender.n - at));
    }
    c->macros.local = local;
    c->macros.sender_domain = domain;
    c->macros.sender = said(c, "%.*s@%.*s", (int)(local.n > 120 ? 120 : local.n), local.p,
                            (int)(domain.n > DOMAIN_MAX ? DOMAIN_MAX : domain.n), domain.p);
    c->macros.helo = c->in->helo;
    c->macros.receiver = c->in->receiver;
    c->macros.now_s = c->in->now_s;
    return domain;
}

void spf_check(const struct spf_input *in, const struct verify_dns *dns, struct arena *a, struct spf_answer *ret)
{
    struct check c = {.in = in, .dns = dns, .arena = a, .answer = ret};
    *ret = (struct spf_answer){.explanation = {"", 0}, .mechanism = {"", 0}, .reason = {"", 0}};
    ret->step = arena_alloc(a, (SPF_STEPS_MAX + 1) * sizeof *ret->step);
    take_address(&c);
    name_address(&c);
    ret->domain = take_identity(&c);
    ret->result = check_host(&c, ret->domain, 0, true);
    if (ret->result == SPF_FAIL)
        explain(&c);
    if (ret->result != SPF_NONE && ret->result != SPF_TEMPERROR && ret->result != SPF_PERMERROR)
        ret->reason = (struct str){"", 0};
}
