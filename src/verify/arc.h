/* arc: does the chain of seals on a message hold? (RFC 8617 5.2.) Each server that handled it may have put a set of three fields
 * before it: what it found (ARC-Authentication-Results), a signature over the message as it then was (ARC-Message-Signature), and
 * a seal over all sets so far (ARC-Seal). */
#pragma once

#include "verify/dns.h"
#include "verify/result.h"
#include "verify/view.h"

#include <openssl/evp.h>

enum { ARC_SETS_MAX = 50 }; /* RFC 8617 4.2.1 */

struct arc_set {
    const struct header_field *results, *message, *seal; /* NULL: missing */
};
struct arc_chain {
    struct arc_set set[ARC_SETS_MAX]; /* of instance i at i - 1 */
    unsigned sets;                    /* the highest instance found; 0: no chain */
};

/* Finds the sets. NULL, or why they are no chain, a literal: then only `sets` says something. */
const char *arc_chain_read(const struct view *v, struct arc_chain *ret);

/* Hashes the sets from `first` to `last` as the seal of `last` covers them (5.1.1), but for that seal itself, which comes at the
 * end (canon_signature). */
void arc_chain_hash(const struct arc_chain *c, unsigned first, unsigned last, EVP_MD_CTX *md);

struct arc_answer {
    enum auth_result result; /* none, pass, fail; temperror: DNS gave no answer, and nothing may be concluded */
    unsigned sets;           /* the highest instance */
    struct str domain;       /* d= of the newest seal, when it passed; "" otherwise */
    struct str reason;       /* one sentence when it is neither pass nor none; "" otherwise */
};

/* Judges the chain: the newest message signature and all seals must hold. Everything in *ret lives in the arena or the message.
 */
void arc_verify(const struct view *v, const struct verify_dns *dns, struct arena *a, struct arc_answer *ret);
