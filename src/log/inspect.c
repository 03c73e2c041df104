/* inspect: see inspect.h. Reads files as they are, takes no lock, writes nothing; holds one segment in memory at a time. */
#include "log/inspect.h"

#include "lib/must.h"
#include "log/format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file with a valid header, or (headless) batches that say which one it should have. */
struct place {
    char name[16];
    struct segment_header head;
    bool headless;
};

struct inspection {
    int directory;
    struct dump {
        void (*fn)(void *ctx, const struct log_line *l);
        void *ctx;
    } dump;     /* fn NULL: nobody wants the records */
    FILE *tell; /* broken places; may be NULL */
    struct log_finding finding;
    struct fault first; /* what the first broken place was */
    uint64_t broken;
    uint32_t sequence;
    uint64_t digest; /* of what a walk saw, to compare the index with the records */
};

/* ---- reading ---- */

/* Up to n bytes from the file's beginning; *ret_n tells how many. NULL: it cannot be opened. The caller frees. */
static char *read_file(int directory, const char *name, size_t n, size_t *ret_n)
{
    struct stat st;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if ((uint64_t)st.st_size < n)
        n = (size_t)st.st_size;
    char *p = malloc(n + 1);
    must(p);
    size_t got = 0;
    for (ssize_t k; got < n && (k = pread(fd, p + got, n - got, (off_t)got)) > 0;)
        got += (size_t)k;
    close(fd);
    *ret_n = got;
    return p;
}

static int by_sequence(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->head.sequence > y->head.sequence) - (x->head.sequence < y->head.sequence);
}

/* False: the file holds nothing. */
static bool read_header(int directory, struct place *x)
{
    size_t n = 0;
    char *p = read_file(directory, x->name, BLOCK, &n);
    bool headed = p && n == BLOCK && header_read(p, &x->head), used = p && n == BLOCK && !block_is_empty(p);
    free(p);
    if (headed || !used)
        return headed;
    p = read_file(directory, x->name, UINT32_MAX, &n);
    x->headless = true;
    x->head = (struct segment_header){.sequence = p ? header_guess(p, n) : 0, .bytes = (uint32_t)n};
    free(p);
    return x->head.sequence > 0;
}

/* All files that hold or held a segment, in order of sequence; NULL: none. */
static struct place *read_headers(int directory, unsigned *ret_n)
{
    DIR *d = fdopendir(dup(directory));
    struct place *list = NULL;
    unsigned n = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        struct place x = {0};
        size_t name_n = strlen(e->d_name);
        if (name_n >= sizeof x.name || !strstr(e->d_name, ".seg"))
            continue;
        memcpy(x.name, e->d_name, name_n);
        if (!read_header(directory, &x))
            continue;
        list = realloc(list, (n + 1) * sizeof *list);
        must(list);
        list[n++] = x;
    }
    if (d)
        closedir(d);
    if (n)
        qsort(list, n, sizeof *list, by_sequence);
    *ret_n = n;
    return list;
}

/* ---- looking ---- */

static void broken(struct inspection *i, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void broken(struct inspection *i, const char *fmt, ...)
{
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (i->tell)
        fprintf(i->tell, "%s\n", text);
    if (i->broken++ == 0)
        fault_set(&i->first, "%s", text);
}

static void hand_over(const struct inspection *i, const struct found *f)
{
    static const char *const names[] = {[RECORD_ACCEPTED] = "accepted", [RECORD_MOVED] = "moved", [RECORD_NOTE] = "note"};
    i->dump.fn(i->dump.ctx, &(struct log_line){.segment = i->sequence,
                                               .offset = f->offset,
                                               .kind = names[f->type],
                                               .id = f->id,
                                               .meta_bytes = f->bytes.n,
                                               .content_bytes = f->content_bytes,
                                               .ends = f->type == RECORD_NOTE && (f->flags & NOTE_ENDS)});
}

static bool see(void *ctx, const struct found *f)
{
    struct inspection *i = ctx;
    i->digest = i->digest * 31 + f->offset + f->bytes.n + (uint64_t)f->type;
    if (i->dump.fn)
        hand_over(i, f);
    i->finding.accepted += f->type == RECORD_ACCEPTED;
    i->finding.moved += f->type == RECORD_MOVED;
    i->finding.notes += f->type == RECORD_NOTE;
    return true;
}

static bool index_agrees(const char *p, size_t n, const struct segment_footer *foot, uint64_t digest)
{
    struct record r;
    struct inspection i = {0};
    if (foot->index_at >= n || !record_valid(p + foot->index_at, n - foot->index_at, foot->sequence))
        return false;
    memcpy(&r, p + foot->index_at, sizeof r);
    return scan_index(str_mem(p + foot->index_at + sizeof r, r.length), see, &i) && i.digest == digest;
}

static void walk_segment(struct inspection *i, const struct place *x)
{
    size_t n = 0;
    struct segment_footer foot;
    struct scan s = {0};
    char *p = read_file(i->directory, x->name, x->head.bytes, &n);
    bool sealed = p && n == x->head.bytes && n > BLOCK && footer_read(p + n - BLOCK, x->head.sequence, &foot) && foot.end < n;
    i->sequence = x->head.sequence;
    i->digest = 0;
    if (x->headless)
        broken(i, "segment %u (%s): its header at offset 0 is damaged; nothing is lost, the next start writes it anew",
               i->sequence, x->name);
    i->finding.segments++;
    scan_records(p, sealed ? foot.end : n, BLOCK, x->head.sequence, &s, see, i);
    /* A sealed segment tells where its records end; without that, what ends early may be a tail that a power cut tore. */
    if (sealed && s.end < foot.end && s.damaged++ == 0)
        s.damaged_at = s.end;
    i->finding.damaged += s.damaged;
    if (s.damaged)
        broken(i, "segment %u (%s) is damaged at offset %u: what was acknowledged there is lost, the rest is kept", i->sequence,
               x->name, s.damaged_at);
    else if (sealed && !index_agrees(p, n, &foot, i->digest))
        broken(i, "segment %u (%s): its index at offset %u is damaged; nothing is lost, the records are whole", i->sequence,
               x->name, foot.index_at);
    free(p);
}

static void walk(struct inspection *i, const struct place *list, unsigned n)
{
    uint32_t tail = list[0].head.sequence, expect;
    for (unsigned k = 0; k < n; k++)
        tail = list[k].headless ? tail : list[k].head.tail; /* the newest header's */
    expect = tail;
    for (unsigned k = 0; k < n; k++) {
        if (list[k].head.sequence < tail)
            continue; /* it waits for its next use */
        for (; expect < list[k].head.sequence; expect++)
            broken(i, "segment %u is missing: no file's header names it, though %u to %u are needed", expect, tail,
                   list[n - 1].head.sequence);
        walk_segment(i, &list[k]);
        expect = list[k].head.sequence + 1;
    }
}

static bool inspect(struct inspection *i, const char *directory, struct fault *f)
{
    unsigned n = 0;
    i->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (i->directory < 0)
        return fault_errno(f, errno, "cannot open %s", directory);
    struct place *list = read_headers(i->directory, &n);
    if (n)
        walk(i, list, n);
    bool fresh = n == 0 && faccessat(i->directory, "follow", F_OK, 0) == 0; /* nothing was written to it yet */
    close(i->directory);
    free(list);
    if (n == 0 && !fresh)
        return fault_set(f, "%s holds no segment of a log", directory);
    if (i->broken > 1)
        return fault_set(f, "%llu places of the log are broken, the first: %s", (unsigned long long)i->broken, i->first.text);
    return i->broken == 0 || fault_set(f, "%s", i->first.text);
}

bool log_verify(const char *directory, FILE *tell, struct log_finding *ret, struct fault *f)
{
    struct inspection i = {.tell = tell};
    bool good = inspect(&i, directory, f);
    *ret = i.finding;
    return good;
}

bool log_dump(const char *directory, void (*fn)(void *ctx, const struct log_line *l), void *ctx, struct fault *f)
{
    struct inspection i = {.dump = {fn, ctx}};
    return inspect(&i, directory, f);
}
