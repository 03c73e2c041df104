/* clock: what time it is, for those who have no loop; who has one asks it (lib/loop.h). */
#pragma once

#include <stdint.h>

int64_t clock_wall_ms(void);      /* since 1970, UTC */
int64_t clock_monotonic_ms(void); /* since some start; never goes back */
