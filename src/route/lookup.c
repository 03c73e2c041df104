/* lookup: see lookup.h. RFC 5321 5.1, RFC 7505.
 *
 * Temporary and permanent trouble are kept apart to the end: a domain fails for good only when DNS said so (NXDOMAIN, null MX, or
 * no address for any host with every question answered). Any unanswered question that could have found a host makes it temporary.
 *
 * Strangers decide how many lookups are under way and how long, so a lookup is small while it waits, and holds nothing of the
 * settings, which may change meanwhile. */
#include "lib/must.h"
#include "route/answer.h"
#include "route/lookup_inner.h"

#include <stdio.h>
#include <stdlib.h>

static void on_mx(void *ctx, int error, struct ub_result *r);
static void on_address(void *ctx, int error, struct ub_result *r);

/* ---- asking ---- */

void lookup_ask(struct lookup *l, struct question *q, const char *name, int type, ub_callback_type fn)
{
    l->waiting++;
    int code = ub_resolve_async(l->way.dns, name, type, CLASS_IN, q, fn, NULL);
    if (code)
        fn(q, code, NULL);
}

static struct lookup *lookup_new(const struct lookup_way *way, const char *domain)
{
    struct lookup *l = calloc(1, sizeof *l);
    must(l);
    l->way = *way;
    l->port = (uint16_t)(*way->settings)->port;
    l->ttl_s = TTL_MAX_S;
    l->domain = strdup(domain);
    must(l->domain);
    return l;
}

static void hosts_new(struct lookup *l, size_t n)
{
    l->host = calloc(n + 1, sizeof *l->host);
    must(l->host);
}

/* The domain, or the rule's target, is the only host. */
static void host_alone(struct lookup *l)
{
    hosts_new(l, 1);
    l->hosts = 1;
    snprintf(l->host[0].name, sizeof l->host[0].name, "%s", l->domain);
}

static void ask_addresses(struct lookup *l)
{
    l->question = calloc(l->hosts * QUESTIONS_EACH, sizeof *l->question);
    must(l->question);
    unsigned families = (*l->way.settings)->ipv6 ? 2 : 1;
    l->waiting++; /* holds the end back until all questions are asked */
    if (!l->shape && l->tls != SECURE_NEVER)
        policy_begin(l);
    for (unsigned i = 0; i < l->hosts; i++) {
        l->host[i].asked = families;
        for (unsigned family = 0; family < families; family++) {
            struct question *q = &l->question[i * QUESTIONS_EACH + family];
            *q = (struct question){l, i};
            lookup_ask(l, q, l->host[i].name, family ? RR_AAAA : RR_A, on_address);
        }
    }
    lookup_answered(l);
}

void lookup_answered(struct lookup *l)
{
    if (--l->waiting == 0 && !policy_wait(l))
        decide(l);
}

void lookup_mx(const struct lookup_way *way, const char *domain, enum secure_level tls)
{
    struct lookup *l = lookup_new(way, domain);
    l->tls = tls;
    l->mx = (struct question){l, 0};
    lookup_ask(l, &l->mx, domain, RR_MX, on_mx);
}

void lookup_host(const struct lookup_way *way, const char *host, uint16_t port, const struct route *shape)
{
    struct lookup *l = lookup_new(way, host);
    l->port = port;
    l->shape = route_make(shape, NULL, 0);
    l->tls = shape->tls;
    host_alone(l);
    ask_addresses(l);
}

/* ---- ending ---- */

void lookup_free(struct lookup *l)
{
    route_free(&l->shape);
    for (unsigned i = 0; i < l->hosts; i++) {
        free(l->host[i].alias_of);
        dane_done(&l->host[i].dane);
    }
    free(l->host);
    free(l->question);
    free(l->domain);
    free(l);
}

void lookup_end(struct lookup *l, struct route *r, const struct route_trouble *t, uint32_t ttl_s)
{
    l->way.done(l->way.ctx, r, t, ttl_s);
    lookup_free(l);
}

void lookup_end_trouble(struct lookup *l, bool permanent, const char *cause, enum note note)
{
    struct route_trouble t = {permanent, cause, ""};
    note_put(t.note, note, l->domain);
    lookup_end(l, NULL, &t, permanent ? TTL_NONE_S : TTL_MIN_S);
}

void lookup_hold(struct lookup *l, uint32_t most_s)
{
    if (most_s < l->ttl_s)
        l->ttl_s = most_s;
}

void lookup_note_ttl(struct lookup *l, const struct ub_result *r)
{
    lookup_hold(l, r->ttl < TTL_MIN_S ? TTL_MIN_S : (uint32_t)r->ttl);
}

bool lookup_unanswered(int error, const struct ub_result *r)
{
    return error || r->bogus || (r->rcode != 0 && r->rcode != RCODE_NXDOMAIN);
}

/* The same, of a question that could have found a host. */
static bool unanswered(struct lookup *l, int error, const struct ub_result *r)
{
    if (!lookup_unanswered(error, r))
        return false;
    l->temporary = true;
    lookup_hold(l, TTL_PART_S);
    l->trouble = error ? NOTE_RESOLVER_FAILED : r->bogus ? NOTE_DNSSEC_BOGUS : NOTE_DNS_FAILED;
    return true;
}

/* ---- MX ---- */

static bool is_us(const struct lookup *l, const char *name) { return str_eq_nocase(str_of(name), (*l->way.settings)->hostname); }

/* All of them: the best may come last, and one of them may be us. */
static void take_hosts(struct lookup *l, const struct ub_result *r)
{
    size_t n = 0;
    while (r->data[n])
        n++;
    hosts_new(l, n);
    for (int i = 0; r->data[i]; i++) {
        struct host *h = &l->host[l->hosts];
        if (r->len[i] < 0 || !answer_mx((const uint8_t *)r->data[i], (size_t)r->len[i], &h->preference, h->name) || !h->name[0])
            continue;
        *l->way.random = *l->way.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        h->shuffle = (uint32_t)(*l->way.random >> 33);
        l->hosts++;
    }
}

static bool is_null_mx(const struct ub_result *r)
{
    uint16_t preference;
    char name[256];
    return r->data[0] && !r->data[1] && r->len[0] > 0 &&
           answer_mx((const uint8_t *)r->data[0], (size_t)r->len[0], &preference, name) && !name[0];
}

static int by_preference(const void *a, const void *b)
{
    const struct host *x = a, *y = b;
    if (x->preference != y->preference)
        return x->preference < y->preference ? -1 : 1;
    return (x->shuffle > y->shuffle) - (x->shuffle < y->shuffle);
}

/* An MX that is us: it and all that are no better are left out (RFC 5321 5.1). */
static bool drop_own(struct lookup *l)
{
    for (unsigned i = 0; i < l->hosts; i++)
        if (is_us(l, l->host[i].name)) {
            unsigned keep = 0;
            while (keep < l->hosts && l->host[keep].preference < l->host[i].preference)
                keep++;
            l->hosts = keep;
            return true;
        }
    return false;
}

/* A stranger's answer may name thousands, and the lookup may wait for a minute. */
static void keep_best(struct lookup *l)
{
    if (l->hosts > HOSTS_MAX)
        l->hosts = HOSTS_MAX;
    l->host = realloc(l->host, l->hosts * sizeof *l->host);
    must(l->host);
}

static void use_mx(struct lookup *l, const struct ub_result *r)
{
    if (is_null_mx(r)) {
        lookup_end_trouble(l, true, "null-mx", NOTE_NULL_MX);
        return;
    }
    take_hosts(l, r);
    if (!l->hosts) {
        lookup_end_trouble(l, true, "no-mail-host", NOTE_MX_UNUSABLE);
        return;
    }
    qsort(l->host, l->hosts, sizeof *l->host, by_preference);
    if (drop_own(l) && !l->hosts) {
        lookup_end_trouble(l, true, "loop-to-self", NOTE_MX_IS_US);
        return;
    }
    keep_best(l);
    ask_addresses(l);
}

static void on_mx(void *ctx, int error, struct ub_result *r)
{
    struct lookup *l = ((struct question *)ctx)->lookup;
    l->waiting--;
    l->mx_secure = r && r->secure;
    if (unanswered(l, error, r)) {
        lookup_end_trouble(l, false, "dns-failure", l->trouble);
    } else if (r->nxdomain || r->rcode == RCODE_NXDOMAIN) {
        lookup_end_trouble(l, true, "domain-not-found", NOTE_NO_DOMAIN);
    } else if (r->havedata) {
        lookup_note_ttl(l, r);
        use_mx(l, r);
    } else { /* no MX: the domain itself is the host (RFC 5321 5.1) */
        l->implicit = true;
        host_alone(l);
        ask_addresses(l);
    }
    ub_resolve_free(r);
}

/* ---- addresses ---- */

static void take_address(struct lookup *l, struct host *h, const char *p, int n)
{
    struct sockaddr_storage full;
    socklen_t len;
    if (n < 0 || h->addresses == HOST_ADDRESSES_MAX || !answer_address((const uint8_t *)p, (size_t)n, l->port, &full, &len) ||
        !(l->shape || (*l->way.settings)->allow_special || !net_is_special((struct sockaddr *)&full)))
        return;
    struct address *a = &h->address[h->addresses++];
    a->v6 = n == 16;
    memcpy(a->bytes, p, (size_t)n);
}

/* Aliases may lead elsewhere for each family; TLSA records are looked for at one end only, and at the alias itself. */
static void take_alias(struct host *h, const struct ub_result *r)
{
    if (h->alias_of || !r->canonname || strcasecmp(r->canonname, h->name) == 0)
        return;
    h->alias_of = strdup(r->canonname);
    must(h->alias_of);
    size_t n = strlen(h->alias_of);
    if (n > 0 && h->alias_of[n - 1] == '.')
        h->alias_of[n - 1] = '\0';
    if (strcasecmp(h->alias_of, h->name) == 0) {
        free(h->alias_of);
        h->alias_of = NULL;
    }
}

static void on_address(void *ctx, int error, struct ub_result *r)
{
    struct question *q = ctx;
    struct lookup *l = q->lookup;
    struct host *h = &l->host[q->host];
    if (!unanswered(l, error, r) && r->havedata) {
        lookup_note_ttl(l, r);
        h->insecure |= !r->secure;
        take_alias(h, r);
        for (int i = 0; r->data[i]; i++)
            take_address(l, h, r->data[i], r->len[i]);
    }
    ub_resolve_free(r);
    if (--h->asked == 0)
        dane_begin(l, q->host);
    lookup_answered(l);
}
