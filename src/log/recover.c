/* recover: what the disk says at start. The newest header names the oldest segment that is needed; all from there on are folded
 * in order, each by its index or, where it was not sealed, record by record. Files that are none of them become spares. */
#include "log/inner.h"

#include "lib/must.h"

#include <stdio.h>
#include <stdlib.h>

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
    struct log_pos damaged_at; /* the first */
    uint32_t headless, headless_at;
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

/* What its owner does not understand is kept by an entry of the log's own: it holds its segment until its end is noted. */
static struct log_entry *entry_of(struct recovery *r, const struct found *f, bool known)
{
    struct log *g = r->log;
    struct log_entry *e = g->hooks->recover_message(g->ctx, f->id, f->bytes, f->content_bytes);
    if (e)
        return e;
    r->unknown++;
    if (known)
        return NULL; /* its older record stays the valid one */
    e = calloc(1, sizeof *e);
    must(e);
    e->foreign = true;
    return e;
}

static void fold_message(struct recovery *r, const struct found *f)
{
    struct log *g = r->log;
    if (r->table.n * 2 >= r->table.cap)
        table_grow(&r->table);
    struct log_entry **at = table_find(&r->table, f->id), *e = entry_of(r, f, *at != NULL);
    if (!e)
        return;
    if (*at)
        entry_unlink(g, *at);
    r->table.n += *at == NULL;
    *at = e;
    *e = (struct log_entry){.pos = {r->segment->sequence, f->offset},
                            .meta_bytes = f->bytes.n & LOG_LENGTH_MAX,
                            .content_bytes = f->content_bytes & LOG_LENGTH_MAX,
                            .id = f->id,
                            .foreign = e->foreign,
                            .moving = e->foreign};
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
    if (!e->foreign)
        g->hooks->recover_note(g->ctx, e, f->bytes, ends);
    else if (ends)
        free(e);
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
    if (scan.damaged && r->damaged == 0)
        r->damaged_at = (struct log_pos){s->sequence, scan.damaged_at};
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

/* A header that is damaged, though its file was used, must not turn what it heads into a spare: the batches say whose they are.
 * The tail is then that of the header before: nothing above that is used again before a newer header is durable. */
static void guess_header(struct recovery *r, struct segment *s)
{
    char *p = read_part(r->log, s, 0, s->bytes, &r->error);
    s->sequence = r->error ? 0 : header_guess(p, s->bytes);
    s->headless = s->sequence > 0;
    free(p);
}

static void read_header(struct recovery *r, struct segment *s, struct segment_header *newest)
{
    struct log *g = r->log;
    struct segment_header h;
    char name[16];
    uint64_t size = 0;
    segment_name(s->file, name);
    r->error = g->o.io->open(g->io_ctx, name, 0, g->o.direct, &s->fd);
    if (r->error || (r->error = g->o.io->size(g->io_ctx, s->fd, &size)))
        return;
    char *p = read_part(g, s, 0, BLOCK, &r->error);
    bool headed = !r->error && header_read(p, &h), used = !r->error && !block_is_empty(p);
    free(p);
    s->made = true;
    s->bytes = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    if (!headed && used)
        guess_header(r, s);
    if (!headed)
        return;
    s->sequence = h.sequence;
    s->bytes = h.bytes > s->bytes ? s->bytes : h.bytes;
    if (h.sequence > newest->sequence)
        *newest = h;
}

/* Opens each file and reads its header; a file that never had one was never used. Notes the newest header. */
static void read_headers(struct recovery *r, struct segment_header *newest)
{
    for (struct segment *s = r->found; s && !r->error; s = s->next)
        read_header(r, s, newest);
    bool any = newest->sequence > 0;
    for (const struct segment *s = r->found; s; s = s->next) {
        if (s->headless && s->sequence > newest->sequence)
            newest->sequence = s->sequence;
        if (s->headless && !any && (newest->tail == 0 || s->sequence < newest->tail))
            newest->tail = s->sequence;
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
        segment_append(g, s);
        r->segment = s;
        if (!fold_by_index(r) && !r->error)
            fold_by_scan(r);
        if (r->error)
            return fault_errno(f, r->error, "cannot read segment %u of the log", q);
    }
    return true;
}

/* Written anew, so that the follower finds the segment, and the next start too. */
static bool repair_headers(struct recovery *r, uint32_t tail, struct fault *f)
{
    struct log *g = r->log;
    for (struct segment *s = g->oldest; s; s = s->next) {
        if (!s->headless)
            continue;
        char *block = aligned_alloc(BLOCK, BLOCK);
        must(block);
        header_make(block, s->sequence, tail, s->bytes);
        r->error = g->o.io->write(g->io_ctx, s->fd, block, BLOCK, 0, 1);
        free(block);
        if (r->error)
            return fault_errno(f, r->error, "cannot write the damaged header of segment %u anew", s->sequence);
        if (r->headless++ == 0)
            r->headless_at = s->sequence;
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
            spare_add(g, s);
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
    if (!fold_all(r, &newest, f) || !repair_headers(r, newest.tail, f))
        return false;
    g->sequence = newest.sequence;
    g->durable_tail = newest.tail;
    g->batch_number = g->durable_batch = r->last_batch;
    keep_spares(r);
    return true;
}

static void describe_damage(const struct recovery *r)
{
    struct buf b = {0};
    if (r->damaged)
        buf_addf(
            &b,
            "%u damaged places lost what was acknowledged there, the first at offset %u of segment %u; the rest is kept (goniec "
            "log verify tells them all); ",
            r->damaged, r->damaged_at.offset, r->damaged_at.segment);
    if (r->headless)
        buf_addf(
            &b,
            "the headers of %u segments were damaged, the first that of segment %u: they were written anew, nothing is lost; ",
            r->headless, r->headless_at);
    if (r->unknown)
        buf_addf(&b, "%llu records are of messages that this version does not understand: they are kept; ",
                 (unsigned long long)r->unknown);
    if (b.n)
        fault_set(&r->log->damage, "%.*s", (int)b.n - 2, b.p);
    buf_done(&b);
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
    describe_damage(&r);
    return good;
}
