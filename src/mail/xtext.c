/* xtext: see xtext.h. Both encodings are escapes over printable ASCII; "+" itself is escaped (RFC 3461 4: xchar excludes it),
 * "+00" is refused because nothing honest has a NUL. */
#include "mail/xtext.h"

#include "mail/utf8.h"

static bool is_plain(unsigned char c) { return c > 0x20 && c < 0x7F && c != '+' && c != '='; }

/* QCHAR of RFC 6533: as xtext's, but with "\" as the escape. */
static bool is_qchar(uint32_t c) { return c < 0x7F && is_plain((unsigned char)c) && c != '\\'; }

/* RFC 3461 4: "two upper case hexadecimal digits". */
static int upper_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int any_hex(char c) { return upper_hex(c >= 'a' && c <= 'f' ? (char)(c - 32) : c); }

bool xtext_encode(struct str s, struct buf *b)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        const char escaped[] = {'+', digits[c >> 4], digits[c & 15]};
        if (!(is_plain(c) ? buf_add(b, &s.p[i], 1) : buf_add(b, escaped, 3)))
            return false;
    }
    return true;
}

/* Takes one character, plain or escaped; -1: not xtext. */
static int xtext_take(struct str *s)
{
    unsigned char c = (unsigned char)s->p[0];
    size_t n = c == '+' ? 3 : 1;
    int v = is_plain(c) ? c : -1;
    if (c == '+' && s->n >= 3 && upper_hex(s->p[1]) >= 0 && upper_hex(s->p[2]) >= 0)
        v = upper_hex(s->p[1]) * 16 + upper_hex(s->p[2]);
    if (v <= 0)
        return -1;
    s->p += n;
    s->n -= n;
    return v;
}

bool xtext_decode(struct str s, struct buf *b)
{
    while (s.n > 0) {
        int v = xtext_take(&s);
        char c = (char)v;
        if (v < 0 || !buf_add(b, &c, 1))
            return false;
    }
    return true;
}

bool xtext_valid(struct str s)
{
    while (s.n > 0)
        if (xtext_take(&s) < 0)
            return false;
    return true;
}

static bool is_control(uint32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029; }

static bool utf8_addr_encode(struct str s, struct buf *b, bool ascii)
{
    while (s.n > 0) {
        const char *from = s.p;
        uint32_t point = utf8_take(&s);
        if (point == UTF8_BAD || is_control(point))
            return false;
        bool as_is = is_qchar(point) || (point >= 0x80 && !ascii);
        if (!(as_is ? buf_add(b, from, (size_t)(s.p - from)) : buf_addf(b, "\\x{%02X}", (unsigned)point)))
            return false;
    }
    return true;
}

bool utf8_addr_xtext(struct str s, struct buf *b) { return utf8_addr_encode(s, b, true); }
bool utf8_addr_unitext(struct str s, struct buf *b) { return utf8_addr_encode(s, b, false); }

/* EmbeddedUnicodeChar: "\x{" two to six hex digits "}". */
static uint32_t embedded_take(struct str *s)
{
    uint32_t point = 0;
    size_t i = 3;
    if (s->n < 6 || memcmp(s->p, "\\x{", 3) != 0)
        return UTF8_BAD;
    for (; i < s->n && i < 9 && any_hex(s->p[i]) >= 0; i++)
        point = point << 4 | (uint32_t)any_hex(s->p[i]);
    if (i < 5 || i == s->n || s->p[i] != '}' || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return UTF8_BAD;
    s->p += i + 1;
    s->n -= i + 1;
    return point;
}

bool utf8_addr_decode(struct str s, struct buf *b)
{
    while (s.n > 0) {
        bool escaped = s.p[0] == '\\';
        uint32_t point = escaped ? embedded_take(&s) : utf8_take(&s);
        if (point == UTF8_BAD || is_control(point) || (!escaped && point < 0x80 && !is_qchar(point)))
            return false;
        char bytes[UTF8_BYTES_MAX];
        if (!buf_add(b, bytes, utf8_put(point, bytes)))
            return false;
    }
    return true;
}

/* addr-type is an atom (RFC 3461 4.2). */
static bool type_valid(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool alnum = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9');
        if (!alnum && s.p[i] != '-' && s.p[i] != '_')
            return false;
    }
    return s.n > 0;
}

bool orcpt_decode(struct str s, struct str *type, struct buf *b)
{
    struct str address = s, kind = str_split(&address, ';');
    if (!address.p || !type_valid(kind))
        return false;
    *type = kind;
    return str_eq_nocase(kind, STR("utf-8")) ? utf8_addr_decode(address, b) : xtext_decode(address, b);
}
