/* secret: see secret.h. */
#include "lib/secret.h"

#include "lib/file.h"
#include "lib/must.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static bool make(const char *path, struct fault *f)
{
    uint8_t fresh[SECRET_BYTES];
    must(getrandom(fresh, sizeof fresh, 0) == sizeof fresh);
    return file_replace(path, str_mem(fresh, sizeof fresh), 0600, f);
}

bool secret_keep(const char *path, uint8_t ret[SECRET_BYTES], struct fault *f)
{
    uint8_t got[SECRET_BYTES + 1];
    if (access(path, F_OK) != 0 && errno == ENOENT && !make(path, f))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof got);
    int code = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return fault_errno(f, code, "cannot read %s", path);
    if (n != SECRET_BYTES)
        return fault_set(f, "%s does not hold %d bytes: remove it, and a new one is made", path, SECRET_BYTES);
    memcpy(ret, got, SECRET_BYTES);
    return true;
}
