/* format: see format.h. */
#include "suppress/format.h"

#include "lib/crc32c.h"
#include "lib/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

uint32_t format_head_crc(const struct head *h) { return crc32c(0, h, offsetof(struct head, crc)); }

uint32_t format_tail_crc(const struct head *h, uint64_t place, const struct row *r)
{
    uint32_t crc = crc32c(0, &h->generation, sizeof h->generation);
    crc = crc32c(crc, &place, sizeof place);
    return crc32c(crc, r, offsetof(struct row, crc));
}

size_t format_text(struct str account, struct str value, char out[FORMAT_TEXT_MAX])
{
    if (account.n > FORMAT_ACCOUNT_MAX || value.n > SUPPRESS_VALUE_MAX)
        return 0;
    if (account.n)
        memcpy(out, account.p, account.n);
    out[account.n] = '\0';
    if (value.n)
        memcpy(out + account.n + 1, value.p, value.n);
    return account.n + 1 + value.n;
}

uint64_t format_hash(const uint8_t key[32], int half, const char *text, size_t n) { return siphash(key + 16 * half, text, n); }

int format_order(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->hash[0] != y->hash[0])
        return x->hash[0] < y->hash[0] ? -1 : 1;
    return (x->hash[1] > y->hash[1]) - (x->hash[1] < y->hash[1]);
}

bool format_read(int fd, void *to, size_t n, uint64_t at, const char *path, struct fault *f)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = pread(fd, (char *)to + done, n - done, (off_t)(at + done));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return fault_errno(f, errno, "cannot read %s", path);
        if (k == 0)
            return fault_set(f, "%s became shorter while it was read", path);
        done += (size_t)k;
    }
    return true;
}

static bool refuse(struct fault *f, const char *path, const char *what)
{
    return fault_set(f, "%s %s: \"goniec suppression publish\" writes it anew from the database", path, what);
}

static bool head_check(int fd, const char *path, struct head *h, uint64_t *ret_tail, struct fault *f)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fault_errno(f, errno, "cannot read %s", path);
    uint64_t size = (uint64_t)st.st_size;
    if (!S_ISREG(st.st_mode) || size < sizeof *h)
        return refuse(f, path, "is no suppression list, or cut short");
    if (!format_read(fd, h, sizeof *h, 0, path, f))
        return false;
    if (memcmp(h->magic, SUPPRESS_MAGIC, sizeof h->magic) != 0)
        return refuse(f, path, "is no suppression list of this version");
    if (h->crc != format_head_crc(h))
        return refuse(f, path, "has a damaged head");
    if (h->rows > UINT32_MAX / 2 || h->rows > (size - sizeof *h) / sizeof(struct row))
        return refuse(f, path, "is cut short");
    *ret_tail = (size - sizeof *h) / sizeof(struct row) - h->rows;
    return *ret_tail <= UINT32_MAX / 2 || refuse(f, path, "has a tail without end");
}

bool format_open(const char *path, int flags, int *ret_fd, struct head *ret, uint64_t *ret_tail, struct fault *f)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fault_errno(f, errno, "cannot open %s", path);
    if (!head_check(fd, path, ret, ret_tail, f)) {
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}
