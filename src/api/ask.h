/* ask: one question to the engine over its control socket. Private to the room. */
#pragma once

#include "lib/buf.h"

/* Sends the line (with its newline) and appends the whole answer. False when the engine is not there or takes more than two
 * seconds. Blocks: for threads of their own. */
bool ask_engine(const char *path, const char *line, struct buf *b);
