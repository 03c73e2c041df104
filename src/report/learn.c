/* learn: see learn.h. Which outcomes speak of a dead address is told by judge.c. */
#include "report/learn.h"

#include "lib/buf.h"
#include "mail/mailbox.h"
#include "store/suppression.h"

enum { PROOF_MAX = 1000 };

static bool is_dead(const struct outcome *o, const struct outcome_rcpt *r) { return report_judge(o, r) == REPORT_DEAD; }

bool learn_wanted(const struct report_suppress *rules, const struct outcome *o)
{
    bool wanted = false;
    for (uint32_t i = 0; rules->automatic && i < o->rcpts; i++)
        wanted |= is_dead(o, &o->rcpt[i]) || (rules->failures > 1 && o->rcpt[i].status == OUTCOME_DELIVERED);
    return wanted;
}

/* What the receiver said, where, to which command, and how it was understood: "... (mx.x.pl [192.0.2.9], RCPT TO; user-unknown
 * 97 %, gmail/user-unknown)". */
static void put_proof(const struct outcome *o, const struct outcome_rcpt *r, struct buf *b)
{
    char enhanced[12];
    enhanced_text(r->reply.enhanced, enhanced);
    buf_addf(b, "%d %s%s", r->reply.code, enhanced, *enhanced ? " " : "");
    buf_add(b, r->reply.text.p, r->reply.text.n < PROOF_MAX ? r->reply.text.n : PROOF_MAX);
    buf_addf(b, " (%.*s [%.*s], %s; %.*s %u %%, %.*s)", STR_ARGS(o->host), STR_ARGS(o->ip),
             r->phase == PHASE_BODY ? "end of DATA" : phase_name(r->phase), STR_ARGS(r->verdict.cause), r->verdict.confidence,
             STR_ARGS(r->verdict.rule));
}

/* Counts the failure; when there are enough, the address is suppressed. e->text is the proof. */
static bool add(struct store *s, const struct report_suppress *rules, const struct store_entry *e, bool returned, uint64_t *added,
                struct fault *f)
{
    uint32_t failures = 0;
    bool new = false;
    if (!store_failure_add(s, e->account, e->value, e->message, e->at_s, returned, &failures, f))
        return false;
    if (failures < rules->failures)
        return true;
    bool good = store_list_put(s, LIST_SUPPRESSED, e, e->at_s, 0, &new, f) &&
                (new || store_failure_clear(s, e->account, e->value, f)); /* it stood there: nothing is left to count */
    *added += new;
    return good;
}

/* The entry for a dead recipient, its proof still missing. */
static struct store_entry entry_for(const struct report_suppress *rules, const struct envelope *env, const struct rcpt *to,
                                    int64_t at_s, char normal[SUPPRESS_VALUE_MAX])
{
    return (struct store_entry){.account = rules->server_wide ? STR(SUPPRESS_SERVER) : env->account,
                                .value = {normal, suppress_normal(to->address, to->domain, normal)},
                                .reason = SUPPRESS_HARDBOUNCE,
                                .message = env->id,
                                .at_s = at_s,
                                .expires_s = rules->expires_s ? at_s + rules->expires_s : 0,
                                .by = STR("goniec"),
                                .automatic = true};
}

static bool is_exempt(struct store *s, const struct report_suppress *rules, const struct envelope *env, struct str value,
                      const struct rcpt *to)
{
    return domain_among(rules->hosted, rules->hosted_n, to->domain) || store_is_allowed(s, env->account, value, to->domain);
}

static bool add_refused(struct store *s, const struct report_suppress *rules, struct store_entry *e, const struct outcome *o,
                        const struct outcome_rcpt *r, uint64_t *added, struct fault *f)
{
    struct buf proof = {0};
    put_proof(o, r, &proof);
    e->text = buf_str(&proof);
    bool good = add(s, rules, e, false, added, f);
    buf_done(&proof);
    return good;
}

bool learn(struct store *s, const struct report_suppress *rules, const struct envelope *env, const struct outcome *o,
           uint64_t *added, struct fault *f)
{
    for (uint32_t i = 0; i < o->rcpts && env->sender.n; i++) { /* mail without a sender is not subject to the lists */
        const struct outcome_rcpt *r = &o->rcpt[i];
        char normal[SUPPRESS_VALUE_MAX];
        if (r->rcpt >= env->rcpts || !env->rcpt[r->rcpt].domain.n)
            continue;
        const struct rcpt *to = &env->rcpt[r->rcpt];
        struct store_entry e = entry_for(rules, env, to, o->at_ms / 1000, normal);
        bool good = true;
        if (r->status == OUTCOME_DELIVERED)
            good = rules->failures == 1 || store_failure_taken(s, e.account, e.value, f);
        else if (is_dead(o, r) && !is_exempt(s, rules, env, e.value, to))
            good = add_refused(s, rules, &e, o, r, added, f);
        if (!good)
            return false;
    }
    return true;
}

bool learn_returned(struct store *s, const struct report_suppress *rules, const struct envelope *env, uint32_t rcpt,
                    enum suppress_reason reason, struct str proof, int64_t at_s, uint64_t *added, struct fault *f)
{
    const struct rcpt *to = &env->rcpt[rcpt];
    bool dead = reason == SUPPRESS_HARDBOUNCE, new = false;
    char normal[SUPPRESS_VALUE_MAX];
    struct store_entry e = entry_for(rules, env, to, at_s, normal);
    e.text = proof;
    if (!(dead ? rules->automatic : rules->complaints) || is_exempt(s, rules, env, e.value, to))
        return true;
    if (dead)
        return add(s, rules, &e, true, added, f);
    e.account = env->account;
    e.reason = reason;
    e.expires_s = 0;
    bool good = store_list_put(s, LIST_SUPPRESSED, &e, at_s, 0, &new, f);
    *added += new;
    return good;
}
