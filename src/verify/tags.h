/* tags: "name=value; name=value" as DKIM, ARC and DMARC write it (RFC 6376 3.2). Private to verify/. */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"

enum { TAGS_MAX = 64 };

struct tag {
    struct str name, value; /* white space around cut; folds within the value kept */
};
struct tags {
    struct tag tag[TAGS_MAX];
    unsigned n;
};

/* Reads a list. False when it is not one: a name without "=", a bad name, or the same name twice. */
bool tags_read(struct str text, struct tags *ret);
/* The value; p == NULL: absent. Names are case-sensitive. */
struct str tags_get(const struct tags *t, const char *name);

/* The text without any white space, in the arena. */
struct str tags_packed(struct str s, struct arena *a);
/* Base64 with white space between; appended to b. */
bool tags_base64(struct str s, struct buf *b);
/* The next of a list parted by `c`, white space cut; as str_split. */
struct str tags_item(struct str *rest, char c);
/* Does a list parted by colons hold the name, in any case? */
bool tags_lists(struct str list, struct str name);
/* White space, newlines of folds included, cut off both ends. */
struct str tags_trim(struct str s);
/* White space and comments (RFC 5322 3.2.2) cut off the front. */
struct str tags_uncommented(struct str s);
