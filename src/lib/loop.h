/* loop: one thread's event loop over epoll, with timers, and the way other threads hand it work.
 *
 * Everything that belongs to a loop is touched only by the thread that runs it; loop_post and loop_stop
 * are the exceptions and may be called from any thread. Time is read once a turn and cached. Rooms take
 * time from here or as a parameter, never from the system, so that tests can drive it. */
#pragma once

#include "lib/fault.h"

#include <stdint.h>

struct loop;

/* Makes a loop; the caller frees it with loop_free. Fails when the kernel refuses an epoll or event fd. */
bool loop_new(struct loop **ret, struct fault *f);
void loop_free(struct loop **l);

/* Runs turns until loop_stop. One turn: wait for events or the next timer, run watches, posts, due timers,
 * then the turn hooks. */
void loop_run(struct loop *l);
/* Runs one turn, waiting at most wait_ms (-1: until something happens). For tests and closing down; never from within
 * a watch's callback, whose turn would lose the events that come after its own. */
void loop_turn(struct loop *l, int wait_ms);
void loop_stop(struct loop *l); /* any thread */

/* Monotonic milliseconds of this turn, and wall-clock milliseconds since 1970. */
int64_t loop_now_ms(const struct loop *l);
int64_t loop_wall_ms(const struct loop *l);

/* A file descriptor to watch. The owner embeds it, sets fd, fn, ctx, and keeps it until removed.
 * fn gets the epoll events that occurred. A watch may be removed from within any callback. */
struct watch {
    int fd;
    void (*fn)(void *ctx, uint32_t events);
    void *ctx;
    uint32_t events; /* as registered; 0: not registered. Kept by the loop */
};
/* Registers, changes or (events == 0) removes. Call with 0 before closing fd. */
void loop_watch(struct loop *l, struct watch *w, uint32_t events);

/* A timer the owner embeds; fn runs once when due. Zeroed = not set. Setting a set timer moves it. */
struct timer {
    struct timer *next, **at; /* the loop's; at == NULL: not set */
    int64_t due_ms;           /* monotonic */
    void (*fn)(void *ctx);
    void *ctx;
};
void timer_set(struct loop *l, struct timer *t, int64_t after_ms);
void timer_cancel(struct timer *t);

/* Work handed over from any thread; the poster embeds it and must not touch it until fn has begun.
 * Posts from one thread run in the order posted. */
struct post {
    struct post *next;
    void (*fn)(void *ctx);
    void *ctx;
};
void loop_post(struct loop *l, struct post *p);

/* Called at the end of every turn (flush points: group commit, batched hand-over). At most 8 hooks. */
void loop_at_turn_end(struct loop *l, void (*fn)(void *ctx), void *ctx);

/* One pointer that the stream layer keeps with its loop; loop_free releases it with free(). */
void **loop_stream_slot(struct loop *l);
