/* scram: the server's half of SCRAM-SHA-256 (RFC 5802, 7677), as text in and text out. Private to the room. */
#pragma once

#include "accept/accounts.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/secret.h"

struct scram {
    struct arena arena;
    struct str login, nonce, first_bare, server_first; /* in the arena */
    struct str gs2;
    struct accounts *accounts;           /* held: new ones may come before the exchange ends */
    const struct credential *credential; /* NULL: unknown, everything goes on as if */
};

/* Client's first message: answers with server-first in out. key: this server's secret, of which the salts of unknown logins are
 * made. False: malformed, or channel binding is asked for. */
bool scram_first(struct scram *s, struct str client, struct accounts *a, const uint8_t key[SECRET_BYTES], struct buf *out);
/* Client's final message: true when the proof is right; then out has the server's signature. */
bool scram_final(struct scram *s, struct str client, struct buf *out);
void scram_done(struct scram *s);
