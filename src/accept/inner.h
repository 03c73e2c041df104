/* inner: what accept's driver files share. Private to the room. */
#pragma once

#include "accept/shared.h"
#include "accept/smtp_in.h"
#include "lib/stream.h"

enum { PROVEN_SLOTS = 1024 };

struct session;

struct accept_door {
    struct accept_door *next;
    struct accept *accept;
    struct watch watch;
    struct timer again; /* set: shut for a moment */
    enum door door;
};

/* A password that was right lately: spares the slow hash (argon2) for a busy client. */
struct proven {
    uint8_t digest[32];
    int64_t until_ms;
};

struct accept {
    struct loop *loop;
    struct chore_pool *chores;
    struct accept_shared *shared;
    const struct accept_settings *settings;
    const struct accept_hooks *hooks;
    void *ctx;
    struct accept_door *doors;
    struct session *sessions;
    struct accept_stats stats;
    bool draining;
    uint8_t proven_key[32];
    struct proven proven[PROVEN_SLOTS];
};

/* session.c */
void session_new(struct accept *a, int fd, enum door door);
void session_drain(struct session *s);
void session_free(struct session *s);
struct session *session_next(const struct session *s);
void session_settings_use(struct session *s); /* what it held of the settings before may go away now */

/* password.c: is it right? The answer comes by session_login, at once or later. */
void password_check(struct session *s, struct str login, struct str password);
void password_proven(struct session *s, struct str login, bool good);

/* session.c, for password.c */
struct accept *session_accept(struct session *s);
uint64_t session_address_key(const struct session *s);
uint64_t session_network_key(const struct session *s);
struct str session_ip(const struct session *s);
void session_login(struct session *s, enum login_verdict v, const struct credential *c, int64_t delay_ms);
void session_hold(struct session *s);   /* a chore has it: it is not freed until let go */
bool session_let_go(struct session *s); /* false: it had ended meanwhile, and is gone */
