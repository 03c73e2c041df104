/* disk: see disk.h. */
#include "disk.h"

#include "lib/must.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 64, SECTOR = 512, BLOCK = 4096 };

/* A write that is not certain yet. */
struct pending {
    struct pending *next;
    uint64_t at;
    size_t n;
    char bytes[];
};

struct file {
    char name[32];
    bool there, named;   /* it exists now; its name is certain */
    char *now, *certain; /* contents as read now, and on the medium; both of cap bytes */
    uint64_t size, certain_size, cap;
    struct pending *pending, **last;
};

struct disk {
    uint64_t seed, calls, cut_at, syncs, fail_syncs_at, writes, fail_writes_at, room;
    unsigned reused;
    bool off;
    enum disk_lie lie;
    struct file file[FILES];
};

static uint64_t chance(struct disk *d)
{
    d->seed ^= d->seed << 13;
    d->seed ^= d->seed >> 7;
    d->seed ^= d->seed << 17;
    return d->seed;
}

struct disk *disk_new(uint64_t seed)
{
    struct disk *d = calloc(1, sizeof *d);
    must(d);
    d->seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    d->room = UINT64_C(1) << 40;
    return d;
}

static void forget_pending(struct file *f)
{
    while (f->pending) {
        struct pending *p = f->pending;
        f->pending = p->next;
        free(p);
    }
}

static void file_gone(struct disk *d, struct file *f)
{
    forget_pending(f);
    d->room += f->there ? f->size : 0;
    free(f->now);
    free(f->certain);
    *f = (struct file){0};
}

void disk_free(struct disk *d)
{
    for (int i = 0; i < FILES; i++)
        file_gone(d, &d->file[i]);
    free(d);
}

void disk_cut_at(struct disk *d, uint64_t calls) { d->cut_at = calls ? d->calls + calls : 0; }
bool disk_is_off(const struct disk *d) { return d->off; }
void disk_fail_syncs_at(struct disk *d, uint64_t syncs) { d->fail_syncs_at = syncs ? d->syncs + syncs : 0; }
void disk_fail_writes_at(struct disk *d, uint64_t writes) { d->fail_writes_at = writes ? d->writes + writes : 0; }
void disk_lie(struct disk *d, enum disk_lie lie) { d->lie = lie; }
void disk_set_room(struct disk *d, uint64_t bytes) { d->room = bytes; }
unsigned disk_reused(const struct disk *d) { return d->reused; }

static bool power(struct disk *d)
{
    d->calls++;
    if (d->cut_at && d->calls >= d->cut_at)
        d->off = true;
    return !d->off;
}

/* Puts a part of a pending write onto the medium: all, nothing, or a random choice of its sectors or blocks. */
static void settle_by_chance(struct disk *d, struct file *f, const struct pending *p)
{
    uint64_t how = chance(d) % 4;
    size_t unit = how == 2 ? SECTOR : BLOCK;
    if (how == 0)
        return;
    for (size_t i = 0; i < p->n; i += unit) {
        size_t n = p->n - i < unit ? p->n - i : unit;
        if (how == 1 || chance(d) % 2)
            memcpy(f->certain + p->at + i, p->bytes + i, n);
    }
    if (p->at + p->n > f->certain_size && chance(d) % 2)
        f->certain_size = p->at + p->n;
}

static void settle_all_by_chance(struct disk *d, struct file *f)
{
    for (struct pending *p = f->pending; p; p = p->next)
        settle_by_chance(d, f, p);
    forget_pending(f);
}

static void file_power_up(struct disk *d, struct file *f)
{
    bool there = f->named ? f->there || chance(d) % 2 : f->there && chance(d) % 2;
    if (!there) {
        file_gone(d, f);
        return;
    }
    settle_all_by_chance(d, f);
    d->room += f->there ? f->size : 0;
    d->room -= d->room < f->certain_size ? d->room : f->certain_size;
    f->size = f->certain_size;
    memcpy(f->now, f->certain, f->cap);
    f->there = f->named = true;
}

void disk_power_up(struct disk *d)
{
    d->off = false;
    d->cut_at = d->fail_syncs_at = d->fail_writes_at = 0;
    for (int i = 0; i < FILES; i++)
        if (d->file[i].now)
            file_power_up(d, &d->file[i]);
}

/* ---- the calls ---- */

static struct file *find(struct disk *d, const char *name)
{
    for (int i = 0; i < FILES; i++)
        if (d->file[i].there && strcmp(d->file[i].name, name) == 0)
            return &d->file[i];
    return NULL;
}

static struct file *make(struct disk *d, const char *name)
{
    for (int i = 0; i < FILES; i++)
        if (!d->file[i].now) {
            struct file *f = &d->file[i];
            snprintf(f->name, sizeof f->name, "%s", name);
            f->now = calloc(1, 1);
            f->certain = calloc(1, 1);
            must(f->now && f->certain);
            f->there = true;
            return f;
        }
    return NULL;
}

static int on_open(void *ctx, const char *name, int create, int direct, int *ret_fd)
{
    struct disk *d = ctx;
    struct file *f = find(d, name);
    (void)direct;
    if (!power(d))
        return EIO;
    if (!f && !create)
        return ENOENT;
    if (f && create)
        return EEXIST;
    if (!f && (d->room == 0 || !(f = make(d, name))))
        return ENOSPC;
    *ret_fd = (int)(f - d->file);
    return 0;
}

static int on_close(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
    return 0;
}

/* Something is to be made durable now: 0, or the failure that was asked for. */
static int sync_now(struct disk *d)
{
    d->syncs++;
    return d->fail_syncs_at && d->syncs >= d->fail_syncs_at ? EIO : 0;
}

static void settle(struct file *f, uint64_t at, size_t n)
{
    memcpy(f->certain + at, f->now + at, n);
    f->certain_size = f->certain_size < f->size ? f->size : f->certain_size;
}

/* The bytes are on the medium: whatever earlier write of the same place is still pending, it cannot undo them. */
static void make_certain(struct file *f, uint64_t at, size_t n)
{
    settle(f, at, n);
    for (struct pending *p = f->pending; p; p = p->next) {
        uint64_t from = p->at > at ? p->at : at, to = p->at + p->n < at + n ? p->at + p->n : at + n;
        if (from < to)
            memcpy(p->bytes + (from - p->at), f->now + from, to - from);
    }
}

static void grow(struct file *f, uint64_t to)
{
    if (to <= f->cap)
        return;
    f->now = realloc(f->now, to);
    f->certain = realloc(f->certain, to);
    must(f->now && f->certain);
    memset(f->now + f->cap, 0, to - f->cap);
    memset(f->certain + f->cap, 0, to - f->cap);
    f->cap = to;
}

static void add_pending(struct file *f, const void *p, size_t n, uint64_t off)
{
    struct pending *w = malloc(sizeof *w + n);
    must(w);
    *w = (struct pending){.at = off, .n = n};
    memcpy(w->bytes, p, n);
    *(f->pending ? f->last : &f->pending) = w; /* in order: a later write of the same place wins */
    f->last = &w->next;
    memcpy(f->now + off, p, n);
}

/* Takes the write into the page cache as far as there is room: how much. */
static size_t take_in(struct disk *d, struct file *f, const void *p, size_t n, uint64_t off)
{
    uint64_t more = off + n > f->size ? off + n - f->size : 0;
    if (more > d->room) {
        n = n > more - d->room ? n - (size_t)(more - d->room) : 0;
        more = d->room;
    }
    if (n == 0)
        return 0;
    grow(f, off + n);
    if (off + n > f->size) {
        f->size = off + n;
        d->room -= more;
    }
    add_pending(f, p, n, off);
    return n;
}

static bool is_lie(const struct disk *d, uint64_t off)
{
    return (d->lie == DISK_LIES_OF_BATCHES && off > 0) || (d->lie == DISK_LIES_OF_HEADERS && off == 0);
}

static int on_write(void *ctx, int fd, const void *p, size_t n, uint64_t off, int durable)
{
    struct disk *d = ctx;
    struct file *f = &d->file[fd];
    bool powered = power(d);
    must(off + n <= DISK_FILE_BYTES);
    if (!powered && chance(d) % 2)
        return EIO; /* it did not even begin */
    d->writes += !durable;
    bool fails = !durable && d->fail_writes_at && d->writes >= d->fail_writes_at;
    size_t part = fails ? n / 2 / SECTOR * SECTOR : n, took = take_in(d, f, p, part, off);
    if (!powered || fails)
        return EIO;
    if (took < n)
        return ENOSPC;
    if (!durable)
        return 0;
    d->reused += off == 0 && *(const char *)f->certain != 0;
    if (sync_now(d) != 0) {
        settle_all_by_chance(d, f);
        return EIO;
    }
    if (!is_lie(d, off))
        make_certain(f, off, n);
    return 0;
}

static int on_read(void *ctx, int fd, void *p, size_t n, uint64_t off, size_t *ret_n)
{
    struct disk *d = ctx;
    struct file *f = &d->file[fd];
    if (!power(d))
        return EIO;
    *ret_n = off >= f->size ? 0 : f->size - off < n ? f->size - off : n;
    memcpy(p, f->now + off, *ret_n);
    return 0;
}

static int on_sync(void *ctx, int fd)
{
    struct disk *d = ctx;
    struct file *f = &d->file[fd];
    if (!power(d))
        return EIO;
    if (sync_now(d) != 0) {
        settle_all_by_chance(d, f);
        return EIO;
    }
    settle(f, 0, f->size);
    forget_pending(f);
    return 0;
}

static int on_sync_dir(void *ctx)
{
    struct disk *d = ctx;
    if (!power(d) || sync_now(d) != 0)
        return EIO;
    for (int i = 0; i < FILES && d->lie != DISK_LIES_OF_NAMES; i++) {
        struct file *f = &d->file[i];
        if (f->now && f->there)
            f->named = true;
        else if (f->now)
            file_gone(d, f);
    }
    return 0;
}

static int on_remove(void *ctx, const char *name)
{
    struct disk *d = ctx;
    struct file *f = find(d, name);
    if (!power(d))
        return EIO;
    if (!f)
        return ENOENT;
    f->there = false;
    d->room += f->size;
    return 0;
}

static int on_size(void *ctx, int fd, uint64_t *ret)
{
    struct disk *d = ctx;
    *ret = d->file[fd].size;
    return power(d) ? 0 : EIO;
}

static int on_list(void *ctx, void (*each)(void *arg, const char *name), void *arg)
{
    struct disk *d = ctx;
    if (!power(d))
        return EIO;
    for (int i = 0; i < FILES; i++)
        if (d->file[i].there)
            each(arg, d->file[i].name);
    return 0;
}

static int on_free_bytes(void *ctx, uint64_t *ret)
{
    struct disk *d = ctx;
    *ret = d->room;
    return power(d) ? 0 : EIO;
}

const struct log_io disk_io = {on_open,     on_close,  on_write, on_read, on_sync,
                               on_sync_dir, on_remove, on_size,  on_list, on_free_bytes};
