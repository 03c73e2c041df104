/* id: a message's 128-bit, time-sortable id, written as 26 characters of Crockford base 32 (ULID). */
#pragma once

#include "lib/str.h"

enum { ID_TEXT = 26 };

struct id {
    uint8_t b[16]; /* 48 bits of wall-clock ms, big-endian, then 80 random bits */
};

/* A new id for wall-clock time ms. Ids made by one thread within one millisecond still ascend. */
struct id id_new(int64_t wall_ms);
/* No id of that time or later is less; every earlier one is. */
struct id id_first(int64_t wall_ms);
/* Milliseconds since 1970 at which the id was made. */
int64_t id_wall_ms(struct id id);
/* Writes 26 characters and a NUL. */
void id_text(struct id id, char out[ID_TEXT + 1]);
/* Reads exactly 26 characters, upper or lower case; false on anything else. */
bool id_parse(struct str s, struct id *ret);
static inline bool id_eq(struct id a, struct id b) { return memcmp(a.b, b.b, sizeof a.b) == 0; }
