/* shape: what the parser would take or blame at the wrong line. Private to the room. */
#pragma once

#include "lib/fault.h"
#include "lib/str.h"

/* Whether each brace, string and comment that opens is closed, and there is no NUL byte, at which the parser would stop reading
 * in silence. The fault names the line where it opens. */
bool shape_check(const char *name, struct str text, struct fault *f);
