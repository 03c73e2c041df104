/* fetch: MTA-STS policies over HTTPS, several at a time; RFC 8461 3.3. Private to the room.
 *
 * Host mta-sts.DOMAIN with a valid certificate for that name, no redirect, status 200, type text/plain, at most 64 KB, one
 * minute. */
#pragma once

#include "api/office.h"
#include "mail/secure.h"
#include "sts/sts.h"

struct fetcher;

/* A policy was fetched (its texts are gone afterwards), or not (NULL): what was wrong, one of FLAW_POLICY_..., and a sentence's
 * end. */
typedef void fetched_fn(void *ctx, const char *domain, const char *id, const struct sts_policy *policy, enum secure_flaw flaw,
                        const char *why);

bool fetcher_new(struct fetcher **ret, const struct office_options *o, fetched_fn *fn, void *ctx, struct fault *f);
void fetcher_free(struct fetcher **f);
/* Fetches the domain's policy sooner or later, for its record's id. One that is wanted already is not fetched twice. */
void fetcher_want(struct fetcher *f, struct str domain, struct str id);
/* Waits at most wait_ms for something to happen, and does what there is to do; fn runs from within. Returns how many policies are
 * still to come. */
unsigned fetcher_step(struct fetcher *f, int wait_ms);
