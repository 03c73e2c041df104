/* accept: the door: listeners, settings in force, draining. */
#include "accept/accept.h"

#include "accept/inner.h"
#include "lib/must.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { AT_ONCE = 64, SHUT_MS = 100 };

bool accept_open(struct accept **ret, struct loop *l, struct chore_pool *chores, struct accept_shared *shared,
                 const struct accept_settings *s, const struct accept_hooks *h, void *ctx, struct fault *f)
{
    struct accept *a = calloc(1, sizeof *a);
    must(a);
    a->loop = l;
    a->chores = chores;
    a->shared = shared;
    a->settings = s;
    a->hooks = h;
    a->ctx = ctx;
    if (RAND_bytes(a->proven_key, sizeof a->proven_key) != 1) {
        free(a);
        return fault_set(f, "there is no randomness");
    }
    *ret = a;
    return true;
}

static void on_again(void *ctx)
{
    struct accept_door *d = ctx;
    if (!d->accept->draining)
        loop_watch(d->accept->loop, &d->watch, EPOLLIN);
}

/* There are no files for more connections: whoever waits goes on waiting, and we do not ask again in each turn. */
static void shut(struct accept_door *d)
{
    loop_watch(d->accept->loop, &d->watch, 0);
    timer_set(d->accept->loop, &d->again, SHUT_MS);
}

static void on_listening(void *ctx, uint32_t events)
{
    struct accept_door *d = ctx;
    (void)events;
    for (int i = 0; i < AT_ONCE; i++) {
        int fd = accept4(d->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            session_new(d->accept, fd, d->door);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            shut(d);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED)
            return; /* none waits */
    }
}

bool accept_listen(struct accept *a, int fd, enum door door, struct fault *f)
{
    struct accept_door *d = calloc(1, sizeof *d);
    (void)f;
    must(d);
    *d = (struct accept_door){.next = a->doors,
                              .accept = a,
                              .watch = {.fd = fd, .fn = on_listening, .ctx = d},
                              .again = {.fn = on_again, .ctx = d},
                              .door = door};
    a->doors = d;
    loop_watch(a->loop, &d->watch, EPOLLIN);
    return true;
}

void accept_settings_use(struct accept *a, const struct accept_settings *s)
{
    a->settings = s;
    for (struct session *x = a->sessions; x; x = session_next(x))
        session_settings_use(x);
}

void accept_drain(struct accept *a)
{
    a->draining = true;
    for (struct accept_door *d = a->doors; d; d = d->next)
        if (d->watch.events)
            loop_watch(a->loop, &d->watch, 0);
    for (struct session *s = a->sessions, *next; s; s = next) {
        next = session_next(s);
        session_drain(s);
    }
}

void accept_close(struct accept **accept)
{
    struct accept *a = *accept;
    *accept = NULL;
    if (!a)
        return;
    for (struct accept_door *d = a->doors, *next; d; d = next) {
        next = d->next;
        if (d->watch.events)
            loop_watch(a->loop, &d->watch, 0);
        timer_cancel(&d->again);
        free(d);
    }
    while (a->sessions)
        session_free(a->sessions);
    free(a);
}

void accept_stats(const struct accept *a, struct accept_stats *ret) { *ret = a->stats; }
