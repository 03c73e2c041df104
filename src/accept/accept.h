/* accept: mail in. The SMTP server: who are you, may you, is it well-formed; and the one door (submit) behind which a
 * message is handed over. One instance per worker; everything on that worker's loop. */
#pragma once

#include "accept/accounts.h"
#include "lib/chore.h"
#include "lib/loop.h"
#include "lib/net.h"
#include "lib/secret.h"
#include "lib/tls.h"
#include "mail/content.h"
#include "mail/envelope.h"
#include "mail/reply.h"
#include "verp/verp.h"

struct accept;

enum door {
    DOOR_MX,          /* 25: from anyone, only to hosted domains; no AUTH */
    DOOR_SUBMISSION,  /* 587: STARTTLS and AUTH required, then to anywhere */
    DOOR_SUBMISSIONS, /* 465: TLS from the first byte, AUTH required */
    DOOR_LOCAL,       /* the Unix socket for sendmail: trusted by peer credentials */
};

struct accept_settings {
    struct str hostname; /* greeting, Received, EHLO reply */
    struct str *hosted;  /* domains accepted on DOOR_MX: A-labels, lower case, sorted */
    size_t hosted_n;
    const struct verp *returns; /* return paths of ours, whose addresses are judged at RCPT; NULL: none */
    uint32_t return_age_s;      /* how long after a message was accepted its addresses are taken */
    struct cidr *trusted;       /* networks that relay without AUTH (and without TLS) */
    size_t trusted_n;
    struct cidr *proxies; /* networks whose PROXY header is required and believed */
    size_t proxies_n;
    struct tls_context *tls; /* NULL: STARTTLS is not offered */
    struct accounts *accounts;
    uint8_t login_key[SECRET_BYTES]; /* this server's, the same at each start: what unknown logins are answered with */
    uint32_t sessions_max, sessions_per_ip_max, sessions_per_account_max; /* in this worker / exact / exact */
    uint32_t message_bytes_max, recipients_max;
    uint32_t errors_max, transactions_max; /* per session, then 421 */
    uint64_t memory_max;                   /* bytes of content being received at once in this worker, then 452 4.3.1 */
    uint32_t greeting_wait_ms, command_timeout_ms, data_timeout_ms /* between reads */, data_total_ms, auth_total_ms;
    uint32_t hops_max;                         /* Received headers: 100 */
    bool fix_bare_newlines;                    /* normalise instead of refusing */
    uint32_t auth_failures_max, auth_block_ms; /* per IP and per account within auth_block_ms */
};

/* A finished message on its way to the log. The receiver takes over arena and content (by moving both out) and in time
 * calls submission_answer exactly once, on the same thread. */
struct submission {
    struct arena arena;       /* holds everything the envelope points to */
    struct envelope envelope; /* complete, id and accepted_ms set */
    struct content *content;  /* as the client sent it, dot-unstuffed, CRLF lines, with headroom */
    bool authorised;          /* logged in, from a trusted network or the local socket: a submission (RFC 6409) */
    uint64_t client;          /* a number for the address that it came from (IPv6: its /64) */
    void *session;            /* the accept room's */
};
/* Answers the client: code 250 with the id in the text, or 4xx/5xx. text is copied. Safe when the client has gone. */
void submission_answer(struct accept *a, void *session, int code, struct enhanced enhanced, const char *text);

/* Something the operator and the story should know that is not a message. Views are valid during the call. */
enum accept_event_kind { ACCEPT_AUTH_FAILED, ACCEPT_AUTH_BLOCKED, ACCEPT_REFUSED, ACCEPT_BOUND_HIT };
struct accept_event {
    enum accept_event_kind kind;
    struct str ip, login, text; /* text: one sentence, e.g. "the password ends with a space" (never the password) */
};

struct accept_hooks {
    void (*submit)(void *ctx, struct submission *s);
    /* May new mail come in now? Called at MAIL FROM. NULL: yes; else a reply text, with *code and *enhanced set (452 4.3.1). */
    const char *(*ready)(void *ctx, int *code, struct enhanced *enhanced);
    void (*event)(void *ctx, const struct accept_event *e);
};

/* Settings and what they point to must outlive the instance or the next accept_settings_use. Shared counters (per IP,
 * per account, auth failures) live in `shared`, one for all workers. */
struct accept_shared;
struct accept_shared *accept_shared_new(void);
void accept_shared_free(struct accept_shared **s);

bool accept_open(struct accept **ret, struct loop *l, struct chore_pool *chores, struct accept_shared *shared,
                 const struct accept_settings *s, const struct accept_hooks *h, void *ctx, struct fault *f);
/* Serves a listening socket (already bound and listening; owned by the caller). */
bool accept_listen(struct accept *a, int fd, enum door door, struct fault *f);
/* New sessions and new transactions follow the new settings; sessions under way keep going. */
void accept_settings_use(struct accept *a, const struct accept_settings *s);
/* Stops listening; idle sessions get 421, those in a transaction finish it first. */
void accept_drain(struct accept *a);
void accept_close(struct accept **a);

struct accept_stats {
    uint64_t connections, sessions, messages, refused, auth_failures, bytes, memory;
};
void accept_stats(const struct accept *a, struct accept_stats *ret);
