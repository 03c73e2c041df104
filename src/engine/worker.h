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
#include "sign/sign.h"
#include "verp/verp.h"

#include <pthread.h>

/* The settings as one generation of the engine uses them. Held by the main thread while in force, and by each worker through its
 * lease. */
struct snapshot {
    atomic_uint holders;
    struct arena arena;
    struct settings *settings;
    struct accept_settings accept; /* settings->accept with tls, accounts and return paths in place */
    struct route_settings route;   /* settings->route with return paths in place */
    struct domains *domains;       /* whose mail is signed, with their keys */
    struct verp *returns;          /* return paths of ours, with their keys */
};

/* A worker's hold on a snapshot, with a plain count of its attempts that look into it: the mail path touches nothing shared. The
 * rooms let go of a snapshot when they are given the next (..._settings_use). */
struct lease {
    struct snapshot *snapshot;
    uint32_t attempts;
    bool replaced; /* by newer settings: it ends with its last attempt */
};

struct worker_counters {
    uint64_t accepted, accepted_recipients, delivered, deferred, failed, dropped, notifications, loads;
};

struct offer;

/* Jobs on their way to one worker, gathered during a turn (offer.c). */
struct outbox {
    struct offer *first, *last;
};

struct worker {
    unsigned number;
    struct engine *engine;
    pthread_t thread;
    struct loop *loop;
    struct snapshot *snapshot; /* in force: lease->snapshot */
    struct lease *lease;
    struct log **log; /* log[0] takes new mail; others are leftovers of a time with more workers */
    unsigned logs;
    struct accept *accept;
    struct router *router;
    struct schedule *schedule;
    struct deliver *deliver;
    struct timer tick, wake;
    struct post start, drain, stop;
    struct suppress_list *suppressed; /* in force here (suppressed.c) */
    int64_t swept_ms;
    struct outbox *outbox; /* one a worker of the engine */
    bool pump_wanted, draining;
    unsigned loading;           /* letters being read back */
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
    struct chore_pool *verifiers; /* incoming.c */
    struct resolver *resolver;    /* whom they ask */
    struct accept_shared *shared;
    struct snapshot *snapshot;
    struct control *control;
    struct handed *suppressed;
    struct policies *policies;
    uint8_t hash_key[16]; /* which worker owns a site */
    atomic_uint trips;    /* attempts and decisions not yet settled */
};

/* engine.c: one holder less; the last frees it. */
void snapshot_free(struct snapshot *s);

/* One line to the operator: time, "engine", text. */
void engine_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* worker.c */
bool worker_open(struct worker *w, struct fault *f);   /* opens logs and rooms; on the worker's thread */
void worker_use(struct worker *w, struct snapshot *s); /* takes over one hold on the snapshot */
/* An attempt begins that looks into the settings in force; and ends. */
struct lease *lease_take(struct worker *w);
void lease_give(struct lease *l);
void worker_drain(struct worker *w);
void worker_close(struct worker *w);
/* Called on worker `from`: runs fn(ctx) on `to`, at once when it is the same. The post is the caller's until fn runs. */
void worker_go(struct worker *from, struct worker *to, struct post *p, void (*fn)(void *ctx), void *ctx);
