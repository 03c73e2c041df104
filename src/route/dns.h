/* dns: the resolver of a router, and whether its answers are validated (DNSSEC). Private to the room.
 *
 * Validation stands or falls with the resolver that we ask: one that hands on no signatures would make every domain of the world
 * look forged. So, unless the settings demand validation, it is tried first, with the zone of the trust anchor itself; once that
 * has validated, every answer must, until the process ends. */
#pragma once

#include "route/route.h"

#include <unbound.h>

struct dns;

/* changed: from now on dns_context gives another context than before, or one at all. say: for the operator. */
struct dns_hooks {
    void (*changed)(void *ctx);
    void (*say)(void *ctx, const char *text);
    void *ctx;
};

bool dns_open(struct dns **ret, struct loop *l, const struct route_settings *s, const struct dns_hooks *h, struct fault *f);
void dns_close(struct dns **d);
/* What to ask at present; NULL: that is being found out, or not yet. */
struct ub_ctx *dns_context(const struct dns *d);
/* Somebody has a question and nobody to ask: it is found out now, and `changed` follows within seconds. */
void dns_wake(struct dns *d);
/* Are its answers validated? */
bool dns_validates(const struct dns *d);
