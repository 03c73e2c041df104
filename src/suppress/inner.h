/* inner: what the files of this room share. */
#pragma once

#include "suppress/format.h"

/* Every row of the list by ascending hash, the tail's last words in the place of the base's; also those without flags. */
void suppress_each(const struct suppress_list *l, void (*fn)(void *ctx, const struct row *r), void *ctx);
