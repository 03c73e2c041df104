/* smtp_in: the SMTP server as a machine without sockets and clocks. It eats a client's bytes and yields replies and requests;
 * what takes time (TLS, a password, the log) is answered later, and until then it eats nothing. Private to the room.
 *
 * Phases:   COMMAND -> AUTH -> COMMAND          a login in several lines
 *           COMMAND -> DATA -> BUSY -> COMMAND  content, then the log's answer
 *           COMMAND -> BDAT -> COMMAND          one chunk; the last one -> BUSY
 *           COMMAND -> TLS -> COMMAND           smtp_in_secured; everything known is forgotten (RFC 3207 4.2)
 *           any -> OVER                         421 or QUIT was said: close when the replies are written */
#pragma once

#include "accept/accept.h"
#include "accept/scram.h"
#include "mail/command.h"
#include "mail/dot.h"

enum { SMTP_OUT_MAX = 32 * 1024 };
enum smtp_phase { SMTP_COMMAND, SMTP_AUTH, SMTP_DATA, SMTP_BDAT, SMTP_BUSY, SMTP_TLS, SMTP_OVER };
enum auth_step { AUTH_PLAIN, AUTH_LOGIN_NAME, AUTH_LOGIN_PASSWORD, AUTH_SCRAM_FIRST, AUTH_SCRAM_FINAL, AUTH_SCRAM_END };

/* How a login ended, as the driver found out. */
enum login_verdict { LOGIN_GOOD, LOGIN_WRONG, LOGIN_BLOCKED, LOGIN_OVERLOADED, LOGIN_SUSPENDED, LOGIN_TOO_MANY };

struct smtp_in_hooks {
    void (*start_tls)(void *ctx);
    /* Check a password / a login proven (or not) by SCRAM: answered by smtp_in_login. The views are valid during the call. */
    void (*password)(void *ctx, struct str login, struct str password);
    void (*proven)(void *ctx, struct str login, bool good);
    /* A complete message: answered by smtp_in_answer. */
    void (*submit)(void *ctx, struct submission *s);
    const char *(*ready)(void *ctx, int *code, struct enhanced *enhanced);
    /* `more` further bytes of content are to be held (negative: let go); false: there is no room. */
    bool (*memory)(void *ctx, int64_t more);
    void (*event)(void *ctx, enum accept_event_kind kind, struct str login, const char *text);
};

/* A transaction: from MAIL to the end of the content. Its memory is taken at MAIL and given up at its end. */
struct transaction {
    struct arena arena;
    struct envelope envelope;
    uint32_t rcpt_cap, overshoot; /* overshoot: recipients beyond the bound */
    uint32_t returns;             /* recipients that are return paths of ours */
    struct content *content;
    int64_t counted;   /* bytes of it that the driver was asked for */
    uint64_t declared; /* SIZE= */
    struct dot_decoder dot;
    uint64_t chunk_left; /* BDAT: octets of this chunk still to come */
    bool open, chunked, last_chunk;
    int refused; /* code of the reply that the content gets; 0: none yet */
    struct enhanced refused_enhanced;
    const char *refused_text;
};

struct smtp_in {
    const struct accept_settings *settings; /* in force; changes between commands */
    const struct smtp_in_hooks *hooks;
    void *ctx;
    struct buf *out; /* replies, for the driver to send */
    enum door door;
    enum smtp_phase phase;
    bool trusted, tls, extended, skipping;
    struct str client_ip;  /* the driver's */
    struct str tls_cipher; /* the driver's, static; "" in the clear */
    struct arena arena;    /* helo, account: until the session or its identity ends */
    struct str helo, account, login, stream;
    unsigned errors, transactions;
    enum auth_step auth_step;
    struct buf auth_name; /* LOGIN: the name, until the password comes */
    struct scram scram;
    struct transaction t;
    uint64_t bytes;    /* of content, for the statistics */
    uint64_t contents; /* begun so far; the chunks of a message are one */
    int64_t wall_ms;   /* now, set by the driver before feeding */
};

void smtp_in_init(struct smtp_in *m, const struct accept_settings *s, enum door door, bool trusted, const struct smtp_in_hooks *h,
                  void *ctx, struct buf *out);
void smtp_in_done(struct smtp_in *m);
/* Says the greeting. */
void smtp_in_greet(struct smtp_in *m);
/* Eats bytes; returns how many. Stops early when an answer is awaited, the session is over, or SMTP_OUT_MAX bytes of replies wait
 * to be taken away. */
size_t smtp_in_feed(struct smtp_in *m, const char *p, size_t n);
void smtp_in_secured(struct smtp_in *m);
void smtp_in_login(struct smtp_in *m, enum login_verdict v, const struct credential *c);
void smtp_in_answer(struct smtp_in *m, int code, struct enhanced enhanced, const char *text);
/* Says a last reply (421 ...) and is over. */
void smtp_in_quit(struct smtp_in *m, int code, struct enhanced enhanced, const char *text);

/* smtp_say.c: for the machine's own files */
void smtp_say(struct smtp_in *m, int code, struct enhanced enhanced, const char *text);
void smtp_refuse(struct smtp_in *m, int code, struct enhanced enhanced, const char *text); /* says, and counts an error */
/* smtp_auth.c */
void smtp_auth_begin(struct smtp_in *m, struct str rest);
void smtp_auth_line(struct smtp_in *m, struct str line);
void smtp_auth_stop(struct smtp_in *m); /* ends an exchange, whatever came of it */
bool smtp_auth_offered(const struct smtp_in *m);
/* smtp_return.c: may the recipient, at a return path of ours, be taken? It may become another: the server's postmaster. */
bool smtp_return_allowed(struct smtp_in *m, struct str local, struct rcpt *r);
/* smtp_mail.c: the transaction */
void smtp_mail(struct smtp_in *m, struct str rest);
void smtp_rcpt(struct smtp_in *m, struct str rest);
void smtp_data(struct smtp_in *m, struct str rest);
void smtp_bdat(struct smtp_in *m, struct str rest);
size_t smtp_content(struct smtp_in *m, const char *p, size_t n);
void smtp_forget(struct smtp_in *m); /* ends the transaction */
#define ENHANCED(a, b, c) ((struct enhanced){(a), (b), (c)})
