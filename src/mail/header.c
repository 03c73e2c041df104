/* header: see header.h. */
#include "mail/header.h"

#include "mail/utf8.h"

void header_scan_init(struct header_scan *s, struct str message, size_t bytes_max)
{
    *s = (struct header_scan){.message = message, .bound = bytes_max ? bytes_max : SIZE_MAX};
}

static bool is_space(char c) { return c == ' ' || c == '\t'; }
static bool is_white(char c) { return is_space(c) || c == '\r' || c == '\n'; }

/* Length of the line at p with its newline; n when it has none. */
static size_t line_bytes(const char *p, size_t n)
{
    const char *newline = n ? memchr(p, '\n', n) : NULL;
    return newline ? (size_t)(newline - p) + 1 : n;
}

/* The blank line's length, or 0. */
static size_t blank_bytes(const char *p, size_t n)
{
    if (n >= 2 && p[0] == '\r' && p[1] == '\n')
        return 2;
    return n >= 1 && p[0] == '\n';
}

/* ftext is any printable byte but the colon (RFC 5322 3.6.8); UTF-8 names do not exist (RFC 6532 3.2 leaves them ASCII). */
static size_t name_bytes(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] > 0x20 && p[i] < 0x7F && p[i] != ':')
        i++;
    return i;
}

static struct str white_cut(struct str s)
{
    while (s.n > 0 && is_white(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_white(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* White space before the colon is obsolete syntax (RFC 5322 4.5), still met. */
static void field_split(struct header_field *f)
{
    size_t name = name_bytes(f->raw.p, f->raw.n), colon = name;
    while (colon < f->raw.n && is_space(f->raw.p[colon]))
        colon++;
    if (name == 0 || colon == f->raw.n || f->raw.p[colon] != ':')
        return;
    f->name = str_mem(f->raw.p, name);
    f->value = white_cut(str_mem(f->raw.p + colon + 1, f->raw.n - colon - 1));
}

enum header_step header_next(struct header_scan *s, struct header_field *ret)
{
    const char *p = s->message.p + s->at;
    size_t n = s->message.n - s->at, take = line_bytes(p, n), blank = blank_bytes(p, n);
    if (n == 0)
        return HEADER_END;
    if (blank > 0) {
        s->message.n = s->at += blank; /* nothing after it is header: this is the end for good */
        return HEADER_END;
    }
    while (take < n && is_space(p[take]))
        take += line_bytes(p + take, n - take);
    if (take > s->bound - s->at)
        return HEADER_BOUND;
    s->at += take;
    *ret = (struct header_field){.raw = str_mem(p, take)};
    field_split(ret);
    return ret->name.n > 0 ? HEADER_FIELD : HEADER_JUNK;
}

bool header_find(struct str message, struct str name, size_t bytes_max, struct header_field *ret)
{
    struct header_scan s;
    struct header_field f;
    enum header_step step;
    header_scan_init(&s, message, bytes_max);
    while ((step = header_next(&s, &f)) == HEADER_FIELD || step == HEADER_JUNK) {
        if (step == HEADER_FIELD && str_eq_nocase(f.name, name)) {
            *ret = f;
            return true;
        }
    }
    return false;
}

size_t header_bytes(struct str message)
{
    size_t at = 0;
    while (at < message.n) {
        size_t blank = blank_bytes(message.p + at, message.n - at);
        if (blank > 0)
            return at + blank;
        at += line_bytes(message.p + at, message.n - at);
    }
    return at;
}

/* No code point is left without its end. */
static size_t utf8_cut(const char *p, size_t n, size_t max)
{
    if (n <= max)
        return n;
    while (max > 0 && ((unsigned char)p[max] & 0xC0) == 0x80)
        max--;
    return max;
}

struct str header_unfold(struct str value, struct arena *a, size_t max)
{
    value = white_cut(value);
    size_t room = value.n < max ? value.n : max + UTF8_BYTES_MAX;
    char *to = arena_alloc(a, room + 1);
    size_t n = 0;
    for (size_t i = 0; i < value.n && n < room; i++) {
        char c = value.p[i];
        if (c == '\r' || c == '\n')
            continue;
        to[n++] = (unsigned char)c < 0x20 || c == 0x7F ? ' ' : c;
    }
    return str_mem(to, utf8_cut(to, n, max));
}
