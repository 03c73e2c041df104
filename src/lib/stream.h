/* stream: one non-blocking connection, plain or TLS, on a loop; SMTP in and out both stand on it.
 *
 * It reads into a buffer shared by the whole loop and offers the bytes to its owner; only bytes that the
 * owner leaves are kept with the stream, so that an idle connection costs little. Output is queued and
 * written at the end of the turn (or at once when large), pieces by reference where the caller says so.
 *
 * Starting TLS while plain bytes are unread is refused: nothing injected before STARTTLS survives it
 * (RFC 3207 4.2, CVE-2011-0411). */
#pragma once

#include "lib/loop.h"
#include "lib/str.h"
#include "lib/tls.h"

#include <sys/socket.h>

struct stream;

enum stream_end {
    STREAM_EOF,     /* the peer closed in order */
    STREAM_RESET,   /* the connection broke; detail: the system's name of the error, "ECONNRESET" */
    STREAM_TLS,     /* the TLS handshake or record layer failed; detail: OpenSSL's words, "" when it has none */
    STREAM_REFUSED, /* connect failed; detail: the system's name of the error */
    STREAM_TIMEOUT, /* connect or handshake did not end in time */
};

struct stream_hooks {
    /* Bytes arrived: returns how many were taken (0 .. n). What is left is offered again, with more, when
     * more arrives or stream_resume is called. Bytes left over are bounded by `hold_max`: past it the
     * stream stops reading until resumed (a single read, of at most 256 KiB, may pass it). */
    size_t (*input)(void *ctx, const char *p, size_t n);
    void (*connected)(void *ctx);                                      /* outgoing: TCP is up */
    void (*secured)(void *ctx);                                        /* the TLS handshake is done */
    void (*drained)(void *ctx);                                        /* all queued output was written */
    void (*ended)(void *ctx, enum stream_end why, const char *detail); /* once; no hook runs after it.
                                                 The owner then calls stream_close */
};

/* Takes over an accepted, non-blocking socket. Hooks' lifetime >= the stream's. */
struct stream *stream_accept(struct loop *l, int fd, const struct stream_hooks *h, void *ctx, size_t hold_max);

/* Starts connecting from `source` (NULL: any) to `to`; connected or ended follows, never from within this call. */
struct stream *stream_connect(struct loop *l, const struct sockaddr *to, socklen_t to_len, const struct sockaddr *source,
                              socklen_t source_len, int64_t timeout_ms, const struct stream_hooks *h, void *ctx, size_t hold_max);

/* Queues a copy of the bytes. */
void stream_write(struct stream *s, const void *p, size_t n);
/* Queues the bytes by reference: they must stay valid until drained, ended or closed. */
void stream_write_ref(struct stream *s, const void *p, size_t n);
/* Bytes queued and not yet accepted by the kernel. */
size_t stream_pending(const struct stream *s);
/* Writes now what can be written, instead of at the end of the turn. */
void stream_flush(struct stream *s);

/* While on, bytes that the owner leaves stay in the kernel (at most 1,024 are offered at once): for a header that stands before
 * TLS, whose first bytes may have come with it. */
void stream_sip(struct stream *s, bool on);

/* Stops offering input / offers what was kept and reads on (not from within input). */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* Begins TLS as server or client after the queued output is written; false, and nothing done, if unread plain
 * bytes are held. peer: whom a client expects, copied; NULL for a server. Once on a stream; the owner says nothing more
 * until secured. */
bool stream_start_tls(struct stream *s, struct tls_context *tls, const struct tls_peer *peer, int64_t timeout_ms);
/* The TLS session's facts, or NULL in the clear. Valid until the stream is closed. */
const struct tls_facts *stream_tls(const struct stream *s);
/* The names that the peer's certificate is for, cut to n bytes; "" in the clear or without one. */
void stream_tls_shown(const struct stream *s, char *out, size_t n);

/* Closes and frees at once (unwritten output is lost; ended is not called). With linger: after queued output
 * is written, at most linger_ms from now; no hook is called any more. Sets *s to NULL. */
void stream_close(struct stream **s, int64_t linger_ms);

/* Peer and own address. */
void stream_peer(const struct stream *s, struct sockaddr_storage *ret);
void stream_local(const struct stream *s, struct sockaddr_storage *ret);
int stream_fd(const struct stream *s);
