/* base64: RFC 4648 section 4, strict. */
#pragma once

#include "lib/buf.h"

/* Appends the encoding, without line breaks. */
bool base64_encode(struct str s, struct buf *b);
/* Appends what was encoded; false (b unchanged) on any byte, length or padding that the RFC does not allow. */
bool base64_decode(struct str s, struct buf *b);
