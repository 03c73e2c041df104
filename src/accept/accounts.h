/* accounts: who may log in, as an immutable snapshot that the engine holds in memory.
 *
 * The snapshot is a text file written by `goniec account` (and later by the office) next to the database, replaced by
 * rename. One credential a line, tab-separated: login, account, kind, secret, stream, sessions_max, status, language
 * (may lack: the server's). Kinds:
 *   key     a generated secret: "key$<salt hex>$<HMAC-SHA-256 hex>": 160 random bits need no slow hash
 *   argon2  libsodium's "$argon2id$..." string: a password that a person chose
 *   scram   "scram-sha-256$<iterations>$<salt b64>$<stored key b64>$<server key b64>" may follow after a space in `secret`
 *           for either kind, so that SCRAM-SHA-256 works without the clear password
 * status: active or "suspended: reason". */
#pragma once

#include "lib/fault.h"
#include "lib/str.h"

enum { SCRAM_SALT = 16, SCRAM_ROUNDS = 4096 /* RFC 7677 4 */ };

enum account_status { ACCOUNT_ACTIVE, ACCOUNT_SUSPENDED };

struct credential {
    struct str login, account, stream, reason;
    struct str language;           /* of notifications to its senders: as the setting of that name; "": the server's */
    struct str key_salt, key_hash; /* raw bytes; empty unless kind key */
    const char *argon2;            /* NUL-terminated; NULL unless kind argon2 */
    struct str scram_salt, scram_stored, scram_server; /* raw; empty without SCRAM */
    uint32_t scram_iterations;
    uint32_t sessions_max; /* 0: the listener's default */
    enum account_status status;
};

struct accounts; /* immutable; counted */

/* Reads the file; a missing file is an empty snapshot. A bad line fails with "file:line: ...". */
bool accounts_load(struct accounts **ret, const char *path, struct fault *f);
struct accounts *accounts_ref(struct accounts *a);
void accounts_free(struct accounts **a);
/* Exact match on the login; NULL if there is none. */
const struct credential *accounts_find(const struct accounts *a, struct str login);
/* One whose password takes the slow hash; NULL if there is none. */
const struct credential *accounts_slow(const struct accounts *a);

/* For writers: derive what a line's `secret` holds. Each appends to b. Strong randomness inside.
 * secret_generate: a new 160-bit secret as 32 base32 characters. */
struct buf;
void secret_generate(char out[33]);
void secret_encode_key(struct str secret, struct buf *b);
bool secret_encode_argon2(struct str password, struct buf *b, struct fault *f); /* slow: ~0.1 s, 64 MiB */
void secret_encode_scram(struct str password, struct buf *b);
/* Checks a clear password against a credential: key kind at once, argon2 slow (call it off the loop). Constant time. */
bool credential_check(const struct credential *c, struct str password);
