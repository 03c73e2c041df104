/* list: the lists as the mail path asks them (suppress.h).
 *
 * A list is two tables: the base, which is the file's sorted rows and is shared by all lists read from one generation of the
 * file, and the tail, the single changes since, sorted too, the last word on each winning. A look-up asks the tail first. A table
 * has an index by the hash's first bits that leaves about four rows to look at: two cache misses, wherever the row is.
 *
 * All is read into memory, not mapped: a page that the kernel had dropped would make the event loop wait for the disk, and a file
 * that somebody cuts short under a mapping kills the process. */
#include "lib/crc32c.h"
#include "lib/must.h"
#include "suppress/inner.h"
#include "suppress/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS_A_BUCKET = 4 };

struct table {
    struct row *row; /* ascending by hash[0], then hash[1] */
    size_t rows;
    uint32_t *start; /* of the bucket; one more than there are */
    unsigned shift;  /* hash[0] >> shift is the bucket */
};

struct base {
    atomic_uint refs;
    struct head head;
    struct table table;
};

struct suppress_list {
    atomic_uint refs;
    struct base *base; /* NULL: there is no file */
    struct table tail;
};

/* ---- tables ---- */

static void table_index(struct table *t)
{
    unsigned bits = 1;
    while (((size_t)ROWS_A_BUCKET << bits) < t->rows)
        bits++;
    size_t buckets = (size_t)1 << bits, b = 0;
    t->shift = 64 - bits;
    t->start = calloc(buckets + 1, sizeof *t->start);
    must(t->start);
    for (size_t i = 0; i < t->rows; i++)
        while (b <= t->row[i].hash[0] >> t->shift)
            t->start[b++] = (uint32_t)i;
    while (b <= buckets)
        t->start[b++] = (uint32_t)t->rows;
}

static void table_done(struct table *t)
{
    free(t->row);
    free(t->start);
    *t = (struct table){0};
}

/* One question to a table. */
struct probe {
    char text[FORMAT_TEXT_MAX];
    size_t n;       /* 0: nothing that can be in a list */
    uint64_t first; /* half of the hash; the second one is needed only where this is found */
};

static void table_prefetch_start(const struct table *t, uint64_t first)
{
    if (t->rows)
        __builtin_prefetch(&t->start[first >> t->shift]);
}

static void table_prefetch_row(const struct table *t, uint64_t first)
{
    if (t->rows)
        __builtin_prefetch(&t->row[t->start[first >> t->shift]]);
}

static const struct row *table_find(const struct table *t, const uint8_t key[32], const struct probe *p)
{
    if (!t->rows || !p->n)
        return NULL;
    size_t bucket = p->first >> t->shift;
    for (size_t i = t->start[bucket]; i < t->start[bucket + 1]; i++)
        if (t->row[i].hash[0] == p->first && t->row[i].hash[1] == format_hash(key, 1, p->text, p->n))
            return &t->row[i];
    return NULL;
}

/* ---- reading ---- */

static void base_free(struct base *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) > 1)
        return;
    table_done(&b->table);
    free(b);
}

static bool damaged(const char *path, const char *where, struct fault *f)
{
    return fault_set(f, "%s is damaged in its %s: \"goniec suppression publish\" writes it anew from the database", path, where);
}

static bool base_rows(struct base *b, int fd, const char *path, struct fault *f)
{
    struct table *t = &b->table;
    t->rows = b->head.rows;
    t->row = malloc(t->rows * sizeof *t->row + 1);
    if (!t->row)
        return fault_set(f, "no memory for the %zu entries of %s", t->rows, path);
    if (!format_read(fd, t->row, t->rows * sizeof *t->row, sizeof b->head, path, f))
        return false;
    if (crc32c(0, t->row, t->rows * sizeof *t->row) != b->head.rows_crc)
        return damaged(path, "rows", f);
    for (size_t i = 1; i < t->rows; i++)
        if (format_order(&t->row[i - 1], &t->row[i]) >= 0)
            return damaged(path, "order", f);
    table_index(t);
    return true;
}

static bool base_load(struct base **ret, const struct head *h, int fd, struct base *before, const char *path, struct fault *f)
{
    if (before && before->head.generation == h->generation && before->head.crc == h->crc) {
        atomic_fetch_add(&before->refs, 1);
        *ret = before;
        return true;
    }
    struct base *b = calloc(1, sizeof *b);
    must(b);
    atomic_init(&b->refs, 1);
    b->head = *h;
    *ret = b; /* the caller frees it in any case */
    return base_rows(b, fd, path, f);
}

/* Sorted by hash, and by place within one hash: then only the last of each stays. */
static int by_hash_and_place(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = format_order(a, b);
    return order ? order : (x->crc > y->crc) - (x->crc < y->crc);
}

static void last_words(struct table *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->rows; i++)
        t->row[i].crc = (uint32_t)i; /* checked already: now its place */
    qsort(t->row, t->rows, sizeof *t->row, by_hash_and_place);
    for (size_t i = 0; i < t->rows; i++)
        if (i + 1 == t->rows || format_order(&t->row[i], &t->row[i + 1]) != 0)
            t->row[n++] = t->row[i];
    t->rows = n;
}

/* The last record may be on its way to the disk, or have been when the power went: it does not count yet. */
static bool tail_load(struct table *t, const struct head *h, uint64_t records, int fd, const char *path, struct fault *f)
{
    t->row = malloc(records * sizeof *t->row + 1);
    if (!t->row)
        return fault_set(f, "no memory for the %llu changes of %s", (unsigned long long)records, path);
    if (!format_read(fd, t->row, records * sizeof *t->row, sizeof *h + h->rows * sizeof *t->row, path, f))
        return false;
    for (; t->rows < records; t->rows++)
        if (t->row[t->rows].crc != format_tail_crc(h, t->rows, &t->row[t->rows]))
            break;
    if (t->rows + 1 < records)
        return damaged(path, "tail", f);
    last_words(t);
    table_index(t);
    return true;
}

bool suppress_load(struct suppress_list **ret, const char *path, struct suppress_list *before, struct fault *f)
{
    struct suppress_list *l = calloc(1, sizeof *l);
    struct head h;
    struct fault own;
    uint64_t records;
    int fd = -1;
    must(l);
    atomic_init(&l->refs, 1);
    bool good = format_open(path, O_RDONLY, &fd, &h, &records, &own);
    bool missing = !good && own.code == ENOENT;
    good = good && base_load(&l->base, &h, fd, before ? before->base : NULL, path, &own) &&
           tail_load(&l->tail, &h, records, fd, path, &own);
    if (fd >= 0)
        close(fd);
    if (good || missing)
        *ret = l;
    else
        suppress_free(&l);
    if (!good && !missing && f)
        *f = own;
    return good || missing;
}

struct suppress_list *suppress_ref(struct suppress_list *l)
{
    if (l)
        atomic_fetch_add(&l->refs, 1);
    return l;
}

void suppress_free(struct suppress_list **list)
{
    struct suppress_list *l = *list;
    *list = NULL;
    if (!l || atomic_fetch_sub(&l->refs, 1) > 1)
        return;
    base_free(l->base);
    table_done(&l->tail);
    free(l);
}

size_t suppress_size(const struct suppress_list *l) { return (l->base ? l->base->table.rows : 0) + l->tail.rows; }

void suppress_each(const struct suppress_list *l, void (*fn)(void *ctx, const struct row *r), void *ctx)
{
    static const struct table none;
    const struct table *base = l->base ? &l->base->table : &none, *tail = &l->tail;
    for (size_t i = 0, k = 0; i < base->rows || k < tail->rows;) {
        int order = i == base->rows ? 1 : k == tail->rows ? -1 : format_order(&base->row[i], &tail->row[k]);
        if (order >= 0)
            fn(ctx, &tail->row[k++]);
        else
            fn(ctx, &base->row[i]);
        i += order <= 0;
    }
}

/* ---- asking ---- */

enum { ASKED = 4 }; /* the account's address and domain, the server's address and domain */

/* What the four questions need from memory is fetched together: one wait for all, not one after the other. */
static void find(const struct suppress_list *l, struct str account, const struct str value[2], const struct row *ret[ASKED])
{
    struct probe p[ASKED];
    const struct head *h = &l->base->head;
    for (int i = 0; i < ASKED; i++) {
        p[i].n = format_text(i < 2 ? account : STR(SUPPRESS_SERVER), value[i % 2], p[i].text);
        p[i].first = format_hash(h->key, 0, p[i].text, p[i].n);
        table_prefetch_start(&l->base->table, p[i].first);
    }
    for (int i = 0; i < ASKED; i++)
        table_prefetch_row(&l->base->table, p[i].first);
    for (int i = 0; i < ASKED; i++) {
        ret[i] = table_find(&l->tail, h->key, &p[i]);
        if (!ret[i])
            ret[i] = table_find(&l->base->table, h->key, &p[i]);
    }
}

static bool in_force(const struct row *r, unsigned flag, int64_t now_s)
{
    return r && (r->flags & flag) && (r->expires_s == 0 || r->expires_s > now_s);
}

bool suppress_blocks(const struct suppress_list *l, struct str account, struct str address, struct str domain, int64_t now_s,
                     struct suppress_hit *ret)
{
    char normal[SUPPRESS_VALUE_MAX];
    const struct row *row[ASKED];
    bool allowed = false;
    if (!l || !l->base || suppress_size(l) == 0)
        return false;
    struct str value[2] = {{normal, suppress_normal(address, domain, normal)}, domain};
    find(l, account, value, row);
    for (int i = 0; i < ASKED; i++)
        allowed |= row[i] && (row[i]->flags & SUPPRESS_ALLOWED);
    for (unsigned flag = SUPPRESS_MANUAL; flag <= (allowed ? SUPPRESS_MANUAL : SUPPRESS_AUTOMATIC); flag <<= 1)
        for (int i = 0; i < ASKED; i++)
            if (in_force(row[i], flag, now_s)) {
                *ret = (struct suppress_hit){(enum suppress_reason)row[i]->reason,
                                             flag == SUPPRESS_AUTOMATIC,
                                             i >= 2,
                                             i % 2 == 1,
                                             row[i]->at_s,
                                             row[i]->expires_s};
                return true;
            }
    return false;
}
