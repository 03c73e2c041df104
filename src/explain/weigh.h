/* weigh: which of everything that a reply says decides. Private to explain/. */
#pragma once

#include "explain/plain.h"
#include "explain/rulebook.h"
#include "explain/status.h"

/* What was concluded. */
struct judgement {
    const struct cause *cause; /* NULL: nothing was found to go by */
    uint8_t confidence;
    bool doubtful; /* the words also speak of something that must keep an address from being taken for dead */
    const char *rule, *source;
    unsigned provider;
    size_t first, end;                            /* of the folded text; equal: no words decided */
    const struct code_row *of_code, *of_enhanced; /* the general rows; NULL: not known */
};
/* Whose host it is, by its name: a number of rulebook_provider; 0: nobody's that is known. */
unsigned weigh_provider(struct str host);
struct judgement weigh(const struct plain *p, struct status s, enum phase phase, struct str host);
