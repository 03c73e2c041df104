/* reply: see reply.h. A remote server is a stranger: its lines, their number and all of its bytes have a bound, and nothing it
 * says reaches a log or a bounce with control bytes in it. */
#include "mail/reply.h"

enum { REPLY_BYTES_MAX = REPLY_LINE_MAX * REPLY_LINES_MAX };

/* Printable as one line: what could steer a terminal or forge a line is replaced. Bytes >= 0x80 stay: they are evidence in
 * whatever character set the server speaks. */
static char harmless(char c)
{
    if (c == '\t')
        return ' ';
    return (unsigned char)c < 0x20 || c == 0x7F ? '?' : c;
}

static void text_add(struct buf *text, struct str line)
{
    if (text->n > 0 && text->n < REPLY_TEXT_MAX)
        buf_add(text, "\n", 1);
    size_t room = REPLY_TEXT_MAX - text->n;
    size_t n = line.n < room ? line.n : room;
    char *to = buf_reserve(text, n);
    for (size_t i = 0; i < n; i++)
        to[i] = harmless(line.p[i]);
    text->n += n;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The code at the front of a line, and what separates it from the text; 0: none. "250text" passes as text (RFC 5321 4.2.1 asks
 * for tolerance), a fourth digit does not. */
static int code_take(struct str *line, bool *ret_more)
{
    if (line->n < 3 || !is_digit(line->p[0]) || !is_digit(line->p[1]) || !is_digit(line->p[2]))
        return 0;
    int code = (line->p[0] - '0') * 100 + (line->p[1] - '0') * 10 + (line->p[2] - '0');
    if (code < 200 || code > 599 || (line->n > 3 && is_digit(line->p[3])))
        return 0;
    *ret_more = line->n > 3 && line->p[3] == '-';
    bool separated = line->n > 3 && (*ret_more || line->p[3] == ' ' || line->p[3] == '\t');
    line->p += separated ? 4 : 3;
    line->n -= separated ? 4 : 3;
    return code;
}

static bool number_take(struct str *s, uint64_t max, uint16_t *ret)
{
    uint64_t v;
    size_t n = 0;
    while (n < s->n && is_digit(s->p[n]))
        n++;
    if (!str_to_u64(str_mem(s->p, n), max, &v))
        return false;
    *ret = (uint16_t)v;
    s->p += n;
    s->n -= n;
    return true;
}

static bool dot_take(struct str *s)
{
    if (s->n == 0 || s->p[0] != '.')
        return false;
    s->p++;
    s->n--;
    return true;
}

bool enhanced_take(struct str *text, int code, struct enhanced *ret)
{
    struct str s = str_trim(*text);
    uint16_t class, subject, detail;
    if (!number_take(&s, 5, &class) || !dot_take(&s) || !number_take(&s, 999, &subject) || !dot_take(&s) ||
        !number_take(&s, 999, &detail))
        return false;
    bool ends = s.n == 0 || s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == ':' || s.p[0] == ';' || s.p[0] == ',' || s.p[0] == '-' ||
                s.p[0] == '\n';
    if (!ends || class != code / 100)
        return false;
    *ret = (struct enhanced){(uint8_t) class, subject, detail};
    if (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    *text = s;
    return true;
}

void enhanced_text(struct enhanced e, char out[12])
{
    out[0] = '\0';
    char *p = out;
    if (e.class == 0)
        return;
    const uint16_t parts[] = {e.class, e.subject, e.detail};
    for (unsigned i = 0; i < 3; i++) {
        unsigned v = parts[i] % 1000;
        if (i > 0)
            *p++ = '.';
        if (v >= 100)
            *p++ = (char)('0' + v / 100);
        if (v >= 10)
            *p++ = (char)('0' + v / 10 % 10);
        *p++ = (char)('0' + v % 10);
    }
    *p = '\0';
}

/* RFC 2034 4: the enhanced code stands on every line of a reply; the first one found is kept, repetitions are dropped. */
static void line_add(struct reply_parser *p, struct str line)
{
    struct enhanced e;
    struct str rest = line;
    if (enhanced_take(&rest, p->code, &e)) {
        if (p->enhanced.class == 0)
            p->enhanced = e;
        if (e.subject == p->enhanced.subject && e.detail == p->enhanced.detail)
            line = rest;
    }
    text_add(&p->text, line);
}

static void start_over(struct reply_parser *p)
{
    p->line.n = 0;
    p->bytes = 0;
    p->code = 0;
    p->lines = 0;
    p->wide = false;
    p->enhanced = (struct enhanced){0};
}

static enum reply_status bad(struct reply_parser *p, struct reply *ret)
{
    *ret = (struct reply){.text = buf_str(&p->text)};
    start_over(p);
    return REPLY_BAD;
}

/* One whole line, without its newline. */
static enum reply_status line_end(struct reply_parser *p, struct str line, struct reply *ret)
{
    bool more = false;
    struct str text = line;
    int code = code_take(&text, &more);
    if (code == 0 || (p->code && code != p->code) || ++p->lines > REPLY_LINES_MAX) {
        text_add(&p->text, line);
        return bad(p, ret);
    }
    p->code = code;
    line_add(p, text);
    if (more)
        return REPLY_MORE;
    *ret = (struct reply){p->code, p->enhanced, buf_str(&p->text)};
    start_over(p);
    return REPLY_DONE;
}

/* Adds what came of a line; past REPLY_LINE_MAX it is skipped. */
static void line_gather(struct reply_parser *p, const char *bytes, size_t n)
{
    size_t room = REPLY_LINE_MAX - p->line.n;
    p->wide |= n > room;
    buf_add(&p->line, bytes, n < room ? n : room);
}

static struct str without_cr(struct str line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* The line that ends with the newline at bytes[n], most often whole in this chunk. */
static enum reply_status chunk_line(struct reply_parser *p, const char *bytes, size_t n, struct reply *ret)
{
    if (p->line.n == 0 && n <= REPLY_LINE_MAX)
        return line_end(p, without_cr(str_mem(bytes, n)), ret);
    line_gather(p, bytes, n);
    struct str line = p->wide ? buf_str(&p->line) : without_cr(buf_str(&p->line));
    p->line.n = 0;
    p->wide = false;
    return line_end(p, line, ret);
}

enum reply_status reply_feed(struct reply_parser *p, const char *bytes, size_t n, size_t *taken, struct reply *ret)
{
    size_t at = 0;
    if (p->lines == 0 && p->line.n == 0)
        p->text.n = 0; /* the last reply's, until now the caller's */
    while (at < n) {
        const char *newline = memchr(bytes + at, '\n', n - at);
        size_t len = newline ? (size_t)(newline - bytes) - at : n - at;
        p->bytes += len + 1;
        enum reply_status s = REPLY_MORE;
        if (newline)
            s = chunk_line(p, bytes + at, len, ret);
        else
            line_gather(p, bytes + at, len);
        at += len + (newline != NULL);
        if (s == REPLY_MORE && p->bytes > REPLY_BYTES_MAX) {
            text_add(&p->text, buf_str(&p->line));
            s = bad(p, ret);
        }
        if (s != REPLY_MORE) {
            *taken = at;
            return s;
        }
    }
    *taken = n;
    return REPLY_MORE;
}

void reply_parser_done(struct reply_parser *p)
{
    buf_done(&p->line);
    buf_done(&p->text);
    start_over(p);
}
