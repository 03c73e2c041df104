/* mime: the few encodings a report needs (RFC 2045, 2047, 5322). Private to explain/. All append to b, whose bound nobody sets.
 */
#pragma once

#include "lib/buf.h"

/* Text with CRLF lines as quoted-printable (RFC 2045 6.7). */
void mime_quoted_printable(struct str text, struct buf *b);

/* "Name: text" as an unstructured field: encoded words where it is not ASCII (RFC 2047), folded. The text is UTF-8. */
void mime_text_field(const char *name, struct str text, struct buf *b);

/* "Name: value" as it is but for what could break a field: control bytes, and bytes >= 0x80 that are not UTF-8 or, unless
 * utf8, any, become "?". Newlines become "; ". Folded at white space. */
void mime_field(const char *name, struct str value, bool utf8, struct buf *b);

/* The text with what is not UTF-8 replaced by U+FFFD and control bytes by "?"; newlines stay where `lines` are wanted. */
void mime_clean_utf8(struct str text, bool lines, struct buf *b);
