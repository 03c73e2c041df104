/* file: small files, read and written whole. */
#pragma once

#include "lib/buf.h"
#include "lib/fault.h"

/* Appends the file's bytes to b, whose bound holds. A file that does not exist is empty. Fails with a sentence that names it. */
bool file_read(const char *path, struct buf *b, struct fault *f);

/* Writes a file by rename, with that mode, synced; as root, it becomes the property of the directory's owner. */
bool file_replace(const char *path, struct str bytes, unsigned mode, struct fault *f);
