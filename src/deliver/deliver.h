/* deliver: mail out. The SMTP and LMTP client and the Maildir writer: takes an attempt (some recipients of one message, a
 * route), talks, and yields an outcome with a verdict-ready reply for each recipient. Connections are kept and reused per
 * pool (of one site). One instance per worker, on its loop. */
#pragma once

#include "lib/chore.h"
#include "lib/loop.h"
#include "mail/content.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "route/route.h"

struct deliver;

/* Where we speak from. */
struct source {
    struct str name;
    struct sockaddr_storage addr4, addr6; /* ss_family AF_UNSPEC: any */
    struct str ehlo;                      /* A-labels */
};

struct deliver_settings {
    uint32_t connect_timeout_ms, banner_timeout_ms, command_timeout_ms, data_timeout_ms, body_block_timeout_ms,
        body_timeout_ms;        /* 30 s, then RFC 5321 4.5.3.2: 5 min, 5 min, 2 min, 3 min, 10 min */
    uint32_t idle_ms;           /* a kept connection is closed after */
    uint32_t idle_max;          /* kept connections in all: beyond, the one that waited longest is closed */
    uint32_t hosts_max;         /* addresses tried in one attempt: 5 */
    bool chunking;              /* use BDAT where offered */
    struct str tls_trusted_pem; /* authorities whose certificates are good; "": the system's. Read when the instance is opened */
};

/* One try of some recipients of one message. The caller keeps it and all it points to until done. */
struct attempt {
    const struct envelope *envelope;
    struct content *content;
    const uint32_t *rcpt; /* indexes into the envelope */
    uint32_t rcpts;
    struct str return_path; /* said in MAIL FROM instead of the envelope's sender; "" : that one */
    struct route *route;
    const struct source *source;
    uint64_t pool; /* connections are reused among attempts with equal pool number, as far as their routes promise the same */
    uint32_t messages_per_connection;
    uint32_t number; /* for the story: 1, 2, ... */
    /* Called once, never from within deliver_start. The outcome (verdicts not yet filled; status set by first digit:
     * DELIVERED, DEFERRED, FAILED) is valid during the call. reached: some host could be talked to.
     * relayed_dsn: the next hop took over the DSN duty (offered DSN), so none of ours is due for SUCCESS. */
    void (*done)(void *ctx, struct attempt *a, const struct outcome *o, bool reached, bool relayed_dsn);
    void *ctx;
    void *talk; /* deliver's own, while under way */
};

bool deliver_open(struct deliver **ret, struct loop *l, struct chore_pool *chores, const struct deliver_settings *s,
                  struct fault *f);
void deliver_settings_use(struct deliver *d, const struct deliver_settings *s);
void deliver_start(struct deliver *d, struct attempt *a);
/* Idle connections close; those at work finish. deliver_close cuts what remains (done is called with DEFERRED). */
void deliver_drain(struct deliver *d);
void deliver_close(struct deliver **d);

struct deliver_stats {
    uint64_t attempts, connections, reused, delivered, deferred, failed, open, idle;
};
void deliver_stats(const struct deliver *d, struct deliver_stats *ret);
