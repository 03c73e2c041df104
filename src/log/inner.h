/* inner: what the log's own files share. */
#pragma once

#include "lib/chore.h"
#include "log/format.h"
#include "log/log.h"

#include <stdatomic.h>

/* A file that holds, held or will hold a segment. */
struct segment {
    struct segment *next; /* live segments by sequence, or the list of spares */
    uint32_t file;        /* number in its name */
    int fd;
    uint32_t sequence;         /* live: its own; spare: what the file held last (0: nothing) */
    uint32_t bytes;            /* size of the file, or what it may grow to */
    uint32_t end;              /* where the next batch goes; live only */
    bool made;                 /* the file exists */
    bool begun;                /* its header is durable */
    bool sealed;               /* no more batches will be added */
    bool headless;             /* recovery found its header damaged */
    struct log_entry *entries; /* live messages whose newest record is here */
    uint64_t live;
    unsigned readers;    /* fetches under way from it */
    uint64_t free_after; /* batch that must be durable before it may be freed (it holds a MOVED record) */
    struct buf index;    /* entries of the index to be, while open */
};

struct entry_list {
    struct log_entry **entry;
    size_t n, cap;
};

/* Records on their way to disk in one write. */
struct batch {
    struct batch *next;
    struct segment *segment;
    uint64_t number;
    uint32_t offset;
    char *bytes; /* BLOCK-aligned */
    size_t n, cap;
    struct log_wait *waits, **last_wait;
    struct entry_list ends;     /* entries that end when it is durable */
    struct entry_list accepted; /* entries linked by it: unlinked again should it fail */
    bool seals;                 /* the segment's index and footer follow it */
    uint32_t tail;              /* for the header, when it is the segment's first */
};

struct log {
    struct log_options o;
    void *io_ctx;
    bool own_io;
    struct loop *loop;
    const struct log_hooks *hooks;
    void *ctx;
    struct chore_pool *flusher, *reader, *maker; /* NULL: everything runs inline */
    struct segment *oldest, *newest;             /* live segments */
    struct segment *spare;
    struct segment **ring; /* live segments by sequence */
    unsigned ring_cap, segments, spares;
    uint32_t sequence, next_file;
    uint32_t durable_tail;      /* of the newest durable header */
    struct batch *first, *last; /* being flushed, then gathering */
    struct batch *idle;         /* one kept for reuse */
    uint64_t batch_number, durable_batch;
    bool flushing, failed, making, closing;
    int flush_error;
    const char *flush_doing;
    struct chore flush_chore, make_chore;
    struct segment *made;     /* what the maker made */
    struct segment *removing; /* a surplus spare that the maker removes */
    int make_error;
    atomic_bool disk_low;
    struct timer look; /* at the disk's free space */
    unsigned reading;
    struct move *moves; /* messages being moved forward */
    unsigned moving;
    struct follow_map *map; /* shared with the follower; NULL: simulated disk */
    struct log_stats stats;
    struct fault damage; /* what recovery found broken; "": nothing */
};

/* The shared mapping: positions as sequence << 32 | offset. */
struct follow_map {
    uint64_t magic;
    _Atomic uint64_t durable; /* everything before it is on disk; offset FOLLOW_SEALED: nothing will be added to the segment */
    _Atomic uint64_t done;    /* the follower has stored everything up to it */
    _Atomic uint32_t oldest;  /* sequence of the oldest live segment */
};
enum { FOLLOW_MAP_BYTES = 4096 };
#define FOLLOW_SEALED UINT32_MAX
#define FOLLOW_MAGIC UINT64_C(0x31774f4c4c4f4647)

/* segments.c: files and their lists */
void segment_name(uint32_t file, char out[16]);
struct segment *segment_new(uint32_t file, uint32_t bytes);
int segment_make(struct log *g, struct segment *s);    /* its file, filled: writing to it later needs no room. An errno, or 0 */
void segment_drop(struct log *g, struct segment *s);   /* closes its file, frees it */
void segment_append(struct log *g, struct segment *s); /* it becomes the newest live one */
void spare_add(struct log *g, struct segment *s);
struct segment *segment_begin(struct log *g); /* the next live one; from a spare if there is one */
void segments_free_old(struct log *g);        /* frees what may be freed, in order */
void segments_make_ahead(struct log *g);      /* keeps spares ready */
/* At start: sees whether the disk is low. If no spare can be used, one is made, of what is to stay free if need be; fails when
 * not even that is there: what is then delivered could not be noted, and would be delivered again at each start. */
bool segments_reserve(struct log *g, struct fault *f);
bool segments_are_full(const struct log *g); /* the disk is low, and but for a reserve the spares are used up */
void segments_close(struct log *g);
struct segment *segment_find(struct log *g, uint32_t sequence);
void entry_link(struct log *g, struct segment *s, struct log_entry *e);
void entry_unlink(struct log *g, struct log_entry *e);
enum { SPARES_WANTED = 3, SPARES_KEPT = 8 };

/* recover.c */
bool segments_recover(struct log *g, struct fault *f);

/* compact.c */
void compact_some(struct log *g);
void compact_forget(struct log *g, const struct log_entry *e); /* it has ended meanwhile */

/* log.c */
enum log_refusal log_append(struct log *g, enum record_type type, uint16_t flags, struct id id, struct str meta,
                            const struct str *content, unsigned pieces, struct log_pos *ret);
struct batch *log_gathering(struct log *g); /* the batch that the last append went to */
void log_run(struct log *g, struct chore_pool *pool, struct chore *c);
