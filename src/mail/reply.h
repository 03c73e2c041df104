/* reply: an SMTP reply, ours or a remote's, and the bounded parser for a remote's byte stream (RFC 5321 4.2). */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/str.h"

/* An enhanced status code (RFC 3463); class 0: none. */
struct enhanced {
    uint8_t class;
    uint16_t subject, detail;
};

struct reply {
    int code; /* 200..599; 0: none was received */
    struct enhanced enhanced;
    struct str text; /* without codes; lines joined by '\n'; control bytes replaced by '?'; bounded */
};

enum { REPLY_LINE_MAX = 2048, REPLY_TEXT_MAX = 4096, REPLY_LINES_MAX = 100 };

/* Collects one reply at a time. Zeroed = ready; holds its own bounded buffer. */
struct reply_parser {
    struct buf line; /* partial line */
    struct buf text;
    int code;
    unsigned lines;
    bool wide;                /* the line was longer than REPLY_LINE_MAX: its rest is skipped */
    size_t bytes;             /* of the reply so far, skipped ones counted */
    struct enhanced enhanced; /* of the reply so far */
};
enum reply_status { REPLY_MORE, REPLY_DONE, REPLY_BAD };

/* Takes bytes up to and including the end of one reply; *taken says how many. DONE: *ret is set, its text borrowed
 * from the parser until the next feed. BAD: not a reply (no code, changing codes, out of bounds); ret->text quotes
 * what came. Accepts bare LF as line end (be liberal in what we read from a server), "250" alone, "250-" lines. */
enum reply_status reply_feed(struct reply_parser *p, const char *bytes, size_t n, size_t *taken, struct reply *ret);
void reply_parser_done(struct reply_parser *p);

/* Parses "5.1.1 rest": the enhanced code at the front of text when its class fits `code`; leaves the rest. */
bool enhanced_take(struct str *text, int code, struct enhanced *ret);
/* Writes "5.1.1" (or "" for none) NUL-terminated. */
void enhanced_text(struct enhanced e, char out[12]);
