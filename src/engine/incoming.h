/* incoming: mail from other servers is checked (verify/) before it is kept. The checks wait for DNS, so they are done by threads
 * of their own, a bounded number of them, and never for longer than a client waits. Private to the engine. */
#pragma once

#include "engine/worker.h"
#include "verify/verify.h"

/* Starts the threads and their resolver, if the settings want mail to be checked and they do not run yet; before any worker has
 * these settings. The resolvers that settings name are those of the first time. */
bool incoming_open(struct engine *e, const struct settings *s, struct fault *f);

/* Has a message checked if others sent it and the settings say so: takes the submission over (moved out of *s), and `done`, on
 * this worker and perhaps later, takes it over again. What was found is valid during that call; NULL: it was not checked, as
 * submissions never are: they do not wait. */
typedef void incoming_done(struct worker *w, struct submission *s, const struct verified *found);
void incoming_check(struct worker *w, struct submission *s, incoming_done *done);

/* May it be taken in, for what was found? If not, `text` is the reply's, whose code is 550 5.7.1 (RFC 7489 10.3); if so, it is
 * noted in the envelope, for the story. What was found points into the message: to be called before that is changed. */
bool incoming_judge(const struct worker *w, struct submission *s, const struct verified *found, char text[400]);
/* Puts what was noted before a message that is otherwise ready for the log, as Authentication-Results, and a seal if the settings
 * say so. Nothing found: nothing done. */
void incoming_mark(struct worker *w, struct submission *s, const struct verified *found);
