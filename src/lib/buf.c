/* buf: see buf.h. */
#include "lib/buf.h"

#include "lib/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_done(struct buf *b)
{
    free(b->p);
    b->p = NULL;
    b->n = b->cap = 0;
}

/* The bound is on `more`; `spare` is room behind it that never counts. */
static inline char *reserve(struct buf *b, size_t more, size_t spare)
{
    size_t max = b->max ? b->max : SIZE_MAX / 2;
    if (more > max || b->n > max - more)
        return NULL;
    if (!b->p || b->n + more + spare > b->cap) {
        size_t cap = b->cap < 64 ? 64 : b->cap;
        while (cap < b->n + more + spare)
            cap *= 2;
        b->p = realloc(b->p, cap);
        must(b->p);
        b->cap = cap;
    }
    return b->p + b->n;
}

char *buf_reserve(struct buf *b, size_t more) { return reserve(b, more, 0); }

bool buf_add(struct buf *b, const void *p, size_t n)
{
    char *to = reserve(b, n, 0);
    if (!to)
        return false;
    if (n)
        memcpy(to, p, n);
    b->n += n;
    return true;
}

bool buf_add_str(struct buf *b, struct str s) { return buf_add(b, s.p, s.n); }

/* Mostly the text fits in what is there already: then it is formatted once. */
bool buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t room = b->p ? b->cap - b->n : 0;
    int n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
    must(n >= 0);
    char *to = reserve(b, (size_t)n, 1); /* for the NUL that is no part of it */
    if (to && (size_t)n >= room)
        vsnprintf(to, (size_t)n + 1, fmt, again);
    if (to)
        b->n += (size_t)n;
    va_end(again);
    va_end(ap);
    return to != NULL;
}

void buf_drop(struct buf *b, size_t n)
{
    must(n <= b->n);
    if (n == 0)
        return;
    b->n -= n;
    memmove(b->p, b->p + n, b->n);
}

static bool put_le(struct buf *b, uint64_t v, size_t n)
{
    unsigned char raw[8];
    for (size_t i = 0; i < n; i++)
        raw[i] = (unsigned char)(v >> (8 * i));
    return buf_add(b, raw, n);
}

bool buf_put_u8(struct buf *b, uint8_t v) { return put_le(b, v, 1); }
bool buf_put_u16(struct buf *b, uint16_t v) { return put_le(b, v, 2); }
bool buf_put_u32(struct buf *b, uint32_t v) { return put_le(b, v, 4); }
bool buf_put_u64(struct buf *b, uint64_t v) { return put_le(b, v, 8); }

bool buf_put_str(struct buf *b, struct str s)
{
    must(s.n <= UINT32_MAX);
    return reserve(b, 4 + s.n, 0) && buf_put_u32(b, (uint32_t)s.n) && buf_add_str(b, s);
}

static uint64_t take_le(struct str *s, bool *ok, size_t n)
{
    uint64_t v = 0;
    if (s->n < n) {
        *ok = false;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)(unsigned char)s->p[i] << (8 * i);
    s->p += n;
    s->n -= n;
    return v;
}

uint8_t str_take_u8(struct str *s, bool *ok) { return (uint8_t)take_le(s, ok, 1); }
uint16_t str_take_u16(struct str *s, bool *ok) { return (uint16_t)take_le(s, ok, 2); }
uint32_t str_take_u32(struct str *s, bool *ok) { return (uint32_t)take_le(s, ok, 4); }
uint64_t str_take_u64(struct str *s, bool *ok) { return take_le(s, ok, 8); }

struct str str_take_str(struct str *s, bool *ok)
{
    uint32_t n = str_take_u32(s, ok);
    if (!*ok || s->n < n) {
        *ok = false;
        return (struct str){NULL, 0};
    }
    struct str head = {s->p, n};
    s->p += n;
    s->n -= n;
    return head;
}
