/* match: finds every phrase of the rulebook in a folded text, in one pass. Private to explain/. */
#pragma once

#include "explain/plain.h"
#include "explain/rulebook.h"

/* Called for each whole phrase found, in the order of their ends: its owner (rule_use) and its bytes first..end of the folded
 * text. */
typedef void match_found(void *ctx, int owner, size_t first, size_t end);
void match_all(const struct plain *p, match_found *found, void *ctx);
