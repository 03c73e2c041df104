/* canon: the canonical forms of RFC 6376 3.4, hashed as they come about. Shared by signing and verifying, DKIM and ARC. */
#pragma once

#include "verify/view.h"

#include <openssl/evp.h>

/* Hashes the body's canonical form. limit: bytes of it at most (l=; UINT64_MAX: all). Returns how many bytes the whole form has.
 */
uint64_t canon_body(EVP_MD_CTX *md, struct str body, bool relaxed, uint64_t limit);

/* Hashes one field (raw, with its name; newline or not). last: without a newline at its end. */
void canon_field(EVP_MD_CTX *md, struct str raw, bool relaxed, bool last);

/* Hashes the fields that a list such as h= names, parted by colons: for each name the lowest that is not taken yet; none left
 * counts as nothing (5.4.2). */
void canon_fields(EVP_MD_CTX *md, const struct view *v, struct str names, bool relaxed);

/* The same of a signature field, with the value of its b= left out (3.5, 3.7). */
void canon_signature(EVP_MD_CTX *md, struct str raw, bool relaxed);
