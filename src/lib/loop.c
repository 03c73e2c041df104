/* loop: epoll, a timer wheel, and an inbox that other threads push to.
 *
 * The wheel has five levels of 64 slots; a tick is 4 ms, so a timer fires up to 4 ms late and never early; a turn that takes long
 * makes the timers after it late by at most as much again, for the time is read once a turn. Timers further out lie in coarser
 * slots and move down as their time comes near. Setting a timer to a later time only notes it: the timer is looked at
 * when its old slot comes up, so that a session may push its time-out on each command for the price of one store.
 *
 * The inbox is a stack that posters push with one atomic exchange; only the poster that finds it empty wakes the loop. */
#include "lib/loop.h"

#include "lib/clock.h"
#include "lib/must.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LEVELS = 5, SLOT_BITS = 6, SLOTS = 1 << SLOT_BITS, EVENTS_MAX = 256, HOOKS_MAX = 8, TICK_BITS = 2 /* a tick is 4 ms */ };

struct hook {
    void (*fn)(void *ctx);
    void *ctx;
};

struct loop {
    int epoll;
    struct watch wake;
    _Atomic(struct post *) inbox;
    atomic_bool stop;
    int64_t now_ms, wall_ms;
    int64_t tick;          /* wheel time: every slot before it has been emptied */
    uint64_t busy[LEVELS]; /* bit per slot that may hold timers */
    struct timer *slot[LEVELS][SLOTS];
    int events, event_at; /* the batch being run, so that a removed watch is skipped in it */
    struct hook hook[HOOKS_MAX];
    int hooks;
    void *streams;
    struct epoll_event batch[EVENTS_MAX];
};

/* ---- time ---- */

static void read_clock(struct loop *l)
{
    l->now_ms = clock_monotonic_ms();
    l->wall_ms = clock_wall_ms();
}

int64_t loop_now_ms(const struct loop *l) { return l->now_ms; }
int64_t loop_wall_ms(const struct loop *l) { return l->wall_ms; }

/* ---- timers ---- */

static void slot_push(struct loop *l, unsigned level, unsigned i, struct timer *t)
{
    struct timer **at = &l->slot[level][i];
    t->next = *at;
    if (t->next)
        t->next->at = &t->next;
    t->at = at;
    *at = t;
    l->busy[level] |= UINT64_C(1) << i;
}

/* Level k holds what is due within 64^(k+1) ticks; the slot is the k-th digit of the due tick. */
static void place(struct loop *l, struct timer *t)
{
    int64_t due = (t->due_ms + (1 << TICK_BITS) - 1) >> TICK_BITS;
    int64_t away = due - l->tick;
    if (away < 0) {
        away = 0;
        due = l->tick;
    }
    unsigned level = 0;
    while (level < LEVELS - 1 && away >> (SLOT_BITS * (level + 1)))
        level++;
    int64_t top = l->tick + (INT64_C(1) << (SLOT_BITS * LEVELS)) - 1;
    slot_push(l, level, (unsigned)((due > top ? top : due) >> (SLOT_BITS * level)) & (SLOTS - 1), t);
}

static void unlink_timer(struct timer *t)
{
    *t->at = t->next;
    if (t->next)
        t->next->at = t->at;
    t->at = NULL;
    t->next = NULL;
}

void timer_set(struct loop *l, struct timer *t, int64_t after_ms)
{
    int64_t due = l->now_ms + (after_ms < 0 ? 0 : after_ms);
    if (t->at && due >= t->due_ms) {
        t->due_ms = due; /* found early in its old slot, it is placed anew there */
        return;
    }
    if (t->at)
        unlink_timer(t);
    t->due_ms = due;
    place(l, t);
}

void timer_cancel(struct timer *t)
{
    if (t->at)
        unlink_timer(t);
}

/* Takes a slot's list and gives each timer its new place, or runs it when it is due. */
static void empty_slot(struct loop *l, unsigned level, unsigned i)
{
    struct timer *list = l->slot[level][i];
    l->slot[level][i] = NULL;
    l->busy[level] &= ~(UINT64_C(1) << i);
    if (list)
        list->at = &list;
    while (list) {
        struct timer *t = list;
        unlink_timer(t);
        if (level == 0 && t->due_ms <= l->now_ms)
            t->fn(t->ctx);
        else
            place(l, t);
    }
}

static void run_timers(struct loop *l)
{
    int64_t now = l->now_ms >> TICK_BITS;
    while (l->tick <= now) {
        if (!(l->busy[0] | l->busy[1] | l->busy[2] | l->busy[3] | l->busy[4])) {
            l->tick = now + 1;
            return;
        }
        for (unsigned level = LEVELS - 1; level > 0; level--)
            if ((l->tick & ((INT64_C(1) << (SLOT_BITS * level)) - 1)) == 0)
                empty_slot(l, level, (unsigned)(l->tick >> (SLOT_BITS * level)) & (SLOTS - 1));
        int64_t at = l->tick++;
        empty_slot(l, 0, (unsigned)at & (SLOTS - 1));
    }
}

/* The tick at which the level's next slot that may hold timers is emptied. */
static int64_t next_tick(const struct loop *l, unsigned level)
{
    unsigned bits = SLOT_BITS * level, at = (unsigned)(l->tick >> bits) & (SLOTS - 1);
    uint64_t turned = at ? (l->busy[level] >> at) | (l->busy[level] << (SLOTS - at)) : l->busy[level];
    int64_t ahead = __builtin_ctzll(turned);
    if (ahead == 0 && (l->tick & ((INT64_C(1) << bits) - 1)) != 0)
        ahead = 1; /* this slot was emptied: what lies in it is a turn away; looking early does no harm */
    return ((l->tick >> bits) + ahead) << bits;
}

/* Milliseconds until a slot is to be emptied; -1: no timer is set. */
static int next_timer_ms(const struct loop *l)
{
    int64_t first = INT64_MAX;
    for (unsigned level = 0; level < LEVELS; level++)
        if (l->busy[level]) {
            int64_t tick = next_tick(l, level);
            first = tick < first ? tick : first;
        }
    if (first == INT64_MAX)
        return -1;
    int64_t ms = (first << TICK_BITS) - l->now_ms;
    return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

/* ---- watches ---- */

void loop_watch(struct loop *l, struct watch *w, uint32_t events)
{
    if (events == w->events)
        return;
    struct epoll_event e = {.events = events, .data.ptr = w};
    int op = !w->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    must(epoll_ctl(l->epoll, op, w->fd, &e) == 0);
    w->events = events;
    if (events)
        return;
    for (int i = l->event_at + 1; i < l->events; i++)
        if (l->batch[i].data.ptr == w)
            l->batch[i].data.ptr = NULL;
}

/* ---- posts ---- */

void loop_post(struct loop *l, struct post *p)
{
    struct post *head = atomic_load_explicit(&l->inbox, memory_order_relaxed);
    do
        p->next = head;
    while (!atomic_compare_exchange_weak_explicit(&l->inbox, &head, p, memory_order_release, memory_order_relaxed));
    if (!head) {
        uint64_t one = 1;
        must(write(l->wake.fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
    }
}

static void run_posts(struct loop *l)
{
    struct post *p = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire), *in_order = NULL;
    while (p) {
        struct post *next = p->next;
        p->next = in_order;
        in_order = p;
        p = next;
    }
    while (in_order) {
        p = in_order;
        in_order = p->next;
        p->fn(p->ctx);
    }
}

static void on_wake(void *ctx, uint32_t events)
{
    struct loop *l = ctx;
    uint64_t n;
    (void)events;
    while (read(l->wake.fd, &n, sizeof n) < 0 && errno == EINTR)
        ;
}

void **loop_stream_slot(struct loop *l) { return &l->streams; }

/* ---- turns ---- */

void loop_at_turn_end(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
    must(l->hooks < HOOKS_MAX);
    l->hook[l->hooks++] = (struct hook){fn, ctx};
}

static void run_events(struct loop *l, int wait_ms)
{
    must(l->events == 0);
    int timer_ms = next_timer_ms(l);
    if (timer_ms >= 0 && (wait_ms < 0 || timer_ms < wait_ms))
        wait_ms = timer_ms;
    if (atomic_load_explicit(&l->inbox, memory_order_relaxed))
        wait_ms = 0;
    l->events = epoll_wait(l->epoll, l->batch, EVENTS_MAX, wait_ms);
    read_clock(l);
    for (l->event_at = 0; l->event_at < l->events; l->event_at++) {
        struct watch *w = l->batch[l->event_at].data.ptr;
        if (w)
            w->fn(w->ctx, l->batch[l->event_at].events);
    }
    l->events = l->event_at = 0;
}

void loop_turn(struct loop *l, int wait_ms)
{
    run_events(l, wait_ms);
    run_posts(l);
    run_timers(l);
    for (int i = 0; i < l->hooks; i++)
        l->hook[i].fn(l->hook[i].ctx);
}

void loop_run(struct loop *l)
{
    while (!atomic_load_explicit(&l->stop, memory_order_acquire))
        loop_turn(l, -1);
    atomic_store(&l->stop, false);
}

void loop_stop(struct loop *l)
{
    uint64_t one = 1;
    atomic_store_explicit(&l->stop, true, memory_order_release);
    must(write(l->wake.fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

bool loop_new(struct loop **ret, struct fault *f)
{
    struct loop *l = calloc(1, sizeof *l);
    must(l);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->wake = (struct watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .fn = on_wake, .ctx = l};
    if (l->epoll < 0 || l->wake.fd < 0) {
        fault_errno(f, errno, "cannot make an event loop");
        if (l->epoll >= 0)
            close(l->epoll);
        if (l->wake.fd >= 0)
            close(l->wake.fd);
        free(l);
        return false;
    }
    read_clock(l);
    l->tick = l->now_ms >> TICK_BITS;
    loop_watch(l, &l->wake, EPOLLIN);
    *ret = l;
    return true;
}

void loop_free(struct loop **l)
{
    if (!*l)
        return;
    close((*l)->wake.fd);
    close((*l)->epoll);
    free((*l)->streams);
    free(*l);
    *l = NULL;
}
