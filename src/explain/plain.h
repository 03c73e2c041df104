/* plain: a reply's text made ready for matching: lower case, without diacritics, punctuation, addresses and repeated codes, one
 * space between words, whatever the charset was. Private to explain/. */
#pragma once

#include "explain/explain.h"

struct plain {
    size_t n;
    char text[EXPLAIN_TEXT_MAX + 8];     /* begins and ends with a space */
    uint16_t from[EXPLAIN_TEXT_MAX + 8]; /* where each byte stood in the original */
};

/* Folds the first EXPLAIN_TEXT_MAX bytes of s, encoded words (RFC 2047) decoded. */
void plain_fold(struct str s, struct plain *ret);
