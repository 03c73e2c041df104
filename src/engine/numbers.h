/* numbers: what a worker tells of itself, for metrics and operators. Called on its thread. Private to the engine. */
#pragma once

#include "engine/worker.h"
#include "mail/outcome.h"

/* One outcome came home: counts its recipients by what became of them. */
void numbers_count(struct worker *w, const struct outcome *o);

/* Counters and gauges in Prometheus' text form, without HELP and TYPE. */
void numbers_metrics(const struct worker *w, struct buf *b);

/* A line a lane, parted by tabs: site, stream ("": none of its lanes has had work lately), state (open, slowed, paused, down,
 * barred), jobs that wait for their turn, attempts under way, attempts ended, seconds that the site still rests, connections that
 * it gets at present and at most, messages a second (0: no bound), refusals of this server in a row, the cause of the last of
 * them
 * ("": none). */
void numbers_lanes(const struct worker *w, struct buf *b);
