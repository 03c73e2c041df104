/* view: a message as verification looks at it: its header fields from the top, and its body. Nothing is copied. */
#pragma once

#include "mail/header.h"

struct view {
    struct header_field *field; /* junk lines have an empty name */
    unsigned fields;
    struct str body;
    bool whole; /* false: the header is past the bounds, and nothing may be concluded from it */
};
enum { VIEW_FIELDS_MAX = 5000, VIEW_HEADER_MAX = 2 * 1024 * 1024 };

/* Looks at a message (CRLF or LF lines); the array lives in the arena. */
void view_make(struct view *v, struct str message, struct arena *a);
/* The n-th field of that name from the top; NULL: there are not so many. */
const struct header_field *view_find(const struct view *v, struct str name, unsigned n);
unsigned view_count(const struct view *v, struct str name);
