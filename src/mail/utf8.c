/* utf8: see utf8.h. */
#include "mail/utf8.h"

/* How many bytes a sequence with this first byte has; 0: no sequence begins so. */
static size_t sequence_bytes(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

static bool scalar_of_length(uint32_t point, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return point >= least[n] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

/* The code point of the n bytes at p, n as sequence_bytes said. */
static uint32_t decode(const unsigned char *p, size_t n)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = p[0] & first_bits[n];
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return UTF8_BAD;
        point = point << 6 | (p[i] & 0x3F);
    }
    return scalar_of_length(point, n) ? point : UTF8_BAD;
}

uint32_t utf8_take(struct str *s)
{
    const unsigned char *p = (const unsigned char *)s->p;
    size_t n = sequence_bytes(p[0]);
    uint32_t point = n == 0 || n > s->n ? UTF8_BAD : decode(p, n);
    if (point == UTF8_BAD)
        n = 1;
    s->p += n;
    s->n -= n;
    return point;
}

size_t utf8_put(uint32_t point, char out[UTF8_BYTES_MAX])
{
    static const unsigned char mark[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)(mark[n] | point);
    return n;
}

bool utf8_valid(struct str s)
{
    while (s.n > 0)
        if (utf8_take(&s) == UTF8_BAD)
            return false;
    return true;
}

bool utf8_needed(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return true;
    return false;
}
