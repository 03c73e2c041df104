/* format: see format.h. */
#include "log/format.h"

#include "lib/crc32c.h"
#include "lib/must.h"

static uint32_t crc_behind(const void *p, size_t n)
{
    return crc32c(0, (const char *)p + sizeof(uint32_t), n - sizeof(uint32_t));
}

void record_seal(struct record *r) { r->crc = crc_behind(r, sizeof *r + r->length); }

bool record_valid(const void *p, size_t left, uint32_t sequence)
{
    struct record r;
    if (left < sizeof r)
        return false;
    memcpy(&r, p, sizeof r);
    return r.sequence == sequence && r.length <= left - sizeof r && r.crc == crc_behind(p, sizeof r + r.length);
}

void header_make(void *block, uint32_t sequence, uint32_t tail, uint32_t bytes)
{
    struct segment_header h = {0, SEGMENT_MAGIC, FORMAT_VERSION, sequence, tail, bytes};
    h.crc = crc_behind(&h, sizeof h);
    memset(block, 0, BLOCK);
    memcpy(block, &h, sizeof h);
}

bool header_read(const void *block, struct segment_header *ret)
{
    memcpy(ret, block, sizeof *ret);
    return ret->magic == SEGMENT_MAGIC && ret->version == FORMAT_VERSION && ret->crc == crc_behind(ret, sizeof *ret);
}

void footer_make(void *block, uint32_t sequence, uint32_t index_at, uint32_t end)
{
    struct segment_footer h = {0, FOOTER_MAGIC, sequence, index_at, end};
    h.crc = crc_behind(&h, sizeof h);
    memset(block, 0, BLOCK);
    memcpy(block, &h, sizeof h);
}

bool footer_read(const void *block, uint32_t sequence, struct segment_footer *ret)
{
    memcpy(ret, block, sizeof *ret);
    return ret->magic == FOOTER_MAGIC && ret->sequence == sequence && ret->crc == crc_behind(ret, sizeof *ret);
}

/* ---- walking records ---- */

static bool give_message(const char *p, const struct record *r, uint32_t offset, found_fn *fn, void *ctx)
{
    struct message_payload m;
    if (r->length < sizeof m)
        return true;
    memcpy(&m, p, sizeof m);
    if ((uint64_t)m.meta_bytes + m.content_bytes > r->length - sizeof m)
        return true;
    struct found f = {(enum record_type)r->type, r->flags, offset, m.content_bytes, m.id, {p + sizeof m, m.meta_bytes}};
    return fn(ctx, &f);
}

/* One valid record that lies at p. */
static bool give(const char *p, uint32_t offset, found_fn *fn, void *ctx)
{
    struct record r;
    memcpy(&r, p, sizeof r);
    if (r.type == RECORD_ACCEPTED || r.type == RECORD_MOVED || r.type == RECORD_NOTE)
        return give_message(p + sizeof r, &r, offset, fn, ctx);
    return true; /* BATCH, PAD, and kinds of a later version: passed over */
}

static bool batch_at(const char *bytes, size_t n, size_t at, uint32_t sequence, struct batch_payload *ret)
{
    struct record r;
    if (at > n || !record_valid(bytes + at, n - at, sequence))
        return false;
    memcpy(&r, bytes + at, sizeof r);
    if (r.type != RECORD_BATCH || r.length < sizeof *ret)
        return false;
    memcpy(ret, bytes + at + sizeof r, sizeof *ret);
    return true;
}

bool block_is_empty(const void *block)
{
    const char *p = block;
    return *p == 0 && memcmp(p, p + 1, BLOCK - 1) == 0;
}

uint32_t header_guess(const char *bytes, size_t n)
{
    uint32_t guess = 0;
    struct batch_payload b;
    struct record r;
    for (size_t at = BLOCK; at + sizeof r <= n; at += BLOCK) {
        memcpy(&r, bytes + at, sizeof r);
        if (r.sequence > guess && batch_at(bytes, n, at, r.sequence, &b))
            guess = r.sequence;
    }
    return guess;
}

/* The next block at or behind `at` where a later batch begins; n: there is none. */
static size_t resync(const char *bytes, size_t n, size_t at, uint32_t sequence, uint64_t after)
{
    struct batch_payload b;
    for (at = align_up(at, BLOCK); at < n; at += BLOCK)
        if (batch_at(bytes, n, at, sequence, &b) && b.number > after)
            return at;
    return n;
}

/* Where to go on behind a damaged record, when a later batch at `later` proves that its own batch was acknowledged: at the record
 * that follows by its length if that is whole, else at the later batch. A torn batch must not go on behind its hole: a note there
 * may rely on what the hole lost. */
static size_t behind_damage(const char *bytes, size_t at, size_t later, uint32_t sequence)
{
    struct record r;
    memcpy(&r, bytes + at, sizeof r);
    size_t next = at + align_up(sizeof r + (size_t)r.length, ALIGN);
    return r.sequence == sequence && next < later && record_valid(bytes + next, later - next, sequence) ? next : later;
}

void scan_records(const char *bytes, size_t n, uint32_t start, uint32_t sequence, struct scan *s, found_fn *fn, void *ctx)
{
    size_t at = start;
    s->end = s->base + start;
    while (at < n) {
        struct batch_payload b;
        if (!record_valid(bytes + at, n - at, sequence)) {
            size_t later = resync(bytes, n, at + 1, sequence, s->last_batch);
            if (later < n && s->damaged++ == 0) /* a batch is written only after the one before it is durable */
                s->damaged_at = s->base + (uint32_t)at;
            at = later < n ? behind_damage(bytes, at, later, sequence) : n;
            continue;
        }
        if (batch_at(bytes, n, at, sequence, &b))
            s->last_batch = b.number;
        struct record r;
        memcpy(&r, bytes + at, sizeof r);
        if (!give(bytes + at, s->base + (uint32_t)at, fn, ctx))
            return;
        at += align_up(sizeof r + r.length, ALIGN);
        s->end = s->base + (uint32_t)at;
    }
}

bool scan_index(struct str payload, found_fn *fn, void *ctx)
{
    while (payload.n > 0) {
        struct index_entry e;
        if (payload.n < sizeof e)
            return false;
        memcpy(&e, payload.p, sizeof e);
        size_t whole = sizeof e + align_up(e.bytes, ALIGN);
        bool known = e.type == RECORD_ACCEPTED || e.type == RECORD_MOVED || e.type == RECORD_NOTE;
        if (payload.n < whole || !known)
            return false;
        struct found f = {(enum record_type)e.type, e.flags, e.offset, e.content_bytes, e.id, {payload.p + sizeof e, e.bytes}};
        if (!fn(ctx, &f))
            return true;
        payload.p += whole;
        payload.n -= whole;
    }
    return true;
}
