/* buf: a growable byte buffer with a bound. The holder owns the bytes; everything a stranger can make
 * grow sets `max` to the bound that applies, and an append past it fails instead of growing. */
#pragma once

#include "lib/str.h"

struct buf {
    char *p;
    size_t n;   /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* bound on n; 0 = SIZE_MAX */
};

/* Releases the bytes; the buffer is empty and usable again (max kept). */
void buf_done(struct buf *b);

/* Makes room for `more` further bytes and returns where they go (p + n), or NULL past the bound.
 * Allocation failure stops the process: bounds are chosen so that memory suffices. */
char *buf_reserve(struct buf *b, size_t more);

/* Appends; false (and nothing appended) past the bound. */
bool buf_add(struct buf *b, const void *p, size_t n);
bool buf_add_str(struct buf *b, struct str s);
bool buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Drops the first n bytes (n <= b->n), moving the rest to the front. */
void buf_drop(struct buf *b, size_t n);

static inline struct str buf_str(const struct buf *b) { return (struct str){b->p, b->n}; }

/* Little-endian numbers and length-prefixed bytes: the encoding of every record on disk. */
bool buf_put_u8(struct buf *b, uint8_t v);
bool buf_put_u16(struct buf *b, uint16_t v);
bool buf_put_u32(struct buf *b, uint32_t v);
bool buf_put_u64(struct buf *b, uint64_t v);
bool buf_put_str(struct buf *b, struct str s); /* u32 length, then the bytes */

/* Reading them back from a view: take from the front of *s; on a short view set *ok to false and
 * return 0 or an empty view (so that a row of takes is checked once, at its end). */
uint8_t str_take_u8(struct str *s, bool *ok);
uint16_t str_take_u16(struct str *s, bool *ok);
uint32_t str_take_u32(struct str *s, bool *ok);
uint64_t str_take_u64(struct str *s, bool *ok);
struct str str_take_str(struct str *s, bool *ok); /* borrowed from *s */
