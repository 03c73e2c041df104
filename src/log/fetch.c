/* fetch: reading a message's record back. What still waits for its flush is copied from its batch; the rest is read on the
 * reader's thread, whole blocks so that it works with O_DIRECT, and is believed only when its CRC, its id and its sizes are
 * right. */
#include "log/inner.h"

#include "lib/must.h"

#include <stdlib.h>

static void fetch_work(void *ctx)
{
    struct log_read *r = ctx;
    struct log *g = r->log;
    if (r->bytes)
        return; /* it was still in memory */
    uint32_t from = r->pos.offset / BLOCK * BLOCK;
    size_t got, n = align_up(r->pos.offset - from + sizeof(struct record) + sizeof(struct message_payload) + r->meta_bytes +
                                 r->content_bytes,
                             BLOCK);
    r->bytes = aligned_alloc(BLOCK, n);
    must(r->bytes);
    r->error = g->o.io->read(g->io_ctx, r->fd, r->bytes, n, from, &got);
    if (!r->error && got < n)
        memset(r->bytes + got, 0, n - got);
}

static bool fetched_well(const struct log_read *r, const char *p, size_t n)
{
    struct message_payload m;
    if (!record_valid(p, n, r->pos.segment))
        return false;
    memcpy(&m, p + sizeof(struct record), sizeof m);
    return id_eq(m.id, r->id) && m.meta_bytes == r->meta_bytes && m.content_bytes == r->content_bytes;
}

static void fetch_done(void *ctx)
{
    struct log_read *r = ctx;
    struct log *g = r->log;
    struct segment *s = segment_find(g, r->pos.segment);
    uint32_t skip = r->pos.offset % BLOCK;
    const char *p = r->bytes + skip, *meta = p + sizeof(struct record) + sizeof(struct message_payload);
    size_t n =
        align_up(skip + sizeof(struct record) + sizeof(struct message_payload) + r->meta_bytes + r->content_bytes, BLOCK) - skip;
    char *bytes = r->bytes;
    struct fault f = {0};
    bool good = !r->error && fetched_well(r, p, n);
    must(s);
    s->readers--;
    g->reading--;
    if (r->error)
        fault_errno(&f, r->error, "cannot read segment %u", r->pos.segment);
    else if (!good)
        fault_set(&f, "the record at %u of segment %u is damaged", r->pos.offset, r->pos.segment);
    r->done(r->ctx, good, str_mem(meta, good ? r->meta_bytes : 0), str_mem(meta + r->meta_bytes, good ? r->content_bytes : 0),
            &f);
    free(bytes);
}

/* Blocks of a record whose batch is not on disk yet. */
static char *copy_unflushed(struct log *g, struct log_pos pos, size_t record_bytes)
{
    for (struct batch *b = g->first; b; b = b->next)
        if (b->segment->sequence == pos.segment && pos.offset >= b->offset && pos.offset < b->offset + b->n) {
            uint32_t skip = pos.offset % BLOCK;
            char *p = aligned_alloc(BLOCK, align_up(skip + record_bytes, BLOCK));
            must(p);
            memset(p, 0, align_up(skip + record_bytes, BLOCK));
            memcpy(p + skip, b->bytes + (pos.offset - b->offset), record_bytes);
            return p;
        }
    return NULL;
}

void log_fetch(struct log *g, const struct log_entry *e, struct log_read *r)
{
    struct segment *s = segment_find(g, e->pos.segment);
    must(s && e->at);
    r->log = g;
    r->pos = e->pos;
    r->id = e->id;
    r->meta_bytes = e->meta_bytes;
    r->content_bytes = e->content_bytes;
    r->fd = s->fd;
    r->error = 0;
    r->bytes =
        copy_unflushed(g, e->pos, sizeof(struct record) + sizeof(struct message_payload) + e->meta_bytes + e->content_bytes);
    s->readers++;
    g->reading++;
    r->chore = (struct chore){.work = fetch_work, .done = fetch_done, .ctx = r, .home = g->loop};
    log_run(g, g->reader, &r->chore);
}
