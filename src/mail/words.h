/* words: encoded words (RFC 2047) for showing, such as a Subject in a story. */
#pragma once

#include "lib/buf.h"

/* Appends the text with its encoded words as UTF-8; white space between two of them goes (RFC 2047 6.2). What is not whole, of an
 * unknown character set or not valid in it stays as it is written: nothing is lost, at worst it is not pretty. The result may
 * hold any character, control characters too. */
void words_decode(struct str text, struct buf *b);
