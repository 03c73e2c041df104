/* trip: some jobs of one message, in one lane, on their way out and back: begun where the lane lives, settled at the message's
 * home. One allocation carries an attempt through everything. Private to the engine. */
#pragma once

#include "engine/message.h"

struct trip {
    struct post post;     /* from worker to worker */
    struct worker *begun; /* the lane's worker */
    struct message *message;
    struct lane *lane;   /* NULL: decided without an attempt */
    struct lease *lease; /* of the settings, during the attempt */
    struct job *jobs;    /* by ->next */
    struct route_ask ask;
    struct attempt attempt;
    struct log_read read;
    void (*brought)(struct trip *t); /* goes on when the letter is there */
    struct log_wait wait;
    struct buf note;       /* the encoded outcome */
    struct buf sender;     /* the return path said in MAIL FROM, if one is */
    enum dsn_kind success; /* what a sender who asked is told of a delivery: relayed, delivered, or nothing */
    uint32_t rcpts;
    uint32_t rcpt[]; /* envelope indexes of the jobs, in order */
};

struct trip *trip_new(struct worker *begun, struct lane *lane, struct job *jobs, struct message *m);
void trip_free(struct trip *t);

/* Makes the attempt ready, by the route (which it takes over), the lane's limits and the settings in force, which it holds by
 * t->lease: all but who is told of its end. t->attempt.envelope is set already, the letter is in memory. On the worker where the
 * trip began. */
void trip_attempt(struct trip *t, struct route *route);

/* What a decision says, or an attempt that did not come as far as a lane; filled into an outcome for every job of the trip. */
struct decision {
    enum outcome_status status;
    enum phase phase;
    const char *cause, *note; /* a cause's name, NULL: none; see mail/note.h */
    bool permanent;
    uint32_t attempt; /* 1, 2, ...; 0: none was made */
    int64_t next_ms;
    struct str site; /* of the lane that the job was stuck in; "": none */
};
/* Writes the note for a decision (trip_decide), or for an attempt's outcome with its consequences (trip_record); the latter gives
 * the lane's place free. Both are called on the worker where the trip began. */
void trip_decide(struct trip *t, const struct decision *d);
void trip_record(struct trip *t, const struct outcome *o, bool reached);

/* At home: the disk has no room for the bounce, so the jobs that failed did not end after all and are tried again; what else the
 * outcome says stays true and is noted, or it would be delivered twice. o was decoded from t->note, and is again. */
void trip_postpone_failed(struct trip *t, struct outcome *o, struct arena *a);

/* notify.c: the notifications that an outcome calls for (RFC 3461 5.2). True when they, if any, are in the log; false: they could
 * not be written now (the disk is full) and the outcome must not be applied. The letter must be in memory. */
bool notify_senders(struct message *m, const struct outcome *o, enum dsn_kind success,
                    void (*on_durable)(void *ctx, bool durable));
/* Might notify_senders need the letter for this outcome? */
bool notify_likely(const struct message *m, const struct outcome *o);
