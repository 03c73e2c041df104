/* log_io: the few calls through which the log touches a disk, as one table, so that a simulated disk that drops, tears and
 * reorders what was not synced can stand behind it. Paths are relative to the log's directory. All return 0 or an errno. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct log_io {
    /* Opens (create: makes, exclusive) a file; *ret_fd is the handle the other calls take. direct: bypass the page cache
     * if the file system can (silently buffered otherwise). */
    int (*open)(void *ctx, const char *name, int create, int direct, int *ret_fd);
    int (*close)(void *ctx, int fd);
    /* Writes all n bytes at off. durable: they, and the file's size, are on stable storage when it returns 0. */
    int (*write)(void *ctx, int fd, const void *p, size_t n, uint64_t off, int durable);
    /* Reads up to n bytes at off; *ret_n tells how many (short at the end of the file). */
    int (*read)(void *ctx, int fd, void *p, size_t n, uint64_t off, size_t *ret_n);
    int (*sync)(void *ctx, int fd); /* fdatasync */
    int (*sync_dir)(void *ctx);     /* fsync of the directory: names are durable */
    int (*remove)(void *ctx, const char *name);
    int (*size)(void *ctx, int fd, uint64_t *ret);
    /* Calls each with every file's name. */
    int (*list)(void *ctx, void (*each)(void *arg, const char *name), void *arg);
    int (*free_bytes)(void *ctx, uint64_t *ret);
};

/* The real file system; ctx is a pointer from log_io_real_open. */
extern const struct log_io log_io_real;
/* Opens (and makes, mode 0700) the directory and takes its lock; an errno on failure (EWOULDBLOCK: another process holds it). */
int log_io_real_open(const char *directory, void **ret_ctx);
void log_io_real_close(void **ctx);
