/* wire: what the encodings of envelope and outcome have in common: a versioned, length-prefixed frame and its checked parts. A
 * reader skips what a later writer of the same version has put after the fields it knows. */
#pragma once

#include "lib/buf.h"
#include "mail/id.h"

/* Starts a frame of that version; wire_close writes its length. */
size_t wire_open(struct buf *b, uint8_t version);
void wire_close(struct buf *b, size_t opened);
/* Takes a frame's body; *ok turns false on another version or a short view. */
struct str wire_take(struct str *s, uint8_t version, bool *ok);

void wire_put_id(struct buf *b, struct id id);
struct id wire_take_id(struct str *s, bool *ok);

/* A count of entries of at least entry_bytes each: more than the bytes left can hold is refused, so that a forged count costs
 * no memory. */
uint32_t wire_take_count(struct str *s, size_t entry_bytes, bool *ok);
/* A u8 within first..last. */
unsigned wire_take_enum(struct str *s, unsigned first, unsigned last, bool *ok);
