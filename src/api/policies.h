/* policies: the thread that asks the engine which MTA-STS policies are wanted, fetches them, and publishes the list of all that
 * are known. Private to the room. */
#pragma once

#include "api/office.h"

struct policies;
bool policies_start(struct policies **ret, const struct office_options *o, struct fault *f);
void policies_stop(struct policies **p);
