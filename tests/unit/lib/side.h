/* side: what the tests of streams share: one loop, owners that remember what their hooks were told, and peers that are bare
 * sockets. */
#pragma once

#include "../mail/check.h"

#include "lib/buf.h"
#include "lib/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct loop *loop;

enum hook { NO_HOOK, CONNECTED, INPUT, SECURED, DRAINED, ENDED };

/* The owner of a stream. Zeroed, it takes all input and remembers everything. */
struct side {
    struct stream *stream;
    struct buf got; /* what it took */
    unsigned inputs, connected, secured, drained, ended;
    size_t offered; /* by the last input */
    enum stream_end why;
    char detail[160];
    enum hook closes_in;                                      /* closes its stream there, */
    int64_t linger_ms;                                        /* so */
    bool gone;                                                /* and no hook may run any more */
    struct side *other;                                       /* for the test itself */
    size_t (*takes)(struct side *s, const char *p, size_t n); /* NULL: all */
    void (*then)(struct side *s, enum hook h);                /* NULL, or called in each hook but input */
};

static inline void side_close(struct side *s, int64_t linger_ms)
{
    stream_close(&s->stream, linger_ms);
    s->gone = true;
}

static inline void side_hook(struct side *s, enum hook h)
{
    if (s->then)
        s->then(s, h);
    if (s->closes_in == h)
        side_close(s, s->linger_ms);
}

static inline void side_alive(const struct side *s)
{
    if (s->gone)
        fail_msg("a hook ran after its stream was closed");
    assert_int_equal(s->ended, 0);
}

static inline size_t side_input(void *ctx, const char *p, size_t n)
{
    struct side *s = ctx;
    side_alive(s);
    assert_true(n > 0);
    s->inputs++;
    s->offered = n;
    size_t took = s->takes ? s->takes(s, p, n) : n;
    buf_add(&s->got, p, took);
    if (s->closes_in == INPUT)
        side_close(s, s->linger_ms);
    return took;
}

static inline void side_connected(void *ctx)
{
    struct side *s = ctx;
    side_alive(s);
    s->connected++;
    side_hook(s, CONNECTED);
}

static inline void side_secured(void *ctx)
{
    struct side *s = ctx;
    side_alive(s);
    s->secured++;
    side_hook(s, SECURED);
}

static inline void side_drained(void *ctx)
{
    struct side *s = ctx;
    side_alive(s);
    assert_int_equal(stream_pending(s->stream), 0);
    s->drained++;
    side_hook(s, DRAINED);
}

static inline void side_ended(void *ctx, enum stream_end why, const char *detail)
{
    struct side *s = ctx;
    side_alive(s);
    s->ended++;
    s->why = why;
    snprintf(s->detail, sizeof s->detail, "%s", detail);
    side_hook(s, ENDED);
}

static const struct stream_hooks side_hooks = {side_input, side_connected, side_secured, side_drained, side_ended};

enum { HOLD = 1000 };

static inline void side_done(struct side *s)
{
    stream_close(&s->stream, 0);
    buf_done(&s->got);
    *s = (struct side){0};
}

/* ---- time ---- */

static inline int64_t clock_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Runs turns until the condition holds; fails when it does not within ten seconds. */
#define until(condition)                                                                                                         \
    do {                                                                                                                         \
        int64_t until_ = clock_now_ms() + 10000;                                                                                 \
        while (!(condition)) {                                                                                                   \
            if (clock_now_ms() > until_)                                                                                         \
                fail_msg("never came: %s", #condition);                                                                          \
            loop_turn(loop, 5);                                                                                                  \
        }                                                                                                                        \
    } while (0)

/* A few turns, in which something is to happen at once or never. */
static inline void turns(void)
{
    for (int i = 0; i < 4; i++)
        loop_turn(loop, 1);
}

/* ---- bare peers ---- */

static inline int listen_on(struct sockaddr_in *ret, int backlog)
{
    socklen_t len = sizeof *ret;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof *ret), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &len), 0);
    return fd;
}

static inline int connected_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
    return fd;
}

/* A TCP connection over the loopback: [0] for a stream, [1] the peer's; neither blocks. */
static inline void tcp_pair(int fd[2])
{
    struct sockaddr_in at;
    int door = listen_on(&at, 8);
    fd[1] = connected_to(&at);
    fd[0] = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fd[0] >= 0);
    close(door);
}

/* A side on a TCP connection; returns the peer's socket, which blocks on writes and not on reads (see take). */
static inline int side_open(struct side *s)
{
    int fd[2];
    tcp_pair(fd);
    *s = (struct side){0};
    s->stream = stream_accept(loop, fd[0], &side_hooks, s, HOLD);
    return fd[1];
}

/* The test is over: the side, its peer's socket, and what the peer got (NULL: nothing is kept of it). */
static inline void side_over(struct side *s, int peer, struct buf *got)
{
    side_done(s);
    close(peer);
    if (got)
        buf_done(got);
}

static inline void peer_says(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What has come to the peer, appended. Returns false at its end (or a reset, in errno). */
static inline bool peer_takes(int fd, struct buf *b)
{
    char bytes[65536];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        buf_add(b, bytes, (size_t)n);
    if (n == 0)
        errno = 0;
    return n < 0 && errno == EAGAIN;
}

static inline bool peer_has(int fd, struct buf *b, const char *want)
{
    peer_takes(fd, b);
    return str_eq(buf_str(b), str_of(want));
}

/* Closes with a reset. */
static inline void peer_breaks(int fd)
{
    struct linger none = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

/* Bytes that show where they stand. */
static inline char *pattern(size_t n)
{
    char *p = malloc(n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 2654435761u >> 13);
    return p;
}

static inline int loop_begin(void **state)
{
    (void)state;
    return loop_new(&loop, NULL) ? 0 : -1;
}

static inline int loop_end(void **state)
{
    (void)state;
    loop_turn(loop, 0); /* streams that were closed with a post under way go now */
    loop_free(&loop);
    return 0;
}
