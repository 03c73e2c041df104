/* log: the door: opening, appending, group commit (reading back is in fetch.c).
 *
 * Appends go into the batch that gathers; it is handed to the flusher at the end of the turn, or when the flush before it is
 * done. So exactly one batch is on its way to the disk at a time, and a batch found on disk proves that all before it are there.
 */
#include "log/inner.h"

#include "lib/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BATCH_START = 128 * 1024, BATCH_MAX = 8 * 1024 * 1024, LOOK_MS = 1000 };
enum { READERS = 4 }; /* a disk answers several reads in the time of one */

static void flush_next(struct log *g);

void log_run(struct log *g, struct chore_pool *pool, struct chore *c)
{
    if (!g->o.is_inline) {
        chore_start(pool, c);
        return;
    }
    c->work(c->ctx);
    c->done(c->ctx);
}

/* ---- batches ---- */

static void list_add(struct entry_list *l, struct log_entry *e)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->entry = realloc(l->entry, l->cap * sizeof(struct log_entry *));
        must(l->entry);
    }
    l->entry[l->n++] = e;
}

static void batch_free(struct batch *b)
{
    if (!b)
        return;
    free(b->bytes);
    free(b->ends.entry);
    free(b->accepted.entry);
    free(b);
}

/* Keeps one batch for reuse: its buffers have grown to what the load needs. */
static void batch_put(struct log *g, struct batch *b)
{
    if (g->idle) {
        batch_free(b);
        return;
    }
    b->ends.n = b->accepted.n = 0;
    g->idle = b;
}

static void batch_room(struct batch *b, size_t more)
{
    size_t want = b->n + more + BLOCK;
    if (want <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : BATCH_START;
    while (cap < want)
        cap *= 2;
    char *p = aligned_alloc(BLOCK, cap);
    must(p);
    if (b->n)
        memcpy(p, b->bytes, b->n);
    free(b->bytes);
    b->bytes = p;
    b->cap = cap;
}

static struct batch *batch_new(struct log *g, struct segment *s)
{
    struct batch *b = g->idle ? g->idle : calloc(1, sizeof *b);
    must(b);
    g->idle = NULL;
    *b = (struct batch){.segment = s,
                        .number = ++g->batch_number,
                        .offset = s->end,
                        .bytes = b->bytes,
                        .cap = b->cap,
                        .ends = b->ends,
                        .accepted = b->accepted,
                        .tail = g->oldest->sequence};
    b->last_wait = &b->waits;
    if (g->last)
        g->last->next = b;
    else
        g->first = b;
    g->last = b;
    return b;
}

struct batch *log_gathering(struct log *g) { return g->last; }

static bool in_flight(const struct log *g, const struct batch *b) { return g->flushing && b == g->first; }

static void put_record(struct batch *b, enum record_type type, uint16_t flags, uint32_t length)
{
    struct record r = {0, length, b->segment->sequence, (uint16_t)type, flags};
    memcpy(b->bytes + b->n, &r, sizeof r);
}

/* Completes a batch: its first record tells its size, a PAD record fills its last block. */
static void batch_close(struct batch *b)
{
    struct batch_payload p = {b->number, 0, 0};
    size_t whole = align_up(b->n, BLOCK), pad = whole - b->n;
    if (pad) {
        put_record(b, RECORD_PAD, 0, (uint32_t)(pad - sizeof(struct record)));
        memset(b->bytes + b->n + sizeof(struct record), 0, pad - sizeof(struct record));
        record_seal((struct record *)(void *)(b->bytes + b->n));
        b->n = whole;
    }
    p.bytes = (uint32_t)whole;
    memcpy(b->bytes + sizeof(struct record), &p, sizeof p);
    record_seal((struct record *)(void *)b->bytes);
}

/* ---- appending ---- */

static size_t index_bytes(size_t noted) { return align_up(sizeof(struct record) + noted, BLOCK); }

/* Would the segment still have room for its index and footer after `more` bytes of records and `noted` of index? */
static bool fits(const struct segment *s, size_t end, size_t more, size_t noted)
{
    return align_up(end + more, BLOCK) + index_bytes(s->index.n + noted) + BLOCK <= s->bytes;
}

/* The segment is full: its index follows its last batch, and the next one is begun. */
static void roll(struct log *g)
{
    struct segment *s = g->newest;
    struct batch *b = g->last;
    if (!b || b->segment != s || in_flight(g, b))
        b = batch_new(g, s);
    b->seals = true;
    segment_begin(g);
}

static bool is_open(const struct log *g) { return g->newest && !g->newest->sealed; }

/* The batch that takes a record of `need` bytes with `noted` bytes of index. */
static struct batch *batch_for(struct log *g, size_t need, size_t noted)
{
    if (!is_open(g))
        segment_begin(g);
    struct batch *b = g->last;
    bool gathers = b && b->segment == g->newest && !in_flight(g, b) && !b->seals;
    size_t first = sizeof(struct record) + sizeof(struct batch_payload);
    if (!fits(g->newest, gathers ? b->offset + b->n : g->newest->end, need + (gathers ? 0 : first), noted)) {
        roll(g);
        gathers = false;
    }
    if (!gathers || b->n + need > BATCH_MAX) {
        b = batch_new(g, g->newest);
        batch_room(b, first + need);
        put_record(b, RECORD_BATCH, 0, sizeof(struct batch_payload));
        b->n = first;
    }
    batch_room(b, need);
    return b;
}

static void index_add(struct segment *s, enum record_type type, uint16_t flags, uint32_t offset, struct id id, struct str bytes,
                      size_t content)
{
    static const char zeros[ALIGN];
    struct index_entry e = {offset, (uint16_t)type, flags, (uint32_t)bytes.n, (uint32_t)content, id};
    buf_add(&s->index, &e, sizeof e);
    buf_add_str(&s->index, bytes);
    buf_add(&s->index, zeros, align_up(bytes.n, ALIGN) - bytes.n);
}

enum log_refusal log_append(struct log *g, enum record_type type, uint16_t flags, struct id id, struct str meta,
                            const struct str *content, unsigned pieces, struct log_pos *ret)
{
    size_t content_n = 0;
    for (unsigned i = 0; i < pieces; i++)
        content_n += content[i].n;
    size_t payload = sizeof(struct message_payload) + meta.n + content_n;
    size_t need = align_up(sizeof(struct record) + payload, ALIGN), noted = sizeof(struct index_entry) + align_up(meta.n, ALIGN);
    if (3 * BLOCK + align_up(need + 64, BLOCK) + index_bytes(noted) > g->o.segment_bytes)
        return LOG_TOO_LARGE;
    struct batch *b = batch_for(g, need, noted);
    char *to = b->bytes + b->n;
    struct message_payload m = {id, (uint32_t)meta.n, (uint32_t)content_n};
    put_record(b, type, flags, (uint32_t)payload);
    to += sizeof(struct record);
    memcpy(to, &m, sizeof m);
    to += sizeof m;
    memcpy(to, meta.p, meta.n);
    to += meta.n;
    for (unsigned i = 0; i < pieces; to += content[i++].n)
        memcpy(to, content[i].p, content[i].n);
    memset(to, 0, need - sizeof(struct record) - payload);
    record_seal((struct record *)(void *)(b->bytes + b->n));
    *ret = (struct log_pos){b->segment->sequence, (uint32_t)(b->offset + b->n)};
    index_add(b->segment, type, flags, ret->offset, id, meta, content_n);
    b->n += need;
    b->segment->end = (uint32_t)align_up(b->offset + b->n, BLOCK);
    g->stats.records++;
    return LOG_OK;
}

static void wait_for(struct batch *b, struct log_wait *w)
{
    if (!w)
        return;
    w->next = NULL;
    *b->last_wait = w;
    b->last_wait = &w->next;
}

enum log_refusal log_accept(struct log *g, struct log_entry *e, struct str meta, const struct str *content, unsigned pieces,
                            struct log_wait *w)
{
    if (g->failed)
        return LOG_FAILED;
    if (segments_are_full(g))
        return LOG_DISK_FULL;
    enum log_refusal refused = log_append(g, RECORD_ACCEPTED, 0, e->id, meta, content, pieces, &e->pos);
    if (refused != LOG_OK)
        return refused;
    size_t content_bytes = 0;
    for (unsigned i = 0; i < pieces; i++)
        content_bytes += content[i].n;
    e->meta_bytes = meta.n & LOG_LENGTH_MAX;
    e->content_bytes = content_bytes & LOG_LENGTH_MAX;
    entry_link(g, g->last->segment, e);
    list_add(&g->last->accepted, e);
    wait_for(g->last, w);
    return LOG_OK;
}

enum log_refusal log_note(struct log *g, struct log_entry *e, struct str note, bool ends, struct log_wait *w)
{
    struct log_pos pos;
    if (g->failed)
        return LOG_FAILED;
    must(e->at && !e->ending);
    enum log_refusal refused = log_append(g, RECORD_NOTE, ends ? NOTE_ENDS : 0, e->id, note, NULL, 0, &pos);
    if (refused != LOG_OK)
        return refused;
    if (ends) {
        e->ending = true;
        list_add(&g->last->ends, e);
    }
    wait_for(g->last, w);
    return LOG_OK;
}

/* ---- flushing ---- */

static int write_header(struct log *g, struct segment *s, uint32_t tail)
{
    char *block = aligned_alloc(BLOCK, BLOCK);
    must(block);
    g->flush_doing = "write a segment's header";
    header_make(block, s->sequence, tail, s->bytes);
    int code = g->o.io->write(g->io_ctx, s->fd, block, BLOCK, 0, 1);
    free(block);
    return code;
}

static int write_index(struct log *g, struct segment *s, uint32_t at)
{
    size_t n = align_up(sizeof(struct record) + s->index.n, BLOCK);
    struct record r = {0, (uint32_t)s->index.n, s->sequence, RECORD_INDEX, 0};
    char *p = aligned_alloc(BLOCK, n + BLOCK);
    must(p);
    g->flush_doing = "write a segment's index";
    memset(p, 0, n);
    memcpy(p, &r, sizeof r);
    if (s->index.n)
        memcpy(p + sizeof r, s->index.p, s->index.n);
    record_seal((struct record *)(void *)p);
    int code = g->o.io->write(g->io_ctx, s->fd, p, n, at, 1);
    footer_make(p + n, s->sequence, at, at);
    if (!code)
        code = g->o.io->write(g->io_ctx, s->fd, p + n, BLOCK, s->bytes - BLOCK, 1);
    free(p);
    return code;
}

static void flush_work(void *ctx)
{
    struct log *g = ctx;
    struct batch *b = g->first;
    struct segment *s = b->segment;
    g->flush_doing = "make a segment";
    int code = s->made ? 0 : segment_make(g, s);
    if (!code && !s->begun)
        code = write_header(g, s, b->tail);
    g->flush_doing = code ? g->flush_doing : "write a batch";
    if (!code && b->n)
        code = g->o.io->write(g->io_ctx, s->fd, b->bytes, b->n, b->offset, 1);
    if (!code && b->seals)
        code = write_index(g, s, (uint32_t)(b->offset + b->n));
    g->flush_error = code;
}

static void tell(struct log_wait *w, bool durable)
{
    while (w) {
        struct log_wait *next = w->next;
        w->fn(w->ctx, durable);
        w = next;
    }
}

/* After a failed write or sync the kernel may have dropped what was not written: nothing can be trusted until a new start reads
 * the disk. Everything that waits is told so. */
static void fail_all(struct log *g)
{
    struct fault f;
    g->failed = true;
    g->stats.failed = true;
    fault_errno(&f, g->flush_error, "cannot %s", g->flush_doing);
    while (g->first) {
        struct batch *b = g->first;
        g->first = b->next;
        for (size_t i = 0; i < b->accepted.n; i++)
            entry_unlink(g, b->accepted.entry[i]);
        tell(b->waits, false);
        batch_free(b);
    }
    g->last = NULL;
    g->hooks->failed(g->ctx, &f);
}

static void publish(struct log *g, const struct segment *s, uint32_t offset)
{
    if (g->map)
        atomic_store(&g->map->durable, (uint64_t)s->sequence << 32 | offset);
}

static void settle_batch(struct log *g, struct batch *b)
{
    struct segment *s = b->segment;
    if (!s->begun)
        g->durable_tail = b->tail;
    s->made = s->begun = true;
    g->durable_batch = b->number;
    g->stats.commits++;
    g->stats.bytes_written += b->n;
    if (b->seals) {
        s->sealed = true;
        buf_done(&s->index);
    }
    publish(g, s, b->seals ? FOLLOW_SEALED : (uint32_t)(b->offset + b->n));
    for (size_t i = 0; i < b->ends.n; i++) {
        struct log_entry *e = b->ends.entry[i];
        if (e->moving)
            compact_forget(g, e);
        entry_unlink(g, e);
    }
}

static void flush_done(void *ctx)
{
    struct log *g = ctx;
    struct batch *b = g->first;
    g->flushing = false;
    if (g->flush_error) {
        fail_all(g);
        return;
    }
    settle_batch(g, b);
    g->first = b->next;
    if (!g->first)
        g->last = NULL;
    flush_next(g); /* what gathered meanwhile is on its way before anyone is told */
    tell(b->waits, true);
    batch_put(g, b);
    if (g->closing || g->failed)
        return;
    segments_free_old(g);
    compact_some(g);
    segments_make_ahead(g);
}

static void flush_next(struct log *g)
{
    struct batch *b = g->first;
    if (g->flushing || g->failed || !b)
        return;
    g->flushing = true;
    if (b->n)
        batch_close(b);
    g->flush_chore = (struct chore){.work = flush_work, .done = flush_done, .ctx = g, .home = g->loop};
    log_run(g, g->flusher, &g->flush_chore);
}

void log_flush(struct log *g) { flush_next(g); }

static void on_turn_end(void *ctx)
{
    struct log *g = ctx;
    if (!g->closing)
        flush_next(g);
}

/* ---- opening and closing ---- */

static bool map_follow(struct log *g, struct fault *f)
{
    char path[600];
    snprintf(path, sizeof path, "%s/follow", g->o.directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, FOLLOW_MAP_BYTES) != 0)
        return fault_errno(f, errno, "cannot make %s", path);
    void *p = mmap(NULL, FOLLOW_MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int code = errno;
    close(fd);
    if (p == MAP_FAILED)
        return fault_errno(f, code, "cannot map %s", path);
    g->map = p;
    return true;
}

/* The follower may read what recovery found; the mark is set before anything is appended. */
static void publish_recovered(struct log *g)
{
    if (!g->map)
        return;
    atomic_store(&g->map->durable, g->newest ? (uint64_t)g->newest->sequence << 32 | FOLLOW_SEALED : 0);
    atomic_store(&g->map->oldest, g->oldest ? g->oldest->sequence : 0);
    g->map->magic = FOLLOW_MAGIC;
}

static void on_look(void *ctx)
{
    struct log *g = ctx;
    segments_free_old(g);
    compact_some(g);
    segments_make_ahead(g);
    timer_set(g->loop, &g->look, LOOK_MS);
}

static bool open_all(struct log *g, struct fault *f)
{
    if (g->own_io) {
        int code = log_io_real_open(g->o.directory, &g->io_ctx);
        if (code == EWOULDBLOCK)
            return fault_set(f, "another process has the log open: stop it first");
        if (code)
            return fault_errno(f, code, "cannot open the directory");
        if (!map_follow(g, f))
            return false;
    }
    if (!g->o.is_inline &&
        !(chore_pool_new(&g->flusher, 1, f) && chore_pool_new(&g->reader, READERS, f) && chore_pool_new(&g->maker, 1, f)))
        return false;
    return segments_recover(g, f) && segments_reserve(g, f);
}

static void free_all(struct log *g)
{
    chore_pool_free(&g->flusher);
    chore_pool_free(&g->reader);
    chore_pool_free(&g->maker);
    segments_close(g);
    batch_free(g->idle);
    if (g->map)
        munmap(g->map, FOLLOW_MAP_BYTES);
    if (g->own_io)
        log_io_real_close(&g->io_ctx);
    free(g);
}

bool log_open(struct log **ret, const struct log_options *o, struct loop *l, const struct log_hooks *h, void *ctx,
              struct fault *f)
{
    struct log *g = calloc(1, sizeof *g);
    must(g);
    g->o = *o;
    g->io_ctx = o->io_ctx;
    g->own_io = o->io == &log_io_real && !o->io_ctx;
    g->loop = l;
    g->hooks = h;
    g->ctx = ctx;
    if (!open_all(g, f)) {
        free_all(g);
        return false;
    }
    publish_recovered(g);
    g->look = (struct timer){.fn = on_look, .ctx = g};
    if (!o->is_inline) {
        loop_at_turn_end(l, on_turn_end, g);
        timer_set(l, &g->look, LOOK_MS);
    }
    segments_make_ahead(g);
    *ret = g;
    return true;
}

/* Sealing the last segment lets the next start read its index instead of scanning it. */
static void seal_last(struct log *g)
{
    struct segment *s = g->newest;
    if (g->failed || !is_open(g))
        return;
    struct batch *b = g->last && g->last->segment == s && !in_flight(g, g->last) ? g->last : batch_new(g, s);
    b->seals = true;
}

void log_close(struct log **log)
{
    struct log *g = *log;
    *log = NULL;
    if (!g)
        return;
    timer_cancel(&g->look);
    g->closing = true;
    seal_last(g);
    flush_next(g);
    while (g->flushing || g->making || g->reading || (g->first && !g->failed))
        loop_turn(g->loop, 10);
    struct log *gone = g;
    free_all(gone);
}

const char *log_damage(const struct log *g) { return *g->damage.text ? g->damage.text : NULL; }

void log_stats(const struct log *g, struct log_stats *ret)
{
    *ret = g->stats;
    ret->segments = g->segments;
    ret->segments_free = g->spares;
    ret->disk_full = segments_are_full(g);
}
