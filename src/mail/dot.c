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
 * long as each LF in them follows a CR, each CR precedes an LF and no line begins with a dot: three comparisons of bit masks
 * over 64 bytes. */
#include "mail/dot.h"

#include "lib/must.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { LINE, TEXT, CR, DOT, DOT_CR };
enum { BLOCK = 64 };

/* One bit for each byte of a block. */
struct marks {
    uint64_t cr, lf, dot, nul, high;
};

#ifdef __SSE2__
static inline void marks_add(struct marks *m, const char *p, unsigned at)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + at));
    m->cr |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\r'))) << at;
    m->lf |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n'))) << at;
    m->dot |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('.'))) << at;
    m->nul |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) << at;
    m->high |= (uint64_t)(unsigned)_mm_movemask_epi8(v) << at;
}
enum { MARKS_STRIDE = 16 };
#else
static inline void marks_add(struct marks *m, const char *p, unsigned at)
{
    m->cr |= (uint64_t)(p[at] == '\r') << at;
    m->lf |= (uint64_t)(p[at] == '\n') << at;
    m->dot |= (uint64_t)(p[at] == '.') << at;
    m->nul |= (uint64_t)(p[at] == '\0') << at;
    m->high |= (uint64_t)((unsigned char)p[at] >> 7) << at;
}
enum { MARKS_STRIDE = 1 };
#endif

static inline struct marks marks_of(const char *p)
{
    struct marks m = {0};
    for (unsigned at = 0; at < BLOCK; at += MARKS_STRIDE)
        marks_add(&m, p, at);
    return m;
}

/* What one block leaves for the next: it ended with CR, with a newline; and what was seen so far. */
struct seam {
    uint64_t cr, line, nul, high;
};

/* Bytes at the front of p[0..n), in whole blocks, that need no thought. dots: all ones where a dot at a line's start matters. */
static size_t clean_blocks(struct seam *s, const char *p, size_t n, uint64_t dots)
{
    size_t at = 0;
    for (; n - at >= BLOCK; at += BLOCK) {
        struct marks m = marks_of(p + at);
        if ((m.cr << 1 | s->cr) != m.lf || ((m.lf << 1 | s->line) & m.dot & dots))
            break;
        s->cr = m.cr >> 63;
        s->line = m.lf >> 63;
        s->nul |= m.nul;
        s->high |= m.high;
    }
    return at;
}

static size_t copy_clean(struct dot_decoder *d, const char *p, size_t n, char *to)
{
    struct seam s = {.cr = d->state == CR, .line = d->state == LINE};
    size_t run = clean_blocks(&s, p, n, d->chunked ? 0 : ~UINT64_C(0));
    if (run == 0)
        return 0;
    memcpy(to, p, run);
    d->state = s.cr ? CR : s.line ? LINE : TEXT;
    d->has_nul |= s.nul != 0;
    d->has_8bit |= s.high != 0;
    d->seen += run;
    return run;
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

/* Steps through at most one block, or further while a leading dot is undecided. */
static enum dot_status walk(struct dot_decoder *d, const char *in, size_t n, size_t *at, char **to)
{
    enum dot_status s = DOT_MORE;
    size_t stop = n - *at > BLOCK ? *at + BLOCK : n;
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
        size_t run = d->state > CR ? 0 : copy_clean(d, in + at, n - at, to);
        at += run;
        to += run;
        s = walk(d, in, n, &at, &to);
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
    struct seam seam = {0};
    size_t at = clean_blocks(&seam, s.p, s.n, 0);
    for (at -= seam.cr; at < s.n; at++) {
        if (!bare_here(s, at))
            continue;
        if (bare_at)
            *bare_at = at;
        return false;
    }
    return true;
}

/* Index of the first dot at a line's start in p[0..n), or n. p[0] itself does not begin a line. */
static size_t leading_dot(const char *p, size_t n)
{
    size_t at = 0;
    uint64_t line = 0;
    for (; n - at >= BLOCK; at += BLOCK) {
        struct marks m = marks_of(p + at);
        uint64_t hit = (m.lf << 1 | line) & m.dot;
        if (hit)
            return at + (unsigned)__builtin_ctzll(hit);
        line = m.lf >> 63;
    }
    for (; at < n; at++) {
        if (line && p[at] == '.')
            return at;
        line = p[at] == '\n';
    }
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
