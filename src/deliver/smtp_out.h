/* smtp_out: the SMTP and LMTP client as a machine without sockets and clocks. A row of its table says what we say, how we take
 * the reply, and whether the next command may follow at once; what was said waits in a FIFO, so reply N belongs to entry N, and
 * pipelining needs no second state. Private to the room.
 *
 *   opening:      BANNER -> EHLO [-> HELO] [-> STARTTLS -> (TLS) -> EHLO] [-> AUTH ...] -> ready
 *   transaction:  MAIL RCPT... DATA -> BODY, or MAIL RCPT... -> BDAT; then ready again, after RSET if something is left open
 *
 * Invariant: a recipient is settled exactly once; what is awaited when the connection ends settles the rest. A reply that comes
 * before the only command that it could answer has left is no reply: above all, no content is delivered before it was sent. */
#pragma once

#include "deliver/deliver.h"
#include "mail/dot.h"
#include "mail/note.h"
#include "mail/reply.h"

enum step {
    STEP_BANNER,
    STEP_EHLO,
    STEP_HELO,
    STEP_STARTTLS,
    STEP_AUTH_PLAIN,
    STEP_AUTH_LOGIN,
    STEP_AUTH_NAME,
    STEP_AUTH_PASSWORD,
    STEP_MAIL,
    STEP_RCPT,
    STEP_DATA,
    STEP_BODY,
    STEP_BDAT,
    STEP_RSET,
    STEP_QUIT,
    STEPS
};

enum capability {
    CAP_PIPELINING = 1,
    CAP_SIZE = 2,
    CAP_8BITMIME = 4,
    CAP_SMTPUTF8 = 8,
    CAP_DSN = 16,
    CAP_CHUNKING = 32,
    CAP_STARTTLS = 64,
    CAP_AUTH_PLAIN = 128,
    CAP_AUTH_LOGIN = 256,
    CAP_REQUIRETLS = 512
};

enum out_state {
    OUT_OPENING,  /* the conversation before the first transaction */
    OUT_WANT_TLS, /* the driver starts TLS, then calls smtp_out_secured */
    OUT_READY,    /* a transaction may begin */
    OUT_BUSY,     /* a transaction is under way */
    OUT_DONE,     /* it has just ended: results are whole; the driver takes them and calls smtp_out_next */
    OUT_FAILED,   /* the opening failed: `failure` says how; the connection is of no use */
    OUT_OVER,     /* the server hung up or said 421; results are whole */
};

/* Where bytes go: the driver's stream, or a test's buffer. refs stay valid until the transaction is over. */
struct smtp_out_hooks {
    void (*write)(void *ctx, const void *p, size_t n);
    void (*write_ref)(void *ctx, const void *p, size_t n);
    /* One line of the dialogue was said (ours) or heard. */
    void (*line)(void *ctx, bool ours, struct str text);
    /* Is some of what was written still here? */
    bool (*unsent)(void *ctx);
};

struct awaited {
    enum step step;
    uint32_t rcpt; /* RCPT, and BODY of LMTP: position in the attempt */
};

/* One recipient's result, by position in the attempt. */
struct result {
    bool settled, accepted;
    enum outcome_status status;
    enum phase phase;
    struct reply reply; /* text in the attempt's arena */
};

struct smtp_out {
    const struct smtp_out_hooks *hooks;
    void *ctx;
    bool lmtp, chunking, tls, no_tls;
    enum secure_level level; /* what is demanded of the connection */
    struct str ehlo;
    const char *login, *password;
    enum out_state state;
    unsigned caps;
    uint64_t size_max; /* 0: not told */
    struct reply_parser parser;
    struct awaited *await; /* ring */
    uint32_t await_at, await_n, await_cap;
    enum step next; /* to say next, within a transaction */
    bool more;      /* there is a next */
    /* the transaction */
    const struct attempt *attempt;
    struct arena *arena;
    struct result *result;
    uint32_t said_rcpts, accepted, unsettled;
    bool needs_reset;
    bool any_reply; /* to this transaction: a kept connection proved alive */
    uint64_t replies;
    /* why the opening failed, or the conversation ended */
    enum phase failure_phase;
    struct reply failure;   /* code 0: no reply, */
    enum note failure_note; /* this tells */
    struct buf failure_reply;
};

void smtp_out_init(struct smtp_out *m, const struct smtp_out_hooks *h, void *ctx);
void smtp_out_done(struct smtp_out *m);
/* Bytes came. */
void smtp_out_heard(struct smtp_out *m, const char *p, size_t n);
void smtp_out_secured(struct smtp_out *m);
/* Begins a transaction (state READY). Results live in the arena. */
void smtp_out_begin(struct smtp_out *m, const struct attempt *a, struct arena *arena);
/* After OUT_DONE: says RSET if needed; READY at once or after its reply. */
void smtp_out_next(struct smtp_out *m);
void smtp_out_quit(struct smtp_out *m);
/* The connection has ended, or time has run out: settles what is open with DEFERRED and no reply. */
void smtp_out_broken(struct smtp_out *m);
/* What is waited for: its phase, and which time-out applies. */
enum phase smtp_out_phase(const struct smtp_out *m);
enum out_wait { WAIT_BANNER, WAIT_COMMAND, WAIT_DATA, WAIT_BODY } smtp_out_wait(const struct smtp_out *m);
