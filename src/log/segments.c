/* segments: the files behind the log: making spares ahead, beginning one, freeing the oldest (recovering them is in recover.c).
 *
 * Segments are freed strictly in order, oldest first; so the state after a crash is the fold of all records from the tail to the
 * newest, and a record that ended a message can never be missing while the message's own record is still there. A file is used
 * again only when what it held is older than the tail in the newest durable header: then "every segment from the newest header's
 * tail on must exist" is an invariant that recovery checks, and a half-made segment cannot have eaten a live one. */
#include "log/inner.h"

#include "lib/must.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- lists ---- */

void segment_name(uint32_t file, char out[16]) { snprintf(out, 16, "%06u.seg", file % 1000000); }

/* Live sequences are contiguous: a ring of pointers finds one in a step. */
struct segment *segment_find(struct log *g, uint32_t sequence)
{
    bool live = g->oldest && sequence >= g->oldest->sequence && sequence <= g->newest->sequence;
    return live ? g->ring[sequence & (g->ring_cap - 1)] : NULL;
}

static void ring_add(struct log *g, struct segment *added)
{
    if (g->segments >= g->ring_cap) {
        free(g->ring);
        g->ring_cap = g->ring_cap ? g->ring_cap * 2 : 64;
        g->ring = calloc(g->ring_cap, sizeof(struct segment *));
        must(g->ring);
        for (struct segment *s = g->oldest; s; s = s->next)
            g->ring[s->sequence & (g->ring_cap - 1)] = s;
    }
    g->ring[added->sequence & (g->ring_cap - 1)] = added;
}

void entry_link(struct log *g, struct segment *s, struct log_entry *e)
{
    e->next = s->entries;
    if (e->next)
        e->next->at = &e->next;
    e->at = &s->entries;
    s->entries = e;
    s->live++;
    g->stats.live++;
    g->stats.live_bytes += e->meta_bytes + (uint64_t)e->content_bytes;
}

void entry_unlink(struct log *g, struct log_entry *e)
{
    struct segment *s = segment_find(g, e->pos.segment);
    must(s && e->at);
    *e->at = e->next;
    if (e->next)
        e->next->at = e->at;
    e->at = NULL;
    e->next = NULL;
    s->live--;
    g->stats.live--;
    g->stats.live_bytes -= e->meta_bytes + (uint64_t)e->content_bytes;
}

void segment_append(struct log *g, struct segment *s)
{
    ring_add(g, s);
    s->next = NULL;
    if (g->newest)
        g->newest->next = s;
    else
        g->oldest = s;
    g->newest = s;
    g->segments++;
}

void spare_add(struct log *g, struct segment *s)
{
    s->next = g->spare;
    g->spare = s;
    g->spares++;
}

struct segment *segment_new(uint32_t file, uint32_t bytes)
{
    struct segment *s = calloc(1, sizeof *s);
    must(s);
    s->file = file;
    s->fd = -1;
    s->bytes = bytes;
    return s;
}

void segment_drop(struct log *g, struct segment *s)
{
    if (s->fd >= 0)
        g->o.io->close(g->io_ctx, s->fd);
    buf_done(&s->index);
    free(s);
}

/* ---- beginning and freeing ---- */

/* What it held is needed by no start any more. */
static bool is_free(const struct log *g, const struct segment *s) { return s->sequence < g->durable_tail || s->sequence == 0; }

/* Segments of a time when they were smaller do not hold what log_append lets in. */
static bool is_usable(const struct log *g, const struct segment *s) { return is_free(g, s) && s->bytes >= g->o.segment_bytes; }

static unsigned usable_spares(const struct log *g)
{
    unsigned n = 0;
    for (const struct segment *s = g->spare; s; s = s->next)
        n += is_usable(g, s);
    return n;
}

/* One spare is the reserve for notes. Beginning the usable one makes the others, freed since the last began, usable as well. */
bool segments_are_full(const struct log *g)
{
    return atomic_load_explicit(&g->disk_low, memory_order_relaxed) && (g->spares < 2 || usable_spares(g) == 0);
}

struct segment *segment_begin(struct log *g)
{
    struct segment **best = NULL;
    for (struct segment **at = &g->spare; *at; at = &(*at)->next)
        if (is_usable(g, *at))
            best = at;
    struct segment *s = best ? *best : segment_new(g->next_file++, g->o.segment_bytes);
    if (best) {
        *best = s->next;
        g->spares--;
    }
    s->sequence = ++g->sequence;
    s->end = BLOCK;
    s->begun = s->sealed = false;
    s->free_after = 0;
    segment_append(g, s);
    return s;
}

static bool follower_is_past(const struct log *g, const struct segment *s)
{
    return !g->o.follow_hold || !g->map || (uint32_t)(atomic_load(&g->map->done) >> 32) > s->sequence;
}

void segments_free_old(struct log *g)
{
    while (g->oldest != g->newest) {
        struct segment *s = g->oldest;
        if (s->live || s->readers || !s->sealed || s->free_after > g->durable_batch || !follower_is_past(g, s))
            break;
        g->oldest = s->next;
        g->segments--;
        buf_done(&s->index);
        spare_add(g, s);
    }
    if (g->map && g->oldest)
        atomic_store(&g->map->oldest, g->oldest->sequence);
}

/* ---- making spares ahead, on the maker's thread ---- */

static int zero_fill(struct log *g, struct segment *s)
{
    enum { CHUNK = 1024 * 1024 };
    int code = 0;
    char *zeros = aligned_alloc(BLOCK, CHUNK);
    must(zeros);
    memset(zeros, 0, CHUNK);
    for (uint32_t at = 0; !code && at < s->bytes; at += CHUNK)
        code = g->o.io->write(g->io_ctx, s->fd, zeros, s->bytes - at < CHUNK ? s->bytes - at : CHUNK, at, 0);
    free(zeros);
    return code ? code : g->o.io->sync(g->io_ctx, s->fd);
}

int segment_make(struct log *g, struct segment *s)
{
    const struct log_io *io = g->o.io;
    char name[16];
    segment_name(s->file, name);
    int code = io->open(g->io_ctx, name, 1, g->o.direct, &s->fd);
    if (code)
        return code;
    code = zero_fill(g, s);
    if (!code)
        code = io->sync_dir(g->io_ctx);
    if (!code)
        return 0;
    io->close(g->io_ctx, s->fd);
    io->remove(g->io_ctx, name);
    s->fd = -1;
    return code;
}

static void remove_one(struct log *g)
{
    char name[16];
    segment_name(g->removing->file, name);
    g->o.io->close(g->io_ctx, g->removing->fd);
    g->removing->fd = -1;
    g->make_error = g->o.io->remove(g->io_ctx, name);
}

static bool has_room(struct log *g)
{
    uint64_t left = UINT64_MAX;
    int code = g->o.io->free_bytes(g->io_ctx, &left);
    return code != 0 || left >= g->o.disk_free_min + g->o.segment_bytes;
}

static void look_at_room(struct log *g) { atomic_store(&g->disk_low, !has_room(g)); }

bool segments_reserve(struct log *g, struct fault *f)
{
    look_at_room(g);
    if (usable_spares(g) > 0)
        return true;
    struct segment *s = segment_new(g->next_file++, g->o.segment_bytes);
    int code = segment_make(g, s);
    s->made = code == 0;
    if (s->made)
        spare_add(g, s);
    else
        segment_drop(g, s);
    return code == 0 ||
           fault_errno(f, code,
                       "there is no room to note what happens to the queued messages, so none is delivered: make %u MiB of room",
                       g->o.segment_bytes / (1024 * 1024));
}

/* A quota, or no inodes, shows only when a file is made: then too the disk is as good as full. */
static void make_work(void *ctx)
{
    struct log *g = ctx;
    g->make_error = 0;
    if (g->removing)
        remove_one(g);
    else if (has_room(g))
        g->make_error = segment_make(g, g->made);
    else
        g->make_error = ENOSPC;
    if (!g->removing)
        atomic_store(&g->disk_low, g->make_error != 0);
}

static void make_done(void *ctx)
{
    struct log *g = ctx;
    bool good = g->make_error == 0;
    g->making = false;
    if (g->removing) {
        segment_drop(g, g->removing);
        g->removing = NULL;
    } else if (g->made && good) {
        g->made->made = true;
        spare_add(g, g->made);
    } else if (g->made) {
        segment_drop(g, g->made);
    }
    g->made = NULL;
    if (good && !g->closing)
        segments_make_ahead(g);
}

/* What is given back to the file system: what is too small, and a surplus, but never the last that may be used. */
static struct segment *take_surplus(struct log *g)
{
    bool many = g->spares > SPARES_KEPT && usable_spares(g) > 1;
    for (struct segment **at = &g->spare; *at; at = &(*at)->next)
        if (is_free(g, *at) && (many || !is_usable(g, *at))) {
            struct segment *s = *at;
            *at = s->next;
            g->spares--;
            return s;
        }
    return NULL;
}

void segments_make_ahead(struct log *g)
{
    if (g->making || g->failed || g->closing)
        return;
    g->removing = take_surplus(g);
    if (!g->removing && (g->spares < SPARES_WANTED || usable_spares(g) == 0))
        g->made = segment_new(g->next_file++, g->o.segment_bytes);
    if (!g->removing && !g->made)
        return;
    g->making = true;
    g->make_chore = (struct chore){.work = make_work, .done = make_done, .ctx = g, .home = g->loop};
    log_run(g, g->maker, &g->make_chore);
}

static void forget_entries(struct segment *s)
{
    for (struct log_entry *e = s->entries, *next; e; e = next) {
        next = e->next;
        e->at = NULL;
        if (e->foreign)
            free(e);
    }
}

void segments_close(struct log *g)
{
    for (struct segment *s = g->oldest, *next; s; s = next) {
        next = s->next;
        forget_entries(s);
        segment_drop(g, s);
    }
    for (struct segment *s = g->spare, *next; s; s = next) {
        next = s->next;
        segment_drop(g, s);
    }
    free(g->ring);
}
