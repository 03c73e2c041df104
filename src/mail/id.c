/* id: see id.h. Nothing is shared between threads: each draws its own randomness, so that 80 random bits keep the ids of
 * threads and machines apart. */
#include "mail/id.h"

#include "lib/must.h"

#include <errno.h>
#include <sys/random.h>

enum { STAMP_BYTES = 6, TAIL_BYTES = 10, STEP_BYTES = 4 };

/* Crockford's base 32: no I, L, O, U. */
static const char alphabet[32] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The last id of this thread, and by how much the next one of the same millisecond is greater. */
struct maker {
    struct id last;
    uint32_t step;
};
static _Thread_local struct maker maker;

static void draw(void *p, size_t n)
{
    ssize_t got;
    do {
        got = getrandom(p, n, 0);
    } while (got < 0 && errno == EINTR);
    must(got == (ssize_t)n);
}

static struct id stamped(int64_t wall_ms)
{
    struct id id = {0};
    uint64_t ms = wall_ms < 0 ? 0 : (uint64_t)wall_ms;
    for (unsigned i = 0; i < STAMP_BYTES; i++)
        id.b[i] = (uint8_t)(ms >> (8 * (STAMP_BYTES - 1 - i)));
    return id;
}

/* The tail's top bit starts clear and 2^47 steps fit above it: within one millisecond it cannot wrap. */
static void tail_start(struct maker *m)
{
    unsigned char raw[TAIL_BYTES + STEP_BYTES];
    draw(raw, sizeof raw);
    memcpy(m->last.b + STAMP_BYTES, raw, TAIL_BYTES);
    m->last.b[STAMP_BYTES] &= 0x7F;
    memcpy(&m->step, raw + TAIL_BYTES, STEP_BYTES);
    m->step |= 1;
}

static void tail_advance(struct maker *m)
{
    uint64_t carry = m->step;
    for (unsigned i = sizeof m->last.b; i > STAMP_BYTES && carry; i--) {
        carry += m->last.b[i - 1];
        m->last.b[i - 1] = (uint8_t)carry;
        carry >>= 8;
    }
}

struct id id_new(int64_t wall_ms)
{
    struct id at = stamped(wall_ms);
    if (maker.step && memcmp(at.b, maker.last.b, STAMP_BYTES) == 0) {
        tail_advance(&maker);
    } else {
        maker.last = at;
        tail_start(&maker);
    }
    return maker.last;
}

struct id id_first(int64_t wall_ms) { return stamped(wall_ms); }

int64_t id_wall_ms(struct id id)
{
    uint64_t ms = 0;
    for (unsigned i = 0; i < STAMP_BYTES; i++)
        ms = ms << 8 | id.b[i];
    return (int64_t)ms;
}

/* 26 characters hold 130 bits: the first character carries the top three bits only. */
void id_text(struct id id, char out[ID_TEXT + 1])
{
    unsigned bits = 2, acc = 0; /* two zero bits in front */
    unsigned at = 0;
    for (unsigned i = 0; i < sizeof id.b; i++) {
        acc = acc << 8 | id.b[i];
        for (bits += 8; bits >= 5; bits -= 5)
            out[at++] = alphabet[acc >> (bits - 5) & 31];
    }
    out[at] = '\0';
    must(at == ID_TEXT);
}

static int digit_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 32);
    const char *at = c ? memchr(alphabet, c, sizeof alphabet) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

bool id_parse(struct str s, struct id *ret)
{
    struct id id = {0};
    unsigned bits = 0, acc = 0, at = 0;
    if (s.n != ID_TEXT)
        return false;
    for (size_t i = 0; i < ID_TEXT; i++) {
        int v = digit_value(s.p[i]);
        if (v < 0 || (i == 0 && v > 7))
            return false;
        acc = (acc << 5 | (unsigned)v) & 0xFFFF;
        bits += i == 0 ? 3 : 5;
        if (bits >= 8) {
            bits -= 8;
            id.b[at++] = (uint8_t)(acc >> bits);
        }
    }
    *ret = id;
    return true;
}
