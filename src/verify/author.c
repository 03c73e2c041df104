/* author: whose domain the From field shows (RFC 5322 3.6.2, 3.4). What people read is what is judged: several addresses of one
 * domain are one author, several domains are none. */
#include "lib/buf.h"
#include "mail/mailbox.h"
#include "verify/dmarc.h"

/* Walks a field's value without comments and quoted strings mattering. */
struct walk {
    struct str s;
    size_t at;
};

static void skip_comment(struct walk *w)
{
    unsigned depth = 0;
    for (; w->at < w->s.n; w->at++) {
        char c = w->s.p[w->at];
        if (c == '\\')
            w->at++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            break;
    }
}

static void skip_quoted(struct walk *w)
{
    for (w->at++; w->at < w->s.n && w->s.p[w->at] != '"'; w->at++)
        if (w->s.p[w->at] == '\\')
            w->at++;
}

/* The next address-like piece: what stands in angle brackets, or all of a list item without them. Comments are cut out. False at
 * the end. */
static bool next_address(struct walk *w, struct buf *plain, bool *ret_any)
{
    bool angle = false, had_angle = false;
    plain->n = 0;
    *ret_any = false;
    if (w->at >= w->s.n)
        return false;
    for (; w->at < w->s.n; w->at++) {
        char c = w->s.p[w->at];
        size_t from = w->at;
        if (c == '(') {
            skip_comment(w);
            continue;
        }
        if (c == '"') {
            skip_quoted(w);
            size_t to = w->at < w->s.n ? w->at + 1 : w->s.n;
            if (!had_angle || angle)
                buf_add(plain, w->s.p + from, to - from);
            continue;
        }
        if (c == '<' && !angle) {
            angle = had_angle = true;
            plain->n = 0;
            continue;
        }
        if (c == '>')
            angle = false;
        if ((c == ',' || c == ';') && !angle)
            break;
        if (c == ':' && !angle && !had_angle) { /* a group's name */
            plain->n = 0;
            continue;
        }
        if (c != '>' && c != '\r' && c != '\n' && (!had_angle || angle))
            buf_add(plain, &c, 1);
    }
    w->at++;
    struct str rest = str_trim(buf_str(plain));
    *ret_any = rest.n > 0 || had_angle;
    return true;
}

/* "<@route:local@domain>" (RFC 5322 4.4) is still written by some. */
static struct str domain_of(struct str address)
{
    size_t at = address.n;
    while (at > 0 && address.p[at - 1] != '@')
        at--;
    return at > 1 ? str_trim(str_mem(address.p + at, address.n - at)) : (struct str){"", 0};
}

const char *dmarc_author(const struct view *v, struct arena *a, struct str *ret)
{
    const struct header_field *f = view_find(v, STR("From"), 0);
    struct str one = {"", 0}, ascii;
    struct buf plain = {0};
    const char *wrong = NULL, *why;
    bool any;
    if (!v->whole)
        return "the message's header is longer than is looked at";
    if (!f)
        return "the message has no From field";
    if (view_find(v, STR("From"), 1))
        return "the message has several From fields";
    struct walk w = {f->value, 0};
    while (!wrong && next_address(&w, &plain, &any)) {
        if (!any)
            continue;
        struct str domain = domain_of(str_trim(buf_str(&plain)));
        if (!domain.n || !domain_ascii(domain, a, &ascii, &why))
            wrong = "the From field holds an address that is not well formed";
        else if (one.n && !str_eq(one, ascii))
            wrong = "the From field names several domains";
        else
            one = ascii;
    }
    buf_done(&plain);
    if (!wrong && !one.n)
        wrong = "the From field has no address";
    if (!wrong)
        *ret = one;
    return wrong;
}
