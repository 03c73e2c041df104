/* sockets: what the supervisor opens before privileges are dropped. Private to the room. */
#pragma once

#include "engine/engine.h"

/* Binds every listener of the settings once a worker (SO_REUSEPORT), and the two Unix sockets under DATA/run. On failure nothing
 * stays open, and the fault names the address. */
bool sockets_open(struct engine_sockets *ret, const struct settings *s, struct fault *f);
void sockets_close(struct engine_sockets *k, const struct settings *s);
