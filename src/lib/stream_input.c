/* stream_input: reading and offering; see stream.h. One buffer serves all streams of a loop: it holds bytes only while their
 * owner looks at them. `readable` remembers what the kernel said until a read finds it untrue. */
#include "lib/must.h"
#include "lib/stream_inner.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIP_BYTES = 1024 };

/* Offers bytes that lie in the shared buffer, those that were held before among them; keeps what is left. */
static void offer(struct stream *s, const char *p, size_t n)
{
    s->held.n = 0;
    size_t taken = s->hooks->input(s->ctx, p, n);
    must(taken <= n);
    if (s->dead || s->lingering)
        return;
    if (taken < n && s->tls && s->state != SECURE)
        stream_end_later(s, STREAM_TLS, "");
    else if (taken < n)
        buf_add(&s->held, p + taken, n - taken);
    else if (s->held.cap > KEEP_BYTES)
        buf_done(&s->held);
}

static void nothing_read(struct stream *s, ssize_t n)
{
    s->readable = n < 0 && errno == EINTR;
    if (n == 0)
        stream_end_later(s, STREAM_EOF, "");
    else if (errno != EAGAIN && errno != EINTR)
        stream_end_by_errno(s, errno);
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
    if (s->dead || s->lingering)
        return false;
    if (taken == 0 && s->hung_up && !s->paused)
        stream_end_later(s, STREAM_EOF, "");
    if (taken == 0)
        return false;
    if (recv(s->watch.fd, to, taken, 0) == (ssize_t)taken)
        return true;
    stream_end_by_errno(s, EIO);
    return false;
}

/* Takes and drops what the peer of a lingering stream has sent: unread, it would turn our last words into a reset. Under TLS it
 * may lie until they are written. */
static void discard(struct stream *s)
{
    for (int i = 0; s->readable && s->state == PLAIN; i++) {
        if (i == READS_AT_ONCE) {
            stream_post_once(s);
            return;
        }
        ssize_t n = read(s->watch.fd, stream_shared(s->loop)->bytes, READ_BYTES);
        s->readable = n > 0 || (n < 0 && errno == EINTR);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            s->dead = true;
    }
    if (s->state == PLAIN && s->pending == 0)
        s->dead = true;
}

void stream_read_on(struct stream *s)
{
    struct stream_shared *sh = stream_shared(s->loop);
    if (s->lingering) {
        discard(s);
        return;
    }
    for (int i = 0; s->readable && !s->paused && !s->dead && (s->state == PLAIN || s->state == SECURE) && !s->want_tls; i++) {
        if (i == READS_AT_ONCE) {
            stream_post_once(s);
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
        size_t n = s->state == SECURE ? stream_tls_read(s, sh->bytes + kept, READ_BYTES - kept)
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
    s->readable |= s->sipping; /* what was offered in vain is still there */
    s->inside++;
    if (s->held.n && s->state != OVER && s->state != HANDSHAKE) {
        struct stream_shared *sh = stream_shared(s->loop);
        size_t n = s->held.n;
        memcpy(sh->bytes, s->held.p, n);
        offer(s, sh->bytes, n);
    }
    if (!s->dead)
        stream_read_on(s);
    stream_leave(s);
}
