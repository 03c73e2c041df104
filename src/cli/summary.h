/* summary: how things stand with what is not delivered (report/standing.h), shown. Private to the room. */
#pragma once

#include "cli/common.h"
#include "store/store.h"

/* What waits and what rests; refused: also what was refused during the last day. domain: only mail to it (or to the provider of
 * that name); "": all. A sysexits code. */
int summary_tell(const struct common *c, struct store *s, struct str domain, bool refused);
