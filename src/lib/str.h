/* str: a borrowed view of bytes (pointer and length). Owns nothing; lives as long as what it points into.
 *
 * No function here assumes NUL termination. Lengths are bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* A view of a string literal, and the "%.*s" arguments of a view. */
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_ARGS(s) (int)(s).n, (s).p

static inline struct str str_of(const char *z) { return (struct str){z, z ? strlen(z) : 0}; }
static inline struct str str_mem(const void *p, size_t n) { return (struct str){p, n}; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }

/* ASCII case-insensitive comparisons; bytes >= 0x80 compare exactly. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts_nocase(struct str s, struct str prefix);

/* The view without leading and trailing space and tab. */
struct str str_trim(struct str s);

/* Splits *rest at the first `c`: returns what is before it and leaves what follows in *rest.
 * Without `c` returns all of it and leaves *rest with p == NULL. */
struct str str_split(struct str *rest, char c);

/* Parses the whole of `s` as an unsigned decimal no greater than `max`. False on empty, sign, other
 * bytes or overflow; *ret is set only on success. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *ret);
