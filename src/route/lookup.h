/* lookup: one domain's way from a question to a route: MX, then the hosts' addresses, their TLSA records and the domain's MTA-STS
 * record, then the decision. Private to the room. */
#pragma once

#include "route/route.h"

#include <unbound.h>

enum { HOSTS_MAX = 30, ADDRESSES_MAX = 60 };

struct lookup;

/* Lookups that wait for an MTA-STS policy, by ->next_waiter. */
struct lookup_waiters {
    struct lookup *first;
    unsigned n;
};

struct lookup_way {
    struct ub_ctx *dns;
    bool validates; /* its answers are, so TLSA records are worth asking for */
    struct loop *loop;
    const struct route_settings *const *settings; /* those in force at any time */
    const struct route_hooks *hooks;
    struct sts_list *const *policies; /* those in force at any time */
    struct lookup_waiters *waiters;
    uint64_t *random; /* state of a small generator, for the shuffle among equals */
    /* The end: a route (one reference, the receiver's) or trouble; ttl_s says how long it holds. The lookup is gone afterwards.
     */
    void (*done)(void *ctx, struct route *route, const struct route_trouble *t, uint32_t ttl_s);
    void *ctx;
};

/* Asks for the mail hosts of a domain (A-labels); tls: what the settings say of it. */
void lookup_mx(const struct lookup_way *way, const char *domain, enum secure_level tls);
/* Asks for the addresses of one fixed host of a rule; `shape` gives kind, site, TLS and login of the route to be. */
void lookup_host(const struct lookup_way *way, const char *host, uint16_t port, const struct route *shape);

/* The list of policies has changed: those who wait for one look again. */
void lookup_policies_changed(struct lookup_waiters *w);
/* The router closes: they end without a word. */
void lookup_waiters_drop(struct lookup_waiters *w);

/* Makes a route from parts; all is copied. */
struct route *route_make(const struct route *shape, const struct route_host *hosts, unsigned n);
/* How much memory a route takes. */
size_t route_bytes(const struct route *r);
/* A host of a rule that demands this. */
struct secure route_demand(enum secure_level tls);
