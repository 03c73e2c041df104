/* writer: the file that the engine's lists are read from, as those write it who change the database. Callers hold the lock that
 * keeps writers apart (store/publish.c); readers need none: a new file takes the old one's place by rename, and single changes
 * are appended to it, each with its checksum. */
#pragma once

#include "suppress/suppress.h"

/* What stands about one (account, value), black and white list together. */
enum { SUPPRESS_MANUAL = 1, SUPPRESS_AUTOMATIC = 2, SUPPRESS_ALLOWED = 4 };
struct suppress_mark {
    struct str account, value; /* value in its normal form */
    unsigned flags;            /* 0: nothing (any more) */
    enum suppress_reason reason;
    int64_t at_s, expires_s;
};

/* A whole new file: gather (what both lists say about one thing may come in two marks), then finish, which puts it in the place
 * of `path` (durably) and frees the writer in any case. Keeps the key of the file that is there, if that can be read. */
struct suppress_writer;
struct suppress_writer *suppress_writer_new(const char *path);
void suppress_writer_add(struct suppress_writer *w, const struct suppress_mark *m);
bool suppress_writer_finish(struct suppress_writer **w, const char *path, struct fault *f);
void suppress_writer_free(struct suppress_writer **w); /* instead: the file stays as it is */

/* Appends changes to the file, durably; what is said later counts. A file whose tail has grown long is written anew, without what
 * expired before now_s. Fails for a missing, torn or foreign file: then write a whole new one. */
bool suppress_append(const char *path, const struct suppress_mark *m, size_t n, int64_t now_s, struct fault *f);
