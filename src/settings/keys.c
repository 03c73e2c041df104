/* keys: see keys.h. A self-signed pair lets a first start offer TLS at once; clients that verify will say so, and the operator
 * then names real files in the settings. */
#include "settings/keys.h"

#include "lib/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool keys_read_file(const char *path, struct buf *b, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(f, errno, "cannot open %s", path);
    for (;;) {
        char *to = buf_reserve(b, 4096);
        if (!to) {
            close(fd);
            return fault_set(f, "%s is larger than %zu bytes", path, b->max);
        }
        ssize_t n = read(fd, to, 4096);
        if (n <= 0) {
            int code = errno;
            close(fd);
            return n == 0 || fault_errno(f, code, "cannot read %s", path);
        }
        b->n += (size_t)n;
    }
}

static bool write_file(const char *path, const char *text, mode_t mode, struct fault *f)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return fault_errno(f, errno, "cannot make %s", path);
    size_t n = strlen(text);
    bool good = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
    int code = errno;
    close(fd);
    return good || fault_errno(f, code, "cannot write %s", path);
}

static bool read_into(struct settings *s, struct str path, struct str *to, struct fault *f)
{
    struct buf b = {.max = 1024 * 1024};
    bool good = keys_read_file(arena_strz(&s->arena, path), &b, f);
    if (good)
        *to = arena_str(&s->arena, buf_str(&b));
    buf_done(&b);
    return good;
}

static bool self_signed(struct settings *s, const char *chain, const char *key, struct fault *f)
{
    char *chain_pem, *key_pem;
    mkdir(arena_strz(&s->arena, s->data_directory), 0755);
    if (!tls_self_signed(arena_strz(&s->arena, s->hostname), 3650, &chain_pem, &key_pem, f))
        return false;
    bool good = write_file(key, key_pem, 0600, f) && write_file(chain, chain_pem, 0644, f);
    free(chain_pem);
    free(key_pem);
    return good;
}

/* What they name must be readable now and fit together: afterwards it would be found out by clients. */
static bool read_named(struct settings *s, struct fault *f)
{
    char where[SETTINGS_WHERE];
    struct tls_context *t = NULL;
    if (!read_into(s, s->tls_certificate, &s->tls_chain_pem, f))
        return fault_wrap(f, "%s: tls.certificate", settings_where(s, "tls", "certificate", where));
    if (!read_into(s, s->tls_key, &s->tls_key_pem, f))
        return fault_wrap(f, "%s: tls.key", settings_where(s, "tls", "key", where));
    if (!tls_server_new(&t, s->tls_chain_pem, s->tls_key_pem, f))
        return fault_wrap(f, "%s: tls.certificate and tls.key cannot be used", settings_where(s, "tls", "key", where));
    tls_free(&t);
    return true;
}

/* The authorities that other servers' certificates are judged by. */
static bool read_trusted(struct settings *s, struct fault *f)
{
    char where[SETTINGS_WHERE];
    struct tls_context *t = NULL;
    if (s->tls_trusted.n == 0)
        return true;
    if (!read_into(s, s->tls_trusted, &s->deliver.tls_trusted_pem, f) || !tls_client_new(&t, s->deliver.tls_trusted_pem, f))
        return fault_wrap(f, "%s: tls.trusted", settings_where(s, "tls", "trusted", where));
    tls_free(&t);
    return true;
}

bool keys_check(struct settings *s, struct fault *f)
{
    return read_trusted(s, f) && (s->tls_certificate.n == 0 || read_named(s, f));
}

bool keys_fill(struct settings *s, struct fault *f)
{
    if (!read_trusted(s, f))
        return false;
    if (s->tls_certificate.n)
        return read_named(s, f);
    char chain[512], key[512];
    snprintf(chain, sizeof chain, "%.*s/tls-self-signed.pem", STR_ARGS(s->data_directory));
    snprintf(key, sizeof key, "%.*s/tls-self-signed.key", STR_ARGS(s->data_directory));
    if (access(chain, F_OK) != 0 && (unlink(key), !self_signed(s, chain, key, f)))
        return fault_wrap(f, "making a self-signed certificate");
    return read_into(s, str_of(chain), &s->tls_chain_pem, f) && read_into(s, str_of(key), &s->tls_key_pem, f);
}
