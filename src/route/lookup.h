/* lookup: one domain's way from a question to a route: MX, then the hosts' addresses, then the decision. Private to the room. */
#pragma once

#include "route/route.h"

#include <unbound.h>

enum { HOSTS_MAX = 30, ADDRESSES_MAX = 60 };

struct lookup;

struct lookup_way {
    struct ub_ctx *dns;
    struct loop *loop;
    const struct route_settings *const *settings; /* those in force at any time */
    uint64_t *random;                             /* state of a small generator, for the shuffle among equals */
    /* The end: a route (one reference, the receiver's) or trouble; ttl_s says how long it holds. The lookup is gone afterwards.
     */
    void (*done)(void *ctx, struct route *route, const struct route_trouble *t, uint32_t ttl_s);
    void *ctx;
};

/* Asks for the mail hosts of a domain (A-labels). */
void lookup_mx(const struct lookup_way *way, const char *domain);
/* Asks for the addresses of one fixed host of a rule; `shape` gives kind, site, TLS and login of the route to be. */
void lookup_host(const struct lookup_way *way, const char *host, uint16_t port, const struct route *shape);

/* Makes a route from parts; strings are copied. */
struct route *route_make(const struct route *shape, const struct route_host *hosts, unsigned n);
