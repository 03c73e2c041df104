/* xtext: how addresses and ids travel in ESMTP parameters and delivery reports (RFC 3461 4, RFC 6533 3). All append to b; what
 * they appended is undefined when they return false. */
#pragma once

#include "lib/buf.h"

/* Printable ASCII except "+" and "=" as it is, the rest as "+XX" (upper case). False: b's bound. */
bool xtext_encode(struct str s, struct buf *b);
/* False: not xtext (bad hex, a byte outside the set, "+00"), or b's bound. */
bool xtext_decode(struct str s, struct buf *b);
bool xtext_valid(struct str s);

/* utf-8-addr-xtext (ASCII only; the rest is "\x{HEX}"), and utf-8-addr-unitext (UTF-8 as it is, only what would break a parameter
 * is "\x{HEX}"). False: s is not UTF-8 or has control bytes; or b's bound. */
bool utf8_addr_xtext(struct str s, struct buf *b);
bool utf8_addr_unitext(struct str s, struct buf *b);
/* Decodes either form into UTF-8. False: malformed, a surrogate, a control character; or b's bound. */
bool utf8_addr_decode(struct str s, struct buf *b);

/* ORCPT "type;encoded": *type borrows from s, b gets the decoded address. False: malformed; or b's bound. */
bool orcpt_decode(struct str s, struct str *type, struct buf *b);
