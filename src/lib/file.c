/* file: see file.h. */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 65536 };

/* The next bytes; at the bound one is looked for past it, and is one too many. */
static ssize_t take(int fd, struct buf *b)
{
    size_t room = b->max ? b->max - b->n : CHUNK, most = room < CHUNK ? room : CHUNK;
    char past;
    ssize_t n = read(fd, most ? buf_reserve(b, most) : &past, most ? most : 1);
    if (most == 0 && n > 0) {
        errno = EFBIG;
        return -1;
    }
    b->n += n > 0 ? (size_t)n : 0;
    return n;
}

bool file_read(const char *path, struct buf *b, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || fault_errno(f, errno, "cannot open %s", path);
    ssize_t n;
    while ((n = take(fd, b)) > 0)
        ;
    int code = errno;
    close(fd);
    return n == 0 || fault_errno(f, code, "cannot read %s", path);
}

static bool write_synced(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n <= 0)
            return false;
        bytes = str_mem(bytes.p + n, bytes.n - (size_t)n);
    }
    return fsync(fd) == 0;
}

bool file_replace(const char *path, struct str bytes, unsigned mode, struct fault *f)
{
    char fresh[900], dir[900];
    struct stat st;
    snprintf(fresh, sizeof fresh, "%s.new", path);
    snprintf(dir, sizeof dir, "%s", path);
    const char *folder = dirname(dir);
    unlink(fresh); /* of a run that was cut off; so that the mode below is the file's */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    bool good = fd >= 0 && write_synced(fd, bytes);
    if (good && geteuid() == 0 && stat(folder, &st) == 0)
        good = fchown(fd, st.st_uid, st.st_gid) == 0;
    good = good && rename(fresh, path) == 0;
    int code = errno, parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    if (parent >= 0) {
        fsync(parent);
        close(parent);
    }
    return good || fault_errno(f, code, "cannot write %s", path);
}
