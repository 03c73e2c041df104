/* inspect: looking into a log that nobody writes at the moment: does it hold together, and what is in it. */
#pragma once

#include "lib/fault.h"

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

/* Prints a line for each record that is whole (segment, offset, kind, message id, sizes); fails as log_verify does. */
bool log_dump(const char *directory, FILE *out, struct fault *f);
