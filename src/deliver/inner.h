/* inner: what deliver's driver files share. Private to the room. */
#pragma once

#include "deliver/smtp_out.h"
#include "lib/stream.h"
#include "lib/tls.h"

struct talk;

/* How safe a connection turned out to be, whatever was demanded: what decides whether it will do for another domain. */
struct secured {
    bool tls, verified; /* verified: chain and name */
    bool clear_by_choice;
    uint64_t tlsa_key; /* the certificate fits these TLSA records; 0: none were looked at */
};

/* One connection to a host, in conversation or kept for the pool's next message. */
struct connection {
    struct connection *next, **at;           /* all of the instance */
    struct connection *next_idle, **at_idle; /* of the kept ones: its pool's slot, */
    struct connection *older, *newer;        /* and all by age */
    struct deliver *deliver;
    struct stream *stream;
    struct smtp_out machine;
    struct talk *talk; /* NULL: kept */
    uint64_t pool;
    uint64_t promise;       /* what the route that it was opened for promises */
    struct secured secured; /* how safe it is */
    uint32_t messages;
    size_t pending;            /* to be sent when the timer was set */
    bool idle, quitting, kept; /* kept: it has carried a message before this one */
    struct timer timer;
    char host[256], ip[NET_TEXT], source_ip[NET_TEXT], ehlo[256];
    uint16_t port;
};

enum { IDLE_SLOTS = 256 };

struct deliver {
    struct loop *loop;
    struct chore_pool *chores;
    const struct deliver_settings *settings;
    struct tls_context *tls;
    struct connection *connections;
    struct connection *idle[IDLE_SLOTS]; /* by pool */
    struct connection *oldest_idle, *newest_idle;
    struct talk *talks;
    bool draining;
    struct deliver_stats stats;
};

/* An attempt under way: which hosts were tried, and what was said. */
struct talk {
    struct talk *next, **at;
    struct deliver *deliver;
    struct attempt *attempt;
    struct connection *connection;
    struct arena arena;
    int64_t began_ms, began_wall_ms;
    unsigned host; /* index of the address being tried */
    unsigned tried;
    bool reached, no_tls;
    struct outcome_line *line;
    uint32_t lines;
    char note[NOTE_MAX];  /* what went wrong last (mail/note.h) */
    struct reply refusal; /* the last host's, when the opening was refused */
    enum phase phase;
    unsigned refused_for_good;                                /* hosts whose greeting was 5xx */
    struct str seen_host, seen_ip, seen_source_ip, seen_ehlo; /* the last connection's, in the arena */
    uint16_t seen_port;
    struct post post;
    struct chore chore; /* Maildir */
    struct maildir *maildir;
    char tls_version[16], tls_cipher[64];
    bool tls_verified;
    const struct route_host *target; /* the host that is talked to, for what is demanded of it; NULL: none yet */
    struct secure secure;            /* its demand, and what the connection lacked */
    char shown[256];
    struct outcome_tls *session; /* in the arena */
    uint32_t sessions;
};

/* secure.c */
/* What this attempt demands of the host: its domain's word, and its sender's (RFC 8689). */
struct secure secure_demand(const struct attempt *a, const struct route_host *h);
/* Nothing of it may be sent to the host, whatever that shows. */
bool secure_forbids(const struct secure *s);
/* A kept connection to a host of the attempt's route that satisfies what is demanded of that host: the host; NULL: it will not
 * do. */
const struct route_host *secure_fits(const struct connection *c, const struct attempt *a);
/* Whom the TLS session is to be with. */
struct tls_peer secure_peer(const struct talk *t, const struct connection *c);
/* The handshake is done: notes how safe the connection is and what it lacks; false: nothing may be sent over it. */
bool secure_judge(struct connection *c);
/* Something keeps TLS from this host: true when that is forbidden, and the note tells it. */
bool secure_lacks(struct talk *t, const struct connection *c, enum secure_flaw flaw);
/* TLS is up, or never comes: may the message be sent to this server? Otherwise the note tells why. */
bool secure_passes(struct connection *c);
/* A TLS session began, or did not come about: for the reports to the domain. ip "": it was not even tried. */
void secure_session(struct talk *t, const struct route_host *h, const char *ip, enum secure_flaw flaw);
/* The host may not be talked to at all: the note tells why. */
void secure_forbid(struct talk *t, const struct route_host *h);

/* talk.c */
void talk_start(struct deliver *d, struct attempt *a);
void talk_next_host(struct talk *t);
void talk_line(struct talk *t, bool ours, struct str text);
void talk_remark(struct talk *t, const char *note); /* between the lines; "": none */
/* Keeps who was on the other end of a connection that goes. */
void talk_seen(struct talk *t, const struct connection *c);
/* Ends with the machine's results (m != NULL) or with one status for all. */
void talk_finish(struct talk *t, const struct smtp_out *m, enum outcome_status rest);
void talk_cut(struct talk *t);

/* connection.c */
/* A kept connection of the pool that was opened as the route asks; NULL: none. */
struct connection *connection_idle(struct deliver *d, const struct attempt *a);
void connection_open(struct talk *t, const struct route_host *h);
void connection_take(struct connection *c, struct talk *t);
void connection_close(struct connection *c);
void connection_quit(struct connection *c);

/* maildir.c */
void maildir_start(struct talk *t);
