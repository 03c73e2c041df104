/* utf8: code points in and out of bytes (RFC 3629: shortest form only, no surrogates, up to U+10FFFF). */
#pragma once

#include "lib/str.h"

enum { UTF8_BAD = 0xFFFFFFFF, UTF8_BYTES_MAX = 4 };

/* Takes one code point from the front of *s (not empty). UTF8_BAD: the bytes are not UTF-8; one byte was taken. */
uint32_t utf8_take(struct str *s);
/* Writes a code point (a scalar value) and returns how many bytes it took, 1..4. */
size_t utf8_put(uint32_t point, char out[UTF8_BYTES_MAX]);
/* Is the whole of `s` well-formed UTF-8? The empty view is. */
bool utf8_valid(struct str s);
/* Has `s` a byte >= 0x80? */
bool utf8_needed(struct str s);
