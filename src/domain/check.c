/* check: see check.h. A record of the owner's own making that does what it is for is right: a DMARC policy may be stricter, an
 * SPF record may name more. Only a key must be the very one. */
#include "domain/check.h"

#include "lib/net.h"
#include "verify/spf.h"
#include "verify/spf_term.h"
#include "verify/tags.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

static void end(struct checked *c, enum check_state state, enum check_why why, struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static void end(struct checked *c, enum check_state state, enum check_why why, struct arena *a, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->state = state;
    c->why = why;
    c->detail = arena_str(a, str_of(text));
}

static const char *const begins[RECORD_KINDS] = {
    [RECORD_DMARC] = "v=DMARC1", [RECORD_TLS_REPORTS] = "v=TLSRPTv1", [RECORD_MTA_STS] = "v=STSv1"};

/* Of several TXT records those that begin as this kind does, or would, but for capitals. */
static bool is_of_kind(enum record_kind k, struct str value)
{
    if (k == RECORD_SPF || k == RECORD_RETURN_SPF)
        return spf_is_record(value);
    return !begins[k] || str_starts_nocase(value, str_of(begins[k]));
}

static void gather(const struct record *r, const struct dns_answer *d, struct arena *a, struct checked *c)
{
    c->found = arena_alloc(a, (d->n + 1) * sizeof *c->found);
    for (unsigned i = 0; i < d->n; i++)
        if (is_of_kind(r->kind, d->record[i].text))
            c->found[c->n++] = d->record[i].text;
}

/* ---- each kind ---- */

static void check_key(const struct record *r, struct arena *a, struct checked *c)
{
    struct tags ours, theirs;
    struct str there = c->found[0];
    tags_read(r->value, &ours);
    if (memchr(there.p, '"', there.n) || memchr(there.p, '\\', there.n)) {
        end(c, CHECK_DIFFERENT, WHY_QUOTES, a, "%s", "");
        return;
    }
    if (!tags_read(there, &theirs) || !tags_get(&theirs, "p").p) {
        end(c, CHECK_DIFFERENT, WHY_BROKEN, a, "%s", "p=");
        return;
    }
    struct str p = tags_packed(tags_get(&theirs, "p"), a), want = tags_get(&ours, "p"), k = tags_get(&theirs, "k");
    size_t same = 0;
    while (same < p.n && same < want.n && p.p[same] == want.p[same])
        same++;
    if (p.n == 0)
        end(c, CHECK_DIFFERENT, WHY_REVOKED, a, "%s", "");
    else if (!str_eq(k.p ? k : STR("rsa"), tags_get(&ours, "k")))
        end(c, CHECK_DIFFERENT, WHY_KIND, a, "k=%.*s", STR_ARGS(k.p ? k : STR("rsa")));
    else if (same == p.n && p.n < want.n)
        end(c, CHECK_DIFFERENT, WHY_CUT, a, "%zu/%zu", p.n, want.n);
    else if (same < p.n)
        end(c, CHECK_DIFFERENT, WHY_KEY, a, "%zu", same + 1);
}

/* Does the record let mail from that address pass? */
static bool passes(const struct sender *s, const struct record *r, const char *ip, const struct verify_dns *dns, struct arena *a)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct spf_answer answer;
    char sender[300];
    if (!net_parse_ip(str_of(ip), 0, &sa, &len))
        return false;
    snprintf(sender, sizeof sender, "postmaster@%.*s", STR_ARGS(r->name));
    struct spf_input in = {(struct sockaddr *)&sa, s->host, str_of(sender), s->host, 0};
    spf_check(&in, dns, a, &answer);
    return answer.result == SPF_PASS;
}

/* The addresses of the host, when the settings name none. */
static unsigned host_addresses(const struct sender *s, const struct verify_dns *dns, struct arena *a, const char **ret,
                               unsigned most)
{
    unsigned n = 0;
    for (unsigned family = 0; family < 2; family++) {
        struct dns_answer d;
        if (dns->ask(dns->ctx, s->host, family ? DNS_AAAA : DNS_A, a, &d) != DNS_FOUND)
            continue;
        for (unsigned i = 0; i < d.n && n < most; i++) {
            char *text = arena_alloc(a, NET_TEXT);
            inet_ntop(family ? AF_INET6 : AF_INET, d.record[i].address, text, NET_TEXT);
            ret[n++] = text;
        }
    }
    return n;
}

static void check_spf(const struct sender *s, const struct record *r, const struct verify_dns *dns, struct arena *a,
                      struct checked *c)
{
    const char *list[16];
    unsigned n = 0;
    if (str_eq(c->found[0], r->value))
        return;
    for (unsigned i = 0; i < 2; i++)
        if (s->address[i])
            list[n++] = s->address[i];
    if (n == 0)
        n = host_addresses(s, dns, a, list, 16);
    bool good = n > 0;
    for (unsigned i = 0; i < n; i++)
        good &= passes(s, r, list[i], dns, a);
    if (!good)
        end(c, CHECK_DIFFERENT, WHY_SOURCES, a, "%.*s", STR_ARGS(records_sources(s, a)));
}

/* The version is to be written as its standard has it, capitals and all (RFC 9989 4.7, 8460 3, 8461 3.1): otherwise it is no such
 * record to a receiver. */
static void check_tag(enum record_kind k, struct str value, const char *name, struct arena *a, struct checked *c)
{
    struct tags t;
    if (memcmp(value.p, begins[k], strlen(begins[k])) != 0)
        end(c, CHECK_DIFFERENT, WHY_BROKEN, a, "%s", begins[k]);
    else if (!tags_read(value, &t) || !tags_get(&t, name).n)
        end(c, CHECK_DIFFERENT, WHY_BROKEN, a, "%s=", name);
}

static void check_target(const struct record *r, struct arena *a, struct checked *c)
{
    for (unsigned i = 0; i < c->n; i++)
        if (!str_eq_nocase(c->found[i], r->value)) {
            end(c, CHECK_OTHERS, WHY_ELSEWHERE, a, "%.*s", STR_ARGS(c->found[i]));
            return;
        }
}

static void compare(const struct sender *s, const struct record *r, const struct verify_dns *dns, struct arena *a,
                    struct checked *c)
{
    if (r->type == DNS_TXT && c->n > 1) { /* each of these standards takes several as an error or as none */
        end(c, CHECK_DIFFERENT, WHY_SEVERAL, a, "%u", c->n);
        return;
    }
    switch (r->kind) {
    case RECORD_DKIM:
        check_key(r, a, c);
        break;
    case RECORD_SPF:
    case RECORD_RETURN_SPF:
        check_spf(s, r, dns, a, c);
        break;
    case RECORD_DMARC:
        check_tag(r->kind, c->found[0], "p", a, c);
        break;
    case RECORD_TLS_REPORTS:
        check_tag(r->kind, c->found[0], "rua", a, c);
        break;
    case RECORD_MTA_STS:
        check_tag(r->kind, c->found[0], "id", a, c);
        break;
    case RECORD_RETURN_MX:
    case RECORD_TRACKING:
    case RECORD_KINDS:
        check_target(r, a, c);
        break;
    }
}

/* The commonest slip: a form adds the domain to a name that has it. */
static void look_doubled(const struct sender *s, const struct record *r, const struct verify_dns *dns, struct arena *a,
                         struct checked *c)
{
    char name[256];
    struct dns_answer d = {0};
    struct checked there = {0};
    size_t own = r->name.n > s->domain.n ? r->name.n - s->domain.n - 1 : 0;
    int n = snprintf(name, sizeof name, "%.*s.%.*s", STR_ARGS(r->name), STR_ARGS(s->domain));
    if (n > 253 || dns->ask(dns->ctx, str_of(name), r->type, a, &d) != DNS_FOUND)
        return;
    gather(r, &d, a, &there);
    if (there.n)
        end(c, CHECK_MISSING, WHY_DOUBLED, a, "%.*s", STR_ARGS(own ? str_mem(r->name.p, own) : STR("@")));
}

void check_record(const struct sender *s, const struct record *r, const struct verify_dns *dns, struct arena *a,
                  struct checked *ret)
{
    struct dns_answer d = {0};
    *ret = (struct checked){.state = CHECK_RIGHT, .detail = {"", 0}};
    enum dns_result got = dns->ask(dns->ctx, r->name, r->type, a, &d);
    if (got == DNS_FOUND)
        gather(r, &d, a, ret);
    if (got == DNS_TROUBLE)
        ret->state = CHECK_NO_ANSWER;
    else if (ret->n == 0) {
        ret->state = CHECK_MISSING;
        look_doubled(s, r, dns, a, ret);
    } else
        compare(s, r, dns, a, ret);
}
