/* inspect: see inspect.h. Reads files as they are, takes no lock, writes nothing. */
#include "log/inspect.h"

#include "lib/must.h"
#include "log/format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    struct segment_header head;
    char *bytes;
    size_t n;
};

struct inspection {
    struct log_finding *finding;
    FILE *out;
    uint32_t sequence;
    uint64_t digest; /* of what a walk saw, to compare the index with the records */
};

static int by_sequence(const void *a, const void *b)
{
    const struct file *x = a, *y = b;
    return (x->head.sequence > y->head.sequence) - (x->head.sequence < y->head.sequence);
}

static bool read_file(int dir, const char *name, struct file *ret)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < BLOCK) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    ret->n = (size_t)st.st_size;
    ret->bytes = malloc(ret->n);
    must(ret->bytes);
    size_t got = 0;
    for (ssize_t n; got < ret->n && (n = pread(fd, ret->bytes + got, ret->n - got, (off_t)got)) > 0;)
        got += (size_t)n;
    close(fd);
    ret->n = got;
    return got >= BLOCK && header_read(ret->bytes, &ret->head);
}

/* All files with a valid header, in order of sequence. */
static struct file *read_all(const char *directory, unsigned *ret_n, struct fault *f)
{
    DIR *d = opendir(directory);
    struct file *list = NULL;
    unsigned n = 0;
    if (!d) {
        fault_errno(f, errno, "cannot open %s", directory);
        return NULL;
    }
    for (struct dirent *e; (e = readdir(d));) {
        struct file x = {0};
        if (!strstr(e->d_name, ".seg"))
            continue;
        if (!read_file(dirfd(d), e->d_name, &x)) {
            free(x.bytes);
            continue;
        }
        list = realloc(list, (n + 1) * sizeof *list);
        must(list);
        list[n++] = x;
    }
    closedir(d);
    if (n)
        qsort(list, n, sizeof *list, by_sequence);
    else
        fault_set(f, "%s holds no segment of a log", directory);
    *ret_n = n;
    return list;
}

static bool see(void *ctx, const struct found *f)
{
    struct inspection *i = ctx;
    static const char *const names[] = {[RECORD_ACCEPTED] = "accepted", [RECORD_MOVED] = "moved", [RECORD_NOTE] = "note"};
    i->digest = i->digest * 31 + f->offset + f->bytes.n + (uint64_t)f->type;
    if (i->out) {
        char id[ID_TEXT + 1];
        id_text(f->id, id);
        fprintf(i->out, "%8u %10u %-8s %s meta %zu content %u%s\n", i->sequence, f->offset, names[f->type], id, f->bytes.n,
                f->content_bytes, f->type == RECORD_NOTE && (f->flags & NOTE_ENDS) ? " ends" : "");
    }
    if (!i->finding)
        return true;
    i->finding->accepted += f->type == RECORD_ACCEPTED;
    i->finding->moved += f->type == RECORD_MOVED;
    i->finding->notes += f->type == RECORD_NOTE;
    return true;
}

static bool index_agrees(const struct file *x, uint64_t digest)
{
    struct segment_footer foot;
    struct record r;
    struct inspection i = {0};
    if (x->n < x->head.bytes || !footer_read(x->bytes + x->head.bytes - BLOCK, x->head.sequence, &foot))
        return true; /* not sealed */
    if (foot.index_at >= x->n || !record_valid(x->bytes + foot.index_at, x->n - foot.index_at, x->head.sequence))
        return false;
    memcpy(&r, x->bytes + foot.index_at, sizeof r);
    return scan_index(str_mem(x->bytes + foot.index_at + sizeof r, r.length), see, &i) && i.digest == digest;
}

static bool walk(const struct file *list, unsigned n, FILE *out, struct log_finding *finding, struct fault *f)
{
    uint32_t expect = list[n - 1].head.tail;
    bool good = true;
    for (unsigned k = 0; k < n; k++) {
        const struct file *x = &list[k];
        struct inspection i = {.finding = finding, .out = out, .sequence = x->head.sequence};
        struct scan s = {0};
        if (x->head.sequence < list[n - 1].head.tail)
            continue;
        if (x->head.sequence != expect++)
            return fault_set(f, "segment %u is missing", expect - 1);
        scan_records(x->bytes, x->n, BLOCK, x->head.sequence, &s, see, &i);
        finding->segments++;
        finding->damaged += s.damaged;
        if (s.damaged || !index_agrees(x, i.digest))
            good = fault_set(f, "segment %u is damaged: %s", x->head.sequence,
                             s.damaged ? "records are missing before a later batch" : "its index differs from its records");
    }
    return good;
}

static bool inspect(const char *directory, FILE *out, struct log_finding *finding, struct fault *f)
{
    unsigned n = 0;
    struct file *list = read_all(directory, &n, f);
    bool good = n > 0 && walk(list, n, out, finding, f);
    for (unsigned i = 0; i < n; i++)
        free(list[i].bytes);
    free(list);
    return good;
}

bool log_verify(const char *directory, struct log_finding *ret, struct fault *f)
{
    *ret = (struct log_finding){0};
    return inspect(directory, NULL, ret, f);
}

bool log_dump(const char *directory, FILE *out, struct fault *f)
{
    struct log_finding ignored = {0};
    return inspect(directory, out, &ignored, f);
}
