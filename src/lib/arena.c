/* arena: chunks in a list; see arena.h. */
#include "lib/arena.h"

#include "lib/must.h"

#include <stdalign.h>
#include <stdlib.h>

enum { CHUNK_MIN = 2048, ALIGN = 16 };

struct arena_chunk {
    struct arena_chunk *before;
    size_t n, cap;
    alignas(ALIGN) unsigned char bytes[];
};

static struct arena_chunk *chunk_add(struct arena *a, size_t n)
{
    size_t cap = n > CHUNK_MIN ? n : CHUNK_MIN;
    struct arena_chunk *c = calloc(1, sizeof *c + cap);
    must(c);
    c->before = a->last;
    c->cap = cap;
    a->last = c;
    a->heap_bytes += sizeof *c + cap;
    return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
    must(n < SIZE_MAX / 4);
    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    struct arena_chunk *c = a->last;
    if (!c || c->cap - c->n < n)
        c = chunk_add(a, n);
    void *p = c->bytes + c->n;
    c->n += n;
    return p;
}

struct str arena_str(struct arena *a, struct str s) { return (struct str){arena_strz(a, s), s.n}; }

const char *arena_strz(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

void arena_done(struct arena *a)
{
    while (a->last) {
        struct arena_chunk *c = a->last;
        a->last = c->before;
        free(c);
    }
    a->heap_bytes = 0;
}
