/* plain: see plain.h. One pass over the bytes:
 *
 *   - valid UTF-8 is read as such, any other byte as ISO-8859-2 or Windows-1250; Latin letters lose their diacritics, Cyrillic
 *     ones become small, other scripts stay; a byte that was lost before ("?", U+FFFD) is a "?"
 *   - all punctuation becomes a space, but for a dot or "?" between letters and "/"; an apostrophe goes ("doesn't": "doesnt")
 *   - what has an "@" becomes "@": nothing in an address is a word of the server
 *   - an IP address goes
 *   - codes at the start of a line, and a code with its enhanced code anywhere, go: they part sentences that run over lines
 *
 * tools/compile-rules folds phrases in the same way. */
#include "explain/plain.h"

#include "explain/rulebook.h"
#include "explain/status.h"
#include "mail/utf8.h"

/* The original while it is folded. */
struct reader {
    struct str s;
    size_t at;
    const uint16_t *map; /* where each byte stood before encoded words were decoded; NULL: at the same place */
    struct plain *to;
    bool line_start;
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static char byte_at(const struct reader *r, size_t i) { return i < r->s.n ? r->s.p[i] : ' '; }

static void put(struct reader *r, char c)
{
    struct plain *p = r->to;
    if (p->n > EXPLAIN_TEXT_MAX || (c == ' ' && p->text[p->n - 1] == ' '))
        return;
    p->text[p->n] = c;
    p->from[p->n++] = r->map ? r->map[r->at] : (uint16_t)r->at;
}

/* ASCII but letters and digits: what each becomes. */
static void put_sign(struct reader *r, char c)
{
    char before = r->to->text[r->to->n - 1];
    bool between = is_alnum(before) && is_alnum(byte_at(r, r->at + 1));
    if (c == '.' || c == '?')
        put(r, between || (c == '?' && before == '?') ? c : ' ');
    else if (c == '/')
        put(r, c);
    else if (c != '\'')
        put(r, ' ');
}

/* The address whose "@" stands here: its local part is taken back, its domain skipped. */
static size_t put_address(struct reader *r)
{
    struct plain *p = r->to;
    size_t n = 1;
    while (p->text[p->n - 1] != ' ')
        p->n--;
    put(r, '@');
    while (is_alnum(byte_at(r, r->at + n)) || byte_at(r, r->at + n) == '-' || byte_at(r, r->at + n) == '.')
        n++;
    return n;
}

/* A character beyond ASCII in n valid bytes. */
static void put_wide(struct reader *r, uint32_t c, size_t n)
{
    if (c >= 0xC0 && c < 0x180) {
        for (const char *t = rulebook_latin[c - 0xC0]; *t; t++)
            put(r, *t);
    } else if (c < 0xC0 || (c >= 0x2000 && c < 0x2070) || (c >= 0x3000 && c < 0x3020)) {
        if (c != 0x2018 && c != 0x2019)
            put(r, ' ');
    } else if (c == 0xFFFD) {
        put(r, '?');
    } else if (c >= 0xFF01 && c <= 0xFF5E) {
        char narrow = (char)(c - 0xFEE0);
        put(r, is_alnum(narrow) ? (char)(narrow | 0x20) : ' ');
    } else {
        for (size_t i = 0; i < n; i++)
            put(r, r->s.p[r->at + i]);
    }
}

/* Cyrillic: capitals made small, as UTF-8. */
static void put_cyrillic(struct reader *r, uint32_t c)
{
    if (c >= 0x410 && c < 0x430)
        c += 0x20;
    else if (c >= 0x400 && c < 0x410)
        c += 0x50;
    if (c == 0x451)
        c = 0x435;
    put(r, (char)(0xC0 | (c >> 6)));
    put(r, (char)(0x80 | (c & 0x3F)));
}

static size_t put_high(struct reader *r)
{
    struct str rest = str_mem(r->s.p + r->at, r->s.n - r->at);
    uint32_t c = utf8_take(&rest);
    size_t n = (size_t)(rest.p - (r->s.p + r->at));
    if (c == UTF8_BAD)
        put(r, rulebook_byte[(unsigned char)r->s.p[r->at] - 128]);
    else if (c >= 0x400 && c < 0x460)
        put_cyrillic(r, c);
    else
        put_wide(r, c, n);
    return n;
}

/* How long a code is that is no part of the sentence: at a line's start, or one with an enhanced code. */
static size_t code_length(const struct reader *r)
{
    struct status found;
    size_t n = status_at(r->s, r->at, &found);
    return n && (r->line_start || (found.code && found.enhanced.class)) ? n : 0;
}

/* How long an IP address is that begins here: it parts no sentence ("your IP 192.0.2.1 is listed"). */
static size_t ip_length(const struct reader *r)
{
    size_t n = 0, dots = 0, colons = 0;
    for (char c; n < 48; n++) {
        c = byte_at(r, r->at + n);
        dots += c == '.' && is_digit(byte_at(r, r->at + n + 1));
        colons += c == ':';
        if (!is_digit(c) && c != '.' && c != ':' && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
            break;
    }
    bool word_goes_on = is_alnum(byte_at(r, r->at + n)) || byte_at(r, r->at + n) == '-';
    return !word_goes_on && (colons >= 2 || dots == 3) ? n : 0;
}

/* A new line as such or as the two characters that stand for it. */
static size_t newline_length(const struct reader *r, char c)
{
    return c == '\n' ? 1 : c == '\\' && byte_at(r, r->at + 1) == 'n' ? 2 : 0;
}

/* Anything but letters and spaces; returns how many bytes it took. */
static size_t fold_rest(struct reader *r, char c)
{
    size_t n;
    if (is_digit(c) && r->to->text[r->to->n - 1] == ' ' && (n = code_length(r)) > 0) {
        put(r, ' ');
        return n;
    }
    if (is_digit(c) && r->to->text[r->to->n - 1] == ' ' && (n = ip_length(r)) > 0)
        return n;
    bool quote = c == '"' || c == '\r';
    r->line_start = (n = newline_length(r, c)) > 0 || (r->line_start && quote);
    if (n > 0)
        put(r, ' ');
    else if (is_digit(c))
        put(r, c);
    else if ((unsigned char)c >= 0x80)
        return put_high(r);
    else if (c == '@')
        return put_address(r);
    else
        put_sign(r, c);
    return n ? n : 1;
}

static void fold(struct str s, const uint16_t *map, struct plain *ret)
{
    struct reader r = {s, 0, map, ret, true};
    ret->text[0] = ' ';
    ret->from[0] = 0;
    ret->n = 1;
    while (r.at < s.n) {
        char c = s.p[r.at], low = (char)(c | 0x20);
        if (low >= 'a' && low <= 'z') {
            put(&r, low);
            r.line_start = false;
            r.at++;
        } else if (c == ' ') {
            put(&r, ' ');
            r.at++;
        } else {
            r.at += fold_rest(&r, c);
        }
    }
    if (ret->text[ret->n - 1] != ' ')
        ret->text[ret->n++] = ' ';
    ret->from[ret->n - 1] = ret->from[ret->n] = (uint16_t)(map ? map[s.n] : s.n);
}

/* ---- encoded words (RFC 2047) ---- */

/* The original with its encoded words decoded. */
struct decoded {
    size_t n;
    char text[EXPLAIN_TEXT_MAX];
    uint16_t from[EXPLAIN_TEXT_MAX + 1];
};

static void keep(struct decoded *d, char c, size_t from)
{
    d->text[d->n] = c;
    d->from[d->n++] = (uint16_t)from;
}

static int hex_value(char c)
{
    return is_digit(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static void decode_q(struct str word, size_t from, struct decoded *d)
{
    for (size_t i = 0; i < word.n; i++) {
        bool whole = i + 2 < word.n;
        int high = whole ? hex_value(word.p[i + 1]) : -1, low = whole ? hex_value(word.p[i + 2]) : -1;
        if (word.p[i] == '=' && high >= 0 && low >= 0) {
            keep(d, (char)(high * 16 + low), from + i);
            i += 2;
        } else {
            keep(d, word.p[i] == '_' ? ' ' : word.p[i], from + i);
        }
    }
}

static void decode_b(struct str word, size_t from, struct decoded *d)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < word.n; i++) {
        const char *at = word.p[i] ? strchr(digits, word.p[i]) : NULL;
        if (!at)
            continue;
        bits = (bits << 6 | (uint32_t)(at - digits)) & 0xFFFF;
        have += 6;
        if (have >= 8) {
            have -= 8;
            keep(d, (char)(bits >> have), from + i);
        }
    }
}

/* "=?charset?B?text?=" at the front of s: its encoding and text; false when it is none. */
static bool encoded_word(struct str s, char *encoding, struct str *word, size_t *length)
{
    const char *charset_end = s.n > 2 && s.p[0] == '=' && s.p[1] == '?' ? memchr(s.p + 2, '?', s.n - 2) : NULL;
    if (!charset_end || charset_end + 3 >= s.p + s.n || charset_end[2] != '?')
        return false;
    *encoding = (char)(charset_end[1] | 0x20);
    word->p = charset_end + 3;
    const char *end = memmem(word->p, (size_t)(s.p + s.n - word->p), "?=", 2);
    if (!end || (*encoding != 'q' && *encoding != 'b'))
        return false;
    word->n = (size_t)(end - word->p);
    *length = (size_t)(end + 2 - s.p);
    return true;
}

static void decode_words(struct str s, struct decoded *d)
{
    d->n = 0;
    for (size_t i = 0; i < s.n;) {
        struct str word, rest = str_mem(s.p + i, s.n - i);
        size_t length = 1;
        char encoding;
        if (!encoded_word(rest, &encoding, &word, &length))
            keep(d, s.p[i], i);
        else if (encoding == 'q')
            decode_q(word, (size_t)(word.p - s.p), d);
        else
            decode_b(word, (size_t)(word.p - s.p), d);
        i += length;
        struct str next = str_trim(str_mem(s.p + i, s.n - i)); /* white space between encoded words is none: RFC 2047 6.2 */
        if (length > 1 && next.n > 2 && next.p[0] == '=' && next.p[1] == '?')
            i = (size_t)(next.p - s.p);
    }
    d->from[d->n] = (uint16_t)s.n;
}

void plain_fold(struct str s, struct plain *ret)
{
    s.n = s.n < EXPLAIN_TEXT_MAX ? s.n : EXPLAIN_TEXT_MAX;
    if (s.n == 0 || !memmem(s.p, s.n, "=?", 2)) {
        fold(s, NULL, ret);
        return;
    }
    struct decoded d;
    decode_words(s, &d);
    fold(str_mem(d.text, d.n), d.from, ret);
}
