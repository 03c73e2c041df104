/* fold: a header field with tags (RFC 6376 3.2), broken into lines of at most 78 bytes where white space may stand. Private to
 * the room. */
#pragma once

#include "lib/buf.h"

struct fold {
    struct buf *b;
    size_t column;
};

/* A word that is not to be broken, after `gap` (white space, or nothing where white space may stand). */
void fold_word(struct fold *f, const char *gap, struct str word);
/* Text that may be broken anywhere (base64). */
void fold_loose(struct fold *f, struct str s);
/* "name=value;" as a word. */
void fold_tag(struct fold *f, const char *gap, const char *name, struct str value);
