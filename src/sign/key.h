/* key: private keys, in files and ready to sign. Private to the room, but for what `goniec domain` needs (made and shown keys).
 */
#pragma once

#include "lib/buf.h"
#include "lib/fault.h"

#include <openssl/evp.h>

/* A key of the snapshot, with contexts that are copied for each signature: nothing is parsed or looked up while signing. */
struct sign_key {
    struct str domain, selector;
    bool ed25519;
    EVP_PKEY *pkey;           /* NULL: Ed25519 */
    EVP_PKEY_CTX *rsa;        /* prepared; NULL: Ed25519 */
    unsigned char secret[64]; /* Ed25519: as libsodium has it */
    EVP_MD *sha256;           /* borrowed from the snapshot */
};

/* Prepares a key read from a PEM file. False with a sentence; key_done in any case. */
bool key_open(struct sign_key *k, const char *path, struct fault *f);
void key_done(struct sign_key *k);

/* Makes a key (RSA-2048, RFC 8301 3.2; or Ed25519) and writes it to a file that its owner alone can read. */
bool key_make(const char *path, bool ed25519, struct fault *f);
/* The public half of a key in a file, as p= has it (RFC 6376 3.6.1, RFC 8463 4): base64, appended. */
bool key_public(const char *path, struct buf *b, struct fault *f);
