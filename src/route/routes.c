/* routes: a route as a value: made from parts, counted, freed. */
#include "lib/hash.h"
#include "lib/must.h"
#include "route/lookup.h"

#include <stdlib.h>

/* Equal for two domains of one site that demand the same of all its hosts, in whatever order these stand. */
static uint32_t policy_number(const struct route_host *host, unsigned n)
{
    const uint8_t *key = hash_process_key();
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct secure *s = &host[i].secure;
        const uint64_t all[] = {siphash(key, host[i].name, strlen(host[i].name)), s->level, s->by, s->flaw, host[i].tlsa_key};
        if (s->level != SECURE_MAY || s->by != BY_NOBODY)
            sum += siphash(key, all, sizeof all);
    }
    return (uint32_t)(sum ^ sum >> 32);
}

static uint32_t voucher_number(const struct route_host *host, unsigned n)
{
    const uint8_t *key = hash_process_key();
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += host[i].vouched ? siphash(key, host[i].name, strlen(host[i].name)) : 0;
    return (uint32_t)(sum ^ sum >> 32);
}

static char *copy(const char *z)
{
    char *c = z ? strdup(z) : NULL;
    must(!z || c);
    return c;
}

static struct tls_tlsa *copy_tlsa(const struct route_host *h)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < h->tlsas; i++)
        bytes += h->tlsa[i].n;
    struct tls_tlsa *t = h->tlsas ? malloc(h->tlsas * sizeof *t + bytes) : NULL; /* with their data behind them */
    must(!h->tlsas || t);
    uint8_t *data = t ? (uint8_t *)(t + h->tlsas) : NULL;
    for (unsigned i = 0; i < h->tlsas; i++) {
        t[i] = h->tlsa[i];
        t[i].data = memcpy(data, h->tlsa[i].data, h->tlsa[i].n);
        data += h->tlsa[i].n;
    }
    return t;
}

struct route *route_make(const struct route *shape, const struct route_host *hosts, unsigned n)
{
    struct route *r = calloc(1, sizeof *r);
    must(r);
    *r = *shape;
    atomic_init(&r->refs, 1);
    r->domain = copy(shape->domain ? shape->domain : "");
    r->site = copy(shape->site);
    r->login = copy(shape->login);
    r->password = copy(shape->password);
    r->maildir = copy(shape->maildir);
    r->hosts = n;
    r->host = calloc(n + 1, sizeof *r->host);
    must(r->host);
    for (unsigned i = 0; i < n; i++) {
        r->host[i] = hosts[i];
        r->host[i].name = copy(hosts[i].name);
        r->host[i].tlsa_base = copy(hosts[i].tlsa_base);
        r->host[i].tlsa = copy_tlsa(&hosts[i]);
    }
    r->policy = policy_number(r->host, n);
    r->voucher = voucher_number(r->host, n);
    return r;
}

size_t route_bytes(const struct route *r)
{
    size_t n = sizeof *r + strlen(r->domain) + (r->hosts + 1) * sizeof *r->host;
    for (unsigned i = 0; i < r->hosts; i++) {
        const struct route_host *h = &r->host[i];
        n += strlen(h->name) + h->tlsas * sizeof *h->tlsa;
        for (unsigned k = 0; k < h->tlsas; k++)
            n += h->tlsa[k].n;
    }
    return n;
}

struct route *route_ref(struct route *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void route_free(struct route **route)
{
    struct route *r = *route;
    *route = NULL;
    if (!r || atomic_fetch_sub(&r->refs, 1) > 1)
        return;
    for (unsigned i = 0; i < r->hosts; i++) {
        free((char *)(uintptr_t)r->host[i].name);
        free((char *)(uintptr_t)r->host[i].tlsa_base);
        free(r->host[i].tlsa);
    }
    free(r->host);
    free((char *)(uintptr_t)r->domain);
    free((char *)(uintptr_t)r->site);
    free((char *)(uintptr_t)r->login);
    free((char *)(uintptr_t)r->password);
    free((char *)(uintptr_t)r->maildir);
    free(r);
}
