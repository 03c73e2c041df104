/* metrics: the engine's lines and the office's own numbers as one Prometheus exposition. Private to the room. */
#pragma once

#include "lib/buf.h"

/* One number of the office. */
struct metric {
    const char *name; /* without goniec_ */
    uint64_t value;
};

/* Appends everything in the text format 0.0.4: each metric's HELP and TYPE once, then its samples together. `engine` holds lines
 * "goniec_NAME{worker="N"} VALUE", worker by worker; lines of another form are left out. */
void metrics_put(struct str engine, const struct metric *own, size_t n, struct buf *b);

/* Whether any worker's value of the metric is not zero. */
bool metrics_any(struct str engine, const char *name);
