/* consequence: see consequence.h.
 *
 *   verdict's action     this recipient                        the lane
 *   retry                again, later and later, then expired  goes on
 *   stop, suppress       ended                                 goes on
 *   slow-down            as the reply's class says             fewer connections, more again as mail is taken
 *   pause-lane,          as the reply's class says             rests after a few in a row, longer each time, with one probe
 *   other-source                                               between, until mail is taken again (schedule/site.c)
 *
 * The reply's class stands: 5yz is final for the message that got it (RFC 5321 4.2.1); what a verdict adds is whether the others
 * run into the same wall. */
#include "engine/consequence.h"

#include "explain/explain.h"
#include "explain/noticed.h"

enum { SURE_ENOUGH = 60 /* of what a refusal is about, to let others wait for it */ };

static const enum lane_feedback lane_of[] = {[ACTION_RETRY] = LANE_OK,
                                             [ACTION_STOP] = LANE_OK,
                                             [ACTION_SLOW_DOWN] = LANE_BUSY,
                                             [ACTION_PAUSE_LANE] = LANE_BARRED,
                                             [ACTION_OTHER_SOURCE] = LANE_BARRED,
                                             [ACTION_SUPPRESS] = LANE_OK};

static struct verdict verdict_of(const struct trip *t, const struct outcome *o, const struct outcome_rcpt *r)
{
    struct explain_input noticed = {.note = noticed_of(o, r), .phase = r->phase};
    struct explain_input said = {.text = r->reply.text,
                                 .code = r->reply.code,
                                 .enhanced = r->reply.enhanced,
                                 .phase = r->phase,
                                 .host = o->host,
                                 .relayed = t->attempt.route && t->attempt.route->login};
    struct explanation e = explain(noticed.note.n ? &noticed : &said);
    return explain_verdict(&e);
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

/* Hosts that the domain's own policy, or the sender's demand, kept this from: others may well reach them. */
static bool some_forbidden(const struct attempt *a)
{
    const struct route *r = a->route;
    for (unsigned i = 0; i < r->hosts; i++)
        if (route_forbids(&r->host[i]) || (a->envelope->requiretls && !r->host[i].vouched))
            return true;
    return false;
}

/* What the lane is told: the worst that a recipient's verdict says, but a server that took mail does not bar us. */
static enum lane_feedback feedback(const struct trip *t, const struct outcome *o, bool reached,
                                   const struct outcome_rcpt **ret_why)
{
    enum lane_feedback worst = LANE_OK;
    bool taken = false;
    if (!reached)
        return some_forbidden(&t->attempt) ? LANE_UNTRIED : LANE_DOWN;
    for (uint32_t i = 0; i < o->rcpts; i++) {
        const struct outcome_rcpt *r = &o->rcpt[i];
        taken |= r->status == OUTCOME_DELIVERED;
        if (r->status == OUTCOME_DELIVERED || r->verdict.confidence < SURE_ENOUGH)
            continue;
        if (lane_of[r->verdict.action] > worst) {
            worst = lane_of[r->verdict.action];
            *ret_why = r;
        }
    }
    return taken && worst == LANE_BARRED ? LANE_BUSY : worst;
}

static void tell_operator(const struct trip *t, const struct outcome_rcpt *why, int64_t rest_ms)
{
    engine_log("%.*s refuses this server (%.*s), its mail waits for %lld min before one message is tried: %d %.*s",
               STR_ARGS(lane_site(t->lane)), STR_ARGS(why->verdict.cause), (long long)(rest_ms / 60000), why->reply.code,
               (int)(why->reply.text.n > 300 ? 300 : why->reply.text.n), why->reply.text.p);
}

void consequence(struct trip *t, struct outcome *o, bool reached)
{
    const struct outcome_rcpt *why = NULL;
    for (uint32_t i = 0; i < o->rcpts; i++) {
        struct outcome_rcpt *r = &o->rcpt[i];
        if (r->status == OUTCOME_DELIVERED)
            continue;
        r->verdict = verdict_of(t, o, r);
        if (r->status == OUTCOME_DEFERRED)
            retry_or_expire(t, r, o->at_ms, o->attempt);
    }
    enum lane_feedback how = feedback(t, o, reached, &why);
    if (how == LANE_BARRED)
        schedule_blame(t->lane, cause_find(why->verdict.cause)->name);
    int64_t rest_ms = schedule_finished(t->begun->schedule, t->lane, how, loop_now_ms(t->begun->loop));
    if (how != LANE_BARRED || rest_ms == 0)
        return;
    o->rest_s = (uint32_t)(rest_ms / 1000);
    tell_operator(t, why, rest_ms);
}

struct decision consequence_unroutable(struct worker *w, const struct job *jobs, struct str stream,
                                       const struct route_trouble *trouble)
{
    const struct message *m = jobs->message;
    uint32_t attempt = jobs->attempts + 1u;
    int64_t next_ms =
        loop_wall_ms(w->loop) + schedule_retry_ms(w->schedule, (uint16_t)(attempt > UINT16_MAX ? UINT16_MAX : attempt));
    bool expired = next_ms - id_wall_ms(m->entry.id) >= schedule_lifetime_ms(w->schedule, stream);
    return (struct decision){.status = trouble->permanent || expired ? OUTCOME_FAILED : OUTCOME_DEFERRED,
                             .phase = PHASE_DNS,
                             .cause = trouble->cause,
                             .note = trouble->note,
                             .permanent = trouble->permanent,
                             .attempt = attempt,
                             .next_ms = next_ms};
}
