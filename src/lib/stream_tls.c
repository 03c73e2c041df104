/* stream_tls: TLS on a stream; see stream.h. The session stands on the socket itself: OpenSSL reads and writes it. */
#include "lib/must.h"
#include "lib/stream_inner.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static void end_by_ssl(struct stream *s, int result)
{
    char text[160];
    int code = errno, why = SSL_get_error(s->ssl, result);
    if (why == SSL_ERROR_ZERO_RETURN)
        stream_end_later(s, STREAM_EOF, "");
    else if (why == SSL_ERROR_SYSCALL && code)
        stream_end_by_errno(s, code);
    else if (why == SSL_ERROR_SYSCALL && s->state == SECURE)
        stream_end_later(s, STREAM_EOF, "");
    else
        stream_end_later(s, STREAM_TLS, tls_error(text, sizeof text, ""));
    ERR_clear_error();
}

bool stream_start_tls(struct stream *s, struct tls_context *tls, const struct tls_peer *peer, int64_t timeout_ms)
{
    must(!s->tls);
    if (s->held.n > 0)
        return false;
    s->tls = tls_ref(tls);
    s->ssl = tls_session(tls, s->watch.fd, peer);
    s->tls_timeout_ms = timeout_ms;
    s->want_tls = true;
    stream_mark_dirty(s);
    return true;
}

void stream_tls_begin(struct stream *s)
{
    s->want_tls = false;
    s->state = HANDSHAKE;
    timer_set(s->loop, &s->timer, s->tls_timeout_ms);
    stream_tls_advance(s);
}

void stream_tls_advance(struct stream *s)
{
    errno = 0;
    int n = SSL_do_handshake(s->ssl);
    if (n != 1) {
        int why = SSL_get_error(s->ssl, n);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            return;
        end_by_ssl(s, n);
        return;
    }
    timer_cancel(&s->timer);
    s->state = SECURE;
    s->readable = true;
    s->writable = true;
    tls_facts_of(s->tls, s->ssl, &s->facts);
    if (s->hooks->secured && !s->lingering)
        s->hooks->secured(s->ctx);
    if (!s->dead && s->pending)
        stream_write_on(s);
    if (!s->dead)
        stream_read_on(s);
}

size_t stream_tls_read(struct stream *s, char *to, size_t room)
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
            end_by_ssl(s, n);
        else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            s->readable = true; /* first what came, then the end */
        break;
    }
    ERR_clear_error();
    return got;
}

bool stream_tls_write(struct stream *s)
{
    const struct piece *p = &s->piece[s->first];
    errno = 0;
    int n = SSL_write(s->ssl, stream_piece_bytes(s, p), p->n > INT32_MAX ? INT32_MAX : (int)p->n);
    if (n > 0) {
        stream_consume(s, (size_t)n);
        return true;
    }
    int why = SSL_get_error(s->ssl, n);
    if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
        s->writable = false;
    else
        end_by_ssl(s, n);
    return false;
}

const struct tls_facts *stream_tls(const struct stream *s) { return s->facts.version ? &s->facts : NULL; }

void stream_tls_shown(const struct stream *s, char *out, size_t n)
{
    out[0] = '\0';
    if (s->facts.version)
        tls_shown(s->ssl, out, n);
}
