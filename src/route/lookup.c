/* lookup: see lookup.h. RFC 5321 5.1, RFC 7505.
 *
 * Temporary and permanent trouble are kept apart to the end: a domain fails for good only when DNS said so (NXDOMAIN, null MX, or
 * no address for any host with every question answered). Any unanswered question that could have found a host makes it temporary.
 *
 * Strangers decide how many lookups are under way and how long, so a lookup is small while it waits, and holds nothing of the
 * settings, which may change meanwhile. */
#include "route/lookup.h"

#include "lib/must.h"
#include "route/answer.h"

#include <stdio.h>
#include <stdlib.h>

enum { RR_A = 1, RR_AAAA = 28, RR_MX = 15, CLASS_IN = 1, RCODE_NXDOMAIN = 3 };
enum { TTL_MIN_S = 30, TTL_MAX_S = 86400, TTL_NONE_S = 300 };

enum { HOST_ADDRESSES_MAX = 8 };

struct address {
    bool v6;
    uint8_t bytes[16];
};

struct host {
    char name[256];
    uint16_t preference;
    uint32_t shuffle;
    unsigned addresses;
    struct address address[HOST_ADDRESSES_MAX];
};

/* One question under way. */
struct question {
    struct lookup *lookup;
    unsigned host;
};

struct lookup {
    struct lookup_way way;
    char *domain;
    struct route *shape; /* for a fixed host: kind, site, tls, login, password; NULL otherwise */
    bool implicit;
    uint16_t port;
    unsigned hosts, waiting;
    bool temporary;    /* a question got no answer */
    enum note trouble; /* of the DNS */
    uint32_t ttl_s;
    struct host *host;
    struct question mx, *question; /* two a host */
};

static void on_mx(void *ctx, int error, struct ub_result *r);
static void on_address(void *ctx, int error, struct ub_result *r);
static void conclude(struct lookup *l);

/* ---- asking ---- */

static void ask(struct lookup *l, struct question *q, const char *name, int type, ub_callback_type fn)
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
    l->question = calloc(l->hosts * 2, sizeof *l->question);
    must(l->question);
    l->waiting++; /* holds the end back until all questions are asked */
    for (unsigned i = 0; i < l->hosts; i++)
        for (unsigned family = 0; family < 1u + (*l->way.settings)->ipv6; family++) {
            struct question *q = &l->question[i * 2 + family];
            *q = (struct question){l, i};
            ask(l, q, l->host[i].name, family ? RR_AAAA : RR_A, on_address);
        }
    if (--l->waiting == 0)
        conclude(l);
}

void lookup_mx(const struct lookup_way *way, const char *domain)
{
    struct lookup *l = lookup_new(way, domain);
    l->mx = (struct question){l, 0};
    ask(l, &l->mx, domain, RR_MX, on_mx);
}

void lookup_host(const struct lookup_way *way, const char *host, uint16_t port, const struct route *shape)
{
    struct lookup *l = lookup_new(way, host);
    l->port = port;
    l->shape = route_make(shape, NULL, 0);
    host_alone(l);
    ask_addresses(l);
}

/* ---- ending ---- */

static void end(struct lookup *l, struct route *r, const struct route_trouble *t, uint32_t ttl_s)
{
    l->way.done(l->way.ctx, r, t, ttl_s);
    route_free(&l->shape);
    free(l->host);
    free(l->question);
    free(l->domain);
    free(l);
}

static void end_trouble(struct lookup *l, bool permanent, const char *cause, enum note note)
{
    struct route_trouble t = {permanent, cause, ""};
    note_put(t.note, note, l->domain);
    end(l, NULL, &t, permanent ? TTL_NONE_S : TTL_MIN_S);
}

static void note_ttl(struct lookup *l, const struct ub_result *r)
{
    uint32_t ttl = r->ttl < TTL_MIN_S ? TTL_MIN_S : (uint32_t)r->ttl;
    if (ttl < l->ttl_s)
        l->ttl_s = ttl;
}

/* No usable answer: the resolver failed, or the signatures are bogus. */
static bool unanswered(struct lookup *l, int error, const struct ub_result *r)
{
    if (!error && !r->bogus && (r->rcode == 0 || r->rcode == RCODE_NXDOMAIN))
        return false;
    l->temporary = true;
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

static void use_mx(struct lookup *l, const struct ub_result *r)
{
    if (is_null_mx(r)) {
        end_trouble(l, true, "null-mx", NOTE_NULL_MX);
        return;
    }
    take_hosts(l, r);
    if (!l->hosts) {
        end_trouble(l, true, "no-mail-host", NOTE_MX_UNUSABLE);
        return;
    }
    qsort(l->host, l->hosts, sizeof *l->host, by_preference);
    if (drop_own(l) && !l->hosts) {
        end_trouble(l, true, "loop-to-self", NOTE_MX_IS_US);
        return;
    }
    if (l->hosts > HOSTS_MAX)
        l->hosts = HOSTS_MAX;
    ask_addresses(l);
}

static void on_mx(void *ctx, int error, struct ub_result *r)
{
    struct lookup *l = ((struct question *)ctx)->lookup;
    l->waiting--;
    if (unanswered(l, error, r)) {
        end_trouble(l, false, "dns-failure", l->trouble);
    } else if (r->nxdomain || r->rcode == RCODE_NXDOMAIN) {
        end_trouble(l, true, "domain-not-found", NOTE_NO_DOMAIN);
    } else if (r->havedata) {
        note_ttl(l, r);
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

static void on_address(void *ctx, int error, struct ub_result *r)
{
    struct question *q = ctx;
    struct lookup *l = q->lookup;
    if (!unanswered(l, error, r) && r->havedata) {
        note_ttl(l, r);
        for (int i = 0; r->data[i]; i++)
            take_address(l, &l->host[q->host], r->data[i], r->len[i]);
    }
    ub_resolve_free(r);
    if (--l->waiting == 0)
        conclude(l);
}

/* ---- the decision ---- */

/* IPv6 addresses of a host come first, its IPv4 ones are the fallback. */
static unsigned list_addresses(struct lookup *l, struct route_host *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < l->hosts; i++) {
        const struct host *h = &l->host[i];
        for (int v6 = 1; v6 >= 0; v6--)
            for (unsigned k = 0; k < h->addresses && n < ADDRESSES_MAX; k++)
                if (h->address[k].v6 == v6) {
                    struct route_host *o = &out[n++];
                    o->name = h->name;
                    o->preference = h->preference;
                    must(answer_address(h->address[k].bytes, v6 ? 16 : 4, l->port, &o->addr, &o->addr_len));
                }
    }
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct host *)a)->name, ((const struct host *)b)->name);
}

/* The site: the set of host names, whatever their order. */
static void site_name(struct lookup *l, char out[512])
{
    struct host *sorted = calloc(l->hosts, sizeof *sorted);
    size_t n = 0;
    must(sorted);
    memcpy(sorted, l->host, l->hosts * sizeof *sorted);
    qsort(sorted, l->hosts, sizeof *sorted, by_name);
    out[0] = '\0';
    for (unsigned i = 0; i < l->hosts && n + 260 < 512; i++)
        n += (size_t)snprintf(out + n, 512 - n, "%s%s", i ? "," : "", sorted[i].name);
    free(sorted);
}

static void conclude(struct lookup *l)
{
    struct route_host hosts[ADDRESSES_MAX];
    unsigned n = list_addresses(l, hosts);
    char site[512];
    if (n == 0 && l->temporary)
        end_trouble(l, false, "dns-failure", l->trouble);
    else if (n == 0)
        end_trouble(l, true, "no-mail-host",
                    l->shape      ? NOTE_HOST_NO_ADDRESS
                    : l->implicit ? NOTE_NO_MX_NO_ADDRESS
                                  : NOTE_HOSTS_NO_ADDRESS);
    if (n == 0)
        return;
    struct route shape = {.kind = ROUTE_SMTP, .tls = TLS_OPPORTUNISTIC, .site = site};
    if (l->shape)
        shape = *l->shape;
    else
        site_name(l, site);
    shape.expires_ms = loop_now_ms(l->way.loop) + (int64_t)l->ttl_s * 1000;
    end(l, route_make(&shape, hosts, n), NULL, l->ttl_s);
}
