/* canon: see canon.h. Lines may end with LF alone; the canonical form always has CRLF. */
#include "verify/canon.h"

#include "verify/tags.h"

#include <ctype.h>

/* Gathers small pieces, so that the hash is fed in large ones. */
struct sink {
    EVP_MD_CTX *md;
    uint64_t left, total; /* bytes that may still be hashed; bytes of the form */
    size_t n;
    char bytes[4096];
};

static void drain(struct sink *s)
{
    size_t n = s->n < s->left ? s->n : (size_t)s->left;
    EVP_DigestUpdate(s->md, s->bytes, n);
    s->left -= n;
    s->n = 0;
}

/* Much at once is hashed where it stands. */
static void put_direct(struct sink *s, const char *p, size_t n)
{
    size_t most = n < s->left ? n : (size_t)s->left;
    drain(s);
    EVP_DigestUpdate(s->md, p, most);
    s->left -= most;
}

static void put(struct sink *s, const char *p, size_t n)
{
    s->total += n;
    if (n >= sizeof s->bytes) {
        put_direct(s, p, n);
        return;
    }
    while (n > 0) {
        size_t room = sizeof s->bytes - s->n, take = n < room ? n : room;
        memcpy(s->bytes + s->n, p, take);
        s->n += take;
        p += take;
        n -= take;
        if (s->n == sizeof s->bytes)
            drain(s);
    }
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Runs of blanks become one space, those at the end go (3.4.4). */
static void put_relaxed(struct sink *s, struct str line)
{
    while (line.n && is_blank(line.p[line.n - 1]))
        line.n--;
    for (size_t i = 0; i < line.n;) {
        size_t from = i;
        while (i < line.n && !is_blank(line.p[i]))
            i++;
        put(s, line.p + from, i - from);
        if (i < line.n)
            put(s, " ", 1);
        while (i < line.n && is_blank(line.p[i]))
            i++;
    }
}

/* Many bytes at once, on any machine that gcc and clang know: each byte of a comparison is 0 or 0xff. */
enum { LANE = 16 };
typedef uint8_t lane __attribute__((vector_size(LANE)));

static lane lane_at(const char *p)
{
    lane v;
    memcpy(&v, p, sizeof v);
    return v;
}

static bool any_of(lane v)
{
    uint64_t half[2];
    memcpy(half, &v, sizeof half);
    return (half[0] | half[1]) != 0;
}

/* Of the bytes of `at`, with their neighbours in `next`: those at which the relaxed form may differ from the text, or a line be
 * empty. */
static lane uncertain(lane at, lane next)
{
    lane blank = (lane)(next == ' ') | (lane)(next == '\t'), newline = (lane)(next == '\r') | (lane)(next == '\n');
    return (lane)(at == '\t') | ((lane)(at == ' ') & (blank | newline)) | ((lane)(at == '\n') & newline) |
           ((lane)(next == '\n') & (lane)(at != '\r'));
}

/* Whole lines from the front (of a line) whose relaxed form is surely their text, none of them empty: how many bytes. Most mail
 * is all such lines. */
static size_t plain_bytes(struct str body)
{
    size_t i = 0;
    if (body.p[0] == '\r' || body.p[0] == '\n')
        return 0;
    while (i + LANE < body.n && !any_of(uncertain(lane_at(body.p + i), lane_at(body.p + i + 1))))
        i += LANE;
    const char *last = memrchr(body.p, '\n', i);
    return last ? (size_t)(last - body.p) + 1 : 0;
}

static bool is_empty(struct str line, bool relaxed)
{
    for (size_t i = 0; i < line.n; i++)
        if (!relaxed || !is_blank(line.p[i]))
            return false;
    return true;
}

/* Takes a line without its newline. */
static struct str take_line(struct str *rest)
{
    struct str line = str_split(rest, '\n');
    if (line.n && line.p[line.n - 1] == '\r' && rest->p)
        line.n--;
    return line;
}

uint64_t canon_body(EVP_MD_CTX *md, struct str body, bool relaxed, uint64_t limit)
{
    struct sink s = {.md = md, .left = limit};
    uint64_t empty = 0; /* lines that count only if something follows */
    bool any = false;
    while (body.p && body.n) {
        size_t plain = relaxed ? plain_bytes(body) : 0;
        struct str lines = str_mem(body.p, plain);
        body = str_mem(body.p + plain, body.n - plain);
        if (!plain)
            lines = take_line(&body);
        if (is_empty(lines, relaxed)) {
            empty++;
            continue;
        }
        for (; empty; empty--)
            put(&s, "\r\n", 2);
        if (relaxed && !plain)
            put_relaxed(&s, lines);
        else
            put(&s, lines.p, lines.n);
        if (!plain)
            put(&s, "\r\n", 2);
        any = true;
    }
    if (!any && !relaxed)
        put(&s, "\r\n", 2); /* 3.4.3: an empty body is one CRLF */
    drain(&s);
    return s.total;
}

/* ---- fields ---- */

static void put_lower(struct sink *s, struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = (char)tolower((unsigned char)name.p[i]);
        put(s, &c, 1);
    }
}

static bool is_white(char c) { return is_blank(c) || c == '\r' || c == '\n'; }

/* Unfolded, blanks made one, none at the ends (3.4.2). Begun anew behind a gap: `*blank` says that a space is owed. */
static void put_value(struct sink *s, struct str value, bool *blank, bool *begun)
{
    for (size_t i = 0; i < value.n;) {
        size_t from = i;
        while (i < value.n && !is_white(value.p[i]))
            i++;
        if (i > from) {
            if (*blank && *begun)
                put(s, " ", 1);
            *blank = false;
            *begun = true;
            put(s, value.p + from, i - from);
        }
        *blank |= i < value.n;
        while (i < value.n && is_white(value.p[i]))
            i++;
    }
}

static struct str without_newline(struct str raw)
{
    while (raw.n && (raw.p[raw.n - 1] == '\n' || raw.p[raw.n - 1] == '\r'))
        raw.n--;
    return raw;
}

static void put_simple(struct sink *s, struct str raw)
{
    while (raw.p) {
        struct str line = take_line(&raw);
        put(s, line.p, line.n);
        if (raw.p)
            put(s, "\r\n", 2);
    }
}

/* The field but for the bytes [from, to) of it. */
static void put_field(struct sink *s, struct str raw, size_t from, size_t to, bool relaxed)
{
    raw = without_newline(raw);
    if (to > raw.n)
        to = raw.n;
    if (from > to)
        from = to;
    if (!relaxed) {
        put_simple(s, str_mem(raw.p, from));
        put_simple(s, str_mem(raw.p + to, raw.n - to));
        return;
    }
    struct str value = raw, name = str_split(&value, ':');
    size_t head = name.n + 1;
    bool blank = false, begun = false;
    while (name.n && is_blank(name.p[name.n - 1]))
        name.n--;
    put_lower(s, name);
    put(s, ":", 1);
    if (from < head)
        from = to = head < raw.n ? head : raw.n;
    put_value(s, str_mem(raw.p + head, from - head), &blank, &begun);
    put_value(s, str_mem(raw.p + to, raw.n - to), &blank, &begun);
}

void canon_field(EVP_MD_CTX *md, struct str raw, bool relaxed, bool last)
{
    struct sink s = {.md = md, .left = UINT64_MAX};
    put_field(&s, raw, raw.n, raw.n, relaxed);
    if (!last)
        put(&s, "\r\n", 2);
    drain(&s);
}

/* A number of the name without its case, so that most comparisons are of numbers: strangers choose how many there are. */
static uint32_t name_number(struct str name)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (uint32_t)tolower((unsigned char)name.p[i])) * 16777619u;
    return h;
}

void canon_fields(EVP_MD_CTX *md, const struct view *v, struct str names, bool relaxed)
{
    bool taken[VIEW_FIELDS_MAX] = {false};
    uint32_t number[VIEW_FIELDS_MAX];
    for (unsigned i = 0; i < v->fields; i++)
        number[i] = name_number(v->field[i].name);
    while (names.p) {
        struct str name = tags_item(&names, ':');
        uint32_t n = name_number(name);
        for (unsigned i = v->fields; i-- > 0;)
            if (number[i] == n && !taken[i] && str_eq_nocase(v->field[i].name, name)) {
                taken[i] = true;
                canon_field(md, v->field[i].raw, relaxed, false);
                break;
            }
    }
}

/* Where the value of b= lies in the field: behind "b", blanks, "=", up to the next ";". */
static void find_b(struct str raw, size_t *from, size_t *to)
{
    size_t at = 0;
    *from = *to = raw.n;
    while (at < raw.n && raw.p[at] != ':')
        at++;
    for (size_t start = at + 1; start < raw.n;) {
        size_t end = start, name = start;
        while (end < raw.n && raw.p[end] != ';')
            end++;
        while (name < end && (is_blank(raw.p[name]) || raw.p[name] == '\r' || raw.p[name] == '\n'))
            name++;
        size_t eq = name < end ? name + 1 : end;
        while (eq < end && (is_blank(raw.p[eq]) || raw.p[eq] == '\r' || raw.p[eq] == '\n'))
            eq++;
        if (name < end && raw.p[name] == 'b' && eq < end && raw.p[eq] == '=') {
            *from = eq + 1;
            *to = end;
            return;
        }
        start = end + 1;
    }
}

void canon_signature(EVP_MD_CTX *md, struct str raw, bool relaxed)
{
    struct sink s = {.md = md, .left = UINT64_MAX};
    size_t from, to;
    raw = without_newline(raw);
    find_b(raw, &from, &to);
    put_field(&s, raw, from, to, relaxed);
    drain(&s);
}
