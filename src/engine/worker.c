/* worker: opens and closes one engine thread's rooms, and does what time brings: jobs that are due set out again, jobs that wait
 * in a lane whose hosts are down expire. */
#include "engine/worker.h"

#include "engine/flow.h"
#include "engine/letters.h"
#include "engine/policies.h"
#include "engine/suppressed.h"
#include "lib/hash.h"
#include "lib/must.h"

#include <stdlib.h>

enum {
    TICK_MS = 200,
    SWEEP_MS = 60000,
    LOGIN_SHOWN = 200,  /* bytes of a login in a line of the log */
    LOADING_MAX = 2000, /* letters read back at one time, so that a storm of due jobs stays bounded */
};

/* ---- jobs that are due ---- */

static void on_due_brought(struct trip *t)
{
    struct message *m = t->message;
    m->pins++;
    flow_offer(t->jobs);
    m->pins--;
    message_unload(m);
    trip_free(t);
}

static void take_due(struct worker *w)
{
    struct job *j;
    while (w->loading < LOADING_MAX && (j = schedule_due(w->schedule, loop_wall_ms(w->loop)))) {
        struct message *m = j->message;
        j->next = NULL;
        if (m->letter)
            flow_offer(j);
        else
            letter_bring(trip_new(w, NULL, j, m), on_due_brought);
    }
}

/* ---- jobs that are stuck in a lane ---- */

struct stuck {
    struct worker *worker;
    struct job *jobs; /* by ->next */
};

static bool is_expired(const struct worker *w, const struct job *j, int64_t age_ms)
{
    return age_ms >= schedule_lifetime_ms(w->schedule, lane_stream(j->lane));
}

static bool is_late(const struct worker *w, const struct job *j, int64_t age_ms)
{
    return !(j->flags & JOB_WARNED) && age_ms >= (int64_t)w->snapshot->settings->schedule.warn_after_s * 1000;
}

static void collect_stuck(void *ctx, struct job *j)
{
    struct stuck *s = ctx;
    const struct message *m = j->message;
    int64_t age_ms = loop_wall_ms(s->worker->loop) - id_wall_ms(m->entry.id);
    if (j->state != JOB_READY || !(is_expired(s->worker, j, age_ms) || is_late(s->worker, j, age_ms)))
        return;
    schedule_remove(s->worker->schedule, j);
    j->next = s->jobs;
    s->jobs = j;
}

static void sweep(struct worker *w)
{
    struct stuck s = {.worker = w};
    schedule_each(w->schedule, collect_stuck, &s);
    for (struct job *j = s.jobs, *next; j; j = next) {
        next = j->next;
        j->next = NULL;
        const struct message *m = j->message;
        int64_t now_ms = loop_wall_ms(w->loop);
        bool expired = is_expired(w, j, now_ms - id_wall_ms(m->entry.id));
        flow_decide(w, j,
                    &(struct decision){.status = expired ? OUTCOME_FAILED : OUTCOME_DEFERRED,
                                       .phase = PHASE_CONNECT,
                                       .cause = expired ? "expired" : "host-unreachable",
                                       .note = note_word(NOTE_NONE_REACHED),
                                       .permanent = expired,
                                       .next_ms = now_ms + schedule_retry_ms(w->schedule, 1),
                                       .site = lane_site(j->lane)});
    }
}

/* ---- time ---- */

static void on_tick(void *ctx)
{
    struct worker *w = ctx;
    struct accept_stats a;
    accept_stats(w->accept, &a);
    atomic_store(&w->sessions, (unsigned)a.sessions);
    if (!w->draining)
        take_due(w);
    schedule_forget(w->schedule, loop_now_ms(w->loop));
    if (loop_now_ms(w->loop) - w->swept_ms >= SWEEP_MS) {
        w->swept_ms = loop_now_ms(w->loop);
        sweep(w);
    }
    timer_set(w->loop, &w->tick, w->draining ? TICK_MS / 10 : TICK_MS);
}

static void on_wake(void *ctx)
{
    struct worker *w = ctx;
    w->pump_wanted = true;
}

/* ---- accept's other hooks ---- */

static const char *ready(void *ctx, int *code, struct enhanced *enhanced)
{
    struct worker *w = ctx;
    struct log_stats s;
    log_stats(w->log[0], &s);
    if (!s.disk_full)
        return NULL;
    *code = 452;
    *enhanced = (struct enhanced){4, 3, 1};
    return "The disk is nearly full, try again later";
}

static void event(void *ctx, const struct accept_event *e)
{
    (void)ctx;
    const char *quote = e->login.n ? "\"" : ""; /* shows white space at its ends */
    struct str login = str_mem(e->login.p, e->login.n < LOGIN_SHOWN ? e->login.n : LOGIN_SHOWN);
    engine_log("client %.*s%s%s%.*s%s: %.*s", STR_ARGS(e->ip), e->login.n ? ", login " : "", quote, STR_ARGS(login), quote,
               STR_ARGS(e->text));
}

/* ---- the settings in force, and those before that are still looked into ---- */

static struct lease *lease_new(struct snapshot *s)
{
    struct lease *l = calloc(1, sizeof *l);
    must(l);
    l->snapshot = s;
    return l;
}

static void lease_end(struct lease *l)
{
    snapshot_free(l->snapshot);
    free(l);
}

struct lease *lease_take(struct worker *w)
{
    w->lease->attempts++;
    return w->lease;
}

void lease_give(struct lease *l)
{
    l->attempts--;
    if (l->replaced && l->attempts == 0)
        lease_end(l);
}

/* ---- work that goes from one to another ---- */

void worker_go(struct worker *from, struct worker *to, struct post *p, void (*fn)(void *ctx), void *ctx)
{
    if (from == to) {
        fn(ctx);
        return;
    }
    *p = (struct post){.fn = fn, .ctx = ctx};
    loop_post(to->loop, p);
}

/* ---- opening and closing ---- */

/* A message found in the log at start goes on where it was. */
static void resume(struct message *m)
{
    if (m->open == 0) {
        flow_close_message(m);
        return;
    }
    for (uint32_t i = 0; i < m->rcpts; i++)
        flow_place(&m->job[i]);
}

static bool open_logs(struct worker *w, struct fault *f)
{
    const struct settings *s = w->snapshot->settings;
    for (unsigned i = 0; i < w->logs; i++) {
        char dir[512];
        snprintf(dir, sizeof dir, "%.*s/log/w%u", STR_ARGS(s->data_directory), w->number + i * w->engine->workers);
        struct log_options o = {.directory = dir,
                                .segment_bytes = s->segment_bytes,
                                .disk_free_min = s->disk_free_min,
                                .direct = s->direct_io,
                                .follow_hold = true,
                                .io = &log_io_real};
        if (!log_open(&w->log[i], &o, w->loop, &message_log_hooks, w, f))
            return fault_wrap(f, "log %s", dir);
        if (log_damage(w->log[i]))
            engine_log("log %s: %s", dir, log_damage(w->log[i]));
        message_recovered(w, (uint16_t)i, resume);
    }
    return true;
}

bool worker_open(struct worker *w, struct fault *f)
{
    static const struct accept_hooks hooks = {flow_submit, ready, event};
    const struct settings *s = w->snapshot->settings;
    w->wake = (struct timer){.fn = on_wake, .ctx = w};
    w->tick = (struct timer){.fn = on_tick, .ctx = w};
    suppressed_begin(w);
    /* First in order, so that what the pump writes and appends is flushed in the same turn. */
    loop_at_turn_end(w->loop, flow_pump, w);
    const struct route_hooks routing = policies_hooks(w);
    uint64_t seed = siphash(hash_process_key(), &w->number, sizeof w->number);
    w->lease = lease_new(w->snapshot);
    w->outbox = calloc(w->engine->workers, sizeof *w->outbox);
    must(w->outbox);
    bool good = schedule_open(&w->schedule, &s->schedule, seed, loop_wall_ms(w->loop)) &&
                route_open(&w->router, w->loop, &w->snapshot->route, &routing, f) &&
                deliver_open(&w->deliver, w->loop, w->engine->chores, &s->deliver, f) && open_logs(w, f) &&
                accept_open(&w->accept, w->loop, w->engine->chores, w->engine->shared, &w->snapshot->accept, &hooks, w, f);
    if (good) {
        policies_begin(w);
        timer_set(w->loop, &w->tick, 0);
    }
    return good;
}

void worker_use(struct worker *w, struct snapshot *s)
{
    struct lease *old = w->lease;
    w->lease = lease_new(s);
    w->snapshot = s;
    accept_settings_use(w->accept, &s->accept);
    route_settings_use(w->router, &s->route);
    schedule_settings_use(w->schedule, &s->settings->schedule);
    deliver_settings_use(w->deliver, &s->settings->deliver);
    old->replaced = true;
    if (old->attempts == 0)
        lease_end(old);
}

void worker_drain(struct worker *w)
{
    w->draining = true;
    accept_drain(w->accept);
    deliver_drain(w->deliver);
    timer_set(w->loop, &w->tick, 0);
}

void worker_close(struct worker *w)
{
    timer_cancel(&w->tick);
    timer_cancel(&w->wake);
    accept_close(&w->accept);
    deliver_close(&w->deliver);
    for (unsigned i = 0; i < w->logs; i++)
        log_close(&w->log[i]);
    route_close(&w->router);
    schedule_close(&w->schedule);
    suppressed_end(w);
    slab_done(&w->messages);
    lease_end(w->lease);
    buf_done(&w->scratch);
    free(w->outbox);
}
