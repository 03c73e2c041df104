/* must: see must.h. */
#include "lib/must.h"

#include <stdio.h>
#include <stdlib.h>

void must_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "bug: %s:%d: this should always hold: %s\n", file, line, expr);
    abort();
}
