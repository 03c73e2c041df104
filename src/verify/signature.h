/* signature: what DKIM signatures, ARC message signatures and ARC seals have in common: tags, fields signed, hashes, the key.
 * Private to verify/. */
#pragma once

#include "verify/dkim.h"
#include "verify/key.h"
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
/* The same of an ARC-Seal, which names neither fields nor a body. */
const char *signature_read_seal(const struct header_field *f, struct signature *s);
void signature_done(struct signature *s);

/* What a body was hashed to so far: signatures of one message mostly ask for the same, and a large body is hashed once. */
struct body_hashes {
    unsigned n;
    struct body_hash {
        bool relaxed, sha1;
        uint64_t limit, whole;
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned bytes;
    } made[DKIM_SIGNATURES_MAX];
};
/* Is the body's hash the one it names? *ret_whole: bytes of its whole form. */
bool signature_body_good(const struct signature *s, struct str body, struct body_hashes *known, uint64_t *ret_whole);
/* Its key from DNS, of the kind that it was made with; as key_fetch. */
enum auth_result signature_key(const struct signature *s, const struct verify_dns *dns, struct arena *a, struct public_key *ret,
                               const char **why);
/* Does it hold over the fields that h= names, of the view, and itself? key fetched before. */
bool signature_holds(const struct signature *s, const struct view *v, EVP_PKEY *key);
/* Is it over that hash? */
bool signature_matches(const struct signature *s, EVP_PKEY *key, const unsigned char *hash, unsigned n);
