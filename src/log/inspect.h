/* inspect: looking into a log that nobody writes at the moment: does it hold together, and what is in it. */
#pragma once

#include "lib/fault.h"
#include "mail/id.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct log_finding {
    uint64_t segments, accepted, moved, notes, damaged;
};

/* Reads every live segment of the directory, one at a time, and counts. True: whole; false: the fault says how many places are
 * broken and names the first, *ret is filled as far as it went. Each place is told to `tell` on a line of its own, with segment
 * and offset. A missing segment, damage in the middle, an index that differs from the records are broken; a torn tail is not. */
bool log_verify(const char *directory, FILE *tell, struct log_finding *ret, struct fault *f);

/* Hands over each record that is whole, in order; fails as log_verify does. */
struct log_line {
    uint32_t segment, offset;
    const char *kind; /* "accepted", "moved", "note" */
    struct id id;
    size_t meta_bytes;
    uint32_t content_bytes;
    bool ends; /* a note that ends its message */
};
bool log_dump(const char *directory, void (*fn)(void *ctx, const struct log_line *l), void *ctx, struct fault *f);
