/* index: which domains have which keys, and how far each key is: the file DATA/keys/index, with the keys themselves in
 * DATA/keys/DOMAIN/SELECTOR.pem. `goniec domain` changes it; the engine reads it again when told.
 *
 * A line a key, tab-separated: domain, account ("" for anyone's), selector, rsa or ed25519, and four times in seconds since 1970,
 * 0 for not yet: made, seen in DNS, signs since, signs no more since. */
#pragma once

#include "lib/arena.h"
#include "lib/fault.h"

struct key_row {
    struct str domain, account, selector; /* domain: A-labels, lower case */
    bool ed25519;
    int64_t made_s, published_s, used_s, retired_s;
};

struct key_index {
    struct arena arena;
    struct key_row *row;
    size_t n;
    int lock; /* -1: none */
};

/* Reads the index of a directory; none is an empty one. change: makes the directory if need be and keeps others from changing it
 * until key_index_done, which is to be called in any case. A bad line fails with "file:line: ...". */
bool key_index_open(struct key_index *x, const char *directory, bool change, struct fault *f);
void key_index_done(struct key_index *x);

/* Adds a row (strings are copied); takes one out. */
void key_index_add(struct key_index *x, const struct key_row *row);
void key_index_drop(struct key_index *x, size_t at);
/* Writes it, all or nothing. */
bool key_index_write(const struct key_index *x, const char *directory, struct fault *f);

/* Makes the folder of a domain's keys, for the server's user alone. */
bool key_index_folder(const char *directory, struct str domain, struct fault *f);
/* "DIRECTORY/DOMAIN/SELECTOR.pem" */
void key_index_path(const char *directory, const struct key_row *row, char path[800]);
/* Does it sign now? */
static inline bool key_row_signs(const struct key_row *r) { return r->used_s && !r->retired_s; }
