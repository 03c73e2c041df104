/* stream_inner: what the files of a stream share. Private to them: stream.c its life, stream_input.c, stream_output.c,
 * stream_tls.c.
 *
 * Lifetime: hooks may close their stream at any moment. A closed stream is only marked while one of its own functions is on the
 * stack (`inside`) or a post is under way (`posted`), and freed by whoever leaves last. */
#pragma once

#include "lib/buf.h"
#include "lib/stream.h"

#include <openssl/types.h>

enum {
    READ_BYTES = 256 * 1024, /* shared by all streams of a loop */
    READS_AT_ONCE = 4,       /* then others have their turn */
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
    /* lingering: closed by its owner, whose hooks are called no more; paused as well, so that nothing is offered */
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
    struct tls_context *tls; /* from stream_start_tls on */
    SSL *ssl;
    struct tls_facts facts;
    struct post post;
    enum stream_end end_why;
    char end_detail[160];
    struct sockaddr_storage peer;
};

/* What the streams of a loop share. */
struct stream_shared {
    struct stream *dirty; /* with output of this turn */
    char bytes[READ_BYTES];
};
struct stream_shared *stream_shared(struct loop *l);

/* Called with `inside` raised; leave with stream_leave, which says whether the stream is no more. */
bool stream_leave(struct stream *s);
/* Reads and offers what may be read. */
void stream_read_on(struct stream *s);
/* Writes what can be written; then does what waited for it. */
void stream_write_on(struct stream *s);
/* All is written: a lingering stream may go, once what the peer has sent cannot turn our last words into a reset. */
void stream_linger_done(struct stream *s);

/* Reads on from a fresh stack, next turn. */
void stream_post_once(struct stream *s);
/* Tells the owner that it is over, from a fresh stack. */
void stream_end_later(struct stream *s, enum stream_end why, const char *detail);
void stream_end_by_errno(struct stream *s, int code);

/* Has the output written at the end of the turn. */
void stream_mark_dirty(struct stream *s);
/* Writes the output of all streams of the loop that have some; a turn hook. */
void stream_flush_all(void *ctx);
/* Copies what is queued by reference: its owner is about to go. */
void stream_own_output(struct stream *s);
/* n bytes at the front of the output are gone. */
void stream_consume(struct stream *s, size_t n);
const char *stream_piece_bytes(const struct stream *s, const struct piece *p);

/* The TLS ways: the handshake's beginning and its next step, one read (0: nothing now, or the stream has ended), one write
 * (false: no more now). */
void stream_tls_begin(struct stream *s);
void stream_tls_advance(struct stream *s);
size_t stream_tls_read(struct stream *s, char *to, size_t room);
bool stream_tls_write(struct stream *s);
