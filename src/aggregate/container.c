/* container: gzip (RFC 1952) and zip (PKWARE's APPNOTE) over zlib's inflate. What is unpacked counts against one budget a
 * reading, and may not grow past AGGREGATE_RATIO_MAX of what it is packed in: a bomb is refused while it is small. The sizes that
 * an archive tells of its files are not believed, only where they lie.
 *
 * A zip archive is read from its directory at the end, whose entries alone say how long each packed file is when it was written
 * as a stream. Only what reporters use is read: stored and deflated files of a single, unencrypted archive below 4 GiB. */
#include "aggregate/inner.h"

#include <zlib.h>

enum { STEP = 64 * 1024, RAW = -15, GZIP = 15 + 16, END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30 };

/* May the reading hold `out` bytes that came of `in`? */
static bool within(struct reading *r, size_t in, size_t out)
{
    if (out > r->plain_left)
        refuse(r, "unpacked it is larger than %d MiB", AGGREGATE_PLAIN_MAX >> 20);
    else if (out > AGGREGATE_RATIO_FREE && out / AGGREGATE_RATIO_MAX > in)
        refuse(r, "unpacked it is more than %d times as large: this is no report but a bomb", AGGREGATE_RATIO_MAX);
    else
        return true;
    return false;
}

/* Z_BUF_ERROR: the bytes end before the stream does. */
static int inflate_all(z_stream *z, struct str bytes, struct reading *r, struct buf *b, bool *refused)
{
    int code = Z_OK;
    z->next_in = (Bytef *)(uintptr_t)bytes.p;
    z->avail_in = (uInt)bytes.n;
    while (code == Z_OK) {
        z->next_out = (Bytef *)buf_reserve(b, STEP);
        z->avail_out = STEP;
        code = inflate(z, Z_NO_FLUSH);
        b->n += STEP - z->avail_out;
        *refused = !within(r, bytes.n - z->avail_in, b->n);
        if (*refused)
            break;
    }
    return code;
}

static enum aggregate_result unpack(struct str bytes, int bits, struct reading *r, struct buf *b)
{
    z_stream z = {0};
    bool refused = false;
    if (inflateInit2(&z, bits) != Z_OK)
        return refuse(r, "there is no memory to unpack it");
    int code = inflate_all(&z, bytes, r, b, &refused);
    inflateEnd(&z);
    r->plain_left -= b->n < r->plain_left ? b->n : r->plain_left; /* also of what is refused: a mail may have many of it */
    if (refused)
        return AGGREGATE_REFUSED;
    if (code != Z_STREAM_END && !(code == Z_BUF_ERROR && b->n > 0))
        return refuse(r, "it cannot be unpacked: the packed data is damaged");
    return AGGREGATE_READ;
}

enum aggregate_result gzip_unpack(struct str bytes, struct reading *r, struct buf *b) { return unpack(bytes, GZIP, r, b); }

/* ---- zip ---- */

static unsigned u16_at(struct str s, size_t at) { return (unsigned char)s.p[at] | (unsigned)(unsigned char)s.p[at + 1] << 8; }
static size_t u32_at(struct str s, size_t at) { return u16_at(s, at) | (size_t)u16_at(s, at + 2) << 16; }
static bool is_at(struct str s, size_t at, const char *magic, size_t size)
{
    return at <= s.n && s.n - at >= size && memcmp(s.p + at, magic, 4) == 0;
}

/* Where the directory's end record lies: the last place that can be one; its comment has at most 65,535 bytes. */
static bool find_end(struct str s, size_t *ret)
{
    size_t tried = 0;
    for (size_t at = s.n < END_SIZE ? 0 : s.n - END_SIZE + 1; at > 0 && tried++ <= 65535; at--)
        if (is_at(s, at - 1, "PK\5\6", END_SIZE)) {
            *ret = at - 1;
            return true;
        }
    return false;
}

struct entry {
    unsigned flags, method;
    struct str packed, name;
};

/* The entry at *at, and *at behind it. */
static bool take_entry(struct str s, size_t *at, struct entry *ret)
{
    if (!is_at(s, *at, "PK\1\2", ENTRY_SIZE))
        return false;
    size_t e = *at, names = u16_at(s, e + 28), size = u32_at(s, e + 20), local = u32_at(s, e + 42);
    size_t next = e + ENTRY_SIZE + names + u16_at(s, e + 30) + u16_at(s, e + 32);
    if (next > s.n || !is_at(s, local, "PK\3\4", LOCAL_SIZE))
        return false;
    size_t data = local + LOCAL_SIZE + u16_at(s, local + 26) + u16_at(s, local + 28);
    if (data > s.n || size > s.n - data)
        return false;
    *ret = (struct entry){u16_at(s, e + 8), u16_at(s, e + 10), str_mem(s.p + data, size), str_mem(s.p + e + ENTRY_SIZE, names)};
    *at = next;
    return true;
}

static enum aggregate_result read_entry(const struct entry *e, struct reading *r, zip_fn *fn, void *ctx)
{
    struct buf b = {0};
    enum aggregate_result got = AGGREGATE_READ;
    if (e->packed.n == 0)
        return AGGREGATE_NONE; /* a folder, or an empty file */
    if (e->flags & 1)
        return refuse(r, "the archive is encrypted");
    if (e->method == 0) {
        if (!within(r, e->packed.n, e->packed.n))
            return AGGREGATE_REFUSED;
        r->plain_left -= e->packed.n; /* many entries may share their bytes */
        return fn(ctx, e->packed, e->name);
    }
    if (e->method != 8)
        return refuse(r, "the archive is packed in a way (%u) that is not known: expected deflate", e->method);
    got = unpack(e->packed, RAW, r, &b);
    if (got == AGGREGATE_READ)
        got = fn(ctx, buf_str(&b), e->name);
    buf_done(&b);
    return got;
}

enum aggregate_result zip_each(struct str bytes, struct reading *r, zip_fn *fn, void *ctx)
{
    enum aggregate_result best = AGGREGATE_NONE;
    size_t end, at;
    if (!find_end(bytes, &end))
        return refuse(r, "the zip archive is broken off: its end is missing");
    unsigned files = u16_at(bytes, end + 10);
    if (files > AGGREGATE_FILES_MAX)
        return refuse(r, "the zip archive has %u files: at most %d are looked at", files, AGGREGATE_FILES_MAX);
    at = u32_at(bytes, end + 16);
    for (unsigned i = 0; i < files && best != AGGREGATE_FAILED; i++) {
        struct entry e;
        if (!take_entry(bytes, &at, &e))
            return better_of(best, refuse(r, "the zip archive is damaged: its directory does not fit its files"));
        best = better_of(best, read_entry(&e, r, fn, ctx));
    }
    return best;
}
