/* read: tells by their content what the bytes are, opens what is packed, and hands each report on (aggregate.h). What a file or a
 * mail's part is called does not count: reporters name them as they like. */
#include "aggregate/inner.h"
#include "lib/net.h"
#include "mail/mailbox.h"
#include "mail/utf8.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- words ---- */

enum aggregate_result better_of(enum aggregate_result a, enum aggregate_result b)
{
    static const int says[] = {[AGGREGATE_NONE] = 0, [AGGREGATE_REFUSED] = 1, [AGGREGATE_READ] = 2, [AGGREGATE_FAILED] = 3};
    return says[a] >= says[b] ? a : b;
}

enum aggregate_result refuse(struct reading *r, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!r->f->text[0])
        fault_set(r->f, "%s", text);
    return AGGREGATE_REFUSED;
}

enum aggregate_result hand_on(struct reading *r, const struct aggregate_report *report)
{
    struct fault f = {0};
    if (r->fn(r->ctx, report, &f))
        return AGGREGATE_READ;
    *r->f = f;
    return AGGREGATE_FAILED;
}

struct str lower_of(struct str text, struct arena *a)
{
    char *out = arena_alloc(a, text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        out[i] = text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] + 32) : text.p[i];
    return str_mem(out, text.n);
}

struct str domain_of(struct str text, struct arena *a)
{
    const char *why;
    struct str ret = {"", 0};
    if (text.n && text.p[text.n - 1] == '.')
        text.n--;
    if (domain_valid(text, true))
        domain_ascii(text, a, &ret, &why);
    return ret;
}

struct str address_of(struct str text, struct arena *a)
{
    struct sockaddr_storage sa;
    socklen_t len;
    char out[NET_TEXT];
    if (!net_parse_ip(text, 0, &sa, &len))
        return STR("");
    net_text((struct sockaddr *)&sa, out);
    return arena_str(a, str_of(out));
}

void text_mended(struct str bytes, struct buf *b)
{
    while (bytes.n > 0) {
        struct str before = bytes;
        uint32_t c = utf8_take(&bytes);
        bool good = c != UTF8_BAD && (c >= 32 || c == '\t' || c == '\n' || c == '\r') && c != 0xfffe && c != 0xffff;
        if (good)
            buf_add(b, before.p, before.n - bytes.n);
        else
            buf_add_str(b, STR("?"));
    }
}

/* ---- what it is ---- */

static bool begins(struct str s, const char *magic, size_t n) { return s.n >= n && memcmp(s.p, magic, n) == 0; }

/* The first byte of text behind a byte order mark and white space. */
static char first_letter(struct str s)
{
    size_t i = begins(s, "\xef\xbb\xbf", 3) ? 3 : 0;
    if (begins(s, "\xff\xfe", 2) || begins(s, "\xfe\xff", 2)) /* UTF-16: only XML comes so */
        return '<';
    while (i < s.n && memchr(" \t\r\n", s.p[i], 4))
        i++;
    return i < s.n ? s.p[i] : '\0';
}

struct level {
    struct reading *r;
    unsigned packed; /* archives around it */
};

static enum aggregate_result read_plain(struct str bytes, const struct level *l);

static enum aggregate_result of_archive(void *ctx, struct str bytes, struct str name)
{
    (void)name;
    return read_plain(bytes, ctx);
}

static enum aggregate_result read_packed(struct str bytes, const struct level *l)
{
    struct level inner = {l->r, l->packed + 1};
    struct buf b = {0};
    if (l->packed == AGGREGATE_PACKED_MAX)
        return refuse(l->r, "archives lie within archives, more than %d deep", AGGREGATE_PACKED_MAX);
    if (bytes.p[0] == 'P')
        return zip_each(bytes, l->r, of_archive, &inner);
    enum aggregate_result got = gzip_unpack(bytes, l->r, &b);
    if (got == AGGREGATE_READ)
        got = read_plain(buf_str(&b), &inner);
    buf_done(&b);
    return got;
}

static bool is_packed(struct str s) { return begins(s, "\x1f\x8b", 2) || begins(s, "PK\3\4", 4) || begins(s, "PK\5\6", 4); }

/* Anything but a mail. */
static enum aggregate_result read_plain(struct str bytes, const struct level *l)
{
    if (is_packed(bytes))
        return read_packed(bytes, l);
    char c = first_letter(bytes);
    return c == '<' ? dmarc_read(bytes, l->r) : c == '{' ? tls_read(bytes, l->r) : AGGREGATE_NONE;
}

/* ---- a mail's part ---- */

/* "reporter!domain!begin!end.json.gz" (RFC 8460 5.1, RFC 7489 7.2.1.1) */
static struct str domain_of_name(struct str name, struct arena *a)
{
    str_split(&name, '!');
    struct str domain = name.p ? str_split(&name, '!') : STR("");
    return domain_of(domain, a);
}

/* Some mail as text what was binary: each LF has become CRLF on the way. */
static enum aggregate_result read_without_cr(struct str bytes, struct reading *r)
{
    struct level l = {r, 0};
    struct buf b = {0};
    for (size_t i = 0; i < bytes.n; i++)
        if (bytes.p[i] != '\r' || i + 1 == bytes.n || bytes.p[i + 1] != '\n')
            buf_add(&b, &bytes.p[i], 1);
    enum aggregate_result got = read_plain(buf_str(&b), &l);
    buf_done(&b);
    return got;
}

static enum aggregate_result read_part(void *ctx, struct str bytes, struct str name)
{
    struct reading *r = ctx;
    struct level l = {r, 0};
    struct arena a = {0};
    struct str before = r->domain;
    if (r->domain.n == 0)
        r->domain = domain_of_name(name, &a);
    enum aggregate_result got = read_plain(bytes, &l);
    if (got == AGGREGATE_REFUSED && is_packed(bytes))
        got = better_of(got, read_without_cr(bytes, r));
    r->domain = before;
    arena_done(&a);
    return got;
}

/* ---- the door ---- */

static enum aggregate_result read_any(struct str bytes, struct reading *r)
{
    if (bytes.n > AGGREGATE_BYTES_MAX)
        return refuse(r, "it is larger than %d MiB", AGGREGATE_BYTES_MAX >> 20);
    char c = first_letter(bytes);
    if (is_packed(bytes) || c == '<' || c == '{')
        return read_plain(bytes, &(struct level){r, 0});
    return mail_each(bytes, r, read_part, r);
}

enum aggregate_result aggregate_read(struct str bytes, const char *name, aggregate_fn *fn, void *ctx, struct fault *f)
{
    struct arena a = {0};
    struct reading r = {.fn = fn, .ctx = ctx, .plain_left = AGGREGATE_PLAIN_MAX, .f = f};
    f->text[0] = '\0';
    f->code = 0;
    r.domain = domain_of_name(str_of(name ? name : ""), &a);
    enum aggregate_result got = bytes.n ? read_any(bytes, &r) : refuse(&r, "it is empty");
    if (got == AGGREGATE_NONE)
        fault_set(f,
                  "there is no report in it: expected a DMARC report (XML), a TLS report (JSON), either of them packed with gzip "
                  "or zip, or a mail with one");
    arena_done(&a);
    return got;
}
