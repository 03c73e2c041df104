/* match: finds every phrase of the rulebook in a folded text, in one pass. Private to explain/. */
#pragma once

#include "explain/plain.h"
#include "explain/rulebook.h"

/* A whole phrase: its owner (rule_use) and its bytes first..end of the folded text. */
struct match {
    int owner;
    size_t first, end;
    bool jumped; /* its words do not all stand side by side: other words are in between */
};

/* Called for each, in the order of their ends. */
typedef void match_found(void *ctx, const struct match *m);
void match_all(const struct plain *p, match_found *found, void *ctx);
