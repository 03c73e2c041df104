/* log_io: the real file system behind the table of calls. */
#include "log/log_io.h"

#include "lib/sync.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

struct real {
    int dir;
};

static int real_open(void *ctx, const char *name, int create, int direct, int *ret_fd)
{
    struct real *r = ctx;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0);
    int fd = openat(r->dir, name, flags | (direct ? O_DIRECT : 0), 0600);
    if (fd < 0 && direct && errno == EINVAL)
        fd = openat(r->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
    if (fd < 0)
        return errno;
    *ret_fd = fd;
    return 0;
}

static int real_close(void *ctx, int fd)
{
    (void)ctx;
    return close(fd) == 0 ? 0 : errno;
}

static int real_write(void *ctx, int fd, const void *p, size_t n, uint64_t off, int durable)
{
    (void)ctx;
    while (n > 0) {
        struct iovec v = {(void *)(uintptr_t)p, n};
        ssize_t k = pwritev2(fd, &v, 1, (off_t)off, durable ? RWF_DSYNC : 0);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? errno : ENOSPC;
        p = (const char *)p + k;
        n -= (size_t)k;
        off += (uint64_t)k;
    }
    return 0;
}

static int real_read(void *ctx, int fd, void *p, size_t n, uint64_t off, size_t *ret_n)
{
    size_t got = 0;
    (void)ctx;
    while (got < n) {
        ssize_t k = pread(fd, (char *)p + got, n - got, (off_t)(off + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return errno;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    *ret_n = got;
    return 0;
}

static int real_sync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd) == 0 ? 0 : errno;
}

static int real_sync_dir(void *ctx)
{
    struct real *r = ctx;
    return fsync(r->dir) == 0 ? 0 : errno;
}

static int real_remove(void *ctx, const char *name)
{
    struct real *r = ctx;
    return unlinkat(r->dir, name, 0) == 0 ? 0 : errno;
}

static int real_size(void *ctx, int fd, uint64_t *ret)
{
    struct stat st;
    (void)ctx;
    if (fstat(fd, &st) != 0)
        return errno;
    *ret = (uint64_t)st.st_size;
    return 0;
}

static int real_list(void *ctx, void (*each)(void *arg, const char *name), void *arg)
{
    struct real *r = ctx;
    int fd = openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d)
        return errno;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            each(arg, e->d_name);
    closedir(d);
    return 0;
}

static int real_free_bytes(void *ctx, uint64_t *ret)
{
    struct real *r = ctx;
    struct statvfs v;
    if (fstatvfs(r->dir, &v) != 0)
        return errno;
    *ret = (uint64_t)v.f_bavail * v.f_frsize;
    return 0;
}

const struct log_io log_io_real = {real_open,     real_close,  real_write, real_read, real_sync,
                                   real_sync_dir, real_remove, real_size,  real_list, real_free_bytes};

int log_io_real_open(const char *directory, void **ret_ctx)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return errno;
    int unnamed = sync_name(directory); /* or a power cut could take the log with its directory's name */
    if (unnamed)
        return unnamed;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int code = errno;
        close(fd);
        return code;
    }
    struct real *r = malloc(sizeof *r);
    if (!r) {
        close(fd);
        return ENOMEM;
    }
    r->dir = fd;
    *ret_ctx = r;
    return 0;
}

void log_io_real_close(void **ctx)
{
    struct real *r = *ctx;
    *ctx = NULL;
    if (!r)
        return;
    close(r->dir);
    free(r);
}
