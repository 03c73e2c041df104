/* tls: how many TLS sessions with whom went how, by UTC day and domain, for the reports to the domains (RFC 8460). */
#pragma once

#include "mail/outcome.h"
#include "store/store.h"

/* What is counted; day: days since 1970, UTC. */
struct store_tls {
    int64_t day;
    struct str domain, source_ip;
    struct outcome_tls session;
    uint64_t n;
};

/* Counts one (n is not looked at). */
bool store_tls_add(struct store *s, const struct store_tls *t, struct fault *f);
/* The next domain of the oldest day before that day, behind *day and *domain (0 and "" to begin with), which it replaces; false:
 * there is none. The domain is in the arena. */
bool store_tls_next(struct store *s, int64_t before_day, struct arena *a, int64_t *day, struct str *domain);
/* All that is counted for a domain on a day, sorted by whose policy, its text, and host. Views are valid during the call. */
void store_tls_each(struct store *s, int64_t day, struct str domain, void (*fn)(void *ctx, const struct store_tls *t), void *ctx);
bool store_tls_drop(struct store *s, int64_t day, struct str domain, struct fault *f);
