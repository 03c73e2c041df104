/* inspect: looking into a log that nobody writes at the moment: does it hold together, and what is in it. */
#pragma once

#include "lib/fault.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct log_finding {
    uint64_t segments, accepted, moved, notes, damaged;
};

/* Reads every live segment of the directory and counts. True: whole; false: the fault says what is broken, *ret is filled as far
 * as it went. A missing segment, damage in the middle, an index that differs from the records are broken; a torn tail is not. */
bool log_verify(const char *directory, struct log_finding *ret, struct fault *f);

/* Prints a line for each record (segment, offset, kind, message id, sizes). */
bool log_dump(const char *directory, FILE *out, struct fault *f);
