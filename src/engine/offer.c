/* offer: see offer.h. */
#include "engine/offer.h"

#include "lib/hash.h"
#include "lib/must.h"

#include <stdlib.h>

struct offer *offer_new(struct job *j)
{
    const struct message *m = j->message;
    struct offer *o = calloc(1, sizeof *o);
    must(o);
    o->job = j;
    o->home = m->home;
    o->ask.ctx = o;
    o->requiretls = m->letter->envelope.requiretls;
    snprintf(o->stream, sizeof o->stream, "%.*s", STR_ARGS(m->letter->envelope.stream));
    return o;
}

void offer_free(struct offer *o)
{
    if (o->route)
        route_free(&o->route);
    free(o);
}

void offer_post(struct offer *o, struct route *route)
{
    struct engine *e = o->home->engine;
    o->route = route;
    o->job->policy = route->policy ^ (o->requiretls ? route->voucher : 0);
    o->owner = &e->worker[siphash(e->hash_key, route->site, strlen(route->site)) % e->workers];
    struct outbox *b = &o->home->outbox[o->owner->number];
    o->next = NULL;
    *(b->last ? &b->last->next : &b->first) = o;
    b->last = o;
}

void offers_send(struct worker *home, void (*fn)(void *ctx))
{
    for (unsigned i = 0; i < home->engine->workers; i++) {
        struct offer *first = home->outbox[i].first;
        home->outbox[i] = (struct outbox){0};
        if (first)
            worker_go(home, first->owner, &first->post, fn, first);
    }
}

struct lane *offer_lane(const struct offer *o)
{
    struct worker *w = o->owner;
    struct str stream = str_of(o->stream);
    return schedule_lane(w->schedule, str_of(o->route->site), w->snapshot->settings->source.name, stream,
                         str_eq(stream, STR("transactional")));
}
