/* policies: the MTA-STS policies in force, and the wish for others: a worker that meets a domain whose policy is not known says
 * so, the office asks what is wanted, fetches it and has the list read anew. Private to the engine. */
#pragma once

#include "engine/handed.h"

/* Reads the list. A damaged one is no reason not to send: it is left, and a word to the operator. */
bool policies_open(struct engine *e, struct fault *f);
void policies_close(struct engine *e);
/* The hooks of a worker's router, and the list for it when it is open. */
struct route_hooks policies_hooks(struct worker *w);
void policies_begin(struct worker *w);

/* What is wanted, a line "DOMAIN ID" each, told at once or, when there is nothing, within wait_ms; told things are forgotten. Who
 * asks shows that somebody fetches. done runs once, on the main thread, which is also where this is called; it may run from
 * within. */
void policies_wanted(struct engine *e, uint32_t wait_ms, void (*done)(void *ctx, struct str lines), void *ctx);
void policies_reload(struct engine *e, void (*done)(void *ctx, const struct fault *f), void *ctx);
