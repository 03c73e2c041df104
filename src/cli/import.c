/* import: a list from elsewhere. The whole file is read and understood first, without touching the database; what is wrong is
 * told by file and line, and then nothing is changed (unless bad lines are to be skipped). Then all of it goes in sorted, in one
 * transaction: half an import does not exist, whenever it is interrupted, and doing it again changes nothing. */
#include "cli/entry.h"
#include "cli/rows.h"
#include "lib/clock.h"
#include "lib/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { COMPLAINTS_MAX = 20, SINGLY = 1000 /* so few changes are published one by one */, STRIDE = 8192, PROGRESS_MS = 200 };
#define FILE_MAX ((size_t)4 << 30)

/* Entries are sorted by account and value; the value's first bytes at hand spare most looks at the entry itself. */
struct place {
    uint64_t prefix;
    const struct store_entry *entry;
};

struct importing {
    const struct list_options *o;
    const char *name;
    struct arena arena;
    struct store_entry *entry;
    struct place *place; /* of the entries, in order */
    size_t n, cap;
    uint64_t bad, twice, added;
    int64_t now_s;
    struct str by;
    bool terminal;
    int64_t told_ms;
};

/* ---- telling ---- */

/* "what DONE of ALL", on a terminal, now and then. */
static void progress(struct importing *x, const char *what, size_t done, const char *of, size_t all)
{
    if (!x->terminal || done % STRIDE || clock_monotonic_ms() - x->told_ms < PROGRESS_MS)
        return;
    x->told_ms = clock_monotonic_ms();
    fprintf(stderr, "\r%s %zu%s%zu ", what, done, of, all);
}

static void progress_end(const struct importing *x)
{
    if (x->terminal && x->told_ms)
        fputs("\r\033[K", stderr);
}

static void complain(struct importing *x, unsigned line, const char *why, struct str what)
{
    struct buf b = {0};
    if (++x->bad > COMPLAINTS_MAX)
        return;
    progress_end(x);
    if (what.n) {
        buf_add_str(&b, STR("\""));
        common_safe(what, 100, &b);
        buf_add_str(&b, STR("\" "));
    }
    fprintf(stderr, "%s:%u: %.*s%s\n", x->name, line, STR_ARGS(buf_str(&b)), why);
    buf_done(&b);
}

/* ---- understanding a row ---- */

static const char *read_reason(const struct list_options *o, const struct str field[FIELDS], struct store_entry *e)
{
    e->text = field[FIELD_TEXT];
    if (o->list == LIST_ALLOWED) {
        if (!e->text.n)
            e->text = field[FIELD_REASON].n ? field[FIELD_REASON] : str_of(o->common.reason);
        return NULL;
    }
    if (suppress_reason_parse(field[FIELD_REASON], &e->reason))
        return NULL;
    if (!e->text.n) /* other services have the receiver's reply there */
        e->text = field[FIELD_REASON];
    e->reason = SUPPRESS_OTHER;
    return o->common.reason && !suppress_reason_parse(str_of(o->common.reason), &e->reason) ? "has no known reason" : NULL;
}

static const char *read_times(const struct importing *x, const struct str field[FIELDS], struct store_entry *e)
{
    e->at_s = x->now_s;
    if (field[FIELD_CREATED].n && !entry_time(field[FIELD_CREATED], &e->at_s))
        return "has a time of creation that is not understood: expected 2024-05-31 12:00:00, 31.05.2024 or seconds since 1970";
    if (field[FIELD_EXPIRES].n ? !entry_expiry(field[FIELD_EXPIRES], x->now_s, &e->expires_s)
                               : x->o->common.expires && !entry_expiry(str_of(x->o->common.expires), x->now_s, &e->expires_s))
        return "has an expiry that is not understood: expected never, 90d or a date";
    return NULL;
}

static const char *read_row(struct importing *x, const struct str field[FIELDS], struct store_entry *e)
{
    struct suppress_value v;
    const char *why;
    *e = (struct store_entry){.by = field[FIELD_BY].n ? field[FIELD_BY] : x->by};
    if (!field[FIELD_VALUE].n)
        return "has no address";
    if (!suppress_value_parse(field[FIELD_VALUE], &x->arena, &v, &why) || (why = entry_refused(x->o, &v)))
        return why;
    e->value = v.text;
    e->account = entry_account(x->o->common.account);
    if (field[FIELD_ACCOUNT].n)
        e->account = str_eq(field[FIELD_ACCOUNT], STR("-")) ? STR("") : field[FIELD_ACCOUNT];
    e->automatic = str_eq_nocase(field[FIELD_AUTOMATIC], STR("yes")) || str_eq_nocase(field[FIELD_AUTOMATIC], STR("true"));
    if (!id_parse(field[FIELD_MESSAGE], &e->message)) /* another service's number: not ours */
        e->message = (struct id){{0}};
    why = read_reason(x->o, field, e);
    return why ? why : read_times(x, field, e);
}

static void read_rows(struct importing *x, struct rows *r)
{
    struct str field[FIELDS];
    const char *why = NULL;
    enum row got;
    while ((got = rows_next(r, &x->arena, field, &why)) != ROW_END) {
        if (x->n == x->cap) {
            x->cap = x->cap ? x->cap * 2 : 1024;
            x->entry = realloc(x->entry, x->cap * sizeof *x->entry);
            must(x->entry);
        }
        if (got == ROW_GOOD)
            why = read_row(x, field, &x->entry[x->n]);
        if (got == ROW_BAD || why)
            complain(x, r->line, why, field[FIELD_VALUE]);
        else
            progress(x, "read:", ++x->n, " entries, bytes left: ", r->rest.n);
    }
    progress_end(x);
}

/* ---- into the database ---- */

static int compare(struct str a, struct str b)
{
    int order = memcmp(a.n ? a.p : "", b.n ? b.p : "", a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static uint64_t prefix_of(struct str s)
{
    uint64_t p = 0;
    for (size_t i = 0; i < 8; i++)
        p = p << 8 | (i < s.n ? (unsigned char)s.p[i] : 0);
    return p;
}

static int by_key(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    struct str one = x->entry->account, other = y->entry->account;
    int order = one.p == other.p && one.n == other.n ? 0 : compare(one, other);
    if (order == 0 && x->prefix != y->prefix)
        order = x->prefix < y->prefix ? -1 : 1;
    return order ? order : compare(x->entry->value, y->entry->value);
}

static void sort(struct importing *x)
{
    x->place = calloc(x->n + 1, sizeof *x->place);
    must(x->place);
    for (size_t i = 0; i < x->n; i++)
        x->place[i] = (struct place){prefix_of(x->entry[i].value), &x->entry[i]};
    qsort(x->place, x->n, sizeof *x->place, by_key);
}

static bool accounts_known(const struct importing *x, struct store *s, struct fault *f)
{
    for (size_t i = 0; i < x->n; i++)
        if ((i == 0 || !str_eq(x->entry[i].account, x->entry[i - 1].account)) && !entry_account_known(s, x->entry[i].account))
            return fault_set(f, "%s: there is no account \"%.*s\": nothing was changed", x->name, STR_ARGS(x->entry[i].account));
    return true;
}

static bool put_all(struct importing *x, struct store *s, struct fault *f)
{
    unsigned how = x->n > SINGLY ? PUT_BULK : 0;
    for (size_t i = 0; i < x->n; i++) {
        bool added = false;
        if (i > 0 && by_key(&x->place[i - 1], &x->place[i]) == 0) {
            x->twice++;
            continue;
        }
        if (!store_list_put(s, x->o->list, x->place[i].entry, x->now_s, how, &added, f))
            return false;
        x->added += added;
        progress(x, "written:", i, " of ", x->n);
    }
    progress_end(x);
    return !(how & PUT_BULK) || !x->added || store_republish(s, f);
}

static bool write_all(struct importing *x, struct store *s, struct fault *f)
{
    sort(x);
    if (!accounts_known(x, s, f) || !store_begin(s, f))
        return false;
    bool good = put_all(x, s, f) && (x->o->common.dry_run || store_commit(s, f));
    if (!good || x->o->common.dry_run)
        store_rollback(s);
    return good;
}

static int import(struct importing *x, struct store *s, struct str text)
{
    struct rows r;
    struct fault f;
    if (!rows_open(&r, x->name, text, &f))
        return common_fail(EX_DATAERR, "%s", f.text);
    read_rows(x, &r);
    if (x->bad > COMPLAINTS_MAX)
        fprintf(stderr, "%s: and %llu more\n", x->name, (unsigned long long)x->bad - COMPLAINTS_MAX);
    bool refused = x->bad && !x->o->common.skip_bad;
    if (refused && !x->o->common.dry_run)
        return common_fail(EX_DATAERR, "%s: nothing was changed, because of bad lines: %llu; --skip-bad takes the good ones: %zu",
                           x->name, (unsigned long long)x->bad, x->n);
    if (!write_all(x, s, &f))
        return common_fail(EX_DATAERR, "%s", f.text);
    printf("%s%llu %s, %llu were there already, %llu came twice, %llu bad lines%s\n", x->o->common.dry_run ? "dry run: " : "",
           (unsigned long long)x->added, x->o->common.dry_run ? "would be added" : "added",
           (unsigned long long)(x->n - x->twice - x->added), (unsigned long long)x->twice, (unsigned long long)x->bad,
           refused ? ": an import would change nothing without --skip-bad" : "");
    return refused ? EX_DATAERR : 0;
}

static bool slurp(const char *path, struct buf *b, struct fault *f)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(f, errno, "cannot open %s", path);
    ssize_t n = 1;
    for (char *to; n > 0 && (to = buf_reserve(b, 1 << 20)); b->n += n > 0 ? (size_t)n : 0)
        n = read(fd, to, 1 << 20);
    int code = errno;
    close(fd);
    return n == 0 || fault_errno(f, n < 0 ? code : EFBIG, "cannot read %s", path);
}

int entry_import(const struct list_options *o, struct store *s, const char *path)
{
    struct importing x = {.o = o, .name = path, .now_s = time(NULL), .terminal = isatty(STDERR_FILENO) != 0};
    struct buf text = {.max = FILE_MAX};
    struct fault f;
    x.by = str_of(o->common.by ? o->common.by : entry_me());
    int code = slurp(path, &text, &f) ? import(&x, s, buf_str(&text)) : common_fail(EX_NOINPUT, "%s", f.text);
    buf_done(&text);
    arena_done(&x.arena);
    free(x.place);
    free(x.entry);
    return code;
}
