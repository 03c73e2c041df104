/* file: small files, read whole. */
#pragma once

#include "lib/buf.h"
#include "lib/fault.h"

/* Appends the file's bytes to b, whose bound holds. A file that does not exist is empty. Fails with a sentence that names it. */
bool file_read(const char *path, struct buf *b, struct fault *f);
