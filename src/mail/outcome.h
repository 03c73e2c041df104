/* outcome: how one attempt (or a refusal, an expiry, an operator's decision) ended for some jobs of a message: the
 * second kind of line in a message's story. A value: the log keeps its encoding, the office projects it. */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"
#include "mail/id.h"
#include "mail/reply.h"
#include "mail/secure.h"

/* What became of a job. The first three end it. */
enum outcome_status {
    OUTCOME_DELIVERED = 1, /* the receiver took responsibility */
    OUTCOME_FAILED,        /* for good: bounced */
    OUTCOME_DROPPED,       /* an operator removed it, or the recipient is suppressed: no bounce */
    OUTCOME_DEFERRED,      /* stays; next_ms says when it is tried again */
    OUTCOME_HELD,          /* stays until released */
    OUTCOME_RELEASED,      /* made due now by an operator (retry, release) */
};

/* At which step of the conversation it was decided (for the verdict and the story). */
enum phase {
    PHASE_NONE,
    PHASE_DNS,
    PHASE_CONNECT,
    PHASE_BANNER,
    PHASE_EHLO,
    PHASE_STARTTLS,
    PHASE_TLS,
    PHASE_AUTH,
    PHASE_MAIL,
    PHASE_RCPT,
    PHASE_DATA,
    PHASE_BODY,
    PHASE_QUIT,
    PHASE_LOCAL,
};
const char *phase_name(enum phase p); /* "MAIL FROM", "after the content", ...; never NULL */

/* Why, as understood: the cause's stable name and how sure we are. Filled by explain/. */
enum whose {
    WHOSE_UNKNOWN,
    WHOSE_RECIPIENT,
    WHOSE_SENDER_CONTENT,
    WHOSE_SENDER_AUTH,
    WHOSE_SENDER_REPUTATION,
    WHOSE_SENDER_VOLUME,
    WHOSE_RECEIVER,
    WHOSE_NETWORK,
    WHOSE_US
};
/* What follows from it. */
enum action {
    ACTION_RETRY,        /* try again later, as scheduled */
    ACTION_STOP,         /* no more tries for this recipient */
    ACTION_SLOW_DOWN,    /* try again, and send to this receiver more slowly */
    ACTION_PAUSE_LANE,   /* our address is mistrusted there: let its mail wait and tell the operator */
    ACTION_OTHER_SOURCE, /* the same, but another of our addresses may do */
    ACTION_SUPPRESS,     /* stop, and send to this address no more */
};
struct verdict {
    struct str cause; /* "user-unknown", "greylisted", ...; "" for a delivery */
    enum whose whose;
    bool permanent;
    uint8_t confidence; /* 0..100 */
    enum action action;
    struct str rule; /* what it was concluded from: "postfix/user-unknown", "code/550"; "" for a delivery */
};

const char *whose_name(enum whose w);   /* "recipient", "sender-content", ...; never NULL */
const char *action_name(enum action a); /* "suppress", "slow-down", ...; never NULL */

/* One recipient's part. */
struct outcome_rcpt {
    uint32_t rcpt; /* index in the envelope */
    enum outcome_status status;
    enum phase phase;
    struct reply reply; /* the reply that decided it; code 0 when none (network, local) */
    struct verdict verdict;
    int64_t next_ms; /* wall clock of the next try (DEFERRED) */
};

/* One line of the conversation as kept for the story. */
struct outcome_line {
    uint32_t at_ms;  /* since the attempt began */
    bool ours;       /* what we said; otherwise what they said */
    struct str text; /* one line, no CRLF; our AUTH data replaced by "***"; in brackets: a remark (mail/note.h) */
};

/* A TLS session with a receiving host, or one that did not come about: what the domain is told of in reports (RFC 8460 4.3). */
struct outcome_tls {
    struct str host, ip;   /* ip "": not even tried */
    enum secure_by by;     /* whose policy it was judged by; BY_NOBODY: the domain has none */
    enum secure_flaw flaw; /* FLAW_NONE: it satisfied the policy */
    struct str policy;     /* BY_DANE: its records, as in a zone file, a line each */
};

struct outcome {
    struct id id;     /* the message */
    int64_t at_ms;    /* wall clock */
    uint32_t attempt; /* 1, 2, ...; 0 for decisions without an attempt */
    uint32_t took_ms;
    struct str host, ip; /* the server talked to; "" if none was reached */
    uint16_t port;
    struct str source_ip, ehlo;         /* how we appeared */
    struct str tls_version, tls_cipher; /* "" in the clear */
    bool tls_verified;
    struct secure secure; /* what was demanded of the connection to `host`, and by whom */
    struct str domain;    /* of the recipients, when its own mail hosts were tried; "" otherwise */
    uint32_t sessions;
    struct outcome_tls *session; /* those that began in this attempt; bounded to OUTCOME_SESSIONS_MAX */
    struct str note; /* what we noticed or decided ourselves (mail/note.h), for those whom no reply decided about; "" otherwise */
    struct str site; /* the lane's, when some recipient was not delivered: who the servers are, also if none answers */
    uint32_t rest_s; /* for so long nothing more goes to this receiver because of it; 0: what waits goes on */
    uint32_t lines;
    struct outcome_line *line; /* the dialogue; bounded to OUTCOME_LINES_MAX lines */
    uint32_t rcpts;
    struct outcome_rcpt *rcpt;
};
enum { OUTCOME_LINES_MAX = 64, OUTCOME_SESSIONS_MAX = 8 };

/* Appends the encoding to b / decodes from bytes (views borrow from bytes, arrays in the arena); false when the
 * bytes are not a whole outcome. */
void outcome_encode(const struct outcome *o, struct buf *b);
bool outcome_decode(struct str bytes, struct arena *a, struct outcome *ret);
