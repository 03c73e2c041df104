/* reports: `goniec reports`: what other servers report on mail in a domain's name and on encryption on the way to it. Reading and
 * storing is aggregate/'s affair; here are the calls, and what is ours.
 *
 * The data directory is named with -d or, as everything else, by the settings (-c). Settings are not needed: without them our
 * addresses are not known, but our seals are. */
#include "domain/domain.h"

#include "domain/around.h"
#include "domain/reports_show.h"
#include "lib/file.h"
#include "mail/mailbox.h"
#include "store/reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

struct reports_call {
    struct common common;
    struct around around;
    struct key_index keys;
    struct store *store;
    struct arena arena;
    int64_t since_s;
    const char *file; /* that is being added */
};

static bool write_out(const struct buf *b, struct fault *f)
{
    bool good = fwrite(b->n ? b->p : "", 1, b->n, stdout) == b->n && fflush(stdout) == 0;
    return good || fault_set(f, "the output cannot be written");
}

/* ---- add ---- */

static void tell_json(const struct reports_call *c, const struct aggregate_report *r, const struct store_report *line, bool news)
{
    struct buf b = {0};
    buf_add_str(&b, STR("{\"file\":"));
    common_json(str_of(c->file), &b);
    buf_add_str(&b, STR(","));
    reports_line_json(line, &b);
    buf_addf(&b, ",\"left_out\":%u,\"new\":%s}\n", r->left_out, news ? "true" : "false");
    fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

static void tell_person(const struct reports_call *c, const struct aggregate_report *r, const struct store_report *line,
                        bool news)
{
    struct buf b = {0};
    enum lang l = c->common.lang;
    reports_line(line, l, &b);
    if (r->left_out)
        buf_addf(&b, "; %s %u", reports_text(l, RT_LEFT_OUT), r->left_out);
    if (!news)
        buf_addf(&b, "; %s", reports_text(l, RT_KNOWN));
    buf_add_str(&b, STR("\n"));
    fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

static void told(void *ctx, const struct aggregate_report *r, bool kept, bool news)
{
    const struct reports_call *c = ctx;
    const struct store_report line = {.kind = r->kind,
                                      .domain = r->domain,
                                      .organisation = r->organisation.n ? r->organisation : r->contact,
                                      .contact = r->contact,
                                      .id = r->id,
                                      .policy = r->policy,
                                      .begin_s = r->begin_s,
                                      .end_s = r->end_s,
                                      .rows = r->rows,
                                      .total = r->total};
    (void)kept;
    if (c->common.json)
        tell_json(c, r, &line, news);
    else
        tell_person(c, r, &line, news);
}

static int fail_file(const struct reports_call *c, int code, const struct fault *f)
{
    struct buf b = {0};
    if (c->common.json) {
        buf_add_str(&b, STR("{\"file\":"));
        common_json(str_of(c->file), &b);
        buf_add_str(&b, STR(",\"error\":"));
        common_json(str_of(f->text), &b);
        buf_add_str(&b, STR("}\n"));
        fwrite(b.p, 1, b.n, stdout);
        buf_done(&b);
    }
    return common_fail(code, "%s: %s", c->file, f->text);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int add_file(struct reports_call *c)
{
    enum { CHUNK = 65536 };
    struct buf bytes = {.max = AGGREGATE_BYTES_MAX + 2 * CHUNK};
    struct fault f = {0};
    struct aggregate_keeper k = {.store = c->store, .now_s = time(NULL), .told = told, .ctx = c};
    const char *path = strcmp(c->file, "-") == 0 ? "/dev/stdin" : c->file;
    int code = 0;
    if (access(path, R_OK) != 0) {
        fault_set(&f, "%s", strerror(errno));
        return fail_file(c, EX_NOINPUT, &f);
    }
    if (!file_read(path, &bytes, &f)) {
        code = fail_file(c, EX_DATAERR, &f);
    } else {
        enum aggregate_result got = aggregate_keep(&k, buf_str(&bytes), base_name(c->file), &f);
        if (got != AGGREGATE_READ)
            code = fail_file(c, got == AGGREGATE_FAILED ? EX_CANTCREAT : EX_DATAERR, &f);
    }
    buf_done(&bytes);
    return code;
}

/* Each file for itself: a bad one does not keep the others out. */
static int add(struct reports_call *c, int n, char **a)
{
    int worst = 0;
    for (int i = 0; i < n; i++) {
        c->file = a[i];
        int code = add_file(c);
        worst = worst ? worst : code;
    }
    return fflush(stdout) == 0 ? worst : EX_IOERR;
}

/* ---- list ---- */

struct listing {
    const struct reports_call *call;
    struct buf out;
    unsigned n;
};

static bool list_one(void *ctx, const struct store_report *r)
{
    struct listing *x = ctx;
    if (x->call->common.json) {
        buf_add_str(&x->out, str_of(x->n++ ? ",\n{" : "{"));
        reports_line_json(r, &x->out);
        buf_add_str(&x->out, STR("}"));
    } else {
        x->n++;
        reports_line(r, x->call->common.lang, &x->out);
        buf_add_str(&x->out, STR("\n"));
    }
    return true;
}

static bool read_domain(struct reports_call *c, const char *given, struct str *ret, struct fault *f)
{
    const char *why = "not a domain name";
    *ret = STR("");
    if (strcmp(given, "-") == 0)
        return true;
    return (domain_valid(str_of(given), true) && domain_ascii(str_of(given), &c->arena, ret, &why)) ||
           fault_set(f, "\"%s\" is no domain name (%s)", given, why);
}

static int list(struct reports_call *c, int n, char **a)
{
    struct listing x = {.call = c};
    struct fault f = {0};
    struct str domain;
    if (n && !read_domain(c, a[0], &domain, &f))
        return common_fail(EX_DATAERR, "%s", f.text);
    if (c->common.json)
        buf_add_str(&x.out, STR("["));
    store_reports(c->store, n ? &domain : NULL, c->since_s, list_one, &x);
    if (c->common.json)
        buf_add_str(&x.out, STR("]\n"));
    else if (x.n == 0)
        buf_addf(&x.out, "%s\n", reports_text(c->common.lang, RT_NO_REPORTS));
    bool good = store_good(c->store, &f) && write_out(&x.out, &f);
    buf_done(&x.out);
    return good ? 0 : common_fail(EX_IOERR, "%s", f.text);
}

/* ---- show ---- */

static int show(struct reports_call *c, int n, char **a)
{
    struct reports_sum *sum = arena_alloc(&c->arena, sizeof *sum);
    struct us us = {{c->around.address[0], c->around.address[1]}, &c->keys};
    struct buf out = {0};
    struct fault f = {0};
    struct str domain;
    (void)n;
    if (!read_domain(c, a[0], &domain, &f))
        return common_fail(EX_DATAERR, "%s", f.text);
    bool good = reports_sum(c->store, domain, c->since_s, &us, &c->arena, sum, &f);
    if (good && c->common.json)
        reports_show_json(sum, c->common.lang, &out);
    else if (good)
        reports_show(sum, c->common.lang, &out);
    good = good && write_out(&out, &f);
    buf_done(&out);
    return good ? 0 : common_fail(EX_IOERR, "%s", f.text);
}

/* ---- the call ---- */

static const struct verb {
    const char *name;
    int least, most; /* arguments */
    bool changes;
    int (*run)(struct reports_call *c, int n, char **a);
} verbs[] = {
    {"add", 1, 4096, true, add},
    {"list", 0, 1, false, list},
    {"show", 1, 1, false, show},
};

/* "2026-11-24" (from its beginning on, UTC), or "30d": that long ago. */
static bool read_since(const char *given, int64_t *ret)
{
    struct tm t = {0};
    uint64_t days;
    struct str s = str_of(given);
    const char *end = strptime(given, "%Y-%m-%d", &t);
    if (end && *end == '\0') {
        *ret = timegm(&t);
        return true;
    }
    if (s.n < 2 || s.p[s.n - 1] != 'd' || !str_to_u64(str_mem(s.p, s.n - 1), 36500, &days))
        return false;
    *ret = time(NULL) - (int64_t)days * 86400;
    return true;
}

/* Settings that are named must be good, and name the data unless -d does; those of the usual place count where they speak of the
 * same data. */
static bool look_around(struct reports_call *c, struct fault *f)
{
    struct common *o = &c->common;
    if (!o->config_given && access(o->config, R_OK) != 0)
        return true;
    if (!around_read(&c->around, o->config, f))
        return !o->config_given;
    bool named = o->data_given || (!o->config_given && getenv("GONIEC_DATA"));
    if (!named)
        o->data = c->around.data;
    else if (!o->config_given && strcmp(o->data, c->around.data) != 0)
        c->around.address[0] = c->around.address[1] = NULL;
    return true;
}

static int run(struct reports_call *c, const struct verb *v, int n, char **a)
{
    struct fault f = {0};
    char keys[600];
    int code = 0;
    if (c->common.since && !read_since(c->common.since, &c->since_s))
        return common_fail(EX_USAGE, "--since %s: expected a date such as 2026-05-31, or a time such as 30d", c->common.since);
    if (!look_around(c, &f))
        return common_fail(EX_CONFIG, "%s", f.text);
    snprintf(keys, sizeof keys, "%s/keys", c->common.data);
    if (!key_index_open(&c->keys, keys, false, &f))
        return common_fail(EX_NOINPUT, "%s", f.text);
    if (!v->changes && !common_store(&c->common, &c->store, &code))
        return code;
    if (v->changes && !store_open(&c->store, c->common.data, true, &f))
        return common_fail(EX_NOINPUT, "%s", f.text);
    code = v->run(c, n, a);
    store_close(&c->store);
    if (v->changes)
        common_give_away(&c->common);
    return code;
}

int domain_reports(const struct command *me, int argc, char **argv)
{
    struct reports_call c = {.keys = {.lock = -1}};
    int code = command_options(me, argc, argv, &c.common), n = argc - c.common.first - 1;
    bool known = false;
    for (size_t i = 0; code < 0 && !known && n >= 0 && i < sizeof verbs / sizeof *verbs; i++) {
        char **a = argv + c.common.first;
        if (strcmp(a[0], verbs[i].name) == 0 && n >= verbs[i].least && n <= verbs[i].most) {
            known = true;
            code = run(&c, &verbs[i], n, a + 1);
        }
    }
    if (code < 0)
        code = command_misused(me, "expected add and files, list, or show and one domain");
    key_index_done(&c.keys);
    around_done(&c.around);
    arena_done(&c.arena);
    return code;
}
