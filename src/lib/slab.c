/* slab: see slab.h. A chunk is aligned to its size, so a piece finds its chunk by its own address. Chunks come from the kernel:
 * the heap would leave a hole as large as a chunk beside each aligned one. */
#include "lib/slab.h"

#include "lib/must.h"

#include <sanitizer/asan_interface.h> /* its macros are nothing in other builds */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct piece {
    struct piece *next;
};

struct slab_chunk {
    struct slab_chunk *next, **at; /* among the open ones of its size; at == NULL: full */
    struct slab_chunk *next_all, **at_all;
    struct piece *free;
    size_t used, fresh; /* pieces in use; offset of what was never handed out */
};

static size_t class_of(size_t n) { return (n - 1) / SLAB_STEP; }
static size_t size_of(size_t class) { return (class + 1) * SLAB_STEP; }

static void chunk_enter(struct slab *s, size_t class, struct slab_chunk *c)
{
    c->next = s->open[class];
    c->at = &s->open[class];
    if (c->next)
        c->next->at = &c->next;
    s->open[class] = c;
}

static void chunk_leave(struct slab_chunk *c)
{
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    c->at = NULL;
}

static void *aligned_pages(void)
{
    char *p = mmap(NULL, 2 * SLAB_CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(p != MAP_FAILED);
    size_t before = -(uintptr_t)p & (SLAB_CHUNK - 1);
    if (before)
        munmap(p, before);
    munmap(p + before + SLAB_CHUNK, SLAB_CHUNK - before);
    return p + before;
}

static struct slab_chunk *chunk_new(struct slab *s, size_t class)
{
    struct slab_chunk *c = aligned_pages();
    *c = (struct slab_chunk){.fresh = (sizeof *c + SLAB_STEP - 1) / SLAB_STEP * SLAB_STEP};
    ASAN_POISON_MEMORY_REGION((char *)c + c->fresh, SLAB_CHUNK - c->fresh);
    c->next_all = s->all;
    c->at_all = &s->all;
    if (c->next_all)
        c->next_all->at_all = &c->next_all;
    s->all = c;
    chunk_enter(s, class, c);
    return c;
}

static void chunk_free(struct slab_chunk *c)
{
    *c->at_all = c->next_all;
    if (c->next_all)
        c->next_all->at_all = c->at_all;
    ASAN_UNPOISON_MEMORY_REGION(c, SLAB_CHUNK);
    munmap(c, SLAB_CHUNK);
}

void *slab_alloc(struct slab *s, size_t n)
{
    must(n > 0);
    if (n > SLAB_PIECE_MAX) {
        void *p = calloc(1, n);
        must(p);
        return p;
    }
    size_t class = class_of(n), size = size_of(class);
    struct slab_chunk *c = s->open[class] ? s->open[class] : chunk_new(s, class);
    void *p = c->free ? (void *)c->free : (char *)c + c->fresh;
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    if (c->free)
        c->free = c->free->next;
    else
        c->fresh += size;
    c->used++;
    if (!c->free && c->fresh + size > SLAB_CHUNK)
        chunk_leave(c);
    return memset(p, 0, size);
}

/* One empty chunk of a size is kept, so that a queue that goes between none and one does not make and free it each time. */
void slab_free(struct slab *s, void *p, size_t n)
{
    if (!p)
        return;
    if (n > SLAB_PIECE_MAX) {
        free(p);
        return;
    }
    size_t class = class_of(n);
    struct slab_chunk *c = (struct slab_chunk *)((uintptr_t)p & ~(uintptr_t)(SLAB_CHUNK - 1));
    struct piece *piece = p;
    piece->next = c->free;
    c->free = piece;
    ASAN_POISON_MEMORY_REGION(p, size_of(class));
    c->used--;
    if (!c->at)
        chunk_enter(s, class, c);
    if (c->used == 0 && (c->next || s->open[class] != c)) {
        chunk_leave(c);
        chunk_free(c);
    }
}

void slab_done(struct slab *s)
{
    while (s->all)
        chunk_free(s->all);
    *s = (struct slab){0};
}

size_t slab_bytes(const struct slab *s)
{
    size_t n = 0;
    for (const struct slab_chunk *c = s->all; c; c = c->next_all)
        n += SLAB_CHUNK;
    return n;
}
