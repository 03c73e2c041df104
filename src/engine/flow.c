/* flow: THE CORRIDOR. A message's whole life, top to bottom; the only file that knows all the rooms.
 *
 *   came in -> checked, if from others -> prepared, signed -> kept (log) -> answered 250 -> offered (route)
 *           -> lane (schedule) -> attempt (deliver) -> recorded (explain) -> settled at home (notifications, log)
 *           -> waits, or is gone
 *
 * Each function is one step and names the next. A message is touched only by its home worker, a job only by whoever has it; what
 * goes from worker to worker goes by post. No state lives here but the rooms' handles (worker.h). */
#include "engine/flow.h"

#include "engine/answer.h"
#include "engine/consequence.h"
#include "engine/incoming.h"
#include "engine/letters.h"
#include "engine/numbers.h"
#include "engine/offer.h"
#include "engine/returns.h"
#include "engine/signing.h"
#include "engine/suppressed.h"
#include "lib/must.h"

static void take_in(struct worker *w, struct submission *s, const struct verified *found);
static void on_kept(void *ctx, bool durable);
static void on_routed(void *ctx, struct route *route, const struct route_trouble *trouble);
static void on_offered(void *ctx);
static void load(void *ctx);
static void depart(void *ctx);
static void on_hosts(void *ctx, struct route *route, const struct route_trouble *trouble);
static void on_attempted(void *ctx, struct attempt *a, const struct outcome *o, bool reached, bool relayed_dsn);
static void settle(void *ctx);
static void on_ended(void *ctx, bool durable);

/* ---- 1. A message comes in, is checked if others sent it, is prepared and kept ---- */

void flow_submit(void *ctx, struct submission *s) { incoming_check(ctx, s, take_in); }

static void take_in(struct worker *w, struct submission *s, const struct verified *found)
{
    struct prepare_refusal no;
    struct signing_refusal no_key;
    char unwanted[400];
    if (!incoming_judge(w, s, found, unwanted)) {
        answer_turned_away(w, s, 550, (struct enhanced){5, 7, 1}, unwanted);
        return;
    }
    if (!prepare_message(&s->content, &s->envelope, &s->arena, s->authorised, &w->snapshot->settings->prepare, &no)) {
        answer_turned_away(w, s, no.code, no.enhanced, no.text);
        return;
    }
    incoming_mark(w, s, found);
    if (!signing_submission(w, s, &no_key)) {
        answer_turned_away(w, s, no_key.code, no_key.enhanced, no_key.text);
        return;
    }
    returns_submission(w, s);
    struct message *m = message_new(w, 0, &s->arena, &s->envelope, s->content);
    m->letter->session = s->session;
    enum log_refusal refused = message_commit(m, on_kept);
    if (refused == LOG_OK)
        return;
    answer_not_taken(m, refused);
    message_free(m);
}

/* ---- 2. It is on disk: now, and only now, the client is told; the jobs set out ---- */

static void on_kept(void *ctx, bool durable)
{
    struct message *m = ctx;
    struct worker *w = m->home;
    answer_kept(m, durable);
    if (!durable) {
        message_free(m);
        return;
    }
    w->counters.accepted++;
    w->counters.accepted_recipients += m->rcpts;
    m->pins++; /* the letter stays while its jobs are looked at */
    for (uint32_t i = 0; i < m->rcpts; i++)
        flow_offer(&m->job[i]);
    m->pins--;
    message_unload(m);
}

/* ---- 3. May it go, and where? Its site decides which worker owns the lane ---- */

void flow_offer(struct job *j)
{
    struct message *m = j->message;
    char why[NOTE_MAX];
    if (suppressed_ask(j, why)) {
        j->next = NULL;
        flow_decide(m->home, j,
                    &(struct decision){.status = OUTCOME_DROPPED, .cause = "suppressed", .note = why, .permanent = true});
        return;
    }
    if (letters_have_room(m->home)) /* otherwise it is read back when the attempt begins */
        letter_pin(j);
    struct offer *o = offer_new(j);
    o->ask.done = on_routed;
    route_find(m->home->router, m->letter->envelope.rcpt[j->rcpt].domain, &o->ask);
}

void flow_decide(struct worker *at, struct job *jobs, const struct decision *d)
{
    struct trip *t = trip_new(at, NULL, jobs, jobs->message);
    trip_decide(t, d);
    worker_go(at, t->message->home, &t->post, settle, t);
}

static void on_routed(void *ctx, struct route *route, const struct route_trouble *trouble)
{
    struct offer *o = ctx;
    struct worker *w = o->home;
    if (route) {
        o->job->alone = returns_alone(o->job->message, route);
        offer_post(o, route);
        return;
    }
    o->job->next = NULL;
    struct decision d = consequence_unroutable(w, o->job, str_of(o->stream), trouble);
    flow_decide(w, o->job, &d);
    offer_free(o);
}

/* ---- 4. At the worker that owns the lane: it waits its turn ---- */

static void on_offered(void *ctx)
{
    for (struct offer *o = ctx, *next; o; o = next) {
        struct worker *w = o->owner;
        next = o->next;
        schedule_ready(w->schedule, o->job, offer_lane(o));
        w->pump_wanted = true;
        offer_free(o);
    }
}

void flow_pump(void *ctx)
{
    struct worker *w = ctx;
    struct job *jobs;
    int64_t wake_ms = INT64_MAX;
    offers_send(w, on_offered);
    if (!w->pump_wanted || w->draining)
        return;
    w->pump_wanted = false;
    while ((jobs = schedule_take(w->schedule, loop_now_ms(w->loop), &wake_ms))) {
        struct trip *t = trip_new(w, jobs->lane, jobs, jobs->message);
        if (letters_are_pinned(jobs))
            depart(t);
        else
            worker_go(w, t->message->home, &t->post, load, t);
    }
    if (wake_ms != INT64_MAX)
        timer_set(w->loop, &w->wake, wake_ms > loop_now_ms(w->loop) ? wake_ms - loop_now_ms(w->loop) : 0);
}

/* ---- 5. Its letter is brought back from the log if it is not in memory ---- */

static void on_brought(struct trip *t)
{
    for (struct job *j = t->jobs; j; j = j->next)
        letter_pin(j);
    worker_go(t->message->home, t->begun, &t->post, t->note.n ? settle : depart, t);
}

static void load(void *ctx) { letter_bring(ctx, on_brought); }

/* ---- 6. The attempt ---- */

static void depart(void *ctx)
{
    struct trip *t = ctx;
    const struct envelope *e = &t->message->letter->envelope;
    t->attempt.envelope = e;
    t->ask = (struct route_ask){.done = on_hosts, .ctx = t};
    route_find(t->begun->router, e->rcpt[t->rcpt[0]].domain, &t->ask);
}

static void on_hosts(void *ctx, struct route *route, const struct route_trouble *trouble)
{
    struct trip *t = ctx;
    struct worker *w = t->begun;
    if (!route) {
        schedule_finished(w->schedule, t->lane, LANE_UNTRIED, loop_now_ms(w->loop));
        w->pump_wanted = true;
        struct decision d = consequence_unroutable(w, t->jobs, t->attempt.envelope->stream, trouble);
        flow_decide(w, t->jobs, &d);
        trip_free(t);
        return;
    }
    trip_attempt(t, route);
    t->attempt.done = on_attempted;
    deliver_start(w->deliver, &t->attempt);
}

static void on_attempted(void *ctx, struct attempt *a, const struct outcome *o, bool reached, bool relayed_dsn)
{
    struct trip *t = ctx;
    struct worker *w = t->begun;
    if (relayed_dsn)
        t->success = DSN_NONE;
    trip_record(t, o, reached);
    route_free(&a->route);
    lease_give(t->lease);
    w->pump_wanted = true;
    worker_go(w, t->message->home, &t->post, settle, t);
}

/* ---- 7. Home again: notifications, the log, and what becomes of each job ---- */

static void settle(void *ctx)
{
    struct trip *t = ctx;
    struct message *m = t->message;
    struct worker *w = m->home;
    struct arena a = {0};
    struct outcome o;
    must(outcome_decode(buf_str(&t->note), &a, &o));
    if (!m->letter && notify_likely(m, &o)) {
        t->begun = w;
        arena_done(&a);
        load(t);
        return;
    }
    if (m->letter && !notify_senders(m, &o, t->success, on_kept))
        trip_postpone_failed(t, &o, &a);
    letters_unpin(t->jobs);
    for (uint32_t i = 0; i < o.rcpts; i++)
        message_apply(m, o.rcpt[i].rcpt, o.rcpt[i].status, o.attempt, o.rcpt[i].next_ms);
    numbers_count(w, &o);
    bool over = m->open == 0;
    t->wait = (struct log_wait){.fn = on_ended, .ctx = t};
    if (o.rcpts > 0)
        log_note(message_log(m), &m->entry, buf_str(&t->note), over, over ? &t->wait : NULL);
    arena_done(&a);
    if (over)
        return;
    for (struct job *j = t->jobs, *next; j; j = next) {
        next = j->next;
        flow_place(j);
    }
    message_unload(m);
    trip_free(t);
}

/* Its last note is on disk: the message is gone. */
static void on_ended(void *ctx, bool durable)
{
    struct trip *t = ctx;
    if (durable)
        message_free(t->message);
    trip_free(t);
}

/* ---- 8. It waits for its next time, or for an operator (worker.c sets it out again) ---- */

void flow_place(struct job *j)
{
    struct message *m = j->message;
    struct schedule *s = m->home->schedule;
    if (j->flags & JOB_ENDED)
        return;
    if (j->state == JOB_HELD)
        schedule_hold(s, j);
    else
        schedule_wait(s, j, (int64_t)j->due_s * 1000);
}

void flow_close_message(struct message *m)
{
    struct outcome o = {.id = m->entry.id, .at_ms = loop_wall_ms(m->home->loop)};
    struct trip *t = trip_new(m->home, NULL, NULL, m);
    t->wait = (struct log_wait){.fn = on_ended, .ctx = t};
    outcome_encode(&o, &t->note);
    log_note(message_log(m), &m->entry, buf_str(&t->note), true, &t->wait);
}
