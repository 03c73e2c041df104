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

/* A place in a list, or its head; all zero when in none. */
struct ring {
    struct ring *prev, *next;
};

struct site;

struct lane {
    struct lane *chain;      /* hash table */
    struct lane *next_ready; /* round of the site's lanes with work */
    struct site *site;
    char *pool, *stream;
    uint64_t hash;
    bool urgent, in_round;
    struct account_queue *round, **round_end; /* accounts with jobs, the next one first */
    struct account_queue *table[16];
    uint64_t ready, running, finished;
    struct ring idle; /* without work: in the schedule's list */
    int64_t idle_since_ms;
};

/* All lanes to one site from one pool share its limits, its pace and its health. */
struct site {
    struct site *chain;
    struct site *next_runnable; /* one of the schedule's lists */
    char *name;                 /* site and pool, separated by a newline */
    uint64_t hash, number;
    struct lane_limits limits;
    struct lane *urgent, **urgent_end, *other, **other_end; /* lanes with work, two rounds */
    unsigned turn; /* counts starts, so that others get their share beside urgent lanes */
    unsigned lanes;
    struct ring empty; /* without lanes: in the schedule's list */
    int64_t empty_since_ms;
    uint32_t running;
    double allowed; /* connections at present: shrinks when the site says it is busy */
    double tokens;  /* pace */
    int64_t tokens_ms, down_until_ms, back_off_ms;
    size_t heap_at; /* place in the heap of sleeping sites, plus one; 0: not there */
    int64_t wake_ms;
    bool queued;       /* in a list of those that may start */
    bool paused;       /* by the operator */
    bool proven;       /* its last attempt reached it */
    unsigned bars;     /* refusals of our address in a row */
    const char *blame; /* what the last of them was about; static text of the owner's */
};

/* Sites that may start, in their turn. */
struct site_queue {
    struct site *first, **last;
};

enum { WHEEL_LEVELS = 5, WHEEL_BITS = 8, WHEEL_SLOTS = 1 << WHEEL_BITS };

struct schedule {
    const struct schedule_settings *settings;
    uint64_t seed;
    struct lane **lane;
    struct site **site;
    size_t lanes, lane_cap, sites, site_cap;
    uint64_t next_number;
    struct ring idle, empty;       /* lanes without work, sites without lanes: the longest first */
    int64_t now_ms;                /* monotonic, as last told */
    struct site_queue runnable[2]; /* those whose last attempt failed or that are new; those that are proven */
    unsigned turn;                 /* counts starts: the two lists take turns */
    struct site **heap;            /* sleeping sites with work, by wake_ms */
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

/* lanes.c */
void lanes_init(struct schedule *s);
void lanes_done(struct schedule *s);
void lane_rest(struct schedule *s, struct lane *l); /* it may have nothing left to do */
void lane_work(struct lane *l);                     /* it has */

/* site.c: what a site may do now */
void site_refresh(struct schedule *s, struct site *t); /* its limits, after new settings */
bool site_may_start(struct site *t, int64_t now_ms, int64_t *wake_ms);
void site_started(struct site *t);
bool site_is_named(const struct site *t, struct str name); /* as a rule names sites */
bool site_is_barred(const struct site *t);                 /* our address is refused there */
int64_t site_feedback(struct schedule *s, struct site *t, enum lane_feedback how, int64_t now_ms);
bool site_is_plain(const struct site *t, int64_t now_ms); /* nothing would be lost if it were made anew */
uint64_t schedule_random(struct schedule *s);
