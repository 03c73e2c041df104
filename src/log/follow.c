/* follow: see follow.h. One segment at a time is held in memory as far as it is needed: a sealed one's index, an open one's
 * records up to the durable mark. An open one's records lie among contents, which cost more to read than all that is wanted:
 * while much is coming in, the follower waits for the index. */
#include "log/follow.h"

#include "lib/must.h"
#include "log/inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MUCH_BYTES = 256 * 1024 }; /* unread in an open segment: its index is soon to come */

/* What was read ahead of the follower's position. */
struct ahead {
    enum follow_kind kind;
    struct id id;
    struct log_pos pos;
    uint32_t content_bytes;
    bool ends;
    size_t at, n; /* in the text buffer */
};

struct follow {
    char directory[512];
    struct follow_map *map;
    struct log_pos done; /* everything up to it was given */
    uint32_t segment;    /* whose records are in `ahead`; 0: none */
    int fd;              /* its file; -1: none */
    struct segment_header header;
    bool sealed;      /* and nothing will be added to it */
    uint32_t read_to; /* offset up to which an open segment was read */
    struct ahead *ahead;
    size_t given, ahead_n, ahead_cap;
    struct buf text;
};

static bool map_open(struct follow *w, struct fault *f)
{
    char path[600];
    snprintf(path, sizeof path, "%s/follow", w->directory);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fault_errno(f, errno, "cannot open %s", path);
    void *p = mmap(NULL, FOLLOW_MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int code = errno;
    close(fd);
    if (p == MAP_FAILED)
        return fault_errno(f, code, "cannot map %s", path);
    w->map = p;
    return w->map->magic == FOLLOW_MAGIC || fault_set(f, "%s is not a log's", path);
}

bool follow_open(struct follow **ret, const char *directory, struct log_pos from, struct fault *f)
{
    struct follow *w = calloc(1, sizeof *w);
    must(w);
    snprintf(w->directory, sizeof w->directory, "%s", directory);
    w->fd = -1;
    w->done = from;
    if (!map_open(w, f)) {
        follow_close(&w);
        return false;
    }
    *ret = w;
    return true;
}

void follow_close(struct follow **follow)
{
    struct follow *w = *follow;
    *follow = NULL;
    if (!w)
        return;
    if (w->map)
        munmap(w->map, FOLLOW_MAP_BYTES);
    if (w->fd >= 0)
        close(w->fd);
    buf_done(&w->text);
    free(w->ahead);
    free(w);
}

void follow_done_to(struct follow *w, struct log_pos pos)
{
    atomic_store(&w->map->done, (uint64_t)pos.segment << 32 | pos.offset);
}

/* ---- reading a segment ---- */

static bool take(void *ctx, const struct found *f)
{
    struct follow *w = ctx;
    bool past = w->done.segment == w->segment && f->offset <= w->done.offset;
    if (f->type == RECORD_MOVED || past)
        return true;
    if (w->ahead_n == w->ahead_cap) {
        w->ahead_cap = w->ahead_cap ? w->ahead_cap * 2 : 256;
        w->ahead = realloc(w->ahead, w->ahead_cap * sizeof *w->ahead);
        must(w->ahead);
    }
    w->ahead[w->ahead_n++] = (struct ahead){f->type == RECORD_NOTE ? FOLLOW_NOTE : FOLLOW_ACCEPTED,
                                            f->id,
                                            {w->segment, f->offset},
                                            f->content_bytes,
                                            f->type == RECORD_NOTE && (f->flags & NOTE_ENDS),
                                            w->text.n,
                                            f->bytes.n};
    buf_add_str(&w->text, f->bytes);
    return true;
}

/* The file that holds the sequence now; -1: none. */
static int segment_open(struct follow *w, uint32_t sequence, struct segment_header *ret)
{
    DIR *d = opendir(w->directory);
    char block[BLOCK];
    for (struct dirent *e; d && (e = readdir(d));) {
        int fd = strstr(e->d_name, ".seg") ? openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0 && pread(fd, block, BLOCK, 0) == BLOCK && header_read(block, ret) && ret->sequence == sequence) {
            closedir(d);
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    if (d)
        closedir(d);
    return -1;
}

static char *read_range(int fd, uint32_t from, uint32_t to, size_t *ret_n)
{
    char *p = calloc(1, (size_t)(to - from) + 1);
    size_t got = 0;
    must(p);
    while (got < to - from) {
        ssize_t n = pread(fd, p + got, to - from - got, (off_t)(from + got));
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    *ret_n = got;
    return p;
}

static bool read_index(struct follow *w)
{
    const struct segment_header *h = &w->header;
    struct segment_footer foot;
    size_t n;
    char *p = read_range(w->fd, h->bytes - BLOCK, h->bytes, &n);
    bool good = n == BLOCK && footer_read(p, h->sequence, &foot) && foot.index_at < h->bytes;
    free(p);
    if (!good)
        return false;
    p = read_range(w->fd, foot.index_at, h->bytes - BLOCK, &n);
    good = record_valid(p, n, h->sequence);
    if (good) {
        struct record r;
        memcpy(&r, p, sizeof r);
        good = scan_index(str_mem(p + sizeof r, r.length), take, w);
    }
    free(p);
    return good;
}

/* Records between what was read and the durable mark; batches end on blocks, so the mark is one too. */
static void read_open(struct follow *w, uint32_t to)
{
    size_t n;
    uint32_t from = w->read_to ? w->read_to : BLOCK;
    struct scan s = {.base = from};
    if (to <= from)
        return;
    char *p = read_range(w->fd, from, to, &n);
    scan_records(p, n, 0, w->segment, &s, take, w);
    free(p);
    w->read_to = to;
}

/* Turns to a segment. Its file holds it until the follower has said that it is done with it. */
static bool segment_enter(struct follow *w, uint32_t sequence, struct fault *f)
{
    if (w->segment == sequence)
        return true;
    if (w->fd >= 0)
        close(w->fd);
    w->segment = 0;
    w->fd = segment_open(w, sequence, &w->header);
    if (w->fd < 0)
        return fault_set(f, "segment %u of %s is gone", sequence, w->directory);
    w->segment = sequence;
    w->read_to = 0;
    return true;
}

static bool read_segment(struct follow *w, uint32_t sequence, uint64_t durable, struct fault *f)
{
    bool newest = (uint32_t)(durable >> 32) == sequence;
    if (!segment_enter(w, sequence, f))
        return false;
    w->sealed = !newest || (uint32_t)durable == FOLLOW_SEALED;
    if (!(w->sealed && read_index(w)))
        read_open(w, w->sealed ? w->header.bytes : (uint32_t)durable);
    return true;
}

/* ---- following ---- */

static void forget_given(struct follow *w)
{
    w->given = w->ahead_n = 0;
    w->text.n = 0;
}

/* So much lies unread in the newest segment that its index will soon be there. */
static bool is_filling(const struct follow *w, uint64_t durable)
{
    uint32_t newest = (uint32_t)(durable >> 32), mark = (uint32_t)durable;
    uint32_t read_to = w->segment == newest ? w->read_to : w->done.segment == newest ? w->done.offset : 0;
    return mark > read_to && mark - read_to > MUCH_BYTES && mark != FOLLOW_SEALED;
}

/* Which segment to read next: the one the position is in, or the next; 0: nothing new, or not yet. */
static uint32_t next_segment(const struct follow *w, uint64_t durable, bool eager)
{
    uint32_t newest = (uint32_t)(durable >> 32), oldest = atomic_load(&w->map->oldest);
    uint32_t at = w->segment ? w->segment + (w->sealed ? 1 : 0) : w->done.segment;
    if (at < oldest)
        at = oldest;
    if (at == 0 || at > newest)
        return 0;
    if (at == newest && !eager && is_filling(w, durable))
        return 0;
    bool read_all = w->segment == at && !w->sealed && at == newest && w->read_to >= (uint32_t)durable;
    return read_all ? 0 : at;
}

int follow_next(struct follow *w, bool eager, struct follow_record *ret, struct fault *f)
{
    while (w->given == w->ahead_n) {
        uint64_t durable = atomic_load(&w->map->durable);
        uint32_t sequence = next_segment(w, durable, eager);
        forget_given(w);
        if (!sequence)
            return 0;
        if (!read_segment(w, sequence, durable, f))
            return -1;
        if (w->ahead_n == 0 && !w->sealed)
            return 0;
        if (w->ahead_n == 0 && w->sealed && w->done.segment <= w->segment)
            w->done = (struct log_pos){w->segment, UINT32_MAX};
    }
    const struct ahead *a = &w->ahead[w->given++];
    *ret = (struct follow_record){a->kind, a->id, {w->text.p + a->at, a->n}, a->content_bytes, a->ends, a->pos};
    w->done = a->pos;
    return 1;
}
