/* dsn_page: see dsn_page.h. */
#include "explain/dsn_page.h"

enum { COLUMNS = 72 };

static void put(const struct page *g, const char *z) { buf_add_str(g->b, str_of(z)); }

/* ---- plain text ---- */

static size_t columns(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* In lines of COLUMNS characters, each after `indent`. */
static void wrapped(const struct page *g, struct str text, const char *indent)
{
    size_t at = 0;
    while (text.p) {
        struct str word = str_split(&text, ' ');
        size_t width = columns(word);
        if (at > 0 && at + 1 + width > COLUMNS) {
            put(g, "\r\n");
            at = 0;
        }
        buf_addf(g->b, "%s%.*s", at == 0 ? indent : " ", STR_ARGS(word));
        at += (at == 0 ? strlen(indent) : 1) + width;
    }
    put(g, "\r\n");
}

/* ---- HTML ---- */

static void escaped(const struct page *g, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '&')
            put(g, "&amp;");
        else if (c == '<')
            put(g, "&lt;");
        else if (c == '>')
            put(g, "&gt;");
        else
            buf_add(g->b, &c, 1);
    }
}

static void element(const struct page *g, const char *open, struct str text, const char *close)
{
    put(g, open);
    escaped(g, text);
    put(g, close);
    put(g, "\r\n");
}

/* ---- the parts ---- */

void page_open(const struct page *g, const char *title)
{
    if (!g->html)
        return;
    put(g, "<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\">\r\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\r\n"
           "<meta name=\"color-scheme\" content=\"light dark\">\r\n");
    element(g, "<title>", str_of(title), "</title>");
    put(g, "</head>\r\n<body style=\"max-width:40em;margin:0 auto;padding:1em;font:16px/1.5 sans-serif;"
           "overflow-wrap:anywhere\">\r\n");
}

void page_close(const struct page *g)
{
    if (g->html)
        put(g, "</body></html>\r\n");
}

void page_begin(const struct page *g, const char *lang)
{
    if (g->html)
        buf_addf(g->b, "<div lang=\"%s\">\r\n", lang);
}

void page_end(const struct page *g)
{
    if (g->html)
        put(g, "</div>\r\n");
}

void page_divide(const struct page *g, const char *language)
{
    if (g->html)
        put(g, "<hr>\r\n");
    else
        buf_addf(g->b, "\r\n------------------------- %s\r\n\r\n", language);
}

void page_paragraph(const struct page *g, struct str text)
{
    if (g->html)
        element(g, "<p>", text, "</p>");
    else
        wrapped(g, text, "");
}

void page_gap(const struct page *g) { put(g, g->html ? "<div style=\"height:1em\"></div>\r\n" : "\r\n"); }

void page_field(const struct page *g, const char *label, struct str value)
{
    if (!g->html) {
        buf_addf(g->b, "%s: %.*s\r\n", label, STR_ARGS(value));
        return;
    }
    element(g, "<div>", str_of(label), ": ");
    element(g, "<b>", value, "</b></div>");
}

void page_recipient(const struct page *g, struct str address)
{
    if (g->html)
        element(g, "<h2 style=\"font-size:1.1em;margin:1.5em 0 .5em\">", address, "</h2>");
    else
        buf_addf(g->b, "\r\n<%.*s>\r\n", STR_ARGS(address));
}

void page_labelled(const struct page *g, const char *label, struct str text)
{
    struct buf line = {0};
    if (g->html) {
        element(g, "<p style=\"margin:.5em 0\"><b>", str_of(label), ":</b>");
        element(g, "", text, "</p>");
        return;
    }
    buf_addf(&line, "%s: %.*s", label, STR_ARGS(text));
    wrapped(g, buf_str(&line), "    ");
    buf_done(&line);
}

void page_says(const struct page *g, struct str label)
{
    if (g->html)
        element(g, "<p style=\"margin:.5em 0 0\">", label, ":</p>");
    else
        buf_addf(g->b, "    %.*s:\r\n", STR_ARGS(label));
}

/* A quoted line never begins a line of ours: programs that look for fields at line starts must not find a stranger's. */
void page_quote(const struct page *g, struct str lines)
{
    if (g->html)
        put(g, "<blockquote style=\"margin:.25em 0;padding-left:1em;border-left:3px solid #888\">\r\n");
    while (lines.p) {
        struct str line = str_split(&lines, '\n');
        if (g->html)
            element(g, "<div>", line, "</div>");
        else
            wrapped(g, line, "    > ");
    }
    if (g->html)
        put(g, "</blockquote>\r\n");
}
