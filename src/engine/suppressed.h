/* suppressed: the suppression list in force, which is read before the doors open and anew on the control command
 * "reload-suppression". Private to the engine. */
#pragma once

#include "engine/handed.h"
#include "engine/message.h"
#include "mail/note.h"

/* Reads the list; fails when it is damaged: mail to people who asked for none must not go out for that. The office writes a
 * damaged one anew when it starts, and the supervisor tries again. */
bool suppressed_open(struct engine *e, struct fault *f);
void suppressed_close(struct engine *e);
/* A worker takes and gives back the list; on its thread. */
void suppressed_begin(struct worker *w);
void suppressed_end(struct worker *w);

/* Reads the file anew, as handed_reload. */
void suppressed_reload(struct engine *e, void (*done)(void *ctx, const struct fault *f), void *ctx);

/* Is the job's recipient suppressed? On its home worker, with its letter in memory. why: the note for the story.
 *
 * Never for mail without a sender: our own notifications and other servers' tell somebody what became of their mail, and nobody
 * would learn that they were dropped. Never for domains that this server hosts, its return paths included: there an unknown user
 * is answered, not passed over. */
bool suppressed_ask(const struct job *j, char why[NOTE_MAX]);
