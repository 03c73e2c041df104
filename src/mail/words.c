/* words: see words.h. The characters come from iconv, which the C library has. */
#include "mail/words.h"

#include "lib/base64.h"

#include <iconv.h>

enum { WORD_MAX = 1000, CHARSET_MAX = 40 };

struct word {
    struct str charset, text;
    bool base64;
};

/* "=?charset[*language]?B|Q?text?=" at the front of *s; takes it from there. */
static bool word_take(struct str *s, struct word *ret)
{
    struct str rest = *s;
    if (rest.n < 8 || rest.n > 1 << 20 || memcmp(rest.p, "=?", 2) != 0)
        return false;
    rest = str_mem(rest.p + 2, rest.n - 2);
    ret->charset = str_split(&rest, '?');
    struct str encoding = str_split(&rest, '?');
    ret->text = str_split(&rest, '?');
    if (!rest.p || rest.n == 0 || rest.p[0] != '=' || encoding.n != 1 || !strchr("BbQq", encoding.p[0]) ||
        ret->text.n > WORD_MAX || memchr(ret->text.p, ' ', ret->text.n))
        return false;
    ret->base64 = encoding.p[0] == 'B' || encoding.p[0] == 'b';
    struct str language = ret->charset;
    ret->charset = str_split(&language, '*'); /* RFC 2231 5 */
    *s = str_mem(rest.p + 1, rest.n - 1);
    return ret->charset.n > 0 && ret->charset.n < CHARSET_MAX;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool q_decode(struct str s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] == '_' ? ' ' : s.p[i];
        if (c == '=') {
            int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1, low = i + 2 < s.n ? hex(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        buf_add(b, &c, 1);
    }
    return true;
}

/* Through iconv from the charset; false (b as it was) when it does not know it or the bytes are not of it. */
static bool convert(struct str charset, struct str bytes, struct buf *b)
{
    char name[CHARSET_MAX + 1], out[WORD_MAX * 4], *from = (char *)(uintptr_t)bytes.p, *to = out;
    size_t left = bytes.n, room = sizeof out;
    memcpy(name, charset.p, charset.n);
    name[charset.n] = '\0';
    iconv_t c = iconv_open("UTF-8", name);
    if (c == (iconv_t)-1)
        return false;
    bool good = iconv(c, &from, &left, &to, &room) != (size_t)-1 && left == 0;
    iconv_close(c);
    return good && buf_add(b, out, sizeof out - room);
}

static bool word_decode(const struct word *w, struct buf *b)
{
    struct buf bytes = {0};
    bool good = w->base64 ? base64_decode(w->text, &bytes) : q_decode(w->text, &bytes);
    good = good && (bytes.n == 0 || convert(w->charset, buf_str(&bytes), b));
    buf_done(&bytes);
    return good;
}

void words_decode(struct str text, struct buf *b)
{
    bool after_word = false;
    while (text.n > 0) {
        size_t space = 0;
        while (space < text.n && strchr(" \t\r\n", text.p[space]))
            space++;
        struct str rest = str_mem(text.p + space, text.n - space);
        struct word w;
        size_t begin = b->n;
        if (!after_word)
            buf_add(b, text.p, space);
        if (word_take(&rest, &w) && word_decode(&w, b)) {
            after_word = true;
            text = rest;
            continue;
        }
        b->n = begin;
        size_t n = space + (space < text.n);
        while (n < text.n && !strchr(" \t\r\n", text.p[n]) && text.p[n] != '=')
            n++;
        buf_add(b, text.p, n);
        text = str_mem(text.p + n, text.n - n);
        after_word = false;
    }
}
