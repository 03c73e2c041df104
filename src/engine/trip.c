/* trip: see trip.h. */
#include "engine/trip.h"

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
    atomic_fetch_sub_explicit(&t->begun->engine->trips, 1, memory_order_release);
    free(t);
}

void trip_decide(struct trip *t, const struct decision *d)
{
    struct arena a = {0};
    struct outcome o = {.id = t->message->entry.id, .at_ms = loop_wall_ms(t->begun->loop), .rcpts = t->rcpts};
    o.rcpt = arena_alloc(&a, t->rcpts * sizeof *o.rcpt);
    o.note = str_of(d->note);
    for (uint32_t i = 0; i < t->rcpts; i++) {
        struct outcome_rcpt *r = &o.rcpt[i];
        struct str enhanced = str_of(d->enhanced);
        *r = (struct outcome_rcpt){.rcpt = t->rcpt[i], .status = d->status, .phase = d->phase, .next_ms = d->next_ms};
        r->reply.code = d->code;
        r->reply.text = str_of(d->text);
        if (d->enhanced)
            enhanced_take(&enhanced, d->code, &r->reply.enhanced);
        const struct cause *c = d->cause ? cause_find(str_of(d->cause)) : NULL;
        if (c)
            r->verdict = explain_decided(c, d->permanent);
    }
    outcome_encode(&o, &t->note);
    arena_done(&a);
}

/* A deferral becomes a failure when the next try would come after the message's lifetime (RFC 5321 4.5.4.1). */
static void retry_or_expire(struct trip *t, struct outcome_rcpt *r, int64_t now_ms, uint32_t attempts)
{
    struct schedule *s = t->begun->schedule;
    r->next_ms = now_ms + schedule_retry_ms(s, (uint16_t)attempts);
    if (r->next_ms - id_wall_ms(t->message->entry.id) < schedule_lifetime_ms(s, t->attempt.envelope->stream))
        return;
    r->status = OUTCOME_FAILED;
    r->verdict.cause = STR("expired");
    r->verdict.permanent = true;
    r->verdict.action = ACTION_STOP;
}

/* Does the receiver say that we are too fast for it, or that it mistrusts our address? */
static bool slows_lane(enum action a) { return a == ACTION_SLOW_DOWN || a == ACTION_PAUSE_LANE || a == ACTION_OTHER_SOURCE; }

static struct verdict verdict_of(const struct outcome *o, const struct outcome_rcpt *r)
{
    struct explain_input in = {.text = r->reply.text,
                               .code = r->reply.code,
                               .enhanced = r->reply.enhanced,
                               .phase = r->phase,
                               .host = o->host,
                               .note = o->note};
    struct explanation e = explain(&in);
    return explain_verdict(&e);
}

enum lane_feedback trip_record(struct trip *t, const struct outcome *given, bool reached)
{
    struct arena a = {0};
    struct outcome o = *given;
    enum lane_feedback how = reached ? LANE_OK : LANE_DOWN;
    o.rcpt = arena_alloc(&a, o.rcpts * sizeof *o.rcpt);
    if (o.rcpts)
        memcpy(o.rcpt, given->rcpt, o.rcpts * sizeof *o.rcpt);
    for (uint32_t i = 0; i < o.rcpts; i++) {
        struct outcome_rcpt *r = &o.rcpt[i];
        if (r->status == OUTCOME_DELIVERED)
            continue;
        r->verdict = verdict_of(&o, r);
        if (reached && slows_lane(r->verdict.action))
            how = LANE_BUSY;
        if (r->status == OUTCOME_DEFERRED)
            retry_or_expire(t, r, o.at_ms, o.attempt);
    }
    outcome_encode(&o, &t->note);
    arena_done(&a);
    return how;
}
