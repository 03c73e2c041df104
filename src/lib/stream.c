/* stream: see stream.h.
 *
 * The socket is watched edge-triggered, once and for all: no epoll_ctl on the way of a message. `readable` and `writable`
 * remember what the kernel said until a read or write finds it untrue. All output of a turn leaves in one call at its end.
 *
 * Lifetime: hooks may close their stream at any moment. A closed stream is only marked while one of its own functions is on the
 * stack
 * (`inside`) or a post is under way (`posted`), and freed by whoever leaves last. */
#include "lib/stream.h"

#include "lib/buf.h"
#include "lib/must.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 * 1024, /* shared by all streams of a loop */
    READS_AT_ONCE = 4,       /* then others have their turn */
    SIP_BYTES = 1024,
    FLUSH_BYTES = 64 * 1024, /* queued copies beyond this are written at once */
    PIECES_MAX = 64,         /* per system call */
    KEEP_BYTES = 1024,       /* an emptied buffer larger than this is given back */
};

enum state { CONNECTING, PLAIN, HANDSHAKE, SECURE, OVER };

/* A run of output: bytes of the copy buffer (ref == NULL) or somebody else's. */
struct piece {
    const char *ref;
    size_t at, n; /* at: offset in the copy buffer */
};

struct stream {
    struct watch watch;
    struct loop *loop;
    const struct stream_hooks *hooks;
    void *ctx;
    enum state state;
    bool readable, writable, paused, dirty, dead, lingering, posted, want_tls, pending_end, hung_up, sipping;
    unsigned inside;
    size_t hold_max;
    struct buf held;     /* input that the owner left */
    struct buf copy;     /* output by value */
    struct piece *piece; /* output in order, from `first` */
    size_t first, pieces, piece_cap, pending;
    struct stream *next_dirty, **at_dirty;
    struct timer timer; /* connect, handshake, linger */
    int64_t tls_timeout_ms;
    struct tls_context *tls;
    SSL *ssl;
    char *tls_name;
    struct tls_facts facts;
    struct post post;
    enum stream_end end_why;
    char end_detail[160];
    struct sockaddr_storage peer;
};

struct shared {
    struct stream *dirty;
    char bytes[READ_BYTES];
};

static void on_events(void *ctx, uint32_t events);
static void on_timer(void *ctx);
static void on_turn_end(void *ctx);
static void read_on(struct stream *s);
static void write_on(struct stream *s);
static void advance_handshake(struct stream *s);

/* ---- making and freeing ---- */

static struct shared *shared_of(struct loop *l)
{
    void **slot = loop_stream_slot(l);
    if (!*slot) {
        struct shared *sh = malloc(sizeof *sh);
        must(sh);
        sh->dirty = NULL;
        *slot = sh;
        loop_at_turn_end(l, on_turn_end, l);
    }
    return *slot;
}

static struct stream *stream_new(struct loop *l, int fd, const struct stream_hooks *h, void *ctx, size_t hold_max)
{
    int one = 1;
    struct stream *s = calloc(1, sizeof *s);
    must(s);
    shared_of(l);
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
    free(s->tls_name);
    free(s);
}

/* Leaves one of the stream's own functions; true when the stream is no more. */
static bool leave(struct stream *s)
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

static void on_post(void *ctx);

static void post_once(struct stream *s)
{
    if (s->posted)
        return;
    s->posted = true;
    s->post = (struct post){.fn = on_post, .ctx = s};
    loop_post(s->loop, &s->post);
}

/* Tells the owner, from a fresh stack. */
static void end_later(struct stream *s, enum stream_end why, const char *detail)
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
    post_once(s);
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
        read_on(s);
    }
    leave(s);
}

static void end_by_errno(struct stream *s, int code) { end_later(s, STREAM_RESET, strerror(code)); }

void stream_close(struct stream **stream, int64_t linger_ms)
{
    struct stream *s = *stream;
    *stream = NULL;
    if (!s)
        return;
    bool linger = linger_ms > 0 && s->state != OVER && s->state != CONNECTING && (s->pending > 0 || s->want_tls || s->readable);
    if (linger) {
        s->lingering = true;
        s->paused = false;
        buf_done(&s->held);
        timer_set(s->loop, &s->timer, linger_ms);
        if (s->inside == 0) {
            s->inside++;
            write_on(s);
            leave(s);
        }
        return;
    }
    s->dead = true;
    if (s->inside == 0 && !s->posted)
        stream_destroy(s);
}

/* All is written: a lingering stream may go, once what the peer still sends cannot turn our last words into a reset. */
static void linger_done(struct stream *s)
{
    if (s->readable && s->state == PLAIN) {
        shutdown(s->watch.fd, SHUT_WR);
        read_on(s);
        if (s->state != OVER && s->readable)
            return;
    }
    s->dead = true;
}

static void on_timer(void *ctx)
{
    struct stream *s = ctx;
    s->inside++;
    if (s->lingering)
        s->dead = true;
    else if (s->state == CONNECTING)
        end_later(s, STREAM_TIMEOUT, "no answer in time");
    else if (s->state == HANDSHAKE)
        end_later(s, STREAM_TIMEOUT, "the TLS handshake took too long");
    leave(s);
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
        end_later(s, STREAM_REFUSED, strerror(code));
        return s;
    }
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if ((source && bind(fd, source, source_len) != 0) || (connect(fd, to, to_len) != 0 && errno != EINPROGRESS)) {
        end_later(s, STREAM_REFUSED, strerror(errno));
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
        end_later(s, STREAM_REFUSED, strerror(code));
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
        advance_handshake(s);
    if (!s->dead && s->writable && (s->pending > 0 || s->want_tls))
        write_on(s);
    if (!s->dead && s->readable)
        read_on(s);
    leave(s);
}

/* ---- input ---- */

/* Offers bytes that lie in the shared buffer; keeps what is left. */
static void offer(struct stream *s, const char *p, size_t n)
{
    if (s->lingering)
        return;
    size_t taken = s->hooks->input(s->ctx, p, n);
    must(taken <= n);
    if (s->dead || s->lingering)
        return;
    if (s->want_tls && taken < n) {
        end_later(s, STREAM_TLS, "bytes in the clear followed the start of TLS");
        return;
    }
    s->held.n = 0;
    if (taken < n)
        buf_add(&s->held, p + taken, n - taken);
    else if (s->held.cap > KEEP_BYTES)
        buf_done(&s->held);
}

static void nothing_read(struct stream *s, ssize_t n)
{
    s->readable = n < 0 && errno == EINTR;
    if (n == 0)
        end_later(s, STREAM_EOF, "the peer closed the connection");
    else if (errno != EAGAIN && errno != EINTR)
        end_by_errno(s, errno);
}

/* One read into the shared buffer behind `at` bytes. Returns the bytes read; 0: nothing now, or the stream has ended. */
static size_t read_plain(struct stream *s, char *to, size_t room)
{
    ssize_t n = read(s->watch.fd, to, room);
    if (n > 0) {
        /* Edge-triggered: what comes later is told again; an end that came together with these bytes is not. */
        s->readable = (size_t)n == room || s->hung_up;
        return (size_t)n;
    }
    nothing_read(s, n);
    return 0;
}

/* Offers what the kernel holds without taking it, then takes what the owner took: the rest may belong to TLS. Returns whether to
 * go on; what is offered in vain is offered again when more has come. */
static bool sip(struct stream *s, char *to)
{
    ssize_t n = recv(s->watch.fd, to, SIP_BYTES, MSG_PEEK);
    if (n <= 0) {
        nothing_read(s, n);
        return false;
    }
    size_t taken = s->hooks->input(s->ctx, to, (size_t)n);
    must(taken <= (size_t)n);
    s->readable = taken > 0;
    if (s->dead || s->lingering || taken == 0)
        return false;
    if (recv(s->watch.fd, to, taken, 0) == (ssize_t)taken)
        return true;
    end_by_errno(s, EIO);
    return false;
}

static void end_by_ssl(struct stream *s, int result, const char *fallback)
{
    char text[160];
    int code = errno, why = SSL_get_error(s->ssl, result);
    if (why == SSL_ERROR_ZERO_RETURN)
        end_later(s, STREAM_EOF, "the peer closed the connection");
    else if (why == SSL_ERROR_SYSCALL && code)
        end_by_errno(s, code);
    else if (why == SSL_ERROR_SYSCALL && s->state == SECURE)
        end_later(s, STREAM_EOF, "the peer closed the connection");
    else
        end_later(s, STREAM_TLS, tls_error(text, sizeof text, fallback));
    ERR_clear_error();
}

static size_t read_secure(struct stream *s, char *to, size_t room)
{
    size_t got = 0;
    while (got < room) {
        errno = 0;
        int n = SSL_read(s->ssl, to + got, room - got > 65536 ? 65536 : (int)(room - got));
        if (n > 0) {
            got += (size_t)n;
            continue;
        }
        int why = SSL_get_error(s->ssl, n);
        s->readable = false;
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE && got == 0)
            end_by_ssl(s, n, "the TLS connection broke");
        else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            s->readable = true; /* first what came, then the end */
        break;
    }
    ERR_clear_error();
    return got;
}

static void read_on(struct stream *s)
{
    struct shared *sh = shared_of(s->loop);
    for (int i = 0; s->readable && !s->paused && !s->dead && (s->state == PLAIN || s->state == SECURE) && !s->want_tls; i++) {
        if (i == READS_AT_ONCE) {
            post_once(s);
            return;
        }
        if (s->sipping) {
            if (!sip(s, sh->bytes))
                return;
            continue;
        }
        size_t kept = s->held.n;
        if (kept >= s->hold_max && kept > 0)
            return;
        must(kept < READ_BYTES);
        if (kept)
            memcpy(sh->bytes, s->held.p, kept);
        size_t n = s->state == SECURE ? read_secure(s, sh->bytes + kept, READ_BYTES - kept)
                                      : read_plain(s, sh->bytes + kept, READ_BYTES - kept);
        if (n == 0)
            return;
        offer(s, sh->bytes, kept + n);
    }
}

void stream_sip(struct stream *s, bool on) { s->sipping = on; }

void stream_pause(struct stream *s) { s->paused = true; }

void stream_resume(struct stream *s)
{
    s->paused = false;
    s->inside++;
    if (s->held.n && s->state != OVER && s->state != HANDSHAKE) {
        struct shared *sh = shared_of(s->loop);
        size_t n = s->held.n;
        memcpy(sh->bytes, s->held.p, n);
        offer(s, sh->bytes, n);
    }
    if (!s->dead)
        read_on(s);
    leave(s);
}

/* ---- output ---- */

static void mark_dirty(struct stream *s)
{
    struct shared *sh = shared_of(s->loop);
    if (s->dirty)
        return;
    s->dirty = true;
    s->next_dirty = sh->dirty;
    s->at_dirty = &sh->dirty;
    if (sh->dirty)
        sh->dirty->at_dirty = &s->next_dirty;
    sh->dirty = s;
}

static struct piece *piece_add(struct stream *s)
{
    if (s->pieces == s->piece_cap) {
        s->piece_cap = s->piece_cap ? s->piece_cap * 2 : 4;
        s->piece = realloc(s->piece, s->piece_cap * sizeof *s->piece);
        must(s->piece);
    }
    return &s->piece[s->pieces++];
}

void stream_write(struct stream *s, const void *p, size_t n)
{
    if (s->state == OVER || n == 0)
        return;
    struct piece *last = s->pieces > s->first ? &s->piece[s->pieces - 1] : NULL;
    size_t at = s->copy.n;
    buf_add(&s->copy, p, n);
    if (last && !last->ref)
        last->n += n;
    else
        *piece_add(s) = (struct piece){NULL, at, n};
    s->pending += n;
    mark_dirty(s);
    if (s->copy.n > FLUSH_BYTES)
        stream_flush(s);
}

void stream_write_ref(struct stream *s, const void *p, size_t n)
{
    if (s->state == OVER || n == 0)
        return;
    *piece_add(s) = (struct piece){p, 0, n};
    s->pending += n;
    mark_dirty(s);
}

size_t stream_pending(const struct stream *s) { return s->pending; }

static const char *piece_bytes(const struct stream *s, const struct piece *p) { return p->ref ? p->ref : s->copy.p + p->at; }

/* n bytes at the front are gone. */
static void consume(struct stream *s, size_t n)
{
    s->pending -= n;
    while (n > 0) {
        struct piece *p = &s->piece[s->first];
        size_t k = n < p->n ? n : p->n;
        if (p->ref)
            p->ref += k;
        else
            p->at += k;
        p->n -= k;
        n -= k;
        if (p->n == 0)
            s->first++;
    }
    if (s->pending > 0)
        return;
    s->first = s->pieces = 0;
    s->copy.n = 0;
    if (s->copy.cap > KEEP_BYTES)
        buf_done(&s->copy);
}

static bool write_plain(struct stream *s)
{
    struct iovec v[PIECES_MAX];
    struct msghdr m = {.msg_iov = v};
    for (size_t i = s->first; i < s->pieces && m.msg_iovlen < PIECES_MAX; i++)
        v[m.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)piece_bytes(s, &s->piece[i]), s->piece[i].n};
    ssize_t n = sendmsg(s->watch.fd, &m, MSG_NOSIGNAL);
    if (n >= 0) {
        consume(s, (size_t)n);
        return true;
    }
    if (errno == EAGAIN)
        s->writable = false;
    else if (errno != EINTR)
        end_by_errno(s, errno);
    return errno == EINTR;
}

static bool write_secure(struct stream *s)
{
    const struct piece *p = &s->piece[s->first];
    errno = 0;
    int n = SSL_write(s->ssl, piece_bytes(s, p), p->n > INT32_MAX ? INT32_MAX : (int)p->n);
    if (n > 0) {
        consume(s, (size_t)n);
        return true;
    }
    int why = SSL_get_error(s->ssl, n);
    if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
        s->writable = false;
    else
        end_by_ssl(s, n, "the TLS connection broke");
    return false;
}

static void begin_handshake(struct stream *s)
{
    s->want_tls = false;
    s->ssl = tls_session(s->tls, s->watch.fd, s->tls_name);
    s->state = HANDSHAKE;
    timer_set(s->loop, &s->timer, s->tls_timeout_ms);
    advance_handshake(s);
}

/* Writes what can be written; then does what waited for it. Called with `inside` held. */
static void write_on(struct stream *s)
{
    if (s->state != PLAIN && s->state != SECURE)
        return;
    bool had = s->pending > 0;
    while (s->pending > 0 && s->writable && s->state != OVER)
        if (!(s->state == SECURE ? write_secure(s) : write_plain(s)))
            break;
    if (s->state == OVER || s->pending > 0)
        return;
    if (s->lingering)
        linger_done(s);
    else if (s->want_tls)
        begin_handshake(s);
    else if (had && s->hooks->drained)
        s->hooks->drained(s->ctx);
}

void stream_flush(struct stream *s)
{
    s->inside++;
    write_on(s);
    leave(s);
}

static void on_turn_end(void *ctx)
{
    struct shared *sh = shared_of(ctx);
    while (sh->dirty) {
        struct stream *s = sh->dirty;
        sh->dirty = s->next_dirty;
        if (sh->dirty)
            sh->dirty->at_dirty = &sh->dirty;
        s->dirty = false;
        stream_flush(s);
    }
}

/* ---- TLS ---- */

bool stream_start_tls(struct stream *s, struct tls_context *tls, const char *name, int64_t timeout_ms)
{
    if (s->held.n > 0 && !s->inside)
        return false;
    s->tls = tls_ref(tls);
    s->tls_name = name ? strdup(name) : NULL;
    s->tls_timeout_ms = timeout_ms;
    s->want_tls = true;
    mark_dirty(s);
    return true;
}

static void advance_handshake(struct stream *s)
{
    errno = 0;
    int n = SSL_do_handshake(s->ssl);
    if (n != 1) {
        int why = SSL_get_error(s->ssl, n);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            return;
        end_by_ssl(s, n, "the TLS handshake broke off");
        return;
    }
    timer_cancel(&s->timer);
    s->state = SECURE;
    s->readable = true;
    s->writable = true;
    tls_facts_of(s->tls, s->ssl, &s->facts);
    if (s->hooks->secured)
        s->hooks->secured(s->ctx);
    if (!s->dead && s->pending)
        write_on(s);
    if (!s->dead)
        read_on(s);
}

const struct tls_facts *stream_tls(const struct stream *s) { return s->facts.version ? &s->facts : NULL; }

/* ---- addresses ---- */

void stream_peer(const struct stream *s, struct sockaddr_storage *ret) { *ret = s->peer; }

void stream_local(const struct stream *s, struct sockaddr_storage *ret)
{
    socklen_t len = sizeof *ret;
    memset(ret, 0, sizeof *ret);
    getsockname(s->watch.fd, (struct sockaddr *)ret, &len);
}

int stream_fd(const struct stream *s) { return s->watch.fd; }
