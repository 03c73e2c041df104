/* header: one pass over a message's header, without copying (RFC 5322 2.2). For whoever adds, drops, or quotes fields; the bytes
 * stay as they are. */
#pragma once

#include "lib/arena.h"
#include "lib/str.h"

struct header_field {
    struct str raw;   /* the whole field with its folds and final newline */
    struct str name;  /* without colon and white space before it */
    struct str value; /* after the colon, folds kept, white space at both ends cut */
};

enum header_step {
    HEADER_FIELD, /* *ret is set */
    HEADER_JUNK,  /* a line that is no field (no colon, a bad name): raw is set, name and value are empty */
    HEADER_END,   /* the blank line, or the end of the message: s->at is where the body begins */
    HEADER_BOUND, /* the header goes on past the bound; s->at is where the next field would begin */
};

struct header_scan {
    struct str message;
    size_t at;    /* how far it was read */
    size_t bound; /* header bytes looked at, at most */
};

/* Lines end with CRLF, or LF alone (bounce mails, files). bytes_max 0: no bound. */
void header_scan_init(struct header_scan *s, struct str message, size_t bytes_max);
/* The next field. After END or BOUND further calls return the same. */
enum header_step header_next(struct header_scan *s, struct header_field *ret);

/* The first field of that name; false: none within the bound. */
bool header_find(struct str message, struct str name, size_t bytes_max, struct header_field *ret);
/* Bytes of the header with its blank line (all of the message when it has no body). */
size_t header_bytes(struct str message);

/* The value on one line: newlines of folds removed, control bytes made spaces, cut to `max` bytes (never within a UTF-8 code
 * point). In the arena. */
struct str header_unfold(struct str value, struct arena *a, size_t max);
