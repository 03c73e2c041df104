/* flow: the steps of the corridor that start elsewhere. Private to the engine. */
#pragma once

#include "engine/trip.h"

/* accept's hook: a message came in. */
void flow_submit(void *ctx, struct submission *s);
/* Sets a job out (its letter must be in memory); on its home worker. */
void flow_offer(struct job *j);
/* Starts what may start now: a turn hook of the worker, first in order. */
void flow_pump(void *ctx);
/* A decision without an attempt about some jobs (by ->next) of one message, made on worker `at`: goes home like an outcome. */
void flow_decide(struct worker *at, struct job *jobs, const struct decision *d);
/* Puts a job that stays where its state says: waiting until due_s, or held; on its home worker. */
void flow_place(struct job *j);
/* Ends a message whose jobs have all ended and which only lacks its last note. */
void flow_close_message(struct message *m);
