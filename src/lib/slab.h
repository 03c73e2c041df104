/* slab: small structs that stay, apart from what comes and goes beside them: a million queued messages among buffers of the
 * moment would leave a heap full of holes. Chunks hold pieces of one size; an empty one is given back to the kernel. One
 * thread's. */
#pragma once

#include <stddef.h>

enum {
    SLAB_STEP = 16,
    SLAB_PIECE_MAX = 512,
    SLAB_CHUNK = 256 * 1024
}; /* sizes are rounded up to the step; larger ones come from the heap */

struct slab_chunk;
struct slab {
    struct slab_chunk *open[SLAB_PIECE_MAX / SLAB_STEP]; /* by size: chunks with a free piece; zeroed: ready for use */
    struct slab_chunk *all;
};

/* Zeroed, 16-byte aligned memory of n > 0 bytes, given back with slab_free and the same n. Never NULL. */
void *slab_alloc(struct slab *s, size_t n);
/* p == NULL: nothing happens. */
void slab_free(struct slab *s, void *p, size_t n);

/* Gives everything back but pieces larger than SLAB_PIECE_MAX. The slab is empty and usable again. */
void slab_done(struct slab *s);
/* What its chunks take. */
size_t slab_bytes(const struct slab *s);
