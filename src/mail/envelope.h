/* envelope: who to whom, with which ESMTP parameters, and how it came in. A plain struct that every room
 * shares, with its encoding as the log keeps it.
 *
 * All views point into one arena (or, when decoded, into the decoded bytes): the message's lifetime. */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"
#include "mail/id.h"

/* RFC 3461 4.1; 0: not given (the next hop's default: FAILURE, and DELAY allowed). */
enum notify { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8 };
enum dsn_return { RET_UNSET, RET_FULL, RET_HDRS };                               /* RFC 3461 4.3 */
enum body_type { BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };                    /* RFC 6152, 3030 */
enum dsn_kind { DSN_NONE, DSN_FAILED, DSN_DELAYED, DSN_RELAYED, DSN_DELIVERED }; /* RFC 3464 2.3.3 Action */

struct rcpt {
    struct str address; /* "local@domain" as the client wrote it */
    struct str domain;  /* A-labels, lower case; or "[literal]" */
    struct str orcpt;   /* ORCPT as given, still xtext, with its type ("rfc822;..."); "" if absent */
    uint8_t notify;     /* enum notify bits */
};

struct envelope {
    struct id id;
    int64_t accepted_ms; /* wall clock */
    struct str sender;   /* "" = null sender */
    struct str envid;    /* ENVID as given (xtext); "" if absent */
    enum dsn_return ret;
    enum body_type body;
    bool smtputf8;
    bool by_dsn_aware;     /* came with any RFC 3461 parameter */
    bool requiretls;       /* RFC 8689 2: to be sent over verified TLS alone, to who passes that demand on */
    bool tls_optional;     /* RFC 8689 5: the header says "TLS-Required: No" */
    bool has_8bit;         /* content holds a byte >= 0x80 (seen while it came in) */
    struct str account;    /* name; "" for none (hosted inbound, trusted network) */
    struct str credential; /* login that was used; "" if none */
    struct str stream;     /* "transactional" unless the account says otherwise */
    struct str client_ip;  /* text; "local" for the Unix socket */
    struct str helo;
    struct str protocol;    /* "ESMTPSA", ... (RFC 3848) */
    struct str tls_cipher;  /* IANA's name; "" in the clear. For the trace header only: not kept in the log */
    struct str subject;     /* raw header value, cut to 200 bytes; for the story */
    struct str message_id;  /* header value with its brackets; "" if none */
    struct str return_path; /* name at which each recipient's bounces come back to us, instead of to the sender; "" : none */
    struct str checked;     /* what was found out about where it comes from, in the words of RFC 8601; "" if nothing was */
    uint32_t content_bytes;
    /* A DSN is a message whose acceptance is at the same time the outcome of jobs of its parent. */
    enum dsn_kind dsn;
    struct id parent;
    uint32_t parent_rcpts; /* how many entries in parent_rcpt */
    uint32_t *parent_rcpt; /* recipient indexes of the parent it speaks for */
    uint32_t rcpts;
    struct rcpt *rcpt;
};

/* Appends the encoding (versioned, little-endian, length-prefixed) to b. */
void envelope_encode(const struct envelope *e, struct buf *b);
/* Decodes; views borrow from `bytes`, arrays live in the arena. False when the bytes are not a whole envelope
 * (never reads past them). Leaves what follows the envelope in *rest. */
bool envelope_decode(struct str bytes, struct arena *a, struct envelope *ret, struct str *rest);
