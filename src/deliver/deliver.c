/* deliver: the door. */
#include "deliver/deliver.h"

#include "deliver/inner.h"
#include "lib/must.h"

#include <stdlib.h>

bool deliver_open(struct deliver **ret, struct loop *l, struct chore_pool *chores, const struct deliver_settings *s,
                  struct fault *f)
{
    struct deliver *d = calloc(1, sizeof *d);
    must(d);
    d->loop = l;
    d->chores = chores;
    d->settings = s;
    if (!tls_client_new(&d->tls, s->tls_trusted_pem, f)) {
        free(d);
        return false;
    }
    *ret = d;
    return true;
}

void deliver_settings_use(struct deliver *d, const struct deliver_settings *s) { d->settings = s; }

void deliver_start(struct deliver *d, struct attempt *a) { talk_start(d, a); }

void deliver_drain(struct deliver *d)
{
    d->draining = true;
    for (struct connection *c = d->connections, *next; c; c = next) {
        next = c->next;
        if (c->idle)
            connection_quit(c);
    }
}

void deliver_close(struct deliver **deliver)
{
    struct deliver *d = *deliver;
    *deliver = NULL;
    if (!d)
        return;
    while (d->talks)
        talk_cut(d->talks);
    while (d->connections)
        connection_close(d->connections);
    tls_free(&d->tls);
    free(d);
}

void deliver_stats(const struct deliver *d, struct deliver_stats *ret) { *ret = d->stats; }
