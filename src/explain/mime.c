/* mime: see mime.h. */
#include "explain/mime.h"

#include "mail/utf8.h"

enum { QP_LINE_MAX = 76, FIELD_LINE_MAX = 78, FIELD_WORD_MAX = 900 /* RFC 5322 2.1.1: a line is at most 998 bytes */ };
enum { ENCODED_WORD_MAX = 75 };

static const char hex[] = "0123456789ABCDEF";

static bool qp_plain(char c, bool last_of_line)
{
    return c > ' ' && c <= '~' ? c != '=' : (c == ' ' || c == '\t') && !last_of_line;
}

/* One line without its newline; soft breaks keep each within 76 characters. */
static void qp_line(struct str line, struct buf *b)
{
    size_t column = 0;
    for (size_t i = 0; i < line.n; i++) {
        bool plain = qp_plain(line.p[i], i + 1 == line.n);
        size_t width = plain ? 1 : 3;
        if (column + width > QP_LINE_MAX - 1) {
            buf_add(b, "=\r\n", 3);
            column = 0;
        }
        const char escaped[] = {'=', hex[(unsigned char)line.p[i] >> 4], hex[line.p[i] & 15]};
        buf_add(b, plain ? &line.p[i] : escaped, width);
        column += width;
    }
}

void mime_quoted_printable(struct str text, struct buf *b)
{
    while (text.n > 0) {
        struct str line = str_split(&text, '\n');
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        qp_line(line, b);
        buf_add(b, "\r\n", 2);
    }
}

/* The Q encoding, with no more unescaped than RFC 2047 5 (3) allows anywhere. */
static bool q_plain(uint32_t c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

static size_t q_put(uint32_t point, char out[3 * UTF8_BYTES_MAX])
{
    char bytes[UTF8_BYTES_MAX];
    size_t n = utf8_put(point, bytes), at = 0;
    if (q_plain(point) || point == ' ') {
        out[0] = point == ' ' ? '_' : (char)point;
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        out[at++] = '=';
        out[at++] = hex[(unsigned char)bytes[i] >> 4];
        out[at++] = hex[bytes[i] & 15];
    }
    return at;
}

/* Encoded words never split a code point, and a line of them has at most 76 characters (RFC 2047 2, 5). */
static void encoded_words(struct str text, size_t column, struct buf *b)
{
    static const char open[] = "=?UTF-8?Q?";
    size_t first = b->n, width = ENCODED_WORD_MAX; /* as if a word were full: the first code point opens one */
    while (text.n > 0) {
        char q[3 * UTF8_BYTES_MAX];
        uint32_t point = utf8_take(&text);
        size_t n = q_put(point == UTF8_BAD || point < 0x20 ? 0xFFFD : point, q);
        if (width + n + 2 > ENCODED_WORD_MAX) {
            bool opening = b->n == first;
            buf_addf(b, "%s%s", opening ? "" : "?=\r\n ", open);
            width = sizeof open - 1 + (opening ? column : 0);
        }
        buf_add(b, q, n);
        width += n;
    }
    buf_add(b, "?=", 2);
}

void mime_text_field(const char *name, struct str text, struct buf *b)
{
    if (!utf8_needed(text)) {
        mime_field(name, text, false, b);
        return;
    }
    buf_addf(b, "%s: ", name);
    encoded_words(text, strlen(name) + 2, b);
    buf_add(b, "\r\n", 2);
}

static void clean(struct str text, bool utf8, struct buf *b)
{
    while (text.n > 0) {
        const char *from = text.p;
        uint32_t point = utf8_take(&text);
        if (point == '\n')
            buf_add(b, "; ", 2);
        else if (point == UTF8_BAD || point < 0x20 || (point >= 0x7F && (!utf8 || point <= 0x9F)))
            buf_add(b, "?", 1);
        else
            buf_add(b, from, (size_t)(text.p - from));
    }
}

/* Takes the longest word, with the space before it, that may stand on a line of its own. */
static struct str word_take(struct str *s)
{
    size_t n = 1;
    while (n < s->n && s->p[n] != ' ' && n < FIELD_WORD_MAX)
        n++;
    struct str word = str_mem(s->p, n);
    *s = str_mem(s->p + n, s->n - n);
    return word;
}

void mime_field(const char *name, struct str value, bool utf8, struct buf *b)
{
    struct buf text = {0};
    size_t column = strlen(name) + 2;
    clean(str_trim(value), utf8, &text);
    buf_addf(b, "%s: ", name);
    struct str rest = buf_str(&text);
    while (rest.n > 0) {
        struct str word = word_take(&rest);
        if (column + word.n > FIELD_LINE_MAX && column > strlen(name) + 2) {
            buf_addf(b, "\r\n%s", word.p[0] == ' ' ? "" : " ");
            column = 0;
        }
        buf_add_str(b, word);
        column += word.n;
    }
    buf_add(b, "\r\n", 2);
    buf_done(&text);
}

void mime_clean_utf8(struct str text, bool lines, struct buf *b)
{
    while (text.n > 0) {
        const char *from = text.p;
        uint32_t point = utf8_take(&text);
        if (point == UTF8_BAD)
            buf_add(b, "\xEF\xBF\xBD", 3);
        else if ((point < 0x20 && !(lines && point == '\n')) || (point >= 0x7F && point <= 0x9F))
            buf_add(b, "?", 1);
        else
            buf_add(b, from, (size_t)(text.p - from));
    }
}
