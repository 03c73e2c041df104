/* file: see file.h. */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool file_read(const char *path, struct buf *b, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || fault_errno(f, errno, "cannot open %s", path);
    ssize_t n = 1;
    for (char *to; n > 0 && (to = buf_reserve(b, 65536)); b->n += n > 0 ? (size_t)n : 0)
        n = read(fd, to, 65536);
    int code = errno;
    close(fd);
    return n == 0 || fault_errno(f, n < 0 ? code : EFBIG, "cannot read %s", path);
}
