/* verp: return paths of our own (variable envelope return paths). Mail of a sending domain leaves with MAIL FROM
 *
 *     bK-MESSAGE-RECIPIENT-SEAL@bounces.DOMAIN
 *
 * K is the number of a secret key, MESSAGE the id (a ULID, which holds the time), RECIPIENT its place in the envelope, SEAL a
 * truncated HMAC over all that and the name; 51 characters without regard to case, of the 64 that a local part may have
 * (RFC 5321 4.5.3.1.1). What comes back to such an address is about that recipient of that message and no other, however the mail
 * itself is worded; an address that we did not give out is refused at RCPT.
 *
 * The domains and the keys are an immutable snapshot, for the engine beside its settings and for the office. */
#pragma once

#include "lib/arena.h"
#include "lib/fault.h"
#include "mail/id.h"

struct verp;

/* Reads DIRECTORY/return-paths (verp/paths.h) and DIRECTORY/return-path-keys. Neither need exist. make_keys: a first key is made
 * when a domain needs one, and a new one when the newest is old; otherwise nothing is written. A bad line fails with
 * "file:line: ...". */
bool verp_load(struct verp **ret, const char *directory, int64_t now_s, bool make_keys, struct fault *f);
struct verp *verp_ref(struct verp *v);
void verp_free(struct verp **v);

/* Is it a return path of ours (A-labels, lower case)? Also for a while after its use has ended. NULL hosts nothing. */
bool verp_hosts(const struct verp *v, struct str domain);
/* Is there any in use? */
bool verp_gives(const struct verp *v);
/* The return path for mail that shows the author's domain (or its nearest parent that has one): "bounces.DOMAIN", in the arena.
 * As with signing keys, one that belongs to an account serves that account, and mail without one. False: there is none. */
bool verp_path_for(const struct verp *v, struct str author, struct str account, struct arena *a, struct str *ret);

/* Who it is about. */
struct verp_token {
    struct id message;
    uint32_t rcpt;
};

/* An address has at most 254 octets (RFC 5321 4.5.3.1.3). */
enum { VERP_LOCAL = 51, VERP_PATH_MAX = 254 - VERP_LOCAL - 1, VERP_ADDRESS = 255, VERP_RCPTS_MAX = 1 << 20 };

/* Writes the address for a recipient, NUL-terminated; false when `path` is no return path of ours (any more) or too long, or the
 * recipient's place is past the bound. */
bool verp_address(const struct verp *v, struct verp_token t, struct str path, char out[VERP_ADDRESS]);

/* What an address at a return path is for. */
enum verp_use {
    VERP_NOBODY,      /* no address that we gave out or publish */
    VERP_FORGED,      /* the form of a token, but its seal is not ours */
    VERP_OLD,         /* ours, from too long ago */
    VERP_RETURN,      /* ours: about *ret */
    VERP_COMPLAINTS,  /* fbl@: where feedback loops are told to send (RFC 5965) */
    VERP_DMARC,       /* dmarc@: aggregate reports (RFC 9990) */
    VERP_TLS_REPORTS, /* tls-reports@ (RFC 8460) */
    VERP_POSTMASTER,  /* postmaster@, abuse@: a person's (RFC 5321 4.5.1, RFC 2142) */
};
/* Judges local@domain. age_max_ms: how long after the message was accepted its addresses are taken. */
enum verp_use verp_read(const struct verp *v, struct str local, struct str domain, int64_t now_ms, int64_t age_max_ms,
                        struct verp_token *ret);
/* The first address of ours in a text (VERP_RETURN, whatever its age): complaints quote the mail they are about. */
bool verp_find(const struct verp *v, struct str text, struct verp_token *ret);
