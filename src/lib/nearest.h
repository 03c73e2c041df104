/* nearest: which known word a mistyped one was meant to be. */
#pragma once

#include "lib/str.h"

/* The word of names[0..n) with the fewest edits (insert, delete, change, swap of neighbours) from `word`, or NULL when none is
 * near enough to be worth naming: at most a third of the longer one's characters (two of four and five, one of fewer). Words over
 * 40 bytes are never near. */
const char *nearest(struct str word, const char *const *names, size_t n);
