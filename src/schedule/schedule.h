/* schedule: what may be sent next, and when. Lanes (site x pool x stream) with limits, fairness between accounts and
 * streams, back-off of hosts that are down, retry times, holds. Pure: no I/O, no clock; times are parameters. One instance
 * per worker; a lane belongs to exactly one. Built for millions of waiting jobs: a job is 48 bytes or less. */
#pragma once

#include "lib/str.h"

struct schedule;
struct lane;

/* One recipient of one message on its way; embedded in its owner's memory. */
struct job {
    struct job *next;  /* the schedule's */
    struct lane *lane; /* set by schedule_ready */
    void *message;     /* the owner's; jobs with equal message and lane may share an attempt, unless */
    uint32_t rcpt;     /* index in the envelope */
    uint32_t account;  /* small number per account, for fairness */
    uint32_t domain;   /* the owner's: number of the recipient's domain, for operator commands */
    uint32_t policy;   /* set before schedule_ready: jobs that share an attempt have the same */
    uint32_t due_s;    /* wall clock, seconds (unsigned: good until 2106) */
    uint16_t attempts;
    uint8_t state : 7; /* enum job_state; kept by the schedule */
    bool alone : 1;    /* it is to have an attempt of its own; set by the owner before schedule_ready */
    uint8_t flags;     /* the owner's */
};
enum job_state { JOB_OUT /* with the owner or in an attempt */, JOB_READY, JOB_WAITING, JOB_HELD };

struct lane_limits {
    uint32_t connections;             /* attempts at once to one site from one pool */
    uint32_t messages_per_connection; /* 0: no bound */
    uint32_t recipients;              /* per transaction (100) */
    double messages_per_s;            /* 0: no bound */
};
struct lane_rule {
    struct str site; /* "*" or a domain of the MX hosts' names or exact site */
    struct lane_limits limits;
};

struct schedule_settings {
    struct lane_rule *rule; /* the most exact wins; the "*" rule is required */
    size_t rules;
    uint32_t retry_first_s, retry_max_s;   /* 300, 14400: doubles between, jittered by +-25 % */
    uint32_t lifetime_s, lifetime_short_s; /* 5 days, 2 days */
    uint32_t warn_after_s;                 /* 4 h */
    struct str *short_stream;              /* names of streams marked short-lived */
    size_t short_streams;
    uint32_t attempts_max; /* at one time, to all sites; 0: no bound */
};

bool schedule_open(struct schedule **ret, const struct schedule_settings *s, uint64_t seed, int64_t wall_ms);
void schedule_settings_use(struct schedule *s, const struct schedule_settings *settings);
void schedule_close(struct schedule **s);

/* The lane for a key, made when new. `urgent`: transactional streams go before others at the same site, but never take all
 * of its connections. A lane lives while it has jobs or attempts; without, until schedule_forget drops it. */
struct lane *schedule_lane(struct schedule *s, struct str site, struct str pool, struct str stream, bool urgent);

/* The job may go now (subject to the lane's limits). Order among one account's jobs in a lane is kept. */
void schedule_ready(struct schedule *s, struct job *j, struct lane *l);
/* The job waits until wall-clock time due_ms; then schedule_due hands it back. */
void schedule_wait(struct schedule *s, struct job *j, int64_t due_ms);
void schedule_hold(struct schedule *s, struct job *j);
/* Takes a job out from wherever it is (operator's command, expiry); it is JOB_OUT afterwards. */
void schedule_remove(struct schedule *s, struct job *j);

/* Hands back, one by one, jobs whose time has come (state JOB_OUT); NULL: none. */
struct job *schedule_due(struct schedule *s, int64_t wall_ms);

/* The next attempt that may start now: a list (by ->next) of jobs of one message in one lane, at most its recipients limit; all
 * are JOB_OUT and the lane has one more attempt under way. NULL: nothing may start; *wake_ms is then the monotonic time
 * at which asking again makes sense (INT64_MAX: only after an event). */
struct job *schedule_take(struct schedule *s, int64_t now_ms, int64_t *wake_ms);

/* How an attempt went, as the lane needs to know. */
enum lane_feedback {
    LANE_UNTRIED, /* nobody was talked to, for reasons of ours: nothing was learned */
    LANE_OK,      /* the conversation worked (whatever became of the recipients) */
    LANE_DOWN,    /* no host could be talked to: back off, then probe with one connection */
    LANE_BUSY,    /* the site said it is overloaded or we are too fast: slow down */
    LANE_BARRED,  /* the site refused our address or its reputation: after a few in a row, rest, so that the queue is not burnt */
};
/* The attempt is over: its connection slot is free again. Returns for how long its site rests because of it, ms; 0: it does not,
 * or did already. */
int64_t schedule_finished(struct schedule *s, struct lane *l, enum lane_feedback how, int64_t now_ms);

/* What an attempt that is told as LANE_BARRED was refused for: a text of the owner's that lives for ever. Told before it. */
void schedule_blame(struct lane *l, const char *what);

/* Drops lanes that have had no work for a minute, and sites that nothing is left to be known of; a bounded number a call, so it
 * is called often. */
void schedule_forget(struct schedule *s, int64_t now_ms);

/* When to try again after `attempts` tries: milliseconds from now, growing and jittered. */
int64_t schedule_retry_ms(struct schedule *s, uint16_t attempts);
/* Lifetime of a job on `stream`, ms. */
int64_t schedule_lifetime_ms(const struct schedule *s, struct str stream);

/* Jobs in ready queues of lanes that back off or are paused do not come out by themselves: hands each READY job with
 * age limits to the owner. Calls fn for every job that is READY, WAITING or HELD; fn may remove that job. */
void schedule_each(struct schedule *s, void (*fn)(void *ctx, struct job *j), void *ctx);

/* Nothing more starts to the sites of that name (as in the rules: "*", a host's domain, or the exact site), until it is allowed
 * again. Returns how many sites there are of that name now; a site that comes later is not paused. */
unsigned schedule_pause(struct schedule *s, struct str site, bool paused);
struct str lane_site(const struct lane *l);
struct str lane_stream(const struct lane *l);
const struct lane_limits *lane_limits(const struct lane *l);
/* Of the site as seen from the lane's pool, never used again: its lanes share connections, so that those kept for the next
 * message and those at work are never more than the limit together. */
uint64_t lane_site_number(const struct lane *l);

struct lane_stats {
    struct str site, pool, stream;
    uint64_t ready, running, finished;
    bool paused;           /* by the operator */
    bool down, barred;     /* it rests: no host could be reached, or our address is refused */
    bool slowed;           /* it said that it is too much: fewer connections for now */
    int64_t rest_until_ms; /* monotonic; 0: it does not rest */
    uint32_t connections;  /* that the site gets at present, at most its limit */
    const struct lane_limits *limits;
    unsigned bars; /* refusals of our address in a row, and what the last was about; "": none */
    const char *blame;
};
/* Every lane, and every site without one that is not as it was: paused, resting or slowed down (stream ""). */
void schedule_lanes(const struct schedule *s, void (*fn)(void *ctx, const struct lane_stats *l), void *ctx);
struct schedule_stats {
    uint64_t ready, waiting, held, running, lanes, sites;
    int64_t oldest_due_s;
};
void schedule_stats(const struct schedule *s, struct schedule_stats *ret);
