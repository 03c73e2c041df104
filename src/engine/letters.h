/* letters: which messages have envelope and content in memory: brought back from the log when they are needed, pinned while a job
 * relies on them, dropped when none does. On the message's home worker. Private to the engine. */
#pragma once

#include "engine/trip.h"

/* May one more stay in memory while its jobs wait for their turn? */
bool letters_have_room(const struct worker *w);

/* The job relies on the letter, until letters_unpin (a list by ->next) says that it does no longer. Twice is once. */
void letter_pin(struct job *j);
void letters_unpin(struct job *jobs);
bool letters_are_pinned(const struct job *jobs);

/* Sees that the letter of the trip's message is in memory, then runs then(t): at once, or when the log has given it back. If it
 * cannot be read, the trip's jobs are held by a note that says why, its place in the lane is given up, and the trip is over. */
void letter_bring(struct trip *t, void (*then)(struct trip *t));
