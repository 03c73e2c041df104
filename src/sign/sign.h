/* sign: signatures on what leaves here: DKIM (RFC 6376, 8301, 8463), and what a successor or a seal is made with.
 *
 * The domains are an immutable snapshot with their keys parsed; the engine holds one beside its settings. Whoever signs first
 * asks which keys are due (struct sign_with), then has them sign; keys and snapshot may be used by many threads at once. */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/fault.h"
#include "mail/content.h"

/* What becomes of a submission whose domain has no key here. */
enum sign_unknown { SIGN_UNKNOWN_PASS, SIGN_UNKNOWN_OWN, SIGN_UNKNOWN_REFUSE };

struct sign_settings {
    enum sign_unknown unknown;
    struct str domain; /* the server's own; for notifications, SIGN_UNKNOWN_OWN and `platform` */
    bool platform;     /* a second signature, of the own domain, on every submission */
    bool seal;         /* the own domain seals what comes in from others and goes on (sign/seal.h) */
};

struct domains;

/* Reads the index in `directory` (sign/index.h) and the keys that are in use. No directory or no index: no domains. A key that
 * cannot be read fails with its file's name. */
bool domains_load(struct domains **ret, const char *directory, struct fault *f);
struct domains *domains_ref(struct domains *d);
void domains_free(struct domains **d);

/* What a message is signed with: a signature a key, in this order from the top. Borrowed from the snapshot. */
struct sign_key;
enum { SIGN_KEYS_MAX = 6 };
struct sign_with {
    const struct sign_key *key[SIGN_KEYS_MAX];
    unsigned n;
};

/* Adds, if they are not there, the keys in use of the domain (A-labels, lower case) or of its nearest parent that has any. A
 * domain that belongs to an account signs for that account alone, and for mail without an account (`account` ""). False: there is
 * none. */
bool sign_with_domain(struct sign_with *w, const struct domains *d, struct str domain, struct str account);

/* Puts a DKIM-Signature a key before the message (held by the caller alone). The fields of signed_fields (fields.c) are signed,
 * the body is hashed once. now_s: seconds since 1970, for t=. */
void sign_message(struct content **c, const struct sign_with *w, int64_t now_s);

/* The bytes of a signature over a SHA-256 hash, as DKIM and ARC have it: RSASSA-PKCS1-v1_5, or PureEdDSA over the hash (RFC 8463
 * 3). Appended to b. */
void sign_hash(const struct sign_key *k, const unsigned char hash[32], struct buf *b);
