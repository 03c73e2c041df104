/* index: see index.h. */
#include "sign/index.h"

#include "lib/buf.h"
#include "lib/file.h"
#include "sign/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDEX_MAX = 64 * 1024 * 1024 };

/* ---- reading ---- */

static bool take_time(struct str *line, int64_t *ret)
{
    uint64_t v;
    if (!line->p || !str_to_u64(str_split(line, '\t'), INT64_MAX, &v))
        return false;
    *ret = (int64_t)v;
    return true;
}

static const char *read_line(struct str line, struct key_row *r)
{
    r->domain = str_split(&line, '\t');
    r->account = str_split(&line, '\t');
    r->selector = str_split(&line, '\t');
    struct str kind = str_split(&line, '\t');
    if (!line.p)
        return "has fewer than eight fields";
    if (!r->domain.n || !r->selector.n || memchr(r->domain.p, '/', r->domain.n) || memchr(r->selector.p, '/', r->selector.n))
        return "has no domain or no selector";
    r->ed25519 = str_eq(kind, STR("ed25519"));
    if (!r->ed25519 && !str_eq(kind, STR("rsa")))
        return "has a key that is neither rsa nor ed25519";
    return take_time(&line, &r->made_s) && take_time(&line, &r->published_s) && take_time(&line, &r->used_s) &&
                   take_time(&line, &r->retired_s)
               ? NULL
               : "has a time that is no number";
}

static bool read_lines(struct key_index *x, const char *path, struct str text, struct fault *f)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    x->row = arena_alloc(&x->arena, lines * sizeof *x->row);
    for (unsigned number = 1; text.p && text.n; number++) {
        struct str line = str_split(&text, '\n');
        if (line.n == 0 || line.p[0] == '#')
            continue;
        const char *trouble = read_line(line, &x->row[x->n]);
        if (trouble)
            return fault_set(f, "%s:%u: the line %s", path, number, trouble);
        x->n++;
    }
    return true;
}

/* As root, what is made belongs to whom the directory above belongs to: the server's user. */
static bool make_folder(const char *path, const char *above, struct fault *f)
{
    struct stat st;
    if (mkdir(path, 0700) != 0) {
        if (errno == ENOENT)
            return fault_set(f, "there is no data directory for %s: start the server once, or name its settings with -c", path);
        return errno == EEXIST || fault_errno(f, errno, "cannot make %s", path);
    }
    if (geteuid() == 0 && stat(above, &st) == 0 && lchown(path, st.st_uid, st.st_gid) != 0)
        return fault_errno(f, errno, "cannot give %s to the server's user", path);
    return true;
}

static bool take_lock(struct key_index *x, const char *directory, struct fault *f)
{
    char above[700];
    snprintf(above, sizeof above, "%s/..", directory);
    if (!make_folder(directory, above, f))
        return false;
    x->lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return (x->lock >= 0 && flock(x->lock, LOCK_EX) == 0) || fault_errno(f, errno, "cannot lock %s", directory);
}

bool key_index_open(struct key_index *x, const char *directory, bool change, struct fault *f)
{
    char path[700];
    struct buf text = {.max = INDEX_MAX};
    *x = (struct key_index){.lock = -1};
    snprintf(path, sizeof path, "%s/index", directory);
    bool good = (!change || take_lock(x, directory, f)) && file_read(path, &text, f) &&
                read_lines(x, path, arena_str(&x->arena, buf_str(&text)), f);
    buf_done(&text);
    return good;
}

void key_index_done(struct key_index *x)
{
    if (x->lock >= 0)
        close(x->lock);
    arena_done(&x->arena);
    *x = (struct key_index){.lock = -1};
}

/* ---- changing ---- */

void key_index_add(struct key_index *x, const struct key_row *row)
{
    struct key_row *more = arena_alloc(&x->arena, (x->n + 1) * sizeof *more);
    if (x->n)
        memcpy(more, x->row, x->n * sizeof *more);
    more[x->n] = *row;
    more[x->n].domain = arena_str(&x->arena, row->domain);
    more[x->n].account = arena_str(&x->arena, row->account);
    more[x->n].selector = arena_str(&x->arena, row->selector);
    x->row = more;
    x->n++;
}

void key_index_drop(struct key_index *x, size_t at)
{
    memmove(&x->row[at], &x->row[at + 1], (x->n - at - 1) * sizeof *x->row);
    x->n--;
}

bool key_index_write(const struct key_index *x, const char *directory, struct fault *f)
{
    char path[700];
    struct buf b = {0};
    snprintf(path, sizeof path, "%s/index", directory);
    for (size_t i = 0; i < x->n; i++) {
        const struct key_row *r = &x->row[i];
        buf_addf(&b, "%.*s\t%.*s\t%.*s\t%s\t%lld\t%lld\t%lld\t%lld\n", STR_ARGS(r->domain), STR_ARGS(r->account),
                 STR_ARGS(r->selector), r->ed25519 ? "ed25519" : "rsa", (long long)r->made_s, (long long)r->published_s,
                 (long long)r->used_s, (long long)r->retired_s);
    }
    bool good = file_replace(path, b.n ? buf_str(&b) : STR(""), 0600, f);
    buf_done(&b);
    return good;
}

bool key_index_folder(const char *directory, struct str domain, struct fault *f)
{
    char path[800];
    snprintf(path, sizeof path, "%s/%.*s", directory, STR_ARGS(domain));
    return make_folder(path, directory, f);
}

void key_index_path(const char *directory, const struct key_row *row, char path[800])
{
    snprintf(path, 800, "%s/%.*s/%.*s.pem", directory, STR_ARGS(row->domain), STR_ARGS(row->selector));
}
