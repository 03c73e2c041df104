/* keys: the secrets that seal return paths, the file DIRECTORY/return-path-keys: a line a key, tab-separated: number, 32 bytes in
 * hex, seconds since 1970 when it was made. The newest seals; the others are kept for as long as an address of theirs may come
 * back. Private to the room. */
#pragma once

#include "lib/fault.h"

#include <stddef.h>
#include <stdint.h>

enum { VERP_KEYS_MAX = 8, VERP_KEY = 32, VERP_KEY_NUMBERS = 32 /* a number is one character of the address */ };

struct verp_key {
    unsigned number;
    int64_t made_s;
    uint8_t secret[VERP_KEY];
};
struct verp_keys {
    size_t n;
    struct verp_key key[VERP_KEYS_MAX]; /* newest last */
};

/* Reads the file; none holds no key. */
bool keys_read(struct verp_keys *k, const char *directory, struct fault *f);
/* Makes a new key when there is none or the newest is old, and drops those that are out of use; writes the file if so. */
bool keys_renew(struct verp_keys *k, const char *directory, int64_t now_s, struct fault *f);
