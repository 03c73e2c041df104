/* why: telling messages, for the commands that do. Private to the room. */
#pragma once

#include "cli/command.h"

/* Tells the message of that id or beginning of one, or the newest to that recipient, or how mail to that domain stands; a
 * sysexits code. */
int why_tell(const struct common *c, const char *what);

/* Says so when the database lacks what the logs have, after some patience. */
struct store;
void why_warn_of_lag(const struct common *c, struct store *s);
