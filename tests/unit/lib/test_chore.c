/* Blocking work runs elsewhere and ends at home. */
#include "../mail/check.h"

#include "lib/chore.h"

#include <pthread.h>
#include <semaphore.h>

enum { CHORES = 200 };

struct task {
    struct chore chore;
    pthread_t worked_on, ended_on;
    int number, worked, ended;
};
static struct task task[CHORES];
static struct loop *loop;
static struct chore_pool *pool;
static sem_t gate;
static int ended, order;

static void work(void *ctx)
{
    struct task *t = ctx;
    t->worked_on = pthread_self();
    t->worked++;
}

static void wait_and_work(void *ctx)
{
    sem_wait(&gate);
    work(ctx);
}

static void done(void *ctx)
{
    struct task *t = ctx;
    t->ended_on = pthread_self();
    t->ended++;
    t->number = order++;
    ended++;
}

static struct task *fresh(int i, void (*fn)(void *))
{
    task[i] = (struct task){.chore = {.work = fn, .done = done, .ctx = &task[i], .home = loop}};
    return &task[i];
}

static void open_pool(unsigned threads)
{
    ended = order = 0;
    assert_true(loop_new(&loop, NULL));
    assert_true(chore_pool_new(&pool, threads, NULL));
    sem_init(&gate, 0, 0);
}

static void work_runs_on_a_thread_of_the_pool_and_its_end_at_home(void **state)
{
    (void)state;
    open_pool(3);
    for (int i = 0; i < CHORES; i++)
        chore_start(pool, &fresh(i, work)->chore);
    while (ended < CHORES)
        loop_turn(loop, -1);
    for (int i = 0; i < CHORES; i++) {
        assert_int_equal(task[i].worked, 1);
        assert_int_equal(task[i].ended, 1);
        assert_false(pthread_equal(task[i].worked_on, pthread_self()));
        assert_true(pthread_equal(task[i].ended_on, pthread_self()));
    }
    chore_pool_free(&pool);
    assert_null(pool);
    chore_pool_free(&pool);
    loop_free(&loop);
}

static void one_thread_works_in_the_order_given_and_the_backlog_is_what_waits(void **state)
{
    (void)state;
    open_pool(1);
    for (int i = 0; i < 10; i++)
        chore_start(pool, &fresh(i, wait_and_work)->chore);
    while (chore_backlog(pool) == 10) /* until the thread has taken the first */
        sched_yield();
    assert_int_equal(chore_backlog(pool), 9);
    for (int i = 0; i < 10; i++)
        sem_post(&gate);
    while (ended < 10)
        loop_turn(loop, -1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(task[i].number, i);
    assert_int_equal(chore_backlog(pool), 0);
    chore_pool_free(&pool);
    loop_free(&loop);
}

/* Of the others, a quarter are for nobody in particular, and the rest for 1, 2 and 3. */
static void one_has_a_quarter_of_the_threads_and_the_others_go_past_it(void **state)
{
    (void)state;
    open_pool(8);
    for (int i = 0; i < 20; i++) {
        struct chore *c = &fresh(i, wait_and_work)->chore;
        c->whose = 7;
        chore_start(pool, c);
    }
    while (chore_backlog(pool) > 18)
        sched_yield();
    for (int i = 20; i < 40; i++) {
        struct chore *c = &fresh(i, work)->chore;
        c->whose = (uint64_t)i % 4;
        chore_start(pool, c);
    }
    while (ended < 20)
        loop_turn(loop, -1);
    assert_int_equal(chore_backlog(pool), 18); /* two of eight threads work for 7 */
    for (int i = 0; i < 20; i++)
        sem_post(&gate);
    while (ended < 40)
        loop_turn(loop, -1);
    for (int i = 20; i < 40; i++)
        assert_in_range(task[i].number, 0, 19);
    chore_pool_free(&pool);
    loop_free(&loop);
}

static void freeing_the_pool_waits_for_all_that_was_queued(void **state)
{
    (void)state;
    open_pool(2);
    for (int i = 0; i < 50; i++) {
        struct chore *c = &fresh(i, wait_and_work)->chore;
        c->whose = (uint64_t)i / 25;
        chore_start(pool, c);
        sem_post(&gate);
    }
    chore_pool_free(&pool);
    for (int i = 0; i < 50; i++)
        assert_int_equal(task[i].worked, 1);
    loop_turn(loop, 0);
    assert_int_equal(ended, 50);
    loop_free(&loop);
}

static void start_the_next(void *ctx)
{
    struct task *t = ctx;
    done(ctx);
    if (t + 1 < task + 20)
        chore_start(pool, &fresh((int)(t + 1 - task), work)->chore);
}

static void an_end_may_start_the_next_chore_or_its_own_again(void **state)
{
    (void)state;
    open_pool(2);
    struct chore *first = &fresh(0, work)->chore;
    chore_start(pool, first);
    while (ended < 1)
        loop_turn(loop, -1);
    first->done = start_the_next; /* the next ones end as usual */
    chore_start(pool, first);
    while (ended < 3)
        loop_turn(loop, -1);
    assert_int_equal(task[0].worked, 2);
    assert_int_equal(task[1].worked, 1);
    chore_pool_free(&pool);
    loop_free(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_runs_on_a_thread_of_the_pool_and_its_end_at_home),
        cmocka_unit_test(one_thread_works_in_the_order_given_and_the_backlog_is_what_waits),
        cmocka_unit_test(one_has_a_quarter_of_the_threads_and_the_others_go_past_it),
        cmocka_unit_test(freeing_the_pool_waits_for_all_that_was_queued),
        cmocka_unit_test(an_end_may_start_the_next_chore_or_its_own_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
