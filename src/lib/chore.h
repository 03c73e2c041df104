/* chore: work that blocks (argon2, reading a file back), done off the event loop by a small pool of threads. */
#pragma once

#include "lib/loop.h"

struct chore_pool;

/* Starts `threads` threads. chore_pool_free waits for the queued work to end. */
bool chore_pool_new(struct chore_pool **ret, unsigned threads, struct fault *f);
void chore_pool_free(struct chore_pool **p);

/* The caller embeds it. work runs on a pool thread; then done runs on `home`'s thread. The chore must stay
 * valid until done begins. */
struct chore {
    void (*work)(void *ctx);
    void (*done)(void *ctx);
    void *ctx;
    struct loop *home;
    uint64_t whose;     /* 0, or for whom: chores for one take a quarter of the threads at most, the others' go past them */
    struct post post;   /* the pool's */
    struct chore *next; /* the pool's */
};
void chore_start(struct chore_pool *p, struct chore *c);
/* Chores waiting for a thread: callers refuse new work past their bound. */
unsigned chore_backlog(struct chore_pool *p);
