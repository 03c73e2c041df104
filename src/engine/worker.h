/* worker: what one engine thread owns. Shared by the files of this folder only. */
#pragma once

#include "accept/accept.h"
#include "deliver/deliver.h"
#include "lib/chore.h"
#include "lib/slab.h"
#include "log/log.h"
#include "route/route.h"
#include "schedule/schedule.h"
#include "settings/settings.h"

#include <pthread.h>

/* The settings as one generation of the engine uses them. */
struct snapshot {
    struct snapshot *older; /* kept: sessions and attempts under way may still use it */
    struct settings *settings;
    struct accept_settings accept; /* settings->accept with tls and accounts in place */
};

struct worker_counters {
    uint64_t accepted, accepted_recipients, delivered, deferred, failed, dropped, notifications, loads;
};

struct offer;

/* Jobs on their way to one worker, gathered during a turn (flow.c). */
struct outbox {
    struct offer *first, *last;
};

struct worker {
    unsigned number;
    struct engine *engine;
    pthread_t thread;
    struct loop *loop;
    struct snapshot *snapshot;
    struct log **log; /* log[0] takes new mail; others are leftovers of a time with more workers */
    unsigned logs;
    struct accept *accept;
    struct router *router;
    struct schedule *schedule;
    struct deliver *deliver;
    struct timer tick, wake;
    struct post start, drain, stop;
    int64_t swept_ms;
    struct outbox *outbox; /* one a worker of the engine */
    bool pump_wanted, draining;
    unsigned loading;           /* letters of due jobs being read back */
    struct slab messages;       /* struct message of those whose home this is */
    uint64_t letter_bytes;      /* envelopes and contents in memory of these */
    struct buf scratch;         /* encodings; valid until the next use */
    struct message **recovered; /* id table while a log is being opened */
    size_t recovered_n, recovered_cap;
    struct worker_counters counters;
    atomic_uint sessions; /* as of the last tick, for the drain */
};

struct engine {
    struct worker *worker;
    unsigned workers;
    struct loop *loop; /* the main thread's: signals, supervisor, control socket */
    struct chore_pool *chores;
    struct accept_shared *shared;
    struct snapshot *snapshot;
    struct control *control;
    uint8_t hash_key[16]; /* which worker owns a site */
    atomic_uint trips;    /* attempts and decisions not yet settled */
};

/* One line to the operator: time, "engine", text. */
void engine_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* worker.c */
bool worker_open(struct worker *w, struct fault *f); /* opens logs and rooms; on the worker's thread */
void worker_use(struct worker *w, struct snapshot *s);
void worker_drain(struct worker *w);
void worker_close(struct worker *w);
