/* hash: see hash.h. */
#include "lib/hash.h"

#include "lib/must.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

static inline uint64_t rotate(uint64_t x, int b) { return (x << b) | (x >> (64 - b)); }

static inline uint64_t word_at(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w); /* little-endian machines only, as the log's format is */
    return w;
}

struct sip {
    uint64_t a, b, c, d;
};

static inline void sip_round(struct sip *s)
{
    s->a += s->b, s->b = rotate(s->b, 13) ^ s->a, s->a = rotate(s->a, 32);
    s->c += s->d, s->d = rotate(s->d, 16) ^ s->c;
    s->a += s->d, s->d = rotate(s->d, 21) ^ s->a;
    s->c += s->b, s->b = rotate(s->b, 17) ^ s->c, s->c = rotate(s->c, 32);
}

static inline void sip_word(struct sip *s, uint64_t w)
{
    s->d ^= w;
    sip_round(s);
    sip_round(s);
    s->a ^= w;
}

uint64_t siphash(const uint8_t key[16], const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t k0 = word_at(key), k1 = word_at(key + 8), last = (uint64_t)n << 56;
    struct sip s = {0x736f6d6570736575 ^ k0, 0x646f72616e646f6d ^ k1, 0x6c7967656e657261 ^ k0, 0x7465646279746573 ^ k1};
    for (; n >= 8; n -= 8, p += 8)
        sip_word(&s, word_at(p));
    for (size_t i = 0; i < n; i++)
        last |= (uint64_t)p[i] << (8 * i);
    sip_word(&s, last);
    s.c ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

static uint8_t process_key[16];

static void draw(void) { must(getrandom(process_key, sizeof process_key, 0) == (ssize_t)sizeof process_key); }

const uint8_t *hash_process_key(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, draw);
    return process_key;
}
