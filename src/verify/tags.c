/* tags: see tags.h. */
#include "verify/tags.h"

#include "lib/base64.h"

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str tags_trim(struct str s)
{
    while (s.n && is_space(s.p[0]))
        s = str_mem(s.p + 1, s.n - 1);
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str tags_uncommented(struct str s)
{
    for (;;) {
        struct str rest = tags_trim(s);
        size_t at = 0;
        unsigned depth = 0;
        if (!rest.n || rest.p[0] != '(')
            return rest;
        do {
            depth += rest.p[at] == '(';
            depth -= rest.p[at] == ')';
            at += rest.p[at] == '\\' ? 2 : 1;
        } while (depth > 0 && at < rest.n);
        at = at < rest.n ? at : rest.n;
        s = str_mem(rest.p + at, rest.n - at);
    }
}

struct str tags_item(struct str *rest, char c) { return tags_trim(str_split(rest, c)); }

bool tags_lists(struct str list, struct str name)
{
    while (list.p)
        if (str_eq_nocase(tags_item(&list, ':'), name))
            return true;
    return false;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '_')))
            return false;
    }
    return s.n > 0;
}

struct str tags_get(const struct tags *t, const char *name)
{
    for (unsigned i = 0; i < t->n; i++)
        if (str_eq(t->tag[i].name, str_of(name)))
            return t->tag[i].value;
    return (struct str){NULL, 0};
}

bool tags_read(struct str text, struct tags *ret)
{
    ret->n = 0;
    while (text.p) {
        struct str item = tags_item(&text, ';');
        if (item.n == 0) {
            if (tags_trim(text.p ? text : (struct str){"", 0}).n == 0)
                return true; /* after the last semicolon */
            return false;
        }
        struct str value = item, name = tags_item(&value, '=');
        if (!value.p || !is_name(name) || ret->n == TAGS_MAX)
            return false;
        for (unsigned i = 0; i < ret->n; i++)
            if (str_eq(ret->tag[i].name, name))
                return false;
        ret->tag[ret->n++] = (struct tag){name, tags_trim(value)};
    }
    return true;
}

struct str tags_packed(struct str s, struct arena *a)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (!is_space(s.p[i]))
            p[n++] = s.p[i];
    return str_mem(p, n);
}

bool tags_base64(struct str s, struct buf *b)
{
    struct arena a = {0};
    bool good = base64_decode(tags_packed(s, &a), b);
    arena_done(&a);
    return good;
}
