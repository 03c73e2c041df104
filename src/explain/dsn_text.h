/* dsn_text: the part of a notification that people read. Private to explain/. */
#pragma once

#include "explain/dsn.h"

/* Appends the text, UTF-8 with CRLF lines, in the request's language, or in both, that one first; the same as HTML. */
void dsn_text(const struct dsn_request *r, const uint32_t *which, uint32_t n, struct buf *b);
void dsn_html(const struct dsn_request *r, const uint32_t *which, uint32_t n, struct buf *b);
bool dsn_is_bilingual(const char *lang);
/* The notification's subject without the original's: "Not delivered". */
const char *dsn_subject(enum dsn_kind kind, const char *lang);
/* "Mail delivery system" */
const char *dsn_author(const char *lang);
/* Is the original's Message-ID one printable word in brackets, fit to be quoted? */
bool dsn_message_id_sane(struct str s);
