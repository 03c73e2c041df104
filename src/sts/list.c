/* list: see sts.h. The file is a line of its name, then a line a domain, sorted, fields parted by tabs:
 *
 *   domain  id  mode  fetched  expires  failed-id  failed-until  mx mx ...
 *
 * with "-" for what is not there. It is a cache: whoever finds it damaged goes on without. */
#include "lib/file.h"
#include "lib/must.h"
#include "sts/sts.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 256 * 1024 * 1024 };

static const char head[] = "goniec MTA-STS policies 1\n";

struct sts_list {
    atomic_uint refs;
    char *text;
    struct sts_entry *entry;
    size_t n;
};

/* ---- reading ---- */

static struct str take_text(struct str *line)
{
    struct str s = str_split(line, '\t');
    return str_eq(s, STR("-")) ? (struct str){"", 0} : s;
}

static int64_t take_number(struct str *line, uint64_t max, bool *ok)
{
    uint64_t v = 0;
    if (!str_to_u64(str_split(line, '\t'), max, &v))
        *ok = false;
    return (int64_t)v;
}

static bool take_line(struct str line, struct sts_entry *ret)
{
    bool ok = true;
    struct sts_entry e = {.domain = take_text(&line), .id = take_text(&line)};
    e.mode = (enum sts_mode)take_number(&line, STS_ENFORCE, &ok);
    e.fetched_s = take_number(&line, INT64_MAX, &ok);
    e.expires_s = take_number(&line, INT64_MAX, &ok);
    e.failed_id = take_text(&line);
    e.failed_until_s = take_number(&line, INT64_MAX, &ok);
    e.mx = line;
    if (ok && line.p && e.domain.n)
        *ret = e;
    return ok && line.p && e.domain.n;
}

static int compare(struct str a, struct str b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_domain(const void *a, const void *b)
{
    return compare(((const struct sts_entry *)a)->domain, ((const struct sts_entry *)b)->domain);
}

static size_t lines_in(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

/* The last byte of a whole file is a newline, so that one cut short is noticed. */
static bool take_lines(struct sts_list *l, struct str rest)
{
    l->entry = calloc(lines_in(rest) + 1, sizeof *l->entry);
    must(l->entry);
    if (rest.n && rest.p[rest.n - 1] != '\n')
        return false;
    while (rest.n) {
        struct sts_entry *e = &l->entry[l->n];
        if (!take_line(str_split(&rest, '\n'), e) || (l->n && by_domain(e - 1, e) >= 0))
            return false;
        l->n++;
    }
    return true;
}

bool sts_list_parse(struct sts_list **ret, struct str text, struct fault *f)
{
    struct sts_list *l = calloc(1, sizeof *l);
    must(l);
    atomic_init(&l->refs, 1);
    l->text = malloc(text.n + 1);
    must(l->text);
    if (text.n)
        memcpy(l->text, text.p, text.n);
    size_t skip = text.n ? sizeof head - 1 : 0;
    if (text.n >= skip && memcmp(l->text, head, skip) == 0 && take_lines(l, str_mem(l->text + skip, text.n - skip))) {
        *ret = l;
        return true;
    }
    sts_list_free(&l);
    return fault_set(f, "the list of MTA-STS policies is damaged");
}

bool sts_list_load(struct sts_list **ret, const char *path, struct fault *f)
{
    struct buf b = {.max = FILE_MAX};
    bool good = file_read(path, &b, f) && (sts_list_parse(ret, buf_str(&b), f) || fault_wrap(f, "%s", path));
    buf_done(&b);
    return good;
}

struct sts_list *sts_list_ref(struct sts_list *l)
{
    atomic_fetch_add(&l->refs, 1);
    return l;
}

void sts_list_free(struct sts_list **list)
{
    struct sts_list *l = *list;
    *list = NULL;
    if (!l || atomic_fetch_sub(&l->refs, 1) > 1)
        return;
    free(l->entry);
    free(l->text);
    free(l);
}

const struct sts_entry *sts_list_find(const struct sts_list *l, struct str domain)
{
    struct sts_entry key = {.domain = domain};
    return l->n ? bsearch(&key, l->entry, l->n, sizeof *l->entry, by_domain) : NULL;
}

const struct sts_entry *sts_list_entries(const struct sts_list *l, size_t *ret_n)
{
    *ret_n = l->n;
    return l->entry;
}

/* ---- writing ---- */

static void put_text(struct buf *b, struct str s)
{
    buf_add_str(b, s.n ? s : STR("-"));
    buf_add_str(b, STR("\t"));
}

static void put_entry(struct buf *b, const struct sts_entry *e)
{
    put_text(b, e->domain);
    put_text(b, e->id);
    buf_addf(b, "%d\t%lld\t%lld\t", (int)e->mode, (long long)e->fetched_s, (long long)e->expires_s);
    put_text(b, e->failed_id);
    buf_addf(b, "%lld\t", (long long)e->failed_until_s);
    buf_add_str(b, e->mx);
    buf_add_str(b, STR("\n"));
}

bool sts_list_write(const char *path, const struct sts_entry *e, size_t n, struct fault *f)
{
    struct buf b = {0};
    struct sts_entry *sorted = calloc(n + 1, sizeof *sorted);
    must(sorted);
    if (n)
        memcpy(sorted, e, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_domain);
    buf_add_str(&b, str_of(head));
    for (size_t i = 0; i < n; i++)
        put_entry(&b, &sorted[i]);
    free(sorted);
    bool good = file_replace(path, buf_str(&b), 0640, f);
    buf_done(&b);
    return good;
}
