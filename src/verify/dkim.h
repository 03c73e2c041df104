/* dkim: are a message's signatures good? (RFC 6376, 8301, 8463.) */
#pragma once

#include "verify/dns.h"
#include "verify/result.h"
#include "verify/view.h"

struct dkim_answer {
    enum auth_result result;
    struct str domain, selector, algorithm; /* as the signature says; "" where it cannot be read */
    struct str identity;                    /* i=, "@domain" by default */
    struct str reason;                      /* one sentence when it did not pass; "" otherwise */
    unsigned bits;                          /* of an RSA key; 0: none, or Ed25519 */
    bool testing;                           /* its owner says that it is only trying */
    bool partial;                           /* l= leaves a part of the body out */
};
enum { DKIM_SIGNATURES_MAX = 10 }; /* from the top; more are not looked at, and say so */

/* One answer a DKIM-Signature field, from the top; the array lives in the arena. Returns how many. */
unsigned dkim_verify(const struct view *v, const struct verify_dns *dns, int64_t now_s, struct arena *a,
                     struct dkim_answer **ret);
