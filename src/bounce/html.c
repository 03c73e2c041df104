/* html: the text of an HTML bounce. Not a browser: tags become nothing or a line end, the common entities their characters, and a
 * mailto link its address, because some servers tell the recipient nowhere else. One pass. */
#include "bounce/inner.h"
#include "mail/utf8.h"

static const struct {
    const char *name;
    const char *text;
} entities[] = {{"lt", "<"}, {"gt", ">"}, {"amp", "&"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", " "}, {"#39", "'"}, {"shy", ""}};
enum { ENTITIES = sizeof entities / sizeof *entities, ENTITY_MAX = 10 };

static const char *const breaking[] = {"br",  "p",    "/p",         "div", "/div", "tr",  "/tr",   "li",    "/li",
                                       "h1",  "/h1",  "h2",         "/h2", "h3",   "/h3", "hr",    "table", "/table",
                                       "pre", "/pre", "blockquote", "ul",  "ol",   "td",  "title", "/title"};

static void number_add(struct str digits, struct buf *b)
{
    uint64_t v;
    bool hex = digits.n > 0 && (digits.p[0] == 'x' || digits.p[0] == 'X');
    char out[UTF8_BYTES_MAX];
    if (hex) {
        v = 0;
        for (size_t i = 1; i < digits.n; i++) {
            char c = (char)(digits.p[i] | 0x20);
            unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
            if (d > 15 || v > 0x10FFFF)
                return;
            v = v * 16 + d;
        }
    } else if (!str_to_u64(digits, 0x10FFFF, &v))
        return;
    if (v < 32 || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000))
        return;
    buf_add(b, out, utf8_put((uint32_t)v, out));
}

/* At '&': appends what the entity means and returns its length; the '&' itself when it is none. */
static size_t entity(struct str s, struct buf *b)
{
    size_t end = 1;
    while (end < s.n && end < ENTITY_MAX && s.p[end] != ';' && s.p[end] != '<' && s.p[end] != ' ')
        end++;
    struct str name = str_mem(s.p + 1, end - 1);
    if (end < s.n && s.p[end] == ';') {
        for (size_t i = 0; i < ENTITIES; i++) {
            if (str_eq(name, str_of(entities[i].name))) {
                buf_add_str(b, str_of(entities[i].text));
                return end + 1;
            }
        }
        if (name.n > 1 && name.p[0] == '#') {
            number_add(str_mem(name.p + 1, name.n - 1), b);
            return end + 1;
        }
    }
    buf_add(b, "&", 1);
    return 1;
}

static void mailto(struct str tag, struct buf *b)
{
    static const char key[] = "href=\"mailto:";
    enum { KEY = sizeof key - 1 };
    for (size_t i = 0; i + KEY < tag.n; i++) {
        if (!str_starts_nocase(str_mem(tag.p + i, tag.n - i), STR("href=\"mailto:")))
            continue;
        size_t end = i + KEY;
        while (end < tag.n && tag.p[end] != '"' && tag.p[end] != '?')
            end++;
        buf_add(b, "<", 1);
        buf_add(b, tag.p + i + KEY, end - i - KEY);
        buf_add(b, "> ", 2);
        return;
    }
}

static bool tag_is(struct str tag, const char *name)
{
    size_t n = strlen(name);
    return tag.n >= n && str_starts_nocase(tag, str_of(name)) &&
           (tag.n == n || tag.p[n] == ' ' || tag.p[n] == '/' || tag.p[n] == '\n');
}

static void tag_add(struct str tag, struct buf *b)
{
    if (tag_is(tag, "a"))
        mailto(tag, b);
    for (size_t i = 0; i < sizeof breaking / sizeof *breaking; i++) {
        if (tag_is(tag, breaking[i])) {
            buf_add(b, "\n", 1);
            return;
        }
    }
}

/* How far a style, script or comment goes that begins at the '<'; 0: none does. */
static size_t hidden_bytes(struct str s)
{
    static const char *const pairs[][2] = {{"<style", "</style"}, {"<script", "</script"}, {"<!--", "-->"}};
    for (size_t i = 0; i < 3; i++) {
        if (!str_starts_nocase(s, str_of(pairs[i][0])))
            continue;
        for (size_t at = 4; at < s.n; at++)
            if (str_starts_nocase(str_mem(s.p + at, s.n - at), str_of(pairs[i][1])))
                return at + (i == 2 ? 3 : 0);
        return s.n;
    }
    return 0;
}

struct str html_text(struct str html, struct arena *a)
{
    struct buf b = {.max = TEXT_MAX};
    for (size_t i = 0; i < html.n;) {
        struct str rest = str_mem(html.p + i, html.n - i);
        if (html.p[i] == '&')
            i += entity(rest, &b);
        else if (html.p[i] == '<') {
            size_t hidden = hidden_bytes(rest);
            const char *end = memchr(rest.p, '>', rest.n);
            size_t tag = end ? (size_t)(end - rest.p) : rest.n;
            if (hidden == 0)
                tag_add(str_mem(rest.p + 1, tag > 0 ? tag - 1 : 0), &b);
            i += hidden > 0 ? hidden : tag + (end != NULL);
        } else {
            size_t run = 1;
            while (run < rest.n && rest.p[run] != '<' && rest.p[run] != '&')
                run++;
            buf_add(&b, rest.p, run);
            i += run;
        }
    }
    struct str text = arena_str(a, buf_str(&b));
    buf_done(&b);
    return text;
}
