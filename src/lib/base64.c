/* base64: see base64.h. */
#include "lib/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(struct str s, struct buf *b)
{
    char *to = buf_reserve(b, (s.n + 2) / 3 * 4);
    if (!to)
        return false;
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < s.n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < s.n ? p[i + 2] : 0);
        *to++ = letters[v >> 18];
        *to++ = letters[v >> 12 & 63];
        *to++ = i + 1 < s.n ? letters[v >> 6 & 63] : '=';
        *to++ = i + 2 < s.n ? letters[v & 63] : '=';
    }
    b->n += (s.n + 2) / 3 * 4;
    return true;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct str s, struct buf *b)
{
    size_t pad = 0;
    while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
        pad++;
    size_t size = s.n % 4 ? 0 : s.n / 4 * 3 - pad;
    char *to = s.n % 4 ? NULL : buf_reserve(b, size);
    if (!to)
        return false;
    uint32_t v = 0;
    size_t digits = s.n - pad, out = 0;
    for (size_t i = 0; i < s.n; i++) {
        int d = i < digits ? value_of(s.p[i]) : 0;
        if (d < 0)
            return false;
        v = v << 6 | (uint32_t)d;
        if (i % 4 == 3)
            for (int k = 2; k >= 0 && out < size; k--)
                to[out++] = (char)(v >> (8 * k) & 0xff);
    }
    if (pad && (v & ((1u << (8 * pad)) - 1))) /* bits behind the end must be zero (RFC 4648 3.5) */
        return false;
    b->n += size;
    return true;
}
