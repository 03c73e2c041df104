/* lanes: the tables of lanes and sites: found, made, and forgotten again.
 *
 * Anybody whose mail is taken can name any number of domains, so a lane without work is kept for a while only, and its site
 * (whose number is the key of the connections that are kept for it) until nothing is left to remember about it: its pace is as it
 * was, and it is neither down nor slowed, or that was long ago. Lanes without work lie in a list in the order in which they fell
 * idle, sites without lanes in another; forgetting looks at the heads only, so that it costs the same however many there are. */
#include "lib/hash.h"
#include "lib/must.h"
#include "schedule/inner.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LANE_KEEP_MS = 60 * 1000,
    SITE_MEMORY_MS = 6 * 3600 * 1000, /* longer than the longest wait between attempts, by default */
    LOOK_AT = 2000                    /* lanes, and as many sites, at one call */
};

/* ---- lists that anything can be taken out of ---- */

static void ring_add(struct ring *head, struct ring *r)
{
    *r = (struct ring){.next = head, .prev = head->prev};
    head->prev->next = r;
    head->prev = r;
}

static void ring_remove(struct ring *r)
{
    r->prev->next = r->next;
    r->next->prev = r->prev;
    *r = (struct ring){0};
}

static bool is_in_ring(const struct ring *r) { return r->next; }

static struct lane *idle_lane(struct ring *r) { return (struct lane *)((char *)r - offsetof(struct lane, idle)); }
static struct site *empty_site(struct ring *r) { return (struct site *)((char *)r - offsetof(struct site, empty)); }

/* ---- finding sites and lanes ---- */

static char *copy(struct str s)
{
    char *z = malloc(s.n + 1);
    must(z);
    if (s.n)
        memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return z;
}

static void lanes_grow(struct schedule *s)
{
    size_t cap = s->lane_cap ? s->lane_cap * 2 : 64;
    struct lane **table = calloc(cap, sizeof(struct lane *));
    must(table);
    for (size_t i = 0; i < s->lane_cap; i++)
        for (struct lane *l = s->lane[i], *next; l; l = next) {
            next = l->chain;
            l->chain = table[l->hash & (cap - 1)];
            table[l->hash & (cap - 1)] = l;
        }
    free(s->lane);
    s->lane = table;
    s->lane_cap = cap;
}

static void sites_grow(struct schedule *s)
{
    size_t cap = s->site_cap ? s->site_cap * 2 : 64;
    struct site **table = calloc(cap, sizeof(struct site *));
    must(table);
    for (size_t i = 0; i < s->site_cap; i++)
        for (struct site *t = s->site[i], *next; t; t = next) {
            next = t->chain;
            t->chain = table[t->hash & (cap - 1)];
            table[t->hash & (cap - 1)] = t;
        }
    free(s->site);
    s->site = table;
    s->site_cap = cap;
}

static struct site *site_get(struct schedule *s, struct str site, struct str pool)
{
    char name[600];
    int n = snprintf(name, sizeof name, "%.*s\n%.*s", STR_ARGS(site), STR_ARGS(pool));
    must(n > 0);
    uint64_t hash = siphash(hash_process_key(), name, strlen(name));
    if (s->sites >= s->site_cap)
        sites_grow(s);
    for (struct site *t = s->site[hash & (s->site_cap - 1)]; t; t = t->chain)
        if (t->hash == hash && strcmp(t->name, name) == 0)
            return t;
    struct site *t = calloc(1, sizeof *t);
    must(t);
    t->name = copy(str_of(name));
    t->hash = hash;
    t->number = s->next_number++;
    t->urgent_end = &t->urgent;
    t->other_end = &t->other;
    t->chain = s->site[hash & (s->site_cap - 1)];
    s->site[hash & (s->site_cap - 1)] = t;
    s->sites++;
    ring_add(&s->empty, &t->empty);
    site_refresh(s, t);
    t->tokens = t->limits.messages_per_s < 1 ? 1 : t->limits.messages_per_s;
    return t;
}

struct lane *schedule_lane(struct schedule *s, struct str site, struct str pool, struct str stream, bool urgent)
{
    struct site *t = site_get(s, site, pool);
    uint64_t hash = t->hash ^ siphash(hash_process_key(), stream.p, stream.n) ^ (urgent ? UINT64_C(0x9e3779b97f4a7c15) : 0);
    if (s->lanes >= s->lane_cap)
        lanes_grow(s);
    for (struct lane *l = s->lane[hash & (s->lane_cap - 1)]; l; l = l->chain)
        if (l->hash == hash && l->site == t && l->urgent == urgent && str_eq(str_of(l->stream), stream))
            return l;
    struct lane *l = calloc(1, sizeof *l);
    must(l);
    l->site = t;
    l->pool = copy(pool);
    l->stream = copy(stream);
    l->hash = hash;
    l->urgent = urgent;
    l->round_end = &l->round;
    l->chain = s->lane[hash & (s->lane_cap - 1)];
    s->lane[hash & (s->lane_cap - 1)] = l;
    s->lanes++;
    if (t->lanes++ == 0)
        ring_remove(&t->empty);
    lane_rest(s, l);
    return l;
}

/* ---- forgetting them ---- */

void lane_rest(struct schedule *s, struct lane *l)
{
    if (l->ready || l->running || is_in_ring(&l->idle))
        return;
    l->idle_since_ms = s->now_ms;
    ring_add(&s->idle, &l->idle);
}

void lane_work(struct lane *l)
{
    if (is_in_ring(&l->idle))
        ring_remove(&l->idle);
}

static void lane_free(struct lane *l)
{
    for (size_t i = 0; i < sizeof l->table / sizeof *l->table; i++)
        for (struct account_queue *q = l->table[i], *next; q; q = next) {
            next = q->chain;
            free(q);
        }
    free(l->pool);
    free(l->stream);
    free(l);
}

static void site_free(struct site *t)
{
    free(t->name);
    free(t);
}

static void lane_forget(struct schedule *s, struct lane *l)
{
    struct lane **at = &s->lane[l->hash & (s->lane_cap - 1)];
    while (*at != l)
        at = &(*at)->chain;
    *at = l->chain;
    s->lanes--;
    ring_remove(&l->idle);
    if (--l->site->lanes == 0) {
        l->site->empty_since_ms = s->now_ms;
        ring_add(&s->empty, &l->site->empty);
    }
    lane_free(l);
}

static void site_forget(struct schedule *s, struct site *t)
{
    struct site **at = &s->site[t->hash & (s->site_cap - 1)];
    while (*at != t)
        at = &(*at)->chain;
    *at = t->chain;
    s->sites--;
    ring_remove(&t->empty);
    site_free(t);
}

static bool may_forget_site(const struct schedule *s, const struct site *t)
{
    if (t->queued || t->heap_at || t->paused)
        return false; /* the next take looks at it, or the operator */
    return site_is_plain(t, s->now_ms) || s->now_ms - t->empty_since_ms >= SITE_MEMORY_MS;
}

void schedule_forget(struct schedule *s, int64_t now_ms)
{
    s->now_ms = now_ms;
    for (int i = 0; i < LOOK_AT && s->idle.next != &s->idle; i++) {
        struct lane *l = idle_lane(s->idle.next);
        if (now_ms - l->idle_since_ms < LANE_KEEP_MS)
            break;
        lane_forget(s, l);
    }
    for (int i = 0; i < LOOK_AT && s->empty.next != &s->empty; i++) {
        struct site *t = empty_site(s->empty.next);
        if (may_forget_site(s, t)) {
            site_forget(s, t);
            continue;
        }
        ring_remove(&t->empty);
        ring_add(&s->empty, &t->empty);
    }
}

void lanes_init(struct schedule *s)
{
    s->idle = (struct ring){&s->idle, &s->idle};
    s->empty = (struct ring){&s->empty, &s->empty};
}

void lanes_done(struct schedule *s)
{
    for (size_t i = 0; i < s->lane_cap; i++)
        for (struct lane *l = s->lane[i], *next; l; l = next) {
            next = l->chain;
            lane_free(l);
        }
    for (size_t i = 0; i < s->site_cap; i++)
        for (struct site *t = s->site[i], *next; t; t = next) {
            next = t->chain;
            site_free(t);
        }
    free(s->lane);
    free(s->site);
}
