/* lanes: what goes where at the moment, as `goniec queue lanes` tells it. Private to the room. */
#pragma once

#include "cli/common.h"

/* Asks the engine and prints a table, or JSON. Returns the exit code. */
int lanes_tell(const struct common *c);
