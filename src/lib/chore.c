/* chore: see chore.h. One queue, a mutex and a condition: chores are rare and slow. A thread that finds only chores whose share
 * is used up waits; those who use it look again when they end. */
#include "lib/chore.h"

#include "lib/must.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { STACK_BYTES = 512 * 1024 };

struct chore_pool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct chore *first, **last;
    unsigned waiting, threads, started;
    bool ending;
    struct hand {
        pthread_t thread;
        struct chore_pool *pool;
        uint64_t whose; /* that it works for */
    } thread[];
};

static void on_done(void *ctx)
{
    struct chore *c = ctx;
    c->done(c->ctx);
}

static bool has_its_share(const struct chore_pool *p, uint64_t whose)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->threads && whose; i++)
        n += p->thread[i].whose == whose;
    return n >= (p->threads + 3) / 4;
}

/* Where the first is linked that may begin; at the end everything may. */
static struct chore **next(struct chore_pool *p)
{
    struct chore **at = &p->first;
    while (*at && !p->ending && has_its_share(p, (*at)->whose))
        at = &(*at)->next;
    return at;
}

static struct chore *take(struct hand *t)
{
    struct chore_pool *p = t->pool;
    struct chore **at, *c;
    pthread_mutex_lock(&p->lock);
    t->whose = 0;
    while (!*(at = next(p)) && !p->ending)
        pthread_cond_wait(&p->more, &p->lock);
    c = *at;
    if (c) {
        t->whose = c->whose;
        *at = c->next;
        p->waiting--;
        if (!c->next)
            p->last = at;
    }
    pthread_mutex_unlock(&p->lock);
    return c;
}

static void *run(void *ctx)
{
    struct chore *c;
    while ((c = take(ctx))) {
        c->work(c->ctx);
        c->post = (struct post){.fn = on_done, .ctx = c};
        loop_post(c->home, &c->post);
    }
    return NULL;
}

/* Chores need little stack, and the usual 8 MB a thread count where memory is bounded (RLIMIT_DATA). */
static int start(struct hand *t)
{
    pthread_attr_t how;
    pthread_attr_init(&how);
    pthread_attr_setstacksize(&how, STACK_BYTES);
    int code = pthread_create(&t->thread, &how, run, t);
    pthread_attr_destroy(&how);
    return code;
}

bool chore_pool_new(struct chore_pool **ret, unsigned threads, struct fault *f)
{
    struct chore_pool *p = calloc(1, sizeof *p + threads * sizeof p->thread[0]);
    must(p);
    p->threads = threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    p->last = &p->first;
    for (; p->started < threads; p->started++) {
        p->thread[p->started].pool = p;
        int code = start(&p->thread[p->started]);
        if (code) {
            chore_pool_free(&p);
            return fault_errno(f, code, "cannot start a thread");
        }
    }
    *ret = p;
    return true;
}

void chore_pool_free(struct chore_pool **pool)
{
    struct chore_pool *p = *pool;
    *pool = NULL;
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->started; i++)
        pthread_join(p->thread[i].thread, NULL);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void chore_start(struct chore_pool *p, struct chore *c)
{
    c->next = NULL;
    pthread_mutex_lock(&p->lock);
    *p->last = c;
    p->last = &c->next;
    p->waiting++;
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->lock);
}

unsigned chore_backlog(struct chore_pool *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->waiting;
    pthread_mutex_unlock(&p->lock);
    return n;
}
