/* dot: see dot.h.
 *
 * The decoder's states, by what was just taken:
 *
 *   LINE    nothing yet, or a true CRLF         -> DOT on ".", otherwise as TEXT
 *   TEXT    any other byte                      -> CR on CR; LF here is bare
 *   CR      a CR, already written               -> LINE on LF; anything else shows that the CR was bare
 *   DOT     CRLF "."; the dot is not written    -> DOT_CR on CR; anything else drops the dot for good (RFC 5321 4.5.2)
 *   DOT_CR  CRLF "." CR; neither is written     -> the end on LF; anything else is an ordinary line after all
 *
 * In LINE, TEXT and CR everything taken was also written as it is, so whole blocks may be copied without a step of the machine as
 * long as each LF in them follows a CR, each CR precedes an LF and no dot follows an LF. That is seen by comparing the bytes of a
 * block with the bytes one place before them. */
#include "mail/dot.h"

#include "lib/must.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { LINE, TEXT, CR, DOT, DOT_CR };
enum { BLOCK = 64 };

/* What a block holds; "after" is judged by the byte before, of the block before for the first. */
struct glance {
    bool bare; /* an LF not after a CR, or another byte after a CR */
    bool dot;  /* a dot after an LF */
    bool nul, high;
};

#ifdef __SSE2__
/* Found so far: bytes that are not zero where something is; of `least` the zero ones. */
struct lanes {
    __m128i bare, dot, least, any;
};

static inline void lane_add(struct lanes *l, const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i before = _mm_loadu_si128((const __m128i *)(const void *)(p - 1));
    __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r'), dot = _mm_set1_epi8('.');
    l->bare = _mm_or_si128(l->bare, _mm_xor_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(before, cr)));
    l->dot = _mm_or_si128(l->dot, _mm_and_si128(_mm_cmpeq_epi8(v, dot), _mm_cmpeq_epi8(before, lf)));
    l->least = _mm_min_epu8(l->least, v);
    l->any = _mm_or_si128(l->any, v);
}

static inline struct glance glance_at(const char *p)
{
    __m128i zero = _mm_setzero_si128();
    struct lanes l = {zero, zero, _mm_set1_epi8(1), zero};
    lane_add(&l, p);
    lane_add(&l, p + 16);
    lane_add(&l, p + 32);
    lane_add(&l, p + 48);
    return (struct glance){.bare = _mm_movemask_epi8(l.bare),
                           .dot = _mm_movemask_epi8(l.dot),
                           .nul = _mm_movemask_epi8(_mm_cmpeq_epi8(l.least, zero)),
                           .high = _mm_movemask_epi8(l.any)};
}
#else
static inline struct glance glance_at(const char *p)
{
    struct glance g = {0};
    for (int i = 0; i < BLOCK; i++) {
        g.bare |= (p[i] == '\n') != (p[i - 1] == '\r');
        g.dot |= p[i] == '.' && p[i - 1] == '\n';
        g.nul |= p[i] == '\0';
        g.high |= (unsigned char)p[i] >= 0x80;
    }
    return g;
}
#endif

/* Copies whole blocks from the front of p[0..n) as long as they need no thought; p[-1] is the byte taken last. Returns how
 * many bytes. */
static size_t copy_clean(struct dot_decoder *d, const char *p, size_t n, char *to)
{
    size_t at = 0;
    bool nul = false, high = false;
    for (; n - at >= BLOCK; at += BLOCK) {
        struct glance g = glance_at(p + at);
        if (g.bare || (g.dot && !d->chunked))
            break;
        nul |= g.nul;
        high |= g.high;
    }
    if (at == 0)
        return 0;
    memcpy(to, p, at);
    d->state = p[at - 1] == '\r' ? CR : p[at - 1] == '\n' ? LINE : TEXT;
    d->has_nul |= nul;
    d->has_8bit |= high;
    d->seen += at;
    return at;
}

static enum dot_status report_bare(struct dot_decoder *d, uint64_t at)
{
    bool first = !d->bare;
    if (first)
        d->bare_at = at;
    d->bare = true;
    return first && !d->normalise ? DOT_BARE : DOT_MORE;
}

/* A byte that is neither after a CR nor after a leading dot. */
static enum dot_status text_step(struct dot_decoder *d, char c, char **to)
{
    d->state = c == '\r' ? CR : TEXT;
    d->has_nul |= c == '\0';
    d->has_8bit |= (unsigned char)c >= 0x80;
    if (c != '\n') {
        *(*to)++ = c;
        return DOT_MORE;
    }
    if (d->normalise)
        *(*to)++ = '\r';
    *(*to)++ = '\n';
    return report_bare(d, d->seen);
}

/* The byte after a CR that has been written. */
static enum dot_status cr_step(struct dot_decoder *d, char c, char **to)
{
    if (c == '\n') {
        *(*to)++ = '\n';
        d->state = LINE;
        return DOT_MORE;
    }
    enum dot_status s = report_bare(d, d->seen - 1);
    if (d->normalise && c == '\r') {
        d->state = CR; /* CR CR LF: one newline */
        return s;
    }
    if (d->normalise)
        *(*to)++ = '\n';
    text_step(d, c, to);
    return s;
}

static enum dot_status step(struct dot_decoder *d, char c, char **to)
{
    switch (d->state) {
    case LINE:
        if (c != '.' || d->chunked)
            return text_step(d, c, to);
        d->state = DOT;
        return DOT_MORE;
    case CR:
        return cr_step(d, c, to);
    case DOT:
        if (c == '\r') {
            d->state = DOT_CR;
            return DOT_MORE;
        }
        if (c == '\n')
            *(*to)++ = '.';
        return text_step(d, c, to);
    case DOT_CR:
        if (c == '\n')
            return DOT_END;
        *(*to)++ = '.';
        *(*to)++ = '\r';
        return cr_step(d, c, to);
    default:
        return text_step(d, c, to);
    }
}

/* Steps through a block (of a chunk's start one byte), or further while a leading dot is undecided. */
static enum dot_status walk(struct dot_decoder *d, const char *in, size_t n, size_t *at, char **to)
{
    enum dot_status s = DOT_MORE;
    size_t bytes = *at == 0 ? 1 : BLOCK;
    size_t stop = n - *at > bytes ? *at + bytes : n;
    while (s == DOT_MORE && *at < n && (*at < stop || d->state > CR)) {
        s = step(d, in[(*at)++], to);
        d->seen++;
    }
    return s;
}

enum dot_status dot_decode(struct dot_decoder *d, const char *in, size_t n, size_t *taken, char *out, size_t *out_n)
{
    enum dot_status s = DOT_MORE;
    size_t at = 0;
    char *to = out;
    while (s == DOT_MORE && at < n) {
        s = walk(d, in, n, &at, &to);
        if (s != DOT_MORE || d->state > CR)
            continue;
        size_t run = copy_clean(d, in + at, n - at, to);
        at += run;
        to += run;
    }
    *taken = at;
    *out_n = (size_t)(to - out);
    return s;
}

bool dot_chunks_end(struct dot_decoder *d, char out[1], size_t *out_n)
{
    must(d->chunked);
    *out_n = 0;
    if (d->state != CR)
        return true;
    d->state = TEXT;
    report_bare(d, d->seen - 1);
    if (!d->normalise)
        return false;
    out[0] = '\n';
    *out_n = 1;
    return true;
}

static bool bare_here(struct str s, size_t at)
{
    if (s.p[at] == '\n')
        return at == 0 || s.p[at - 1] != '\r';
    return s.p[at] == '\r' && (at + 1 == s.n || s.p[at + 1] != '\n');
}

bool dot_newlines_whole(struct str s, size_t *bare_at)
{
    size_t at = 1;
    bool first_is_bare = s.n > 0 && s.p[0] == '\n';
    while (!first_is_bare && s.n > at && s.n - at >= BLOCK && !glance_at(s.p + at).bare)
        at += BLOCK;
    for (at--; at < s.n; at++) {
        if (!bare_here(s, at))
            continue;
        if (bare_at)
            *bare_at = at;
        return false;
    }
    return true;
}

/* Index of the first dot after an LF in p[0..n), or n. p[0] itself does not count. */
static size_t leading_dot(const char *p, size_t n)
{
    size_t at = 1;
    while (n > at && n - at >= BLOCK && !glance_at(p + at).dot)
        at += BLOCK;
    for (; at < n; at++)
        if (p[at] == '.' && p[at - 1] == '\n')
            return at;
    return n;
}

void dot_encoder_init(struct dot_encoder *e, struct str content)
{
    bool whole = content.n == 0 || content.p[content.n - 1] == '\n';
    *e = (struct dot_encoder){.rest = content, .coda = whole ? STR(".\r\n") : STR("\r\n.\r\n"), .fresh = true};
}

/* A span that ends with a leading dot while the rest begins with that same dot: it goes out twice without a copy. */
static struct str next_span(struct dot_encoder *e)
{
    struct str rest = e->rest;
    if (e->fresh && rest.n > 0 && rest.p[0] == '.') {
        e->fresh = false;
        return str_mem(rest.p, 1);
    }
    e->fresh = false;
    size_t dot = leading_dot(rest.p, rest.n);
    e->rest = str_mem(rest.p + dot, rest.n - dot);
    return str_mem(rest.p, dot < rest.n ? dot + 1 : dot);
}

size_t dot_encode(struct dot_encoder *e, struct str *span, size_t max)
{
    size_t n = 0;
    while (n < max && e->rest.n > 0)
        span[n++] = next_span(e);
    if (n < max && e->coda.n > 0) {
        span[n++] = e->coda;
        e->coda.n = 0;
    }
    return n;
}
