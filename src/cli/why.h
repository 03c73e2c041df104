/* why: telling messages, for the commands that do. Private to the room. */
#pragma once

#include "cli/command.h"

/* Tells the message of that id or beginning of one, or the newest to that recipient; a sysexits code. */
int why_tell(const struct common *c, const char *what);
