/* disk: see disk.h. */
#include "disk.h"

#include "lib/must.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 64, FILE_BYTES = 1024 * 1024, SECTOR = 512, BLOCK = 4096 };

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
    char *now, *certain; /* contents as read now, and on the medium */
    uint64_t size, certain_size;
    struct pending *pending, **last;
};

struct disk {
    uint64_t seed, calls, cut_at, writes, fail_at, free_bytes;
    bool off, lie;
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
    d->free_bytes = UINT64_C(1) << 40;
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

static void file_gone(struct file *f)
{
    forget_pending(f);
    free(f->now);
    free(f->certain);
    *f = (struct file){0};
}

void disk_free(struct disk *d)
{
    for (int i = 0; i < FILES; i++)
        file_gone(&d->file[i]);
    free(d);
}

void disk_cut_at(struct disk *d, uint64_t calls) { d->cut_at = calls ? d->calls + calls : 0; }
bool disk_is_off(const struct disk *d) { return d->off; }
void disk_fail_writes_at(struct disk *d, uint64_t writes) { d->fail_at = writes ? d->writes + writes : 0; }
void disk_lie(struct disk *d, bool lie) { d->lie = lie; }
void disk_set_free(struct disk *d, uint64_t bytes) { d->free_bytes = bytes; }

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

void disk_power_up(struct disk *d)
{
    d->off = false;
    d->cut_at = d->fail_at = 0;
    for (int i = 0; i < FILES; i++) {
        struct file *f = &d->file[i];
        if (!f->now)
            continue;
        bool there = f->named ? f->there || chance(d) % 2 : f->there && chance(d) % 2;
        if (!there) {
            file_gone(f);
            continue;
        }
        bool pending = f->pending != NULL;
        for (struct pending *p = f->pending; p; p = p->next)
            settle_by_chance(d, f, p);
        forget_pending(f);
        f->size = f->certain_size;
        if (pending)
            memcpy(f->now, f->certain, FILE_BYTES);
        f->there = f->named = true;
    }
}

bool disk_damage(struct disk *d, const char *name, uint64_t at, unsigned bytes)
{
    for (int i = 0; i < FILES; i++)
        if (d->file[i].there && strcmp(d->file[i].name, name) == 0) {
            for (unsigned k = 0; k < bytes; k++) {
                d->file[i].now[at + k] ^= 0x5a;
                d->file[i].certain[at + k] ^= 0x5a;
            }
            return true;
        }
    return false;
}

/* ---- the calls ---- */

static struct file *find(struct disk *d, const char *name)
{
    for (int i = 0; i < FILES; i++)
        if (d->file[i].there && strcmp(d->file[i].name, name) == 0)
            return &d->file[i];
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
    for (int i = 0; !f && i < FILES; i++)
        if (!d->file[i].now) {
            f = &d->file[i];
            snprintf(f->name, sizeof f->name, "%s", name);
            f->now = calloc(1, FILE_BYTES);
            f->certain = calloc(1, FILE_BYTES);
            must(f->now && f->certain);
            f->there = true;
        }
    if (!f)
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

static void make_certain(struct disk *d, struct file *f)
{
    if (d->lie)
        return;
    for (struct pending *p = f->pending; p; p = p->next)
        memcpy(f->certain + p->at, p->bytes, p->n);
    f->certain_size = f->size;
    forget_pending(f);
}

static int on_write(void *ctx, int fd, const void *p, size_t n, uint64_t off, int durable)
{
    struct disk *d = ctx;
    struct file *f = &d->file[fd];
    bool powered = power(d);
    if (off + n > FILE_BYTES)
        return ENOSPC;
    if (d->off && chance(d) % 2)
        return EIO; /* it did not even begin */
    struct pending *w = malloc(sizeof *w + n);
    must(w);
    *w = (struct pending){.at = off, .n = n};
    memcpy(w->bytes, p, n);
    *(f->pending ? f->last : &f->pending) = w; /* in order: a later write of the same place wins */
    f->last = &w->next;
    memcpy(f->now + off, p, n);
    if (off + n > f->size)
        f->size = off + n;
    if (!powered)
        return EIO;
    if (!durable)
        return 0;
    d->writes++;
    if (d->fail_at && d->writes >= d->fail_at)
        return EIO;
    make_certain(d, f);
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
    if (!power(d))
        return EIO;
    make_certain(d, &d->file[fd]);
    return 0;
}

static int on_sync_dir(void *ctx)
{
    struct disk *d = ctx;
    if (!power(d))
        return EIO;
    for (int i = 0; i < FILES; i++) {
        struct file *f = &d->file[i];
        if (f->now && f->there)
            f->named = true;
        else if (f->now)
            file_gone(f);
    }
    return 0;
}

static int on_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    (void)from;
    (void)to;
    return ENOTSUP;
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
    *ret = d->free_bytes;
    return power(d) ? 0 : EIO;
}

const struct log_io disk_io = {on_open,   on_close,  on_write, on_read, on_sync,      on_sync_dir,
                               on_rename, on_remove, on_size,  on_list, on_free_bytes};
