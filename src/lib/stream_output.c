/* stream_output: the queue of output and its writing; see stream.h. All output of a turn leaves in one call at its end. */
#include "lib/must.h"
#include "lib/stream_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

enum {
    FLUSH_BYTES = 64 * 1024, /* queued copies beyond this are written at once */
    PIECES_MAX = 64,         /* per system call */
};

void stream_mark_dirty(struct stream *s)
{
    struct stream_shared *sh = stream_shared(s->loop);
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
    stream_mark_dirty(s);
    if (s->copy.n > FLUSH_BYTES)
        stream_flush(s);
}

void stream_write_ref(struct stream *s, const void *p, size_t n)
{
    if (s->state == OVER || n == 0)
        return;
    *piece_add(s) = (struct piece){p, 0, n};
    s->pending += n;
    stream_mark_dirty(s);
}

void stream_own_output(struct stream *s)
{
    for (size_t i = s->first; i < s->pieces; i++) {
        struct piece *p = &s->piece[i];
        size_t at = s->copy.n;
        if (!p->ref)
            continue;
        buf_add(&s->copy, p->ref, p->n);
        *p = (struct piece){NULL, at, p->n};
    }
}

size_t stream_pending(const struct stream *s) { return s->pending; }

const char *stream_piece_bytes(const struct stream *s, const struct piece *p) { return p->ref ? p->ref : s->copy.p + p->at; }

void stream_consume(struct stream *s, size_t n)
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
        v[m.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)stream_piece_bytes(s, &s->piece[i]), s->piece[i].n};
    ssize_t n = sendmsg(s->watch.fd, &m, MSG_NOSIGNAL);
    if (n >= 0) {
        stream_consume(s, (size_t)n);
        return true;
    }
    if (errno == EAGAIN)
        s->writable = false;
    else if (errno != EINTR)
        stream_end_by_errno(s, errno);
    return errno == EINTR;
}

void stream_write_on(struct stream *s)
{
    if (s->state != PLAIN && s->state != SECURE)
        return;
    bool had = s->pending > 0;
    while (s->pending > 0 && s->writable && s->state != OVER)
        if (!(s->state == SECURE ? stream_tls_write(s) : write_plain(s)))
            break;
    if (s->state == OVER || s->pending > 0)
        return;
    if (s->lingering)
        stream_linger_done(s);
    else if (s->want_tls)
        stream_tls_begin(s);
    else if (had && s->hooks->drained)
        s->hooks->drained(s->ctx);
}

void stream_flush(struct stream *s)
{
    s->inside++;
    stream_write_on(s);
    stream_leave(s);
}

void stream_flush_all(void *ctx)
{
    struct stream_shared *sh = stream_shared(ctx);
    while (sh->dirty) {
        struct stream *s = sh->dirty;
        sh->dirty = s->next_dirty;
        if (sh->dirty)
            sh->dirty->at_dirty = &sh->dirty;
        s->dirty = false;
        stream_flush(s);
    }
}
