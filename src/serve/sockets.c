/* sockets: see sockets.h. */
#include "serve/sockets.h"

#include "lib/must.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static int bind_one(const struct settings_listener *l, struct fault *f)
{
    int one = 1, fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fault_errno(f, errno, "cannot open a socket for %.*s", STR_ARGS(l->text));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (l->addr.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&l->addr, l->addr_len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    fault_errno(f, errno, "cannot listen on %.*s", STR_ARGS(l->text));
    close(fd);
    return -1;
}

/* SO_REUSEPORT would let a second server of the same user share the port in silence: a first bind without it finds out. */
static bool port_is_free(const struct settings_listener *l, struct fault *f)
{
    int one = 1, fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fault_errno(f, errno, "cannot open a socket for %.*s", STR_ARGS(l->text));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (l->addr.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    bool good = bind(fd, (const struct sockaddr *)&l->addr, l->addr_len) == 0;
    int code = errno;
    close(fd);
    return good || fault_errno(f, code, "cannot listen on %.*s", STR_ARGS(l->text));
}

static int bind_unix(const struct settings *s, const char *name, mode_t mode, struct fault *f)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int n = snprintf(sa.sun_path, sizeof sa.sun_path, "%.*s/run/%s", STR_ARGS(s->data_directory), name);
    if (n < 0 || (size_t)n >= sizeof sa.sun_path) {
        fault_set(f, "data_directory %.*s: the path is too long for a socket in it (at most %zu bytes)",
                  STR_ARGS(s->data_directory), sizeof sa.sun_path - 20);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(sa.sun_path);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&sa, sizeof sa) == 0 && chmod(sa.sun_path, mode) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    fault_errno(f, errno, "cannot listen on %s", sa.sun_path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool bind_all(struct engine_sockets *k, const struct settings *s, struct fault *f)
{
    for (size_t i = 0; i < s->listeners; i++)
        if (!port_is_free(&s->listener[i], f))
            return false;
    for (size_t i = 0; i < s->listeners; i++)
        for (unsigned w = 0; w < s->workers; w++)
            if ((k->listener[i * s->workers + w] = bind_one(&s->listener[i], f)) < 0)
                return false;
    return (k->submit = bind_unix(s, "submit.sock", 0666, f)) >= 0 && (k->control = bind_unix(s, "engine.sock", 0660, f)) >= 0;
}

bool sockets_open(struct engine_sockets *ret, const struct settings *s, struct fault *f)
{
    struct engine_sockets k = {.submit = -1, .control = -1, .supervisor = -1};
    size_t n = s->listeners * s->workers;
    k.listener = calloc(n + 1, sizeof *k.listener);
    must(k.listener);
    for (size_t i = 0; i < n; i++)
        k.listener[i] = -1;
    if (!bind_all(&k, s, f)) {
        sockets_close(&k, s);
        return false;
    }
    *ret = k;
    return true;
}

void sockets_close(struct engine_sockets *k, const struct settings *s)
{
    for (size_t i = 0; i < s->listeners * s->workers; i++)
        if (k->listener[i] >= 0)
            close(k->listener[i]);
    if (k->submit >= 0)
        close(k->submit);
    if (k->control >= 0)
        close(k->control);
    free(k->listener);
    k->listener = NULL;
}
