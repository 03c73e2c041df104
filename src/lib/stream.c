/* stream: a stream's life, from accept or connect to its end; see stream.h. Input, output and TLS have files of their own.
 *
 * The socket is watched edge-triggered, once and for all: no epoll_ctl on the way of a message. `readable` and `writable`
 * remember what the kernel said until a read or write finds it untrue. */
#include "lib/stream.h"

#include "lib/must.h"
#include "lib/stream_inner.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static void on_events(void *ctx, uint32_t events);
static void on_timer(void *ctx);
static void on_post(void *ctx);

/* ---- making and freeing ---- */

struct stream_shared *stream_shared(struct loop *l)
{
    void **slot = loop_stream_slot(l);
    if (!*slot) {
        struct stream_shared *sh = malloc(sizeof *sh);
        must(sh);
        sh->dirty = NULL;
        *slot = sh;
        loop_at_turn_end(l, stream_flush_all, l);
    }
    return *slot;
}

static struct stream *stream_new(struct loop *l, int fd, const struct stream_hooks *h, void *ctx, size_t hold_max)
{
    int one = 1;
    struct stream *s = calloc(1, sizeof *s);
    must(s && hold_max < READ_BYTES);
    stream_shared(l);
    s->loop = l;
    s->hooks = h;
    s->ctx = ctx;
    s->hold_max = hold_max;
    s->watch = (struct watch){.fd = fd, .fn = on_events, .ctx = s};
    s->timer = (struct timer){.fn = on_timer, .ctx = s};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails on a Unix socket, harmlessly */
    return s;
}

static void stream_destroy(struct stream *s)
{
    timer_cancel(&s->timer);
    if (s->dirty) {
        *s->at_dirty = s->next_dirty;
        if (s->next_dirty)
            s->next_dirty->at_dirty = s->at_dirty;
    }
    if (s->watch.events)
        loop_watch(s->loop, &s->watch, 0);
    if (s->ssl && s->state == SECURE) {
        SSL_shutdown(s->ssl); /* close_notify, best effort */
        ERR_clear_error();
    }
    SSL_free(s->ssl);
    tls_free(&s->tls);
    if (s->watch.fd >= 0)
        close(s->watch.fd);
    buf_done(&s->held);
    buf_done(&s->copy);
    free(s->piece);
    free(s);
}

bool stream_leave(struct stream *s)
{
    s->inside--;
    if (!s->dead)
        return false;
    if (s->inside == 0 && !s->posted)
        stream_destroy(s);
    return true;
}

struct stream *stream_accept(struct loop *l, int fd, const struct stream_hooks *h, void *ctx, size_t hold_max)
{
    struct stream *s = stream_new(l, fd, h, ctx, hold_max);
    socklen_t len = sizeof s->peer;
    getpeername(fd, (struct sockaddr *)&s->peer, &len);
    s->state = PLAIN;
    s->writable = true;
    loop_watch(l, &s->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    return s;
}

/* ---- the end ---- */

void stream_post_once(struct stream *s)
{
    if (s->posted)
        return;
    s->posted = true;
    s->post = (struct post){.fn = on_post, .ctx = s};
    loop_post(s->loop, &s->post);
}

void stream_end_later(struct stream *s, enum stream_end why, const char *detail)
{
    if (s->state == OVER)
        return;
    s->state = OVER;
    s->pending_end = true;
    s->end_why = why;
    snprintf(s->end_detail, sizeof s->end_detail, "%s", detail);
    if (s->watch.events)
        loop_watch(s->loop, &s->watch, 0);
    timer_cancel(&s->timer);
    if (s->lingering) {
        s->dead = true;
        s->pending_end = false;
    }
    stream_post_once(s);
}

static void on_post(void *ctx)
{
    struct stream *s = ctx;
    s->posted = false;
    s->inside++;
    if (!s->dead && s->pending_end) {
        s->pending_end = false;
        s->hooks->ended(s->ctx, s->end_why, s->end_detail);
    } else if (!s->dead && s->state != OVER) {
        stream_read_on(s);
    }
    stream_leave(s);
}

static const char *error_name(int code)
{
    const char *name = strerrorname_np(code);
    return name ? name : "?";
}

void stream_end_by_errno(struct stream *s, int code) { stream_end_later(s, STREAM_RESET, error_name(code)); }

void stream_close(struct stream **stream, int64_t linger_ms)
{
    struct stream *s = *stream;
    *stream = NULL;
    if (!s)
        return;
    bool unread = s->readable && s->state == PLAIN;
    if (linger_ms <= 0 || s->state == OVER || s->state == CONNECTING || (s->pending == 0 && !unread)) {
        s->dead = true;
        if (s->inside == 0 && !s->posted)
            stream_destroy(s);
        return;
    }
    s->lingering = s->paused = true;
    s->sipping = s->want_tls = false;
    buf_done(&s->held);
    timer_set(s->loop, &s->timer, linger_ms);
    if (s->inside > 0) {
        stream_own_output(s);
        stream_mark_dirty(s);
        return;
    }
    s->inside++;
    stream_write_on(s);
    if (!s->dead)
        stream_own_output(s);
    stream_leave(s);
}

/* From a fresh stack, because the buffer for reading may be in use by whoever closed the stream. */
void stream_linger_done(struct stream *s)
{
    if (!s->readable) {
        s->dead = true;
        return;
    }
    if (s->state == SECURE) {
        SSL_shutdown(s->ssl);
        ERR_clear_error();
        s->state = PLAIN; /* what still comes is dropped undeciphered */
    }
    shutdown(s->watch.fd, SHUT_WR);
    stream_post_once(s);
}

static void on_timer(void *ctx)
{
    struct stream *s = ctx;
    s->inside++;
    if (s->lingering)
        s->dead = true;
    else if (s->state == CONNECTING)
        stream_end_later(s, STREAM_TIMEOUT, "");
    else if (s->state == HANDSHAKE)
        stream_end_later(s, STREAM_TIMEOUT, "");
    stream_leave(s);
}

/* ---- connecting ---- */

struct stream *stream_connect(struct loop *l, const struct sockaddr *to, socklen_t to_len, const struct sockaddr *source,
                              socklen_t source_len, int64_t timeout_ms, const struct stream_hooks *h, void *ctx, size_t hold_max)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), code = errno, one = 1;
    struct stream *s = stream_new(l, fd, h, ctx, hold_max);
    memcpy(&s->peer, to, to_len);
    s->state = CONNECTING;
    if (fd < 0) {
        stream_end_later(s, STREAM_REFUSED, error_name(code));
        return s;
    }
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if ((source && bind(fd, source, source_len) != 0) || (connect(fd, to, to_len) != 0 && errno != EINPROGRESS)) {
        stream_end_later(s, STREAM_REFUSED, error_name(errno));
        return s;
    }
    timer_set(l, &s->timer, timeout_ms);
    loop_watch(l, &s->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    return s;
}

static void finish_connect(struct stream *s)
{
    int code = 0;
    socklen_t len = sizeof code;
    getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &code, &len);
    if (code) {
        stream_end_later(s, STREAM_REFUSED, error_name(code));
        return;
    }
    timer_cancel(&s->timer);
    s->state = PLAIN;
    if (s->hooks->connected)
        s->hooks->connected(s->ctx);
}

/* ---- events ---- */

static void on_events(void *ctx, uint32_t events)
{
    struct stream *s = ctx;
    s->inside++;
    s->readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    s->hung_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    s->writable |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    if (s->state == CONNECTING && s->writable)
        finish_connect(s);
    if (!s->dead && s->state == HANDSHAKE)
        stream_tls_advance(s);
    if (!s->dead && s->writable && (s->pending > 0 || s->want_tls))
        stream_write_on(s);
    if (!s->dead && s->readable)
        stream_read_on(s);
    stream_leave(s);
}

/* ---- addresses ---- */

void stream_peer(const struct stream *s, struct sockaddr_storage *ret) { *ret = s->peer; }

void stream_local(const struct stream *s, struct sockaddr_storage *ret)
{
    socklen_t len = sizeof *ret;
    memset(ret, 0, sizeof *ret);
    getsockname(s->watch.fd, (struct sockaddr *)ret, &len);
}

int stream_fd(const struct stream *s) { return s->watch.fd; }
