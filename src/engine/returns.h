/* returns: which mail leaves with a return path of ours, a recipient each (verp/verp.h). Private to the engine. */
#pragma once

#include "engine/trip.h"

/* Decides for a submission that is otherwise ready for the log, by the domain that it shows its reader: receivers look for
 * agreement with that one (DMARC's SPF alignment, RFC 9989 4.4.2). Mail without a sender keeps none. */
void returns_submission(struct worker *w, struct submission *s);
/* Does each recipient of the message, on that route, need an attempt of its own? */
bool returns_alone(const struct message *m, const struct route *r);
/* What the attempt says in MAIL FROM instead of the sender; "": nothing. It lives as long as the trip, which has its lease. */
struct str returns_sender(struct trip *t, const struct route *r);
