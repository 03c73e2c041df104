/* consequence: what follows from how an attempt ended. The one place where a verdict becomes a deed: tried again or not, the lane
 * goes on, slows down or rests. Suppression follows in the office, from the same verdict. Private to the engine. */
#pragma once

#include "engine/trip.h"

/* Understands what was not delivered (verdicts, times of the next tries, expiry), tells the lane how it fared, and notes how long
 * it rests because of that. Called on the worker where the trip began, with an outcome whose rcpt array may be written. The
 * lane's place is free afterwards. reached: a server was talked to. */
void consequence(struct trip *t, struct outcome *o, bool reached);

/* The same for jobs of one message (by ->next), of that stream, whose domain has no route: refused for good, or tried again until
 * they expire. */
struct decision consequence_unroutable(struct worker *w, const struct job *jobs, struct str stream,
                                       const struct route_trouble *trouble);
