/* check: what the unit tests of mail/ and explain/ share: cmocka, views compared as text, and lines of a corpus. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/str.h"

/* A view equals a NUL-terminated text. */
#define assert_str(s, z)                                                                                                         \
    do {                                                                                                                         \
        struct str assert_str_ = (s);                                                                                            \
        if (!str_eq(assert_str_, str_of(z)))                                                                                     \
            fail_msg("expected \"%s\", got \"%.*s\"", (z), STR_ARGS(assert_str_));                                               \
    } while (0)

/* Opens a file of the test corpora (GONIEC_CORPORA, by default ../shared/corpora); NULL, and a word, when it is not there. */
static inline FILE *corpus_open(const char *name)
{
    char path[1024];
    const char *base = getenv("GONIEC_CORPORA");
    snprintf(path, sizeof path, "%s/%s", base ? base : "../shared/corpora", name);
    FILE *f = fopen(path, "r");
    if (!f)
        print_message("skipped: the corpus %s is not here (set GONIEC_CORPORA)\n", path);
    return f;
}

/* Bytes of a hexadecimal text; returns how many. */
static inline size_t unhex(struct str hex, char *out)
{
    size_t n = hex.n / 2;
    for (size_t i = 0; i < n; i++) {
        char pair[3] = {hex.p[2 * i], hex.p[2 * i + 1], '\0'};
        out[i] = (char)strtoul(pair, NULL, 16);
    }
    return n;
}
