/* writer: see writer.h. A file written anew is whole before it takes its place: written beside it, synced, renamed, and the
 * directory synced. An append is one write and one sync; a record that a power cut tore is cut off by the next append. */
#include "suppress/writer.h"

#include "lib/crc32c.h"
#include "lib/must.h"
#include "suppress/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, TAIL_MAX = 16384 /* records; so many are read anew with each change */ };

struct suppress_writer {
    struct head head;
    struct row *row;
    size_t rows, cap;
};

/* ---- making rows ---- */

static uint32_t seconds(int64_t s) { return s < 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s; }

static bool row_make(const uint8_t key[32], const struct suppress_mark *m, struct row *ret)
{
    char text[FORMAT_TEXT_MAX];
    size_t n = format_text(m->account, m->value, text);
    *ret = (struct row){{format_hash(key, 0, text, n), format_hash(key, 1, text, n)},
                        seconds(m->at_s),
                        seconds(m->expires_s),
                        (uint8_t)m->flags,
                        (uint8_t)m->reason};
    return n > 0;
}

static void writer_put(struct suppress_writer *w, const struct row *r)
{
    if (w->rows == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 1024;
        w->row = realloc(w->row, w->cap * sizeof *w->row);
        must(w->row);
    }
    w->row[w->rows] = *r;
    w->row[w->rows++].crc = 0;
}

struct suppress_writer *suppress_writer_new(const char *path)
{
    struct suppress_writer *w = calloc(1, sizeof *w);
    struct head old;
    struct fault f;
    uint64_t tail;
    int fd;
    must(w);
    must(getrandom(w->head.key, sizeof w->head.key, 0) == (ssize_t)sizeof w->head.key);
    if (format_open(path, O_RDONLY, &fd, &old, &tail, &f)) {
        memcpy(w->head.key, old.key, sizeof old.key);
        close(fd);
    }
    return w;
}

void suppress_writer_add(struct suppress_writer *w, const struct suppress_mark *m)
{
    struct row r;
    if (row_make(w->head.key, m, &r))
        writer_put(w, &r);
}

/* ---- on disk ---- */

static bool write_all(int fd, const void *p, size_t n, off_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = pwrite(fd, (const char *)p + done, n - done, at + (off_t)done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        done += (size_t)k;
    }
    return true;
}

/* What root writes in a directory of the server's user must be that user's to read. */
static bool give_away(int fd, int directory)
{
    struct stat st;
    return geteuid() != 0 || (fstat(directory, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0);
}

static bool replace(struct suppress_writer *w, const char *path, struct fault *f)
{
    char fresh[PATH_BYTES + 8], folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int directory = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && directory >= 0 && give_away(fd, directory) && write_all(fd, &w->head, sizeof w->head, 0) &&
                write_all(fd, w->row, w->rows * sizeof *w->row, sizeof w->head) && fsync(fd) == 0 && rename(fresh, path) == 0 &&
                fsync(directory) == 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    if (directory >= 0)
        close(directory);
    return good || fault_errno(f, code, "cannot write %s", path);
}

/* What the black list and the white list say about one thing becomes one row. */
static void row_join(struct row *to, const struct row *r)
{
    uint8_t flags = to->flags | r->flags;
    if (r->flags & ~SUPPRESS_ALLOWED)
        *to = *r;
    to->flags = flags;
}

static void writer_seal(struct suppress_writer *w)
{
    size_t n = 0;
    struct head *h = &w->head;
    if (w->rows)
        qsort(w->row, w->rows, sizeof *w->row, format_order);
    for (size_t i = 0; i < w->rows; i++)
        if (n > 0 && format_order(&w->row[n - 1], &w->row[i]) == 0)
            row_join(&w->row[n - 1], &w->row[i]);
        else
            w->row[n++] = w->row[i];
    w->rows = n;
    memcpy(h->magic, SUPPRESS_MAGIC, sizeof h->magic);
    must(getrandom(&h->generation, sizeof h->generation, 0) == (ssize_t)sizeof h->generation);
    h->rows = n;
    h->rows_crc = crc32c(0, w->row, n * sizeof *w->row);
    h->crc = format_head_crc(h);
}

void suppress_writer_free(struct suppress_writer **writer)
{
    free((*writer)->row);
    free(*writer);
    *writer = NULL;
}

bool suppress_writer_finish(struct suppress_writer **writer, const char *path, struct fault *f)
{
    struct suppress_writer *w = *writer;
    bool fits = strlen(path) < PATH_BYTES || fault_set(f, "the path %s is too long", path);
    writer_seal(w);
    bool good = fits && replace(w, path, f);
    suppress_writer_free(writer);
    return good;
}

/* ---- single changes ---- */

struct folding {
    struct suppress_writer *writer;
    int64_t now_s;
};

static void fold_row(void *ctx, const struct row *r)
{
    struct folding *o = ctx;
    struct row left = *r;
    if (left.expires_s && left.expires_s <= o->now_s)
        left.flags &= SUPPRESS_ALLOWED;
    if (left.flags)
        writer_put(o->writer, &left);
}

static bool fold(const char *path, int64_t now_s, struct fault *f)
{
    struct suppress_list *l;
    if (!suppress_load(&l, path, NULL, f))
        return false;
    struct folding o = {suppress_writer_new(path), now_s};
    suppress_each(l, fold_row, &o);
    suppress_free(&l);
    return suppress_writer_finish(&o.writer, path, f);
}

/* How many records of the tail are whole: all, or all but the last. */
static bool whole_records(int fd, const struct head *h, uint64_t *tail, const char *path, struct fault *f)
{
    struct row last;
    if (*tail == 0)
        return true;
    uint64_t place = *tail - 1;
    if (!format_read(fd, &last, sizeof last, sizeof *h + (h->rows + place) * sizeof last, path, f))
        return false;
    if (last.crc != format_tail_crc(h, place, &last))
        *tail = place;
    return true;
}

bool suppress_append(const char *path, const struct suppress_mark *m, size_t n, int64_t now_s, struct fault *f)
{
    struct head h;
    uint64_t tail;
    int fd;
    if (!format_open(path, O_RDWR, &fd, &h, &tail, f))
        return false;
    struct row *row = calloc(n + 1, sizeof *row);
    size_t rows = 0;
    must(row);
    bool good = whole_records(fd, &h, &tail, path, f);
    for (size_t i = 0; good && i < n; i++)
        if (row_make(h.key, &m[i], &row[rows])) {
            row[rows].crc = format_tail_crc(&h, tail + rows, &row[rows]);
            rows++;
        }
    off_t end = (off_t)(sizeof h + (h.rows + tail) * sizeof *row);
    if (good && !(ftruncate(fd, end) == 0 && write_all(fd, row, rows * sizeof *row, end) && fsync(fd) == 0))
        good = fault_errno(f, errno, "cannot write %s", path);
    close(fd);
    free(row);
    return good && (tail + rows <= TAIL_MAX || fold(path, now_s, f));
}
