/* answer: what the client that hands a message in is told of it, each once. Private to the engine. */
#pragma once

#include "engine/message.h"

/* It is not taken: by the rules, or for want of a key. Ends the submission. */
void answer_turned_away(struct worker *w, struct submission *s, int code, struct enhanced enhanced, const char *text);
/* The log does not take it. */
void answer_not_taken(struct message *m, enum log_refusal why);
/* The log has tried to make it durable; nobody is told of a notification of our own. */
void answer_kept(struct message *m, bool durable);
