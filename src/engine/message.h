/* message: a live message as its home worker holds it, and its letter: what is in memory only while it is being worked on.
 *
 * A million deferred messages must fit, so the struct holds no text: envelope and content (the letter) are read back from the log
 * when the next attempt is due. Only the home worker touches a message; a job belongs to whoever has it (home, or the worker that
 * owns its lane), and a pinned job's letter does not go away. */
#pragma once

#include "engine/worker.h"

/* Owner's flags of a job. */
enum {
    JOB_ENDED = 1,  /* delivered, failed or dropped */
    JOB_WARNED = 2, /* a delay notification was sent, or none is due */
    JOB_PINNED = 4, /* counted in message.pins */
};

struct letter {
    struct arena arena;
    struct envelope envelope;
    struct content *content;
    struct log_wait wait; /* acceptance is on its way to disk */
    uint64_t bytes;       /* as counted in the worker's letter_bytes */
    void *session;        /* who waits for the answer; NULL: nobody (a notification) */
};

struct message {
    struct log_entry entry; /* must stay first: the log hands it back */
    struct worker *home;
    struct letter *letter; /* NULL: on disk only */
    uint32_t pins;         /* jobs that rely on the letter */
    uint32_t rcpts;
    uint32_t open;        /* jobs not ended */
    uint16_t log;         /* number of the home's log that holds it */
    bool has_return_path; /* as its envelope says */
    struct job job[];
};
_Static_assert(sizeof(struct message) + sizeof(struct job) == 128, "a million messages must fit");

static inline struct log *message_log(const struct message *m) { return m->home->log[m->log]; }

/* A message in the worker's log of that number, for the envelope and content, which it takes over (arena and content are moved
 * out of the arguments). */
struct message *message_new(struct worker *w, uint16_t log, struct arena *a, const struct envelope *e, struct content *c);
void message_free(struct message *m);

/* Appends its acceptance to its log; letter->wait tells the end. */
enum log_refusal message_commit(struct message *m, void (*fn)(void *ctx, bool durable));

/* Drops the letter if no job relies on it. */
void message_unload(struct message *m);
/* Makes the letter from what the log gave back. False when it cannot be understood. */
bool message_load(struct message *m, struct str meta, struct str content);

/* One note about some of its jobs was made: applies one job's new state (the same way live and in recovery). */
void message_apply(struct message *m, uint32_t rcpt, enum outcome_status status, uint32_t attempts, int64_t next_ms);

/* The log's hooks for a worker (ctx: struct worker *), and what recovery found: hands each to fn, then forgets the table. */
extern const struct log_hooks message_log_hooks;
void message_recovered(struct worker *w, uint16_t log, void (*fn)(struct message *m));

/* Small number of a text, for fairness and matching. */
uint32_t message_number(struct str text);
