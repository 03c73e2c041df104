/* paths: see paths.h. */
#include "verp/paths.h"

#include "lib/buf.h"
#include "lib/file.h"

#include <stdio.h>

enum { FILE_MAX = 64 * 1024 * 1024 };

/* ---- reading ---- */

static bool take_time(struct str *line, int64_t *ret)
{
    uint64_t v;
    if (!line->p || !str_to_u64(str_split(line, '\t'), INT64_MAX, &v))
        return false;
    *ret = (int64_t)v;
    return true;
}

static const char *read_line(struct str line, struct path_row *r)
{
    r->domain = str_split(&line, '\t');
    r->account = str_split(&line, '\t');
    if (!r->domain.n)
        return "has no domain";
    return take_time(&line, &r->since_s) && take_time(&line, &r->until_s) ? NULL : "has a time that is no number";
}

static bool read_lines(struct paths *p, const char *path, struct str text, struct fault *f)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    p->row = arena_alloc(&p->arena, lines * sizeof *p->row);
    for (unsigned number = 1; text.p && text.n; number++) {
        struct str line = str_split(&text, '\n');
        if (line.n == 0 || line.p[0] == '#')
            continue;
        const char *trouble = read_line(line, &p->row[p->n]);
        if (trouble)
            return fault_set(f, "%s:%u: the line %s", path, number, trouble);
        p->n++;
    }
    return true;
}

bool paths_read(struct paths *p, const char *directory, struct fault *f)
{
    char path[700];
    struct buf text = {.max = FILE_MAX};
    *p = (struct paths){0};
    snprintf(path, sizeof path, "%s/return-paths", directory);
    bool good = file_read(path, &text, f) && read_lines(p, path, arena_str(&p->arena, buf_str(&text)), f);
    buf_done(&text);
    return good;
}

void paths_done(struct paths *p)
{
    arena_done(&p->arena);
    *p = (struct paths){0};
}

/* ---- changing ---- */

static struct path_row *find(struct paths *p, struct str domain)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->row[i].domain, domain))
            return &p->row[i];
    return NULL;
}

bool paths_use(struct paths *p, struct str domain, struct str account, bool use, int64_t now_s)
{
    struct path_row *r = find(p, domain);
    if (r && (r->until_s == 0) == use && (!use || str_eq(r->account, account)))
        return false;
    if (!r && !use)
        return false;
    if (!r) {
        struct path_row *more = arena_alloc(&p->arena, (p->n + 1) * sizeof *more);
        if (p->n)
            memcpy(more, p->row, p->n * sizeof *more);
        p->row = more;
        r = &p->row[p->n++];
        *r = (struct path_row){.domain = arena_str(&p->arena, domain)};
    }
    if (use)
        *r = (struct path_row){r->domain, arena_str(&p->arena, account), now_s, 0};
    else
        r->until_s = now_s;
    return true;
}

bool paths_write(const struct paths *p, const char *directory, int64_t now_s, struct fault *f)
{
    char path[700];
    struct buf b = {0};
    snprintf(path, sizeof path, "%s/return-paths", directory);
    for (size_t i = 0; i < p->n; i++) {
        const struct path_row *r = &p->row[i];
        if (!r->until_s || r->until_s + PATHS_KEEP_S > now_s)
            buf_addf(&b, "%.*s\t%.*s\t%lld\t%lld\n", STR_ARGS(r->domain), STR_ARGS(r->account), (long long)r->since_s,
                     (long long)r->until_s);
    }
    bool good = file_replace(path, b.n ? buf_str(&b) : STR(""), 0600, f);
    buf_done(&b);
    return good;
}
