/* signature: what a DKIM signature and an ARC message signature have in common: tags, fields signed, hashes, the key. Private to
 * verify/. */
#pragma once

#include "verify/dkim.h"
#include "verify/tags.h"

#include <openssl/evp.h>

enum { SIGNED_FIELDS_MAX = 500 }; /* names in h= */

struct signature {
    const struct header_field *field;
    struct tags tags;
    struct str domain, selector, algorithm, names;    /* d= s= a= h= */
    bool ed25519, sha1, relaxed_header, relaxed_body; /* sha1: looked at to tell why it does not count (RFC 8301) */
    uint64_t limit;                                   /* l=; UINT64_MAX: all */
    struct buf hash, bytes;                           /* bh= and b=, decoded */
};

/* Reads what every signature has. NULL, or what is wrong with it, a literal. signature_done in any case. */
const char *signature_read(const struct header_field *f, struct signature *s);
void signature_done(struct signature *s);

/* Is the body's hash the one it names? */
bool signature_body_good(const struct signature *s, struct str body, uint64_t *ret_whole);
/* Does it hold over the fields that h= names, of the view, and itself? key fetched before. */
bool signature_holds(const struct signature *s, const struct view *v, EVP_PKEY *key);
