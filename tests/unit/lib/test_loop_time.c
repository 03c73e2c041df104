/* Timers, with a clock that the test turns: this program's own clock_gettime and epoll_wait stand before the system's. A wait
 * lets exactly its time pass, so that a day of timers is over at once, and a loop that would sleep too long is caught. */
#include "../mail/check.h"
#include "random.h"

#include "lib/loop.h"

#include <sys/epoll.h>
#include <time.h>

static int64_t now_ms, wall_ms;

int clock_gettime(clockid_t id, struct timespec *t)
{
    int64_t ms = id == CLOCK_MONOTONIC ? now_ms : wall_ms;
    *t = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 + 999999};
    return 0;
}

int epoll_wait(int fd, struct epoll_event *e, int n, int wait_ms)
{
    (void)fd;
    (void)e;
    (void)n;
    if (wait_ms < 0)
        fail_msg("the loop would wait for ever");
    now_ms += wait_ms;
    return 0;
}

static struct loop *loop;

static int make(void **state)
{
    (void)state;
    now_ms = 1000003;
    wall_ms = 1700000000123;
    return loop_new(&loop, NULL) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    loop_free(&loop);
    return 0;
}

struct probe {
    struct timer timer;
    int64_t want_ms, fired_ms;
    int fired, order;
};
static int fired;

static void on_probe(void *ctx)
{
    struct probe *p = ctx;
    p->fired++;
    p->fired_ms = loop_now_ms(loop);
    p->order = ++fired;
}

static void set(struct probe *p, int64_t after_ms)
{
    p->timer.fn = on_probe;
    p->timer.ctx = p;
    p->want_ms = loop_now_ms(loop) + after_ms;
    timer_set(loop, &p->timer, after_ms);
}

/* Runs turns until the time has come. */
static void run_to(int64_t ms)
{
    while (now_ms < ms)
        loop_turn(loop, ms - now_ms > 1000000 ? 1000000 : (int)(ms - now_ms));
}

static void time_stands_still_within_a_turn_and_comes_from_both_clocks(void **state)
{
    (void)state;
    loop_turn(loop, 5);
    assert_int_equal(loop_now_ms(loop), 1000008);
    assert_int_equal(loop_wall_ms(loop), 1700000000123);
    now_ms += 77;
    wall_ms += 99;
    assert_int_equal(loop_now_ms(loop), 1000008);
    loop_turn(loop, 0);
    assert_int_equal(loop_now_ms(loop), 1000085);
    assert_int_equal(loop_wall_ms(loop), 1700000000222);
}

static void a_timer_fires_once_never_early_and_at_most_a_tick_late(void **state)
{
    static const int64_t after[] = {0,     1,     3,     4,      5,       251,     252,     256,      257,      1023,    16380,
                                    16384, 16388, 60000, 300000, 1048575, 1048576, 3600000, 67108863, 67108864, 86400000};
    (void)state;
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        struct probe p = {0};
        now_ms += 13; /* another place in its tick */
        loop_turn(loop, 0);
        set(&p, after[i]);
        while (!p.fired)
            loop_turn(loop, -1);
        assert_true(p.fired_ms >= p.want_ms);
        assert_true(p.fired_ms <= p.want_ms + 4);
        run_to(now_ms + 100000);
        assert_int_equal(p.fired, 1);
        assert_null(p.timer.at);
    }
}

static void timers_of_different_ticks_fire_in_order_even_when_the_turn_comes_late(void **state)
{
    static struct probe p[500];
    (void)state;
    memset(p, 0, sizeof p);
    fired = 0;
    for (int i = 0; i < 500; i++)
        set(&p[i * 7 % 500], i * 7 % 500 * 8);
    now_ms += 1000000;
    loop_turn(loop, 0);
    for (int i = 0; i < 500; i++)
        assert_int_equal(p[i].order, i + 1);
}

static void a_timer_that_is_moved_later_fires_then_only(void **state)
{
    struct probe p = {0};
    (void)state;
    set(&p, 10);
    for (int i = 0; i < 1000; i++) { /* a session pushes its time-out on each command */
        run_to(now_ms + 7);
        set(&p, 300);
        assert_int_equal(p.fired, 0);
    }
    run_to(p.want_ms - 1);
    assert_int_equal(p.fired, 0);
    run_to(p.want_ms + 4);
    assert_int_equal(p.fired, 1);
}

static void a_timer_that_is_moved_earlier_fires_then_and_not_again(void **state)
{
    struct probe p = {0};
    (void)state;
    set(&p, 86400000);
    set(&p, 20);
    set(&p, 40);
    set(&p, 12);
    run_to(p.want_ms + 4);
    assert_int_equal(p.fired, 1);
    run_to(now_ms + 86400100);
    assert_int_equal(p.fired, 1);
}

static void a_cancelled_timer_does_not_fire_and_can_be_set_again(void **state)
{
    struct probe p = {0}, q = {0};
    (void)state;
    timer_cancel(&p.timer); /* never set: nothing happens */
    set(&p, 50);
    set(&q, 50);
    timer_cancel(&p.timer);
    timer_cancel(&p.timer);
    run_to(now_ms + 100);
    assert_int_equal(p.fired, 0);
    assert_int_equal(q.fired, 1);
    set(&p, 50);
    run_to(now_ms + 60);
    assert_int_equal(p.fired, 1);
}

static void a_time_that_has_passed_is_the_next_turn(void **state)
{
    struct probe p = {0};
    (void)state;
    set(&p, 0);
    p.want_ms = loop_now_ms(loop);
    timer_set(loop, &p.timer, -1000);
    int64_t before = now_ms;
    while (!p.fired)
        loop_turn(loop, -1);
    assert_true(now_ms - before <= 4);
}

static struct probe other[3];

static void cancel_the_others(void *ctx)
{
    struct probe *me = ctx;
    me->fired++;
    for (int i = 0; i < 3; i++)
        timer_cancel(&other[i].timer);
}

static void a_callback_may_cancel_timers_that_are_due_in_the_same_tick(void **state)
{
    (void)state;
    memset(other, 0, sizeof other);
    for (int i = 0; i < 3; i++)
        set(&other[i], 40);
    for (int i = 0; i < 3; i++)
        other[i].timer.fn = cancel_the_others;
    run_to(now_ms + 100);
    assert_int_equal(other[0].fired + other[1].fired + other[2].fired, 1);
}

static void set_again(void *ctx)
{
    struct probe *p = ctx;
    p->fired++;
    timer_set(loop, &p->timer, p->order);
}

static void a_callback_may_set_its_own_timer_and_others_still_have_their_turn(void **state)
{
    struct probe p = {.order = 0}, q = {.order = 100};
    (void)state;
    set(&p, 0);
    set(&q, 100);
    p.timer.fn = q.timer.fn = set_again;
    int64_t began = now_ms;
    run_to(began + 1000);
    assert_true(p.fired >= 200 && p.fired <= 260); /* once a tick */
    assert_true(q.fired >= 9 && q.fired <= 10);
    timer_cancel(&p.timer);
    timer_cancel(&q.timer);
}

static void free_itself(void *ctx)
{
    fired++;
    free(ctx);
}

static void a_callback_may_free_its_timer(void **state)
{
    (void)state;
    fired = 0;
    for (int i = 0; i < 10; i++) {
        struct probe *p = calloc(1, sizeof *p);
        assert_non_null(p);
        set(p, i / 2 * 4);
        p->timer.fn = free_itself;
    }
    run_to(now_ms + 100);
    assert_int_equal(fired, 10);
}

static int64_t random_wait(void) { return (int64_t)(random_32() >> 10) >> random_32() % 22; }

/* Many timers set, moved and cancelled at random, the clock turned by random steps: each fires when it should. */
static void many_timers_set_moved_and_cancelled_at_random_fire_when_they_should(void **state)
{
    enum { TIMERS = 200, STEPS = 20000 };
    static struct probe p[TIMERS];
    unsigned total = 0;
    (void)state;
    memset(p, 0, sizeof p);
    for (int step = 0; step < STEPS; step++) {
        struct probe *x = &p[random_32() % TIMERS];
        int64_t late = random_32() % 3 == 0 ? random_wait() >> 8 : 0; /* the turn before took so long */
        if (random_32() % 5 == 0)
            timer_cancel(&x->timer);
        else
            set(x, random_wait());
        now_ms += late;
        loop_turn(loop, (int)random_wait());
        for (int i = 0; i < TIMERS; i++) {
            if (p[i].fired) {
                assert_int_equal(p[i].fired, 1);
                assert_true(p[i].fired_ms >= p[i].want_ms);
                assert_true(p[i].fired_ms <= p[i].want_ms + late + 4);
                p[i].fired = 0;
                total++;
            } else if (p[i].timer.at) {
                assert_true(p[i].want_ms + 4 > loop_now_ms(loop));
            }
        }
    }
    assert_true(total > STEPS / 10);
    for (int i = 0; i < TIMERS; i++)
        timer_cancel(&p[i].timer);
}

int main(void)
{
#define TIMER_TEST(name) cmocka_unit_test_setup_teardown(name, make, end)
    const struct CMUnitTest tests[] = {
        TIMER_TEST(time_stands_still_within_a_turn_and_comes_from_both_clocks),
        TIMER_TEST(a_timer_fires_once_never_early_and_at_most_a_tick_late),
        TIMER_TEST(timers_of_different_ticks_fire_in_order_even_when_the_turn_comes_late),
        TIMER_TEST(a_timer_that_is_moved_later_fires_then_only),
        TIMER_TEST(a_timer_that_is_moved_earlier_fires_then_and_not_again),
        TIMER_TEST(a_cancelled_timer_does_not_fire_and_can_be_set_again),
        TIMER_TEST(a_time_that_has_passed_is_the_next_turn),
        TIMER_TEST(a_callback_may_cancel_timers_that_are_due_in_the_same_tick),
        TIMER_TEST(a_callback_may_set_its_own_timer_and_others_still_have_their_turn),
        TIMER_TEST(a_callback_may_free_its_timer),
        TIMER_TEST(many_timers_set_moved_and_cancelled_at_random_fire_when_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
