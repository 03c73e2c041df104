/* lookup: see lookup.h. RFC 5321 5.1, RFC 7505.
 *
 * Temporary and permanent trouble are kept apart to the end: a domain fails for good only when DNS said so (NXDOMAIN, null MX, or
 * no address for any host with every question answered). Any unanswered question that could have found a host makes it temporary.
 */
#include "route/lookup.h"

#include "lib/must.h"
#include "route/answer.h"

#include <stdio.h>
#include <stdlib.h>

enum { RR_A = 1, RR_AAAA = 28, RR_MX = 15, CLASS_IN = 1, RCODE_NXDOMAIN = 3 };
enum { TTL_MIN_S = 30, TTL_MAX_S = 86400, TTL_NONE_S = 300 };

struct host {
    char name[256];
    uint16_t preference;
    uint32_t shuffle;
    unsigned addresses;
    struct sockaddr_storage address[8];
    socklen_t address_len[8];
};

/* One question under way. */
struct question {
    struct lookup *lookup;
    unsigned host;
};

struct lookup {
    struct lookup_way way;
    char domain[256];
    struct route shape; /* for a fixed host: kind, site, tls, login, password (borrowed from the settings) */
    bool fixed, implicit;
    uint16_t port;
    unsigned hosts, asked, waiting;
    bool temporary; /* a question got no answer */
    char trouble[200];
    uint32_t ttl_s;
    struct host host[HOSTS_MAX];
    struct question question[HOSTS_MAX * 2 + 1];
};

static void on_mx(void *ctx, int error, struct ub_result *r);
static void on_address(void *ctx, int error, struct ub_result *r);
static void conclude(struct lookup *l);

/* ---- asking ---- */

static void ask(struct lookup *l, const char *name, int type, unsigned host, ub_callback_type fn)
{
    struct question *q = &l->question[l->asked++];
    *q = (struct question){l, host};
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
    l->port = way->settings->port;
    l->ttl_s = TTL_MAX_S;
    snprintf(l->domain, sizeof l->domain, "%s", domain);
    return l;
}

static void ask_addresses(struct lookup *l)
{
    l->waiting++; /* holds the end back until all questions are asked */
    for (unsigned i = 0; i < l->hosts; i++) {
        ask(l, l->host[i].name, RR_A, i, on_address);
        if (l->way.settings->ipv6)
            ask(l, l->host[i].name, RR_AAAA, i, on_address);
    }
    if (--l->waiting == 0)
        conclude(l);
}

void lookup_mx(const struct lookup_way *way, const char *domain)
{
    struct lookup *l = lookup_new(way, domain);
    ask(l, domain, RR_MX, 0, on_mx);
}

void lookup_host(const struct lookup_way *way, const char *host, uint16_t port, const struct route *shape)
{
    struct lookup *l = lookup_new(way, host);
    l->fixed = true;
    l->port = port;
    l->shape = *shape;
    l->hosts = 1;
    snprintf(l->host[0].name, sizeof l->host[0].name, "%s", host);
    ask_addresses(l);
}

/* ---- ending ---- */

static void end(struct lookup *l, struct route *r, const struct route_trouble *t, uint32_t ttl_s)
{
    l->way.done(l->way.ctx, r, t, ttl_s);
    free(l);
}

static void end_trouble(struct lookup *l, bool permanent, const char *cause, const char *enhanced, const char *text)
{
    struct route_trouble t = {permanent, cause, permanent ? 550 : 451, enhanced, ""};
    snprintf(t.text, sizeof t.text, "%s: %s", l->domain, text);
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
    snprintf(l->trouble, sizeof l->trouble, "%s",
             error      ? ub_strerror(error)
             : r->bogus ? "the DNSSEC signatures do not hold"
                        : "the DNS servers failed");
    return true;
}

/* ---- MX ---- */

static bool is_us(const struct lookup *l, const char *name) { return str_eq_nocase(str_of(name), l->way.settings->hostname); }

static void take_hosts(struct lookup *l, const struct ub_result *r)
{
    for (int i = 0; r->data[i] && l->hosts < HOSTS_MAX; i++) {
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
        end_trouble(l, true, "null-mx", "5.1.10", "the domain says that it takes no mail (null MX)");
        return;
    }
    take_hosts(l, r);
    if (!l->hosts) {
        end_trouble(l, true, "no-mail-host", "5.1.2", "its MX records name no usable host");
        return;
    }
    qsort(l->host, l->hosts, sizeof *l->host, by_preference);
    if (drop_own(l) && !l->hosts) {
        end_trouble(l, true, "loop-to-self", "5.4.6", "its best mail host is this server, which does not host the domain");
        return;
    }
    ask_addresses(l);
}

static void on_mx(void *ctx, int error, struct ub_result *r)
{
    struct lookup *l = ((struct question *)ctx)->lookup;
    l->waiting--;
    if (unanswered(l, error, r)) {
        end_trouble(l, false, "dns-failure", "4.4.3", l->trouble);
    } else if (r->nxdomain || r->rcode == RCODE_NXDOMAIN) {
        end_trouble(l, true, "domain-not-found", "5.1.2", "there is no such domain");
    } else if (r->havedata) {
        note_ttl(l, r);
        use_mx(l, r);
    } else { /* no MX: the domain itself is the host (RFC 5321 5.1) */
        l->implicit = true;
        l->hosts = 1;
        snprintf(l->host[0].name, sizeof l->host[0].name, "%s", l->domain);
        ask_addresses(l);
    }
    ub_resolve_free(r);
}

/* ---- addresses ---- */

static void take_address(struct lookup *l, struct host *h, const char *p, int n)
{
    unsigned i = h->addresses;
    if (n < 0 || i >= sizeof h->address / sizeof *h->address ||
        !answer_address((const uint8_t *)p, (size_t)n, l->port, &h->address[i], &h->address_len[i]))
        return;
    if (l->fixed || l->way.settings->allow_special || !net_is_special((struct sockaddr *)&h->address[i]))
        h->addresses++;
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
    for (unsigned i = 0; i < l->hosts; i++)
        for (int family = 0; family < 2; family++)
            for (unsigned k = 0; k < l->host[i].addresses && n < ADDRESSES_MAX; k++)
                if ((l->host[i].address[k].ss_family == AF_INET6) == (family == 0))
                    out[n++] = (struct route_host){l->host[i].name, l->host[i].preference, l->host[i].address[k],
                                                   l->host[i].address_len[k]};
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
        end_trouble(l, false, "dns-failure", "4.4.3", l->trouble);
    else if (n == 0)
        end_trouble(l, true, "no-mail-host", "5.1.2",
                    l->fixed      ? "the host has no address"
                    : l->implicit ? "the domain has neither MX nor address records"
                                  : "none of its mail hosts has a usable address");
    if (n == 0)
        return;
    struct route shape = l->fixed ? l->shape : (struct route){.kind = ROUTE_SMTP, .tls = TLS_OPPORTUNISTIC};
    if (!l->fixed) {
        site_name(l, site);
        shape.site = site;
    }
    shape.expires_ms = loop_now_ms(l->way.loop) + (int64_t)l->ttl_s * 1000;
    end(l, route_make(&shape, hosts, n), NULL, l->ttl_s);
}
