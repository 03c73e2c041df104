/* content: a message's bytes (headers and body, CRLF lines, dot-unstuffed), shared between threads by count. Room is left
 * in front, so that trace headers are put before the message without moving it. */
#pragma once

#include "lib/str.h"

#include <stdatomic.h>

enum { CONTENT_HEADROOM = 1024 };

struct content {
    atomic_uint refs;
    size_t start; /* where the message begins in bytes[]: room in front */
    size_t n;     /* length of the message */
    size_t cap;   /* size of bytes[] */
    char bytes[];
};

/* One reference, n == 0, start == CONTENT_HEADROOM, room for `room` bytes of message. Never NULL. */
struct content *content_new(size_t room);
/* Makes room for at least `room` bytes of message in a content that only the caller holds; returns where it now is. */
struct content *content_grow(struct content *c, size_t room);
/* Puts bytes before the message (moving it only when the headroom is used up); returns where it now is. */
struct content *content_prepend(struct content *c, struct str s);
struct content *content_ref(struct content *c);
/* Drops a reference and sets *c to NULL; frees with the last. Any thread. NULL is fine. */
void content_free(struct content **c);
static inline struct str content_str(const struct content *c) { return (struct str){c->bytes + c->start, c->n}; }
