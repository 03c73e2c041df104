/* publisher: see publisher.h. Following the logs must not wait for it: a list of a million takes a second to write, and an engine
 * that is down answers nothing. What the projection or an operator's command changed is found in the database; what could not be
 * published or told is tried again; a file that somebody put in place who was killed before telling is noticed by its look. At
 * its start and every minute the file is looked through, and made anew if it is missing or damaged: without a sound one the
 * engine does not start. */
#include "api/publisher.h"

#include "api/ask.h"
#include "lib/must.h"
#include "store/suppression.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum {
    LOOK_MS = 200,
    TROUBLE_MS = 5000,
    CHECK_S = 60,
    FORGET_S = 3600,
    KEPT_S = 90 * 86400 /* what expired, for who asks why */
};

struct publisher {
    struct store *store;
    const struct office_options *options;
    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t changed;
    bool stopping;
    struct stat told; /* the file as it was when the engine was told last */
    int64_t checked_s, forgot_s;
};

static int64_t now_s(void) { return time(NULL); }

/* Waits; false: it is time to stop. */
static bool rest(struct publisher *p, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + (int64_t)ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&p->lock);
    if (!p->stopping)
        pthread_cond_timedwait(&p->changed, &p->lock, &until);
    bool more = !p->stopping;
    pthread_mutex_unlock(&p->lock);
    return more;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* An engine that refuses the file (and says why in its own log) has it looked through at once. One that is not there is asked
 * again, which it answers when it is. */
static void tell_engine(struct publisher *p)
{
    struct buf answer = {.max = 65536};
    struct stat now;
    char path[600];
    snprintf(path, sizeof path, "%s/suppression", p->options->data_directory);
    if (stat(path, &now) != 0 || same_file(&now, &p->told))
        return;
    if (ask_engine(p->options->control_socket, "reload-suppression\n", &answer) && answer.n >= 2) {
        p->told = now;
        if (memcmp(answer.p, "ok", 2) != 0)
            p->checked_s = 0;
    }
    buf_done(&answer);
}

static bool forget(struct publisher *p, struct fault *f)
{
    if (now_s() - p->forgot_s < FORGET_S)
        return true;
    p->forgot_s = now_s();
    return store_list_forget(p->store, now_s() - KEPT_S, f);
}

static bool publish(struct publisher *p, struct fault *f)
{
    bool changed, check = now_s() - p->checked_s >= CHECK_S;
    if (!store_publish(p->store, p->options->data_directory, check, now_s(), &changed, f))
        return false;
    if (check)
        p->checked_s = now_s();
    return true;
}

static void *run(void *ctx)
{
    struct publisher *p = ctx;
    struct fault f;
    bool good;
    do {
        good = publish(p, &f) && forget(p, &f);
        if (!good)
            fprintf(stderr, "office: the suppression list is not published: %s\n", f.text);
        tell_engine(p);
    } while (rest(p, good ? LOOK_MS : TROUBLE_MS));
    return NULL;
}

bool publisher_open(struct publisher **ret, const struct office_options *o, struct fault *f)
{
    struct publisher *p = calloc(1, sizeof *p);
    sigset_t all, before;
    must(p);
    p->options = o;
    if (!store_open(&p->store, o->data_directory, true, f)) {
        free(p);
        return false;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int code = pthread_create(&p->thread, NULL, run, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code) {
        store_close(&p->store);
        free(p);
        return fault_errno(f, code, "cannot start a thread");
    }
    *ret = p;
    return true;
}

void publisher_close(struct publisher **publisher)
{
    struct publisher *p = *publisher;
    *publisher = NULL;
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    store_close(&p->store);
    free(p);
}
