/* inner: what the schedule's own files share. */
#pragma once

#include "schedule/schedule.h"

/* Jobs of one account in one lane, in order of arrival. Exists only while it has jobs. */
struct account_queue {
    struct account_queue *next;  /* round of the lane's accounts */
    struct account_queue *chain; /* the lane's table */
    uint32_t account;
    struct job *first, **last;
};

struct site;

struct lane {
    struct lane *chain;      /* hash table */
    struct lane *next_ready; /* round of the site's lanes with work */
    struct site *site;
    char *pool, *stream;
    uint64_t hash, number;
    bool urgent, paused, in_round;
    struct account_queue *round, **round_end; /* accounts with jobs, the next one first */
    struct account_queue *table[16];
    uint64_t ready, running, finished;
    int64_t idle_since_ms;
};

/* All lanes to one site from one pool share its limits, its pace and its health. */
struct site {
    struct site *chain;
    struct site *next_runnable; /* the schedule's list */
    char *name;                 /* site and pool, separated by a newline */
    uint64_t hash;
    struct lane_limits limits;
    struct lane *urgent, **urgent_end, *other, **other_end; /* lanes with work, two rounds */
    unsigned turn; /* counts starts, so that others get their share beside urgent lanes */
    unsigned lanes;
    uint32_t running;
    double allowed; /* connections at present: shrinks when the site says it is busy */
    double tokens;  /* pace */
    int64_t tokens_ms, down_until_ms, back_off_ms;
    size_t heap_at; /* place in the heap of sleeping sites, plus one; 0: not there */
    int64_t wake_ms;
    bool runnable;
};

enum { WHEEL_LEVELS = 5, WHEEL_BITS = 8, WHEEL_SLOTS = 1 << WHEEL_BITS };

struct schedule {
    const struct schedule_settings *settings;
    uint64_t seed;
    struct lane **lane;
    struct site **site;
    size_t lanes, lane_cap, sites, site_cap;
    uint64_t next_number;
    struct site *runnable, **runnable_end;
    struct site **heap; /* sleeping sites with work, by wake_ms */
    size_t heap_n, heap_cap;
    struct job *slot[WHEEL_LEVELS][WHEEL_SLOTS]; /* waiting jobs by due second */
    uint64_t wheel_s;                            /* every second before it was emptied */
    struct job *due;                             /* taken from the wheel, to be handed out */
    struct job *held;
    struct schedule_stats stats;
};

/* wheel.c */
void wheel_add(struct schedule *s, struct job *j);
void wheel_remove(struct schedule *s, struct job *j);
struct job *wheel_due(struct schedule *s, int64_t wall_ms);
void wheel_each(struct schedule *s, void (*fn)(void *ctx, struct job *j), void *ctx);

/* site.c: what a site may do now */
void site_refresh(struct schedule *s, struct site *t); /* its limits, after new settings */
bool site_may_start(struct site *t, int64_t now_ms, int64_t *wake_ms);
void site_started(struct site *t);
void site_feedback(struct schedule *s, struct site *t, enum lane_feedback how, int64_t now_ms);
uint64_t schedule_random(struct schedule *s);
