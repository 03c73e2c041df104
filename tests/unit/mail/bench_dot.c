/* How fast content passes the dot decoder and encoder: `meson test --benchmark`. Beside memcpy, the limit. */
#include "mail/dot.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BYTES = 10240, ROUNDS = 40000, LINE_BYTES = 76 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void tell(const char *what, double from)
{
    printf("%-28s %6.2f GB/s\n", what, (double)BYTES * ROUNDS / (seconds() - from) / 1e9);
}

static size_t sink; /* so that no loop is empty to the compiler */

static void fill(char *p, bool dots)
{
    for (size_t i = 0; i < BYTES; i++)
        p[i] = (char)('a' + i % 26);
    for (size_t i = LINE_BYTES; i + 2 < BYTES; i += LINE_BYTES) {
        memcpy(p + i - 2, "\r\n", 2);
        if (dots && i % 5 == 0)
            memcpy(p + i, "..", 2);
    }
    memcpy(p + BYTES - 5, "\r\n.\r\n", 5);
}

static void decode(const char *what, const char *in, char *out)
{
    double from = seconds();
    for (int i = 0; i < ROUNDS; i++) {
        struct dot_decoder d = {0};
        size_t taken, n;
        if (dot_decode(&d, in, BYTES, &taken, out, &n) != DOT_END)
            exit(1);
        sink += n;
    }
    tell(what, from);
}

static void encode(const char *what, const char *in)
{
    double from = seconds();
    for (int i = 0; i < ROUNDS; i++) {
        struct dot_encoder e;
        struct str span[16];
        size_t n;
        dot_encoder_init(&e, str_mem(in, BYTES));
        while ((n = dot_encode(&e, span, 16)) > 0)
            sink += n;
    }
    tell(what, from);
}

static void copy(const char *in, char *out)
{
    double from = seconds();
    for (int i = 0; i < ROUNDS; i++) {
        memcpy(out, in, BYTES);
        __asm__ volatile("" ::: "memory");
    }
    tell("memcpy", from);
}

int main(void)
{
    static char plain[BYTES], dotted[BYTES], out[BYTES + 2];
    fill(plain, false);
    fill(dotted, true);
    copy(plain, out);
    decode("decode", plain, out);
    decode("decode, a dot in 5 lines", dotted, out);
    encode("encode", plain);
    encode("encode, a dot in 5 lines", dotted);
    return sink == 0;
}
