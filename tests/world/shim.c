/* shim: preloaded into a server under test, makes its disk slow or read-only. The folder named by GONIEC_SHIM tells, at each
 * durable write: a file "slow" holds the milliseconds that it takes, a file "readonly" makes it fail with EROFS. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What the file says; -1: it is not there. */
static long told(const char *name)
{
    char path[512], text[32] = "";
    const char *folder = getenv("GONIEC_SHIM");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int trouble(void)
{
    long ms = told("slow");
    if (ms > 0)
        nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
    return told("readonly") >= 0 ? EROFS : 0;
}

typedef ssize_t writer(int fd, const struct iovec *v, int n, off_t at, int flags);

static ssize_t write_by(const char *name, int fd, const struct iovec *v, int n, off_t at, int flags)
{
    writer *real;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    int code = flags & RWF_DSYNC ? trouble() : 0;
    if (code) {
        errno = code;
        return -1;
    }
    return real(fd, v, n, at, flags);
}

ssize_t pwritev2(int fd, const struct iovec *v, int n, off_t at, int flags) { return write_by("pwritev2", fd, v, n, at, flags); }
ssize_t pwritev64v2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
    return write_by("pwritev64v2", fd, v, n, at, flags);
}
