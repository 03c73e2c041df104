/* rows: see rows.h. CSV as RFC 4180 has it (quoted fields may hold separators, doubled quotes and line ends), with comma,
 * semicolon or tab, whichever the first line has most of. JSON lines are flat objects; what is nested in them is passed over. */
#include "cli/rows.h"

#include "lib/buf.h"

/* Names are compared without regard to case; "_", "-" and " " are one. */
static const struct name_row {
    enum field field;
    const char *name;
} names[] = {
    {FIELD_VALUE, "email"},
    {FIELD_VALUE, "e mail"},
    {FIELD_VALUE, "email address"},
    {FIELD_VALUE, "address"},
    {FIELD_VALUE, "recipient"},
    {FIELD_VALUE, "value"},
    {FIELD_VALUE, "domain"},
    {FIELD_VALUE, "adres"},
    {FIELD_VALUE, "adres email"},
    {FIELD_REASON, "reason"},
    {FIELD_REASON, "type"},
    {FIELD_REASON, "category"},
    {FIELD_REASON, "powód"},
    {FIELD_TEXT, "text"},
    {FIELD_TEXT, "proof"},
    {FIELD_TEXT, "reply"},
    {FIELD_TEXT, "response"},
    {FIELD_TEXT, "description"},
    {FIELD_TEXT, "comment"},
    {FIELD_TEXT, "error"},
    {FIELD_TEXT, "opis"},
    {FIELD_CREATED, "created"},
    {FIELD_CREATED, "created at"},
    {FIELD_CREATED, "date"},
    {FIELD_CREATED, "added"},
    {FIELD_CREATED, "timestamp"},
    {FIELD_CREATED, "data"},
    {FIELD_CREATED, "data dodania"},
    {FIELD_EXPIRES, "expires"},
    {FIELD_EXPIRES, "expires at"},
    {FIELD_ACCOUNT, "account"},
    {FIELD_ACCOUNT, "subaccount"},
    {FIELD_BY, "by"},
    {FIELD_BY, "author"},
    {FIELD_BY, "added by"},
    {FIELD_BY, "source"},
    {FIELD_AUTOMATIC, "automatic"},
    {FIELD_MESSAGE, "message"},
    {FIELD_MESSAGE, "message id"},
};

static int field_of(struct str name)
{
    char plain[32];
    name = str_trim(name);
    if (name.n >= sizeof plain)
        return -1;
    for (size_t i = 0; i < name.n; i++)
        plain[i] = name.p[i] == '_' || name.p[i] == '-' ? ' ' : name.p[i];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_nocase(str_mem(plain, name.n), str_of(names[i].name)))
            return (int)names[i].field;
    return -1;
}

static enum row bad(const char **why, const char *reason)
{
    *why = reason;
    return ROW_BAD;
}

static void skip(struct str *s, size_t n)
{
    s->p += n;
    s->n -= n;
}

/* Takes a line without its end. */
static struct str take_line(struct rows *r)
{
    struct str line = str_split(&r->rest, '\n');
    r->line = r->next++;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* ---- CSV ---- */

/* What follows the opening quote, up to and without the closing one. */
static bool quoted_take(struct str *s, struct arena *a, struct str *ret)
{
    size_t n = 0, quotes = 0;
    while (n < s->n && (s->p[n] != '"' || (n + 1 < s->n && s->p[n + 1] == '"'))) {
        quotes += s->p[n] == '"';
        n += s->p[n] == '"' ? 2 : 1;
    }
    if (n == s->n)
        return false;
    *ret = str_mem(s->p, n);
    if (quotes) {
        char *copy = arena_alloc(a, n);
        size_t k = 0;
        for (size_t i = 0; i < n; i++) {
            copy[k++] = s->p[i];
            i += s->p[i] == '"';
        }
        *ret = str_mem(copy, k);
    }
    skip(s, n + 1);
    return true;
}

/* One field and the separator behind it. False: malformed. *ret_last: the record ends with it. */
static bool csv_field(struct str *s, char separator, struct arena *a, struct str *ret, bool *ret_last)
{
    if (s->n && s->p[0] == '"') {
        skip(s, 1);
        if (!quoted_take(s, a, ret))
            return false;
    } else {
        size_t n = 0;
        while (n < s->n && s->p[n] != separator && s->p[n] != '\n')
            n++;
        *ret = str_mem(s->p, n);
        skip(s, n);
        if ((s->n == 0 || s->p[0] == '\n') && ret->n && ret->p[ret->n - 1] == '\r')
            ret->n--;
    }
    if (s->n && s->p[0] == '\r')
        skip(s, 1);
    *ret_last = s->n == 0 || s->p[0] == '\n';
    if (!*ret_last && s->p[0] != separator)
        return false;
    if (s->n)
        skip(s, 1);
    return true;
}

static unsigned lines_in(const char *from, const char *to)
{
    unsigned n = 0;
    for (; from < to; from++)
        n += *from == '\n';
    return n;
}

static enum row csv_next(struct rows *r, struct arena *a, struct str field[FIELDS], const char **why)
{
    struct str s = r->rest;
    bool last = false;
    for (unsigned i = 0; !last; i++) {
        struct str cell;
        if (!csv_field(&s, r->separator, a, &cell, &last)) {
            take_line(r); /* what follows is looked at again, line by line */
            return bad(why, "the quotes do not match");
        }
        if (i < r->columns && r->column[i] >= 0 && field[r->column[i]].n == 0)
            field[r->column[i]] = str_trim(cell);
    }
    r->line = r->next;
    r->next += lines_in(r->rest.p, s.p);
    r->rest = s;
    return ROW_GOOD;
}

/* ---- JSON ---- */

static void spaces_take(struct str *s)
{
    while (s->n && (s->p[0] == ' ' || s->p[0] == '\t' || s->p[0] == '\r'))
        skip(s, 1);
}

static bool char_take(struct str *s, char c)
{
    spaces_take(s);
    if (!s->n || s->p[0] != c)
        return false;
    skip(s, 1);
    return true;
}

static bool hex4_take(struct str *s, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++, skip(s, 1)) {
        char c = s->n ? s->p[0] : 0;
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (d < 0)
            return false;
        *ret = *ret * 16 + (uint32_t)d;
    }
    return true;
}

static void utf8_put(uint32_t c, struct buf *b)
{
    char out[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(n == 1 ? c : n == 2 ? 0xc0 | c : n == 3 ? 0xe0 | c : 0xf0 | c);
    buf_add(b, out, n);
}

static bool escape_take(struct str *s, struct buf *b)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t c, low;
    if (!s->n)
        return false;
    const char *at = strchr(from, s->p[0]);
    bool unicode = s->p[0] == 'u';
    skip(s, 1);
    if (!unicode)
        return at && *at && buf_add(b, &to[at - from], 1);
    if (!hex4_take(s, &c))
        return false;
    if (c >= 0xd800 && c < 0xdc00) { /* a surrogate pair */
        if (s->n < 2 || s->p[0] != '\\' || s->p[1] != 'u' || (skip(s, 2), !hex4_take(s, &low)) || low < 0xdc00 || low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    if (c >= 0xdc00 && c < 0xe000)
        return false;
    utf8_put(c, b);
    return true;
}

static bool string_take(struct str *s, struct arena *a, struct str *ret)
{
    if (!char_take(s, '"'))
        return false;
    size_t n = 0;
    while (n < s->n && s->p[n] != '"' && s->p[n] != '\\')
        n++;
    if (n < s->n && s->p[n] == '"') { /* nothing to undo: a view does */
        *ret = str_mem(s->p, n);
        skip(s, n + 1);
        return true;
    }
    struct buf b = {0};
    bool good = true;
    while (good && s->n && s->p[0] != '"') {
        char c = s->p[0];
        skip(s, 1);
        good = c == '\\' ? escape_take(s, &b) : buf_add(&b, &c, 1);
    }
    good = good && char_take(s, '"');
    if (good)
        *ret = arena_str(a, buf_str(&b));
    buf_done(&b);
    return good;
}

/* A nested value: brackets that match, strings in between. */
static bool nested_take(struct str *s, struct arena *a)
{
    struct str ignored;
    unsigned depth = 0;
    do {
        if (!s->n)
            return false;
        if (s->p[0] == '"') {
            if (!string_take(s, a, &ignored))
                return false;
            continue;
        }
        depth += s->p[0] == '{' || s->p[0] == '[';
        depth -= s->p[0] == '}' || s->p[0] == ']';
        skip(s, 1);
    } while (depth);
    return true;
}

/* A string, a number, a word; null is "". */
static bool value_take(struct str *s, struct arena *a, struct str *ret)
{
    spaces_take(s);
    *ret = (struct str){0};
    if (!s->n)
        return false;
    if (s->p[0] == '"')
        return string_take(s, a, ret);
    if (s->p[0] == '{' || s->p[0] == '[')
        return nested_take(s, a);
    size_t n = 0;
    while (n < s->n && s->p[n] != ',' && s->p[n] != '}' && s->p[n] != ' ')
        n++;
    *ret = str_mem(s->p, n);
    skip(s, n);
    if (str_eq(*ret, STR("null")))
        *ret = (struct str){0};
    return n > 0;
}

static enum row json_next(struct rows *r, struct arena *a, struct str field[FIELDS], const char **why)
{
    struct str s = take_line(r), name, value;
    bool first = true;
    if (!char_take(&s, '{'))
        return bad(why, "expected a JSON object, such as {\"email\":\"jan@example.pl\"}");
    while (!char_take(&s, '}')) {
        if ((!first && !char_take(&s, ',')) || !string_take(&s, a, &name) || !char_take(&s, ':') || !value_take(&s, a, &value))
            return bad(why, "the JSON is malformed");
        first = false;
        int at = field_of(name);
        if (at >= 0 && field[at].n == 0)
            field[at] = str_trim(value);
    }
    spaces_take(&s);
    return s.n ? bad(why, "something follows the JSON object: one object a line") : ROW_GOOD;
}

/* ---- the beginning ---- */

static char separator_of(struct str line)
{
    static const char known[] = {',', ';', '\t'};
    size_t most = 0, best = 0;
    for (size_t k = 0; k < sizeof known; k++) {
        size_t n = 0;
        for (size_t i = 0; i < line.n; i++)
            n += line.p[i] == known[k];
        if (n > most) {
            most = n;
            best = k;
        }
    }
    return known[best];
}

static bool header_read(struct rows *r, struct arena *a)
{
    struct str s = r->rest, cell;
    bool last = false, any = false;
    for (r->columns = 0; !last && r->columns < ROW_COLUMNS_MAX; r->columns++) {
        if (!csv_field(&s, r->separator, a, &cell, &last))
            return false;
        r->column[r->columns] = field_of(cell);
        any |= r->column[r->columns] == FIELD_VALUE;
    }
    if (any) {
        r->next += lines_in(r->rest.p, s.p);
        r->rest = s;
    }
    return any;
}

bool rows_open(struct rows *r, const char *name, struct str text, struct fault *f)
{
    struct arena a = {0};
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        skip(&text, 3);
    *r = (struct rows){.rest = text, .next = 1};
    struct str line = text, first = str_split(&line, '\n');
    struct str begin = str_trim(first);
    r->json = begin.n && begin.p[0] == '{';
    r->separator = separator_of(first);
    if (r->json || header_read(r, &a)) {
        arena_done(&a);
        return true;
    }
    arena_done(&a);
    struct str cell = str_split(&first, r->separator);
    if (!memchr(cell.p ? cell.p : "", '@', cell.n) && text.n)
        return fault_set(
            f, "%s:1: no column is called \"email\" (or address, recipient, value, domain): the first line names the columns",
            name);
    r->columns = 2;
    r->column[0] = FIELD_VALUE;
    r->column[1] = FIELD_REASON;
    return true;
}

enum row rows_next(struct rows *r, struct arena *a, struct str field[FIELDS], const char **why)
{
    for (int i = 0; i < FIELDS; i++)
        field[i] = (struct str){0};
    while (r->rest.n && (r->rest.p[0] == '\n' || (r->rest.p[0] == '\r' && (r->rest.n == 1 || r->rest.p[1] == '\n'))))
        take_line(r);
    if (!r->rest.n)
        return ROW_END;
    return r->json ? json_next(r, a, field, why) : csv_next(r, a, field, why);
}
