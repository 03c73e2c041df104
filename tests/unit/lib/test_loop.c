/* Watches, posts and turn hooks; timers have their own file. */
#include "../mail/check.h"

#include "lib/loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct loop *loop;

static int make(void **state)
{
    (void)state;
    return loop_new(&loop, NULL) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    loop_free(&loop);
    assert_null(loop);
    loop_free(&loop); /* nothing happens */
    return 0;
}

/* ---- watches ---- */

struct end {
    struct watch watch;
    int far, called;
    uint32_t got;
    struct end *others; /* removed when this one is called */
    int n;
};

static void on_end(void *ctx, uint32_t events)
{
    struct end *e = ctx;
    e->called++;
    e->got = events;
    for (int i = 0; i < e->n; i++)
        loop_watch(loop, &e->others[i].watch, 0);
}

static void open_end(struct end *e, uint32_t events)
{
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    *e = (struct end){.watch = {.fd = fd[0], .fn = on_end, .ctx = e}, .far = fd[1]};
    loop_watch(loop, &e->watch, events);
}

static void close_end(struct end *e)
{
    loop_watch(loop, &e->watch, 0);
    close(e->watch.fd);
    close(e->far);
}

static void ring(struct end *e) { assert_int_equal(write(e->far, "x", 1), 1); }

static void a_watch_is_called_with_what_happened_until_it_is_removed(void **state)
{
    struct end e;
    (void)state;
    open_end(&e, EPOLLIN);
    loop_turn(loop, 0);
    assert_int_equal(e.called, 0);
    ring(&e);
    loop_turn(loop, -1);
    assert_int_equal(e.called, 1);
    assert_int_equal(e.got, EPOLLIN);
    loop_turn(loop, 0);
    assert_int_equal(e.called, 2); /* by level: nobody has read */
    loop_watch(loop, &e.watch, EPOLLIN | EPOLLET);
    loop_turn(loop, 0);
    loop_turn(loop, 0);
    assert_int_equal(e.called, 3); /* by edge */
    loop_watch(loop, &e.watch, 0);
    ring(&e);
    loop_turn(loop, 0);
    assert_int_equal(e.called, 3);
    close_end(&e);
}

static void watches_removed_from_within_a_callback_are_not_called_in_its_turn(void **state)
{
    static struct end e[20];
    int called = 0;
    (void)state;
    for (int i = 0; i < 20; i++)
        open_end(&e[i], EPOLLIN);
    for (int i = 0; i < 20; i++) {
        e[i].others = e; /* the first to be called removes all, itself too */
        e[i].n = 20;
        ring(&e[i]);
    }
    loop_turn(loop, -1);
    for (int i = 0; i < 20; i++)
        called += e[i].called;
    assert_int_equal(called, 1);
    for (int i = 0; i < 20; i++)
        close_end(&e[i]);
}

static void a_watch_that_is_removed_and_set_again_in_a_callback_is_called_for_new_events_only(void **state)
{
    static struct end e[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        open_end(&e[i], EPOLLIN);
    for (int i = 0; i < 2; i++) {
        e[i].others = &e[1 - i];
        e[i].n = 1;
        ring(&e[i]);
    }
    loop_turn(loop, -1);
    assert_int_equal(e[0].called + e[1].called, 1);
    int other = e[0].called ? 1 : 0;
    loop_watch(loop, &e[1 - other].watch, 0);
    loop_watch(loop, &e[other].watch, EPOLLIN);
    loop_turn(loop, -1);
    assert_int_equal(e[other].called, 1); /* its byte is still there */
    for (int i = 0; i < 2; i++)
        close_end(&e[i]);
}

static void more_watches_than_one_wait_returns_all_have_their_turn(void **state)
{
    enum { MANY = 400 };
    static struct end e[MANY];
    (void)state;
    for (int i = 0; i < MANY; i++) {
        open_end(&e[i], EPOLLIN | EPOLLET);
        ring(&e[i]);
    }
    for (int turn = 0; turn < 5; turn++)
        loop_turn(loop, 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(e[i].called, 1);
        close_end(&e[i]);
    }
}

/* ---- posts ---- */

enum { THREADS = 4, POSTS = 20000 };

struct note {
    struct post post;
    int thread, number;
};
static struct note notes[THREADS][POSTS];
static int next_of[THREADS], got;

static void on_note(void *ctx)
{
    struct note *n = ctx;
    assert_int_equal(n->number, next_of[n->thread]);
    next_of[n->thread]++;
    if (++got == THREADS * POSTS)
        loop_stop(loop);
}

static void *post_all(void *ctx)
{
    struct note *mine = ctx;
    for (int i = 0; i < POSTS; i++)
        loop_post(loop, &mine[i].post);
    return NULL;
}

static void posts_of_each_thread_run_in_its_order_and_none_is_lost(void **state)
{
    pthread_t thread[THREADS];
    (void)state;
    got = 0;
    memset(next_of, 0, sizeof next_of);
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < POSTS; i++)
            notes[t][i] = (struct note){.post = {.fn = on_note, .ctx = &notes[t][i]}, .thread = t, .number = i};
        assert_int_equal(pthread_create(&thread[t], NULL, post_all, notes[t]), 0);
    }
    loop_run(loop);
    assert_int_equal(got, THREADS * POSTS);
    for (int t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
}

static void on_again(void *ctx)
{
    struct note *n = ctx;
    n->number++;
    loop_post(loop, &n->post);
}

static void a_post_may_post_itself_and_the_turn_ends_nevertheless(void **state)
{
    struct note n = {.post = {.fn = on_again, .ctx = &n}};
    (void)state;
    loop_post(loop, &n.post);
    for (int turn = 1; turn <= 5; turn++) {
        loop_turn(loop, -1); /* does not wait: there is work */
        assert_int_equal(n.number, turn);
    }
}

static void *stop_it(void *ctx)
{
    loop_stop(ctx);
    return NULL;
}

static void another_thread_stops_the_loop_and_it_can_run_again(void **state)
{
    pthread_t thread;
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pthread_create(&thread, NULL, stop_it, loop), 0);
        loop_run(loop);
        pthread_join(thread, NULL);
    }
    loop_stop(loop); /* before it runs: it returns at once */
    loop_run(loop);
}

/* ---- the end of a turn ---- */

static char trace[100];
static void say(void *ctx) { strcat(trace, ctx); }
static void say_event(void *ctx, uint32_t events)
{
    (void)events;
    say(ctx);
}

static void a_turn_is_events_posts_timers_and_then_its_hooks_in_order(void **state)
{
    struct end e;
    struct post p = {.fn = say, .ctx = "post "};
    struct timer t = {.fn = say, .ctx = "timer "};
    (void)state;
    *trace = '\0';
    open_end(&e, EPOLLIN);
    e.watch.fn = say_event;
    e.watch.ctx = "event ";
    loop_at_turn_end(loop, say, "first ");
    loop_at_turn_end(loop, say, "second ");
    timer_set(loop, &t, 0);
    while (t.at) { /* the next tick has begun: all that happens falls into one turn */
        *trace = '\0';
        loop_post(loop, &p);
        if (!e.called++)
            ring(&e);
        loop_turn(loop, 10);
    }
    assert_string_equal(trace, "event post timer first second ");
    close_end(&e);
}

int main(void)
{
#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, make, end)
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_watch_is_called_with_what_happened_until_it_is_removed),
        LOOP_TEST(watches_removed_from_within_a_callback_are_not_called_in_its_turn),
        LOOP_TEST(a_watch_that_is_removed_and_set_again_in_a_callback_is_called_for_new_events_only),
        LOOP_TEST(more_watches_than_one_wait_returns_all_have_their_turn),
        LOOP_TEST(posts_of_each_thread_run_in_its_order_and_none_is_lost),
        LOOP_TEST(a_post_may_post_itself_and_the_turn_ends_nevertheless),
        LOOP_TEST(another_thread_stops_the_loop_and_it_can_run_again),
        LOOP_TEST(a_turn_is_events_posts_timers_and_then_its_hooks_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
