/* offer: a job on its way from its home to the worker that owns its lane. What was routed in one turn goes to each owner in one
 * post: the recipients of one message arrive together, and so share a transaction. Private to the engine. */
#pragma once

#include "engine/message.h"

struct offer {
    struct post post;
    struct offer *next;   /* they travel together */
    struct route_ask ask; /* its ctx is the offer; the flow says what is done with the route */
    struct job *job;
    struct worker *home, *owner;
    struct route *route;
    bool requiretls; /* whose host is vouched for goes apart from whose is not (RFC 8689 4.2.1) */
    char stream[64];
};

/* Of a job whose letter is in memory; on its home worker. */
struct offer *offer_new(struct job *j);
void offer_free(struct offer *o);

/* Takes the route over: its site decides which worker owns the lane. The offer leaves with offers_send. */
void offer_post(struct offer *o, struct route *route);
/* Sends all offers posted by this worker since the last time; fn(ctx: the first, by ->next) runs on each owner. */
void offers_send(struct worker *home, void (*fn)(void *ctx));

/* Its lane; on the owner. */
struct lane *offer_lane(const struct offer *o);
