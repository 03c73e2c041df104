/* content: see content.h. */
#include "mail/content.h"

#include "lib/must.h"

#include <stdlib.h>

struct content *content_new(size_t room)
{
    must(room < SIZE_MAX / 4);
    struct content *c = malloc(sizeof *c + CONTENT_HEADROOM + room);
    must(c);
    atomic_init(&c->refs, 1);
    c->start = CONTENT_HEADROOM;
    c->n = 0;
    c->cap = CONTENT_HEADROOM + room;
    return c;
}

static bool held_alone(const struct content *c) { return atomic_load_explicit(&c->refs, memory_order_acquire) == 1; }

static struct content *resize(struct content *c, size_t cap)
{
    c = realloc(c, sizeof *c + cap);
    must(c);
    c->cap = cap;
    return c;
}

struct content *content_grow(struct content *c, size_t room)
{
    must(held_alone(c) && room < SIZE_MAX / 4);
    if (c->cap - c->start >= room)
        return c;
    size_t twice = c->cap * 2;
    return resize(c, c->start + room > twice ? c->start + room : twice);
}

struct content *content_prepend(struct content *c, struct str s)
{
    must(held_alone(c));
    if (s.n > c->start) {
        size_t start = CONTENT_HEADROOM + s.n;
        if (c->cap - c->n < start)
            c = resize(c, start + c->n);
        memmove(c->bytes + start, c->bytes + c->start, c->n);
        c->start = start;
    }
    c->start -= s.n;
    c->n += s.n;
    if (s.n)
        memcpy(c->bytes + c->start, s.p, s.n);
    return c;
}

struct content *content_ref(struct content *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void content_free(struct content **c)
{
    if (*c && atomic_fetch_sub_explicit(&(*c)->refs, 1, memory_order_acq_rel) == 1)
        free(*c);
    *c = NULL;
}
