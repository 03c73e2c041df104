/* crc32c: three interleaved streams of the SSE4.2 instruction (its latency is three cycles, its throughput one), joined by
 * multiplying with precomputed powers; a table elsewhere, and with CRC32C_TABLE_ONLY, so that tests reach it. */
#include "lib/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { STRIDE = 1024 }; /* bytes per stream and round */

static uint32_t table[256];
static uint32_t shift_one[4][256], shift_two[4][256]; /* CRC of a state followed by STRIDE, 2 STRIDE zero bytes */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t step(uint32_t crc, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        crc = table[(crc ^ p[i]) & 0xff] ^ (crc >> 8);
    return crc;
}

static void shift_table(uint32_t to[4][256], size_t zeros)
{
    static const unsigned char nothing[STRIDE];
    for (unsigned k = 0; k < 4; k++)
        for (uint32_t v = 0; v < 256; v++) {
            uint32_t c = v << (8 * k);
            for (size_t left = zeros; left; left -= STRIDE)
                c = step(c, nothing, STRIDE);
            to[k][v] = c;
        }
}

static void prepare(void)
{
    for (uint32_t v = 0; v < 256; v++) {
        uint32_t c = v;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
        table[v] = c;
    }
    shift_table(shift_one, STRIDE);
    shift_table(shift_two, 2 * STRIDE);
}

#if defined __x86_64__ && !defined CRC32C_TABLE_ONLY
static inline uint32_t shift(uint32_t t[4][256], uint32_t c)
{
    return t[0][c & 0xff] ^ t[1][(c >> 8) & 0xff] ^ t[2][(c >> 16) & 0xff] ^ t[3][c >> 24];
}

static inline uint64_t word_at(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

__attribute__((target("sse4.2"))) static uint32_t step_fast(uint32_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 3 * STRIDE; n -= 3 * STRIDE, p += 3 * STRIDE) {
        uint64_t a = crc, b = 0, c = 0;
        for (size_t i = 0; i < STRIDE; i += 8) {
            a = __builtin_ia32_crc32di(a, word_at(p + i));
            b = __builtin_ia32_crc32di(b, word_at(p + STRIDE + i));
            c = __builtin_ia32_crc32di(c, word_at(p + 2 * STRIDE + i));
        }
        crc = shift(shift_two, (uint32_t)a) ^ shift(shift_one, (uint32_t)b) ^ (uint32_t)c;
    }
    for (; n >= 8; n -= 8, p += 8)
        crc = (uint32_t)__builtin_ia32_crc32di(crc, word_at(p));
    for (; n; n--, p++)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
    pthread_once(&once, prepare);
#if defined __x86_64__ && !defined CRC32C_TABLE_ONLY
    if (__builtin_cpu_supports("sse4.2"))
        return ~step_fast(~crc, p, n);
#endif
    return ~step(~crc, p, n);
}
