/* policy: the MTA-STS policy of a domain, for one lookup; RFC 8461 3.1, 3.3, 5.1.
 *
 * The TXT record tells only that there is a policy, and of which id. Another process fetches policies; those that are known come
 * as a list. A domain whose policy is not known, or not of this id, waits for the list that has it, a minute at most (3.3); then,
 * or when nobody fetches, the one that is known counts, and none if there is none. A policy that is known outlives its record
 * (5.1).
 */
#include "lib/must.h"
#include "route/answer.h"
#include "route/lookup_inner.h"

#include <stdio.h>

enum { WAIT_MS = 65000, WAITERS_MAX = 1000, FRESH_S = 86400, JUST_S = 60, TXT_MAX = 4096 };

/* ---- the record ---- */

/* One record that speaks of MTA-STS, and it is good: its id. Anything else: there is none (3.1). */
static void take_record(struct lookup *l, const struct ub_result *r)
{
    struct buf text = {.max = TXT_MAX};
    unsigned records = 0;
    for (int i = 0; r->data[i]; i++) {
        struct str id;
        text.n = 0;
        if (r->len[i] < 0 || !answer_txt((const uint8_t *)r->data[i], (size_t)r->len[i], &text))
            continue;
        enum sts_record what = sts_record_parse(buf_str(&text), &id);
        records += what != STS_OTHER;
        if (what == STS_GOOD)
            memcpy(l->sts_id, id.p, id.n);
    }
    if (records != 1)
        l->sts_id[0] = '\0';
    buf_done(&text);
}

static void on_record(void *ctx, int error, struct ub_result *r)
{
    struct lookup *l = ((struct question *)ctx)->lookup;
    if (lookup_unanswered(error, r)) {
        lookup_hold(l, TTL_PART_S);
    } else if (r->havedata) {
        lookup_note_ttl(l, r);
        take_record(l, r);
    }
    ub_resolve_free(r);
    lookup_answered(l);
}

void policy_begin(struct lookup *l)
{
    char name[300];
    if (!(*l->way.settings)->mta_sts)
        return;
    l->sts = (struct question){l, 0};
    snprintf(name, sizeof name, "_mta-sts.%s", l->domain);
    lookup_ask(l, &l->sts, name, RR_TXT, on_record);
}

/* ---- the policy ---- */

static const struct sts_entry *entry_of(const struct lookup *l) { return sts_list_find(*l->way.policies, str_of(l->domain)); }

static int64_t now_s(const struct lookup *l) { return loop_wall_ms(l->way.loop) / 1000; }

static bool in_force(const struct lookup *l, const struct sts_entry *e) { return e && e->id.n && e->expires_s > now_s(l); }

/* The list says what there is to say about this id: its policy (which may have expired as soon as it was fetched), or that it
 * cannot be fetched at present. */
static bool is_answered(const struct lookup *l, const struct sts_entry *e)
{
    struct str id = str_of(l->sts_id);
    bool fresh = e && now_s(l) - e->fetched_s < JUST_S;
    return ((in_force(l, e) || fresh) && str_eq(e->id, id)) || (e && str_eq(e->failed_id, id) && e->failed_until_s > now_s(l));
}

/* One that is in use is fetched anew each day, or when half its time is over, whichever comes first (10.2). */
static bool is_old(const struct lookup *l, const struct sts_entry *e)
{
    int64_t half_s = (e->expires_s - e->fetched_s) / 2;
    bool failing = str_eq(e->failed_id, str_of(l->sts_id)) && e->failed_until_s > now_s(l);
    return !failing && now_s(l) - e->fetched_s >= (half_s < FRESH_S ? half_s : FRESH_S);
}

/* The policy that is announced cannot be fetched at present: it is tried again when that is over. */
static void hold_failure(struct lookup *l, const struct sts_entry *e)
{
    int64_t left_s = e && l->sts_id[0] && str_eq(e->failed_id, str_of(l->sts_id)) ? e->failed_until_s - now_s(l) : 0;
    if (left_s > 0 && left_s < TTL_MAX_S)
        lookup_hold(l, (uint32_t)left_s);
}

static void leave(struct lookup *l)
{
    hold_failure(l, entry_of(l));
    timer_cancel(&l->timer);
    *l->at_waiter = l->next_waiter;
    if (l->next_waiter)
        l->next_waiter->at_waiter = l->at_waiter;
    l->way.waiters->n--;
    decide(l);
}

/* Nothing came. */
static void on_time(void *ctx)
{
    struct lookup *l = ctx;
    lookup_hold(l, TTL_PART_S);
    leave(l);
}

bool policy_wait(struct lookup *l)
{
    const struct sts_entry *e = entry_of(l);
    struct lookup_waiters *w = l->way.waiters;
    bool answered = is_answered(l, e);
    hold_failure(l, e);
    if (!l->sts_id[0] || (answered && !(in_force(l, e) && is_old(l, e))))
        return false;
    bool coming = l->way.hooks->want && l->way.hooks->want(l->way.hooks->ctx, l->domain, str_of(l->sts_id));
    if (answered || !coming || w->n >= WAITERS_MAX) {
        if (!answered)
            lookup_hold(l, TTL_PART_S);
        return false;
    }
    l->next_waiter = w->first;
    if (w->first)
        w->first->at_waiter = &l->next_waiter;
    l->at_waiter = &w->first;
    w->first = l;
    w->n++;
    l->timer = (struct timer){.fn = on_time, .ctx = l};
    timer_set(l->way.loop, &l->timer, WAIT_MS);
    return true;
}

void lookup_policies_changed(struct lookup_waiters *w)
{
    for (struct lookup *l = w->first, *next; l; l = next) {
        next = l->next_waiter;
        if (is_answered(l, entry_of(l)))
            leave(l);
    }
}

void lookup_waiters_drop(struct lookup_waiters *w)
{
    for (struct lookup *l = w->first, *next; l; l = next) {
        next = l->next_waiter;
        timer_cancel(&l->timer);
        lookup_free(l);
    }
    *w = (struct lookup_waiters){0};
}

const struct sts_entry *policy_of(const struct lookup *l)
{
    const struct sts_entry *e = l->shape || l->tls == SECURE_NEVER || !(*l->way.settings)->mta_sts ? NULL : entry_of(l);
    return in_force(l, e) && e->mode != STS_NONE ? e : NULL;
}
