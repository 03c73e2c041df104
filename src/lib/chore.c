/* chore: see chore.h. One queue, a mutex and a condition: chores are rare and slow. */
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
    unsigned waiting, threads;
    bool ending;
    pthread_t thread[];
};

static void on_done(void *ctx)
{
    struct chore *c = ctx;
    c->done(c->ctx);
}

static struct chore *take(struct chore_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->ending)
        pthread_cond_wait(&p->more, &p->lock);
    struct chore *c = p->first;
    if (c) {
        p->first = c->next;
        p->waiting--;
        if (!p->first)
            p->last = &p->first;
    }
    pthread_mutex_unlock(&p->lock);
    return c;
}

static void *run(void *ctx)
{
    struct chore_pool *p = ctx;
    struct chore *c;
    while ((c = take(p))) {
        c->work(c->ctx);
        c->post = (struct post){.fn = on_done, .ctx = c};
        loop_post(c->home, &c->post);
    }
    return NULL;
}

/* Chores need little stack, and the usual 8 MB a thread count where memory is bounded (RLIMIT_DATA). */
static int start(struct chore_pool *p, pthread_t *thread)
{
    pthread_attr_t how;
    pthread_attr_init(&how);
    pthread_attr_setstacksize(&how, STACK_BYTES);
    int code = pthread_create(thread, &how, run, p);
    pthread_attr_destroy(&how);
    return code;
}

bool chore_pool_new(struct chore_pool **ret, unsigned threads, struct fault *f)
{
    struct chore_pool *p = calloc(1, sizeof *p + threads * sizeof p->thread[0]);
    must(p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    p->last = &p->first;
    for (; p->threads < threads; p->threads++) {
        int code = start(p, &p->thread[p->threads]);
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
    for (unsigned i = 0; i < p->threads; i++)
        pthread_join(p->thread[i], NULL);
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
