/* trip: see trip.h. */
#include "engine/trip.h"

#include "engine/consequence.h"
#include "engine/returns.h"
#include "explain/explain.h"
#include "lib/must.h"

#include <stdlib.h>

struct trip *trip_new(struct worker *begun, struct lane *lane, struct job *jobs, struct message *m)
{
    uint32_t n = 0;
    for (struct job *j = jobs; j; j = j->next)
        n++;
    struct trip *t = calloc(1, sizeof *t + n * sizeof t->rcpt[0]);
    must(t);
    atomic_fetch_add_explicit(&begun->engine->trips, 1, memory_order_relaxed);
    t->begun = begun;
    t->lane = lane;
    t->jobs = jobs;
    t->message = m;
    for (struct job *j = jobs; j; j = j->next)
        t->rcpt[t->rcpts++] = j->rcpt;
    return t;
}

void trip_free(struct trip *t)
{
    if (t->attempt.route)
        route_free(&t->attempt.route);
    buf_done(&t->note);
    buf_done(&t->sender);
    atomic_fetch_sub_explicit(&t->begun->engine->trips, 1, memory_order_release);
    free(t);
}

void trip_attempt(struct trip *t, struct route *route)
{
    t->lease = lease_take(t->begun);
    t->success = route->kind == ROUTE_SMTP ? DSN_RELAYED : DSN_DELIVERED;
    t->attempt = (struct attempt){.envelope = t->attempt.envelope,
                                  .content = t->message->letter->content,
                                  .rcpt = t->rcpt,
                                  .rcpts = t->rcpts,
                                  .return_path = returns_sender(t, route),
                                  .route = route,
                                  .source = &t->lease->snapshot->settings->source,
                                  .pool = lane_site_number(t->lane),
                                  .messages_per_connection = lane_limits(t->lane)->messages_per_connection,
                                  .number = t->jobs->attempts + 1u,
                                  .ctx = t};
}

void trip_decide(struct trip *t, const struct decision *d)
{
    struct arena a = {0};
    struct outcome o = {.id = t->message->entry.id, .at_ms = loop_wall_ms(t->begun->loop), .rcpts = t->rcpts};
    o.attempt = d->attempt;
    o.rcpt = arena_alloc(&a, t->rcpts * sizeof *o.rcpt);
    o.note = str_of(d->note);
    o.site = d->site;
    for (uint32_t i = 0; i < t->rcpts; i++) {
        struct outcome_rcpt *r = &o.rcpt[i];
        *r = (struct outcome_rcpt){.rcpt = t->rcpt[i], .status = d->status, .phase = d->phase, .next_ms = d->next_ms};
        const struct cause *c = d->cause ? cause_find(str_of(d->cause)) : NULL;
        if (c)
            r->verdict = explain_decided(c, d->permanent);
    }
    outcome_encode(&o, &t->note);
    arena_done(&a);
}

void trip_record(struct trip *t, const struct outcome *given, bool reached)
{
    struct arena a = {0};
    struct outcome o = *given;
    o.rcpt = arena_alloc(&a, o.rcpts * sizeof *o.rcpt);
    if (o.rcpts)
        memcpy(o.rcpt, given->rcpt, o.rcpts * sizeof *o.rcpt);
    for (uint32_t i = 0; i < o.rcpts; i++)
        if (o.rcpt[i].status != OUTCOME_DELIVERED)
            o.site = lane_site(t->lane);
    consequence(t, &o, reached);
    outcome_encode(&o, &t->note);
    arena_done(&a);
}

void trip_postpone_failed(struct trip *t, struct outcome *o, struct arena *a)
{
    struct message *m = t->message;
    int64_t again_ms = loop_wall_ms(m->home->loop) + schedule_retry_ms(m->home->schedule, 1);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < o->rcpts; i++)
        if (o->rcpt[i].status == OUTCOME_FAILED)
            message_apply(m, o->rcpt[i].rcpt, OUTCOME_DEFERRED, 0, again_ms);
        else
            o->rcpt[kept++] = o->rcpt[i];
    o->rcpts = kept;
    struct buf note = {0};
    outcome_encode(o, &note);
    buf_done(&t->note); /* what o was read from */
    t->note = note;
    must(outcome_decode(buf_str(&t->note), a, o));
}
