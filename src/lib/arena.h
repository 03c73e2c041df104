/* arena: memory of one lifetime (process, settings snapshot, session, transaction, attempt), released
 * as a whole. A pointer into an arena may be held only by something that lives no longer. */
#pragma once

#include "lib/str.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *last; /* NULL: nothing allocated yet; a zeroed struct is ready for use */
    size_t heap_bytes;        /* what it takes, for bounds kept by the owner */
};

/* Zeroed, 16-byte aligned memory that lives until arena_done. Never NULL. */
void *arena_alloc(struct arena *a, size_t n);

/* Copies into the arena; arena_strz's copy is NUL-terminated. */
struct str arena_str(struct arena *a, struct str s);
const char *arena_strz(struct arena *a, struct str s);

/* Releases everything; the arena is empty and usable again. */
void arena_done(struct arena *a);
