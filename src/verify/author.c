/* author: see author.h. */
#include "verify/author.h"

#include "lib/buf.h"
#include "mail/header.h"
#include "mail/mailbox.h"
#include "verify/dmarc.h"

#include <ctype.h>

/* Walks a field's value without comments and quoted strings mattering. */
struct walk {
    struct str s;
    size_t at;
    bool open; /* a comment or a quoted string does not end: what a reader makes of the rest is anybody's guess */
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
    w->open |= w->at >= w->s.n;
}

static void skip_quoted(struct walk *w)
{
    for (w->at++; w->at < w->s.n && w->s.p[w->at] != '"'; w->at++)
        if (w->s.p[w->at] == '\\')
            w->at++;
    w->open |= w->at >= w->s.n;
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

/* RFC 5322 3.4.1 takes an underscore in a domain, RFC 5321 does not: no mail host has such a name, but DNS knows them and some
 * write from them. */
static bool domain_read(struct str domain, struct arena *a, struct str *ret)
{
    const char *why;
    char *plain = arena_alloc(a, domain.n + 1);
    for (size_t i = 0; i < domain.n; i++)
        plain[i] = domain.p[i] == '_' ? 'x' : domain.p[i];
    struct str shape = str_mem(plain, domain.n), ascii;
    if (!domain_valid(shape, true) || !domain_ascii(shape, a, &ascii, &why))
        return false;
    if (!domain.n || !memchr(domain.p, '_', domain.n)) {
        *ret = ascii;
        return true;
    }
    for (size_t i = 0; i < domain.n; i++) {
        if ((unsigned char)domain.p[i] >= 0x80)
            return false; /* its A-labels would be another name's */
        plain[i] = (char)tolower((unsigned char)domain.p[i]);
    }
    *ret = str_mem(plain, domain.n);
    return true;
}

const char *author_domain(struct str from, struct arena *a, struct str *ret)
{
    static const char bad[] = "the From field holds an address that is not well formed";
    struct str one = {"", 0}, ascii;
    struct buf plain = {0};
    const char *wrong = NULL;
    bool any;
    struct walk w = {.s = from};
    while (!wrong && next_address(&w, &plain, &any)) {
        if (!any)
            continue;
        struct str domain = domain_of(str_trim(buf_str(&plain)));
        if (!domain_read(domain, a, &ascii))
            wrong = bad;
        else if (one.n && !str_eq(one, ascii))
            wrong = "the From field names several domains";
        else
            one = ascii;
    }
    buf_done(&plain);
    if (!wrong && (w.open || !one.n))
        wrong = w.open ? bad : "the From field has no address";
    if (!wrong)
        *ret = one;
    return wrong;
}

static const char none[] = "the message has no From field", several[] = "the message has several From fields";

const char *author_of(struct str message, struct arena *a, struct str *ret)
{
    struct header_scan s;
    struct header_field f;
    struct str from = {"", 0};
    unsigned n = 0;
    enum header_step step;
    header_scan_init(&s, message, 0);
    while ((step = header_next(&s, &f)) <= HEADER_JUNK)
        if (step == HEADER_FIELD && str_eq_nocase(f.name, STR("From"))) {
            from = f.value;
            n++;
        }
    return n == 1 ? author_domain(from, a, ret) : n ? several : none;
}

const char *dmarc_author(const struct view *v, struct arena *a, struct str *ret)
{
    const struct header_field *f = view_find(v, STR("From"), 0);
    if (!v->whole)
        return "the message's header is longer than is looked at";
    if (view_find(v, STR("From"), 1))
        return several;
    return f ? author_domain(f->value, a, ret) : none;
}
