/* segments: the files behind the log: recovering them, making spares ahead, beginning one, freeing the oldest.
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

static void append_live(struct log *g, struct segment *s)
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

static void add_spare(struct log *g, struct segment *s)
{
    s->next = g->spare;
    g->spare = s;
    g->spares++;
}

static struct segment *segment_new(uint32_t file, uint32_t bytes)
{
    struct segment *s = calloc(1, sizeof *s);
    must(s);
    s->file = file;
    s->fd = -1;
    s->bytes = bytes;
    return s;
}

static void segment_drop(struct log *g, struct segment *s)
{
    if (s->fd >= 0)
        g->o.io->close(g->io_ctx, s->fd);
    buf_done(&s->index);
    free(s);
}

/* ---- beginning and freeing ---- */

struct segment *segment_begin(struct log *g)
{
    struct segment **best = NULL;
    for (struct segment **at = &g->spare; *at; at = &(*at)->next)
        if ((*at)->sequence < g->durable_tail || (*at)->sequence == 0)
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
    append_live(g, s);
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
        add_spare(g, s);
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
        code = g->o.io->write(g->io_ctx, s->fd, zeros, CHUNK, at, 0);
    free(zeros);
    return code ? code : g->o.io->sync(g->io_ctx, s->fd);
}

static void make_one(struct log *g)
{
    const struct log_io *io = g->o.io;
    struct segment *s = g->made;
    char name[16];
    segment_name(s->file, name);
    g->make_error = io->open(g->io_ctx, name, 1, g->o.direct, &s->fd);
    if (g->make_error)
        return;
    g->make_error = zero_fill(g, s);
    if (!g->make_error)
        g->make_error = io->sync_dir(g->io_ctx);
    if (!g->make_error)
        return;
    io->close(g->io_ctx, s->fd);
    io->remove(g->io_ctx, name);
    s->fd = -1;
}

static void remove_one(struct log *g)
{
    char name[16];
    segment_name(g->removing->file, name);
    g->o.io->close(g->io_ctx, g->removing->fd);
    g->removing->fd = -1;
    g->make_error = g->o.io->remove(g->io_ctx, name);
}

static void make_work(void *ctx)
{
    struct log *g = ctx;
    uint64_t left = UINT64_MAX;
    g->make_error = 0;
    if (g->o.io->free_bytes(g->io_ctx, &left) == 0)
        atomic_store(&g->disk_low, left < g->o.disk_free_min + (g->made ? g->o.segment_bytes : 0));
    if (g->removing)
        remove_one(g);
    else if (g->made && !atomic_load(&g->disk_low))
        make_one(g);
    else
        g->make_error = ENOSPC;
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
        add_spare(g, g->made);
    } else if (g->made) {
        segment_drop(g, g->made);
    }
    g->made = NULL;
    if (good && !g->closing)
        segments_make_ahead(g);
}

/* A surplus is given back to the file system, but only what may be used again anyway. */
static struct segment *take_surplus(struct log *g)
{
    if (g->spares <= SPARES_KEPT)
        return NULL;
    for (struct segment **at = &g->spare; *at; at = &(*at)->next)
        if ((*at)->sequence < g->durable_tail) {
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
    if (!g->removing && g->spares < SPARES_WANTED)
        g->made = segment_new(g->next_file++, g->o.segment_bytes);
    if (!g->removing && !g->made)
        return;
    g->making = true;
    g->make_chore = (struct chore){.work = make_work, .done = make_done, .ctx = g, .home = g->loop};
    log_run(g, g->maker, &g->make_chore);
}

/* ---- recovery ---- */

struct id_table {
    struct log_entry **slot;
    size_t n, cap;
};

struct recovery {
    struct log *log;
    struct segment *found;   /* all files, unordered */
    struct segment *segment; /* being folded */
    struct id_table table;
    uint64_t last_batch, unknown;
    uint32_t damaged;
    int error;
};

static size_t slot_of(const struct id_table *t, struct id id)
{
    uint64_t h;
    memcpy(&h, id.b + 8, sizeof h);
    return h & (t->cap - 1);
}

static struct log_entry **table_find(const struct id_table *t, struct id id)
{
    size_t i = slot_of(t, id);
    while (t->slot[i] && !id_eq(t->slot[i]->id, id))
        i = (i + 1) & (t->cap - 1);
    return &t->slot[i];
}

static void table_grow(struct id_table *t)
{
    struct id_table old = *t;
    t->cap = old.cap ? old.cap * 2 : 1024;
    t->slot = calloc(t->cap, sizeof(struct log_entry *));
    must(t->slot);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slot[i])
            *table_find(t, old.slot[i]->id) = old.slot[i];
    free(old.slot);
}

/* What follows the removed one in its run moves up to stay findable. */
static void table_remove(struct id_table *t, struct log_entry **at)
{
    size_t mask = t->cap - 1, hole = (size_t)(at - t->slot);
    for (size_t i = (hole + 1) & mask; t->slot[i]; i = (i + 1) & mask)
        if (((i - slot_of(t, t->slot[i]->id)) & mask) >= ((i - hole) & mask)) {
            t->slot[hole] = t->slot[i];
            hole = i;
        }
    t->slot[hole] = NULL;
    t->n--;
}

static void fold_message(struct recovery *r, const struct found *f)
{
    struct log *g = r->log;
    if (r->table.n * 2 >= r->table.cap)
        table_grow(&r->table);
    struct log_entry **at = table_find(&r->table, f->id);
    if (*at)
        entry_unlink(g, *at);
    struct log_entry *e = g->hooks->recover_message(g->ctx, f->id, f->bytes, f->content_bytes);
    if (!e) {
        r->unknown++;
        if (*at)
            table_remove(&r->table, at);
        return;
    }
    r->table.n += *at == NULL;
    *at = e;
    *e = (struct log_entry){.pos = {r->segment->sequence, f->offset},
                            .meta_bytes = (uint32_t)f->bytes.n,
                            .content_bytes = f->content_bytes,
                            .id = f->id};
    entry_link(g, r->segment, e);
}

static void fold_note(struct recovery *r, const struct found *f)
{
    struct log *g = r->log;
    struct log_entry **at = r->table.cap ? table_find(&r->table, f->id) : NULL;
    struct log_entry *e = at ? *at : NULL;
    bool ends = f->flags & NOTE_ENDS;
    if (!e)
        return; /* the message ended earlier and its segment is gone */
    if (ends) {
        table_remove(&r->table, at);
        entry_unlink(g, e);
    }
    g->hooks->recover_note(g->ctx, e, f->bytes, ends);
}

static bool fold(void *ctx, const struct found *f)
{
    struct recovery *r = ctx;
    if (f->type == RECORD_NOTE)
        fold_note(r, f);
    else
        fold_message(r, f);
    return true;
}

/* Reads n bytes into memory that is fit for O_DIRECT; the caller frees. */
static char *read_part(struct log *g, struct segment *s, uint64_t at, size_t n, int *error)
{
    size_t got = 0;
    char *p = aligned_alloc(BLOCK, align_up(n, BLOCK));
    must(p);
    *error = g->o.io->read(g->io_ctx, s->fd, p, align_up(n, BLOCK), at, &got);
    if (!*error && got < align_up(n, BLOCK))
        memset(p + got, 0, align_up(n, BLOCK) - got);
    return p;
}

static void fold_by_scan(struct recovery *r)
{
    struct segment *s = r->segment;
    struct scan scan = {.last_batch = r->last_batch};
    char *p = read_part(r->log, s, 0, s->bytes, &r->error);
    if (!r->error)
        scan_records(p, s->bytes, BLOCK, s->sequence, &scan, fold, r);
    free(p);
    s->end = scan.end;
    r->last_batch = scan.last_batch;
    r->damaged += scan.damaged;
}

/* The index is read whole and checked before any of it is used, so that nothing is folded twice. */
static bool fold_by_index(struct recovery *r)
{
    struct segment *s = r->segment;
    struct segment_footer foot;
    struct record head;
    bool good = false;
    char *p = read_part(r->log, s, s->bytes - BLOCK, BLOCK, &r->error);
    good = !r->error && footer_read(p, s->sequence, &foot) && foot.index_at < s->bytes - BLOCK;
    free(p);
    if (!good)
        return false;
    size_t n = s->bytes - BLOCK - foot.index_at;
    p = read_part(r->log, s, foot.index_at, n, &r->error);
    good = !r->error && record_valid(p, n, s->sequence);
    if (good) {
        memcpy(&head, p, sizeof head);
        good = head.type == RECORD_INDEX && scan_index(str_mem(p + sizeof head, head.length), fold, r);
        s->end = foot.end;
    }
    free(p);
    return good;
}

static void found_file(void *arg, const char *name)
{
    struct recovery *r = arg;
    unsigned file;
    char tail;
    if (sscanf(name, "%6u.se%c", &file, &tail) != 2 || tail != 'g' || strlen(name) != 10)
        return;
    struct segment *s = segment_new(file, 0);
    s->next = r->found;
    r->found = s;
    if (file >= r->log->next_file)
        r->log->next_file = file + 1;
}

/* Opens each file and reads its header; a file without a valid one was never used. Notes the newest header. */
static void read_headers(struct recovery *r, struct segment_header *newest)
{
    struct log *g = r->log;
    for (struct segment *s = r->found; s && !r->error; s = s->next) {
        char name[16];
        struct segment_header h;
        uint64_t size = 0;
        segment_name(s->file, name);
        r->error = g->o.io->open(g->io_ctx, name, 0, g->o.direct, &s->fd);
        if (r->error || (r->error = g->o.io->size(g->io_ctx, s->fd, &size)))
            return;
        char *p = read_part(g, s, 0, BLOCK, &r->error);
        s->made = true;
        s->bytes = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
        if (!r->error && header_read(p, &h)) {
            s->sequence = h.sequence;
            s->bytes = h.bytes > s->bytes ? s->bytes : h.bytes;
            if (h.sequence > newest->sequence)
                *newest = h;
        }
        free(p);
    }
}

static struct segment *take_found(struct recovery *r, uint32_t sequence)
{
    for (struct segment **at = &r->found; *at; at = &(*at)->next)
        if ((*at)->sequence == sequence) {
            struct segment *s = *at;
            *at = s->next;
            return s;
        }
    return NULL;
}

static bool fold_all(struct recovery *r, const struct segment_header *newest, struct fault *f)
{
    struct log *g = r->log;
    for (uint32_t q = newest->tail; newest->sequence && q <= newest->sequence; q++) {
        struct segment *s = take_found(r, q);
        if (!s)
            return fault_set(
                f,
                "segment %u of the log is missing (the newest says that %u to %u are needed): restore its file, or move the "
                "directory away to start with an empty log",
                q, newest->tail, newest->sequence);
        s->begun = s->sealed = true;
        append_live(g, s);
        r->segment = s;
        if (!fold_by_index(r) && !r->error)
            fold_by_scan(r);
        if (r->error)
            return fault_errno(f, r->error, "cannot read segment %u of the log", q);
    }
    return true;
}

/* What is no live segment may hold the next ones, if it has the right size; otherwise it goes. */
static void keep_spares(struct recovery *r)
{
    struct log *g = r->log;
    while (r->found) {
        struct segment *s = r->found;
        r->found = s->next;
        if (s->bytes >= g->o.segment_bytes) {
            s->bytes = g->o.segment_bytes;
            add_spare(g, s);
            continue;
        }
        char name[16];
        segment_name(s->file, name);
        segment_drop(g, s);
        g->o.io->remove(g->io_ctx, name);
    }
}

static bool recover_files(struct recovery *r, struct fault *f)
{
    struct log *g = r->log;
    struct segment_header newest = {0};
    g->next_file = 1;
    r->error = g->o.io->list(g->io_ctx, found_file, r);
    if (r->error)
        return fault_errno(f, r->error, "cannot list the log");
    read_headers(r, &newest);
    if (r->error)
        return fault_errno(f, r->error, "cannot read a segment's header");
    if (!fold_all(r, &newest, f))
        return false;
    g->sequence = newest.sequence;
    g->durable_tail = newest.tail;
    g->batch_number = g->durable_batch = r->last_batch;
    keep_spares(r);
    return true;
}

bool segments_recover(struct log *g, struct fault *f)
{
    struct recovery r = {.log = g};
    bool good = recover_files(&r, f);
    while (r.found) {
        struct segment *s = r.found;
        r.found = s->next;
        segment_drop(g, s);
    }
    free(r.table.slot);
    if (r.damaged || r.unknown)
        fault_set(&g->damage,
                  "%u damaged places in the log lost what was there, %llu messages are of a kind that is not understood",
                  r.damaged, (unsigned long long)r.unknown);
    return good;
}

void segments_close(struct log *g)
{
    for (struct segment *s = g->oldest, *next; s; s = next) {
        next = s->next;
        for (struct log_entry *e = s->entries; e; e = e->next)
            e->at = NULL;
        segment_drop(g, s);
    }
    for (struct segment *s = g->spare, *next; s; s = next) {
        next = s->next;
        segment_drop(g, s);
    }
    free(g->ring);
}
