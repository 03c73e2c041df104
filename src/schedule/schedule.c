/* schedule: see schedule.h.
 *
 * A lane's jobs lie in one queue per account; accounts take turns. A site's lanes with work lie in two rounds, urgent ones and
 * others; four starts in five go to urgent lanes while both have work, and the last free connection is theirs, so that a
 * newsletter neither delays a password reset nor starves beside it. Sites that may start lie in two lists (reached last time, or
 * not), those that must wait for a time in a heap; a site that waits for one of its attempts to end is in none. So taking the
 * next attempt does not depend on how much is queued. */
#include "schedule/schedule.h"

#include "lib/must.h"
#include "schedule/inner.h"

#include <stdlib.h>

_Static_assert(sizeof(struct job) <= 48, "a million jobs must fit");

enum { SHARE = 5 };

static void site_wake(struct schedule *s, struct site *t);

/* ---- opening ---- */

bool schedule_open(struct schedule **ret, const struct schedule_settings *settings, uint64_t seed, int64_t wall_ms)
{
    struct schedule *s = calloc(1, sizeof *s);
    must(s);
    s->settings = settings;
    s->seed = seed | 1;
    s->wheel_s = (uint64_t)(wall_ms / 1000);
    for (int i = 0; i < 2; i++)
        s->runnable[i].last = &s->runnable[i].first;
    lanes_init(s);
    s->next_number = 1;
    *ret = s;
    return true;
}

void schedule_settings_use(struct schedule *s, const struct schedule_settings *settings)
{
    s->settings = settings;
    for (size_t i = 0; i < s->site_cap; i++)
        for (struct site *t = s->site[i]; t; t = t->chain) {
            t->allowed = 0;
            site_refresh(s, t);
            site_wake(s, t);
        }
}

void schedule_close(struct schedule **schedule)
{
    struct schedule *s = *schedule;
    *schedule = NULL;
    if (!s)
        return;
    lanes_done(s);
    free(s->heap);
    free(s);
}

/* ---- the heap of sleeping sites ---- */

static void heap_put(struct schedule *s, size_t i, struct site *t)
{
    s->heap[i] = t;
    t->heap_at = i + 1;
}

static void heap_sift(struct schedule *s, size_t i, struct site *t)
{
    while (i > 0 && s->heap[(i - 1) / 2]->wake_ms > t->wake_ms) {
        heap_put(s, i, s->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (size_t k; (k = 2 * i + 1) < s->heap_n; i = k) {
        if (k + 1 < s->heap_n && s->heap[k + 1]->wake_ms < s->heap[k]->wake_ms)
            k++;
        if (s->heap[k]->wake_ms >= t->wake_ms)
            break;
        heap_put(s, i, s->heap[k]);
    }
    heap_put(s, i, t);
}

static void heap_add(struct schedule *s, struct site *t, int64_t wake_ms)
{
    t->wake_ms = wake_ms;
    if (t->heap_at) {
        heap_sift(s, t->heap_at - 1, t);
        return;
    }
    if (s->heap_n == s->heap_cap) {
        s->heap_cap = s->heap_cap ? s->heap_cap * 2 : 64;
        s->heap = realloc(s->heap, s->heap_cap * sizeof(struct site *));
        must(s->heap);
    }
    s->heap_n++;
    heap_sift(s, s->heap_n - 1, t);
}

static void heap_remove(struct schedule *s, struct site *t)
{
    size_t i = t->heap_at - 1;
    t->heap_at = 0;
    struct site *last = s->heap[--s->heap_n];
    if (last != t)
        heap_sift(s, i, last);
}

/* ---- what has work, and may it go ---- */

static bool has_work(const struct site *t) { return t->urgent || t->other; }

/* Something changed for the site: it is looked at by the next take. */
static void site_wake(struct schedule *s, struct site *t)
{
    if (t->queued || !has_work(t))
        return;
    if (t->heap_at)
        heap_remove(s, t);
    struct site_queue *q = &s->runnable[t->proven];
    t->queued = true;
    t->next_runnable = NULL;
    *q->last = t;
    q->last = &t->next_runnable;
}

static struct site *queue_pop(struct site_queue *q)
{
    struct site *t = q->first;
    q->first = t->next_runnable;
    if (!q->first)
        q->last = &q->first;
    t->queued = false;
    return t;
}

/* The next site to look at. A worker's attempts are bounded, and a quarter of them is kept for sites that were reached last time:
 * however many are down, or are heard of for the first time, they cannot take all and hold the others up. */
static struct site *next_site(struct schedule *s)
{
    uint32_t most = s->settings->attempts_max;
    bool any = !most || s->stats.running < most, unproven = !most || s->stats.running < most - most / 4;
    bool a = unproven && s->runnable[0].first, b = any && s->runnable[1].first;
    if (!a && !b)
        return NULL;
    return queue_pop(&s->runnable[a && b ? s->turn % 2 : b]);
}

static void lane_enter(struct schedule *s, struct lane *l)
{
    if (!l->in_round && l->ready) {
        struct lane ***end = l->urgent ? &l->site->urgent_end : &l->site->other_end;
        l->in_round = true;
        l->next_ready = NULL;
        **end = l;
        *end = &l->next_ready;
    }
    site_wake(s, l->site);
}

static void lane_leave(struct schedule *s, struct lane *l)
{
    struct lane **at = l->urgent ? &l->site->urgent : &l->site->other,
                ***end = l->urgent ? &l->site->urgent_end : &l->site->other_end;
    if (!l->in_round)
        return;
    while (*at != l)
        at = &(*at)->next_ready;
    *at = l->next_ready;
    if (!*at)
        *end = at;
    l->in_round = false;
    if (!has_work(l->site) && l->site->heap_at)
        heap_remove(s, l->site);
}

/* ---- jobs in and out of a lane ---- */

static struct account_queue **queue_find(struct lane *l, uint32_t account)
{
    struct account_queue **at = &l->table[account % 16];
    while (*at && (*at)->account != account)
        at = &(*at)->chain;
    return at;
}

void schedule_ready(struct schedule *s, struct job *j, struct lane *l)
{
    struct account_queue **at = queue_find(l, j->account), *q = *at;
    if (!q) {
        *at = q = calloc(1, sizeof *q);
        must(q);
        q->account = j->account;
        q->last = &q->first;
        *l->round_end = q;
        l->round_end = &q->next;
    }
    lane_work(l);
    j->next = NULL;
    j->lane = l;
    j->state = JOB_READY;
    *q->last = j;
    q->last = &j->next;
    l->ready++;
    s->stats.ready++;
    lane_enter(s, l);
}

static void queue_forget(struct lane *l, struct account_queue *q)
{
    struct account_queue **at = &l->round;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    if (!*at)
        l->round_end = at;
    *queue_find(l, q->account) = q->chain;
    free(q);
}

/* The next account's first job and those behind it that belong to the same message and demand the same of their connection. */
static struct job *lane_take(struct schedule *s, struct lane *l)
{
    struct account_queue *q = l->round;
    struct job *first = q->first, *last = first;
    uint32_t n = 1, most = l->site->limits.recipients;
    while (last->next && last->next->message == first->message && last->next->policy == first->policy && !first->alone &&
           !last->next->alone && n < most) {
        last->state = JOB_OUT;
        last = last->next;
        n++;
    }
    last->state = JOB_OUT;
    q->first = last->next;
    last->next = NULL;
    l->ready -= n;
    s->stats.ready -= n;
    l->round = q->next;
    if (!l->round)
        l->round_end = &l->round;
    q->next = NULL;
    if (q->first) { /* behind the other accounts */
        *l->round_end = q;
        l->round_end = &q->next;
    } else {
        *queue_find(l, q->account) = q->chain;
        free(q);
    }
    return first;
}

/* Urgent lanes first, but every fifth start is for the others; and these leave one connection free for urgent ones to come. */
static struct lane *site_pick(struct site *t)
{
    bool other_may = t->other && (t->limits.connections == 1 || t->running + 1 < (uint32_t)t->allowed || t->allowed < 2);
    bool others_turn = t->turn % SHARE == SHARE - 1;
    if (t->urgent && !(others_turn && t->other && other_may))
        return t->urgent;
    return other_may ? t->other : NULL;
}

static struct job *site_take(struct schedule *s, struct site *t, struct lane *l)
{
    struct job *jobs = lane_take(s, l);
    lane_leave(s, l);
    t->turn++;
    s->turn++;
    site_started(t);
    l->running++;
    s->stats.running++;
    lane_enter(s, l); /* at the end of its round */
    return jobs;
}

struct job *schedule_take(struct schedule *s, int64_t now_ms, int64_t *wake_ms)
{
    s->now_ms = now_ms;
    while (s->heap_n && s->heap[0]->wake_ms <= now_ms)
        site_wake(s, s->heap[0]); /* which has work, and so leaves the heap */
    for (struct site *t; (t = next_site(s));) {
        int64_t wake;
        struct lane *l = has_work(t) && site_may_start(t, now_ms, &wake) ? site_pick(t) : NULL;
        if (l)
            return site_take(s, t, l);
        if (has_work(t) && !site_may_start(t, now_ms, &wake) && wake != INT64_MAX)
            heap_add(s, t, wake);
    }
    *wake_ms = s->heap_n ? s->heap[0]->wake_ms : INT64_MAX;
    return NULL;
}

int64_t schedule_finished(struct schedule *s, struct lane *l, enum lane_feedback how, int64_t now_ms)
{
    must(l->running > 0);
    l->running--;
    l->finished++;
    s->stats.running--;
    s->now_ms = now_ms;
    lane_rest(s, l);
    int64_t rest_ms = site_feedback(s, l->site, how, now_ms);
    site_wake(s, l->site);
    return rest_ms;
}

void schedule_blame(struct lane *l, const char *what) { l->site->blame = what; }

/* ---- waiting, held, removed ---- */

void schedule_wait(struct schedule *s, struct job *j, int64_t due_ms)
{
    j->state = JOB_WAITING;
    j->lane = NULL;
    j->due_s = (uint32_t)((due_ms + 999) / 1000);
    wheel_add(s, j);
    s->stats.waiting++;
}

struct job *schedule_due(struct schedule *s, int64_t wall_ms)
{
    struct job *j = wheel_due(s, wall_ms);
    if (!j)
        return NULL;
    s->stats.waiting--;
    j->state = JOB_OUT;
    j->next = NULL;
    return j;
}

void schedule_hold(struct schedule *s, struct job *j)
{
    j->state = JOB_HELD;
    j->lane = NULL;
    j->next = s->held;
    s->held = j;
    s->stats.held++;
}

static void remove_held(struct schedule *s, struct job *j)
{
    struct job **at = &s->held;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    s->stats.held--;
}

static void remove_ready(struct schedule *s, struct job *j)
{
    struct lane *l = j->lane;
    struct account_queue *q = *queue_find(l, j->account);
    struct job **at = &q->first;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    if (!*at)
        q->last = at;
    l->ready--;
    s->stats.ready--;
    if (!q->first)
        queue_forget(l, q);
    if (!l->ready)
        lane_leave(s, l);
    lane_rest(s, l);
}

void schedule_remove(struct schedule *s, struct job *j)
{
    if (j->state == JOB_READY)
        remove_ready(s, j);
    else if (j->state == JOB_HELD)
        remove_held(s, j);
    else if (j->state == JOB_WAITING) {
        wheel_remove(s, j);
        s->stats.waiting--;
    }
    j->state = JOB_OUT;
    j->next = NULL;
}

/* ---- looking ---- */

static void each_ready(struct lane *l, void (*fn)(void *ctx, struct job *j), void *ctx)
{
    for (struct account_queue *q = l->round, *next_q; q; q = next_q) {
        next_q = q->next;
        for (struct job *j = q->first, *next; j; j = next) {
            next = j->next;
            fn(ctx, j);
        }
    }
}

void schedule_each(struct schedule *s, void (*fn)(void *ctx, struct job *j), void *ctx)
{
    for (size_t i = 0; i < s->lane_cap; i++)
        for (struct lane *l = s->lane[i]; l; l = l->chain)
            each_ready(l, fn, ctx);
    for (struct job *j = s->held, *next; j; j = next) {
        next = j->next;
        fn(ctx, j);
    }
    wheel_each(s, fn, ctx);
}

unsigned schedule_pause(struct schedule *s, struct str site, bool paused)
{
    unsigned n = 0;
    for (size_t i = 0; i < s->site_cap; i++)
        for (struct site *t = s->site[i]; t; t = t->chain) {
            if (!site_is_named(t, site))
                continue;
            t->paused = paused;
            site_wake(s, t);
            n++;
        }
    return n;
}

int64_t schedule_retry_ms(struct schedule *s, uint16_t attempts)
{
    int64_t wait = s->settings->retry_first_s, most = s->settings->retry_max_s;
    for (int i = 1; i < attempts && wait < most; i++)
        wait *= 2;
    wait = (wait > most ? most : wait) * 1000;
    return wait * 3 / 4 + (int64_t)(schedule_random(s) % (uint64_t)(wait / 2 + 1));
}

int64_t schedule_lifetime_ms(const struct schedule *s, struct str stream)
{
    for (size_t i = 0; i < s->settings->short_streams; i++)
        if (str_eq(s->settings->short_stream[i], stream))
            return (int64_t)s->settings->lifetime_short_s * 1000;
    return (int64_t)s->settings->lifetime_s * 1000;
}

struct str lane_site(const struct lane *l)
{
    struct str rest = str_of(l->site->name);
    return str_split(&rest, '\n');
}

struct str lane_stream(const struct lane *l) { return str_of(l->stream); }
const struct lane_limits *lane_limits(const struct lane *l) { return &l->site->limits; }
uint64_t lane_site_number(const struct lane *l) { return l->site->number; }

/* What is true of the site, whichever of its lanes is asked. */
static struct lane_stats site_stats(const struct site *t)
{
    struct str rest = str_of(t->name), name = str_split(&rest, '\n');
    bool rests = t->down_until_ms != 0;
    return (struct lane_stats){.site = name,
                               .pool = rest,
                               .paused = t->paused,
                               .down = rests && !site_is_barred(t),
                               .barred = rests && site_is_barred(t),
                               .slowed = t->allowed < t->limits.connections,
                               .rest_until_ms = t->down_until_ms,
                               .connections = (uint32_t)t->allowed,
                               .limits = &t->limits,
                               .bars = t->bars,
                               .blame = t->bars && t->blame ? t->blame : ""};
}

void schedule_lanes(const struct schedule *s, void (*fn)(void *ctx, const struct lane_stats *l), void *ctx)
{
    for (size_t i = 0; i < s->lane_cap; i++)
        for (const struct lane *l = s->lane[i]; l; l = l->chain) {
            struct lane_stats t = site_stats(l->site);
            t.stream = str_of(l->stream);
            t.ready = l->ready;
            t.running = l->running;
            t.finished = l->finished;
            fn(ctx, &t);
        }
    for (size_t i = 0; i < s->site_cap; i++)
        for (const struct site *t = s->site[i]; t; t = t->chain) {
            struct lane_stats stats = site_stats(t);
            if (t->lanes == 0 && (stats.paused || stats.down || stats.barred || stats.slowed))
                fn(ctx, &stats);
        }
}

void schedule_stats(const struct schedule *s, struct schedule_stats *ret)
{
    *ret = s->stats;
    ret->lanes = s->lanes;
    ret->sites = s->sites;
}
