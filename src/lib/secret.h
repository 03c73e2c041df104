/* secret: random bytes that stay the same from one start to the next: a file for its owner's eyes alone. */
#pragma once

#include "lib/fault.h"

#include <stdint.h>

enum { SECRET_BYTES = 32 };

/* Reads the file, which is made, and durable, when there is none. Fails with a sentence that names it: it cannot be read or made,
 * or does not hold SECRET_BYTES bytes. */
bool secret_keep(const char *path, uint8_t ret[SECRET_BYTES], struct fault *f);
