/* key: public keys in DNS (RFC 6376 3.6, RFC 8463). Private to verify/. */
#pragma once

#include "verify/dns.h"
#include "verify/result.h"

#include <openssl/evp.h>

struct public_key {
    EVP_PKEY *pkey; /* the caller's: EVP_PKEY_free */
    bool ed25519;
    unsigned bits;
    bool testing;  /* t=y */
    bool strict;   /* t=s: the identity's domain must be the signature's own */
    bool for_mail; /* s= allows e-mail */
    bool sha256;   /* h= allows it */
};

/* Fetches SELECTOR._domainkey.DOMAIN. AUTH_PASS: *ret is set; otherwise how it ended, and why as a literal. */
enum auth_result key_fetch(const struct verify_dns *dns, struct str selector, struct str domain, struct arena *a,
                           struct public_key *ret, const char **why);
