/* fields: which header fields a signature covers, and in which order. Private to the room. */
#pragma once

#include "lib/str.h"

enum { SIGNED_NAMES_MAX = 32, SIGNED_PER_NAME_MAX = 20 };

/* The fields of one message that are signed, by name. */
struct signed_fields {
    unsigned n[SIGNED_NAMES_MAX];                          /* how many there are */
    struct str raw[SIGNED_NAMES_MAX][SIGNED_PER_NAME_MAX]; /* the i-th from the top at i % SIGNED_PER_NAME_MAX */
    struct str body;
};

/* Picks them in one pass. */
void fields_pick(struct signed_fields *s, struct str message);

/* Calls `fn` once a name in h=, in that order, with the field that it stands for; raw.p == NULL: none, the name is there so that
 * nobody can add one (RFC 6376 5.4.2, 8.15). */
void fields_each(const struct signed_fields *s, void (*fn)(void *ctx, struct str name, struct str raw), void *ctx);
