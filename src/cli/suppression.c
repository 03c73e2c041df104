/* suppression: the black and the white list, `goniec suppression` and `goniec allow`: one table of verbs for both. The database
 * is the truth; after each change what changed is published and the engine told, which need not run. */
#include "cli/cli.h"
#include "cli/entry.h"
#include "cli/list_why.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

enum { ARGUMENTS_MAX = 4096 };

/* ---- add and remove ---- */

static bool parse(const char *given, struct arena *a, struct suppress_value *ret, struct fault *f)
{
    const char *why;
    return suppress_value_parse(str_of(given), a, ret, &why) || fault_set(f, "\"%s\": %s", given, why);
}

static bool fill(const struct list_options *o, struct store_entry *e, struct fault *f)
{
    int64_t now = time(NULL);
    *e = (struct store_entry){.account = entry_account(o->common.account),
                              .reason = SUPPRESS_HAND,
                              .at_s = now,
                              .by = str_of(o->common.by ? o->common.by : entry_me())};
    if (o->list == LIST_ALLOWED) {
        e->text = str_trim(str_of(o->common.reason));
        return e->text.n || fault_set(f, "say with --reason why it is allowed: who finds it there later will ask");
    }
    if (o->common.reason && !suppress_reason_parse(str_of(o->common.reason), &e->reason))
        return fault_set(f, "--reason %s: expected hardbounce, spam_complaint, unsubscribe, abuse, spamtrap, manual or other",
                         o->common.reason);
    if (o->common.expires && !entry_expiry(str_of(o->common.expires), now, &e->expires_s))
        return fault_set(f, "--expires %s: expected never, a time such as 90d, or a date such as 2030-05-31", o->common.expires);
    return true;
}

static bool add(const struct list_options *o, struct store *s, int n, char **a, struct fault *f)
{
    struct arena arena = {0};
    struct store_entry e;
    bool good = fill(o, &e, f), added;
    for (int i = 0; good && i < n; i++) {
        struct suppress_value v;
        good = parse(a[i], &arena, &v, f);
        const char *refused = good ? entry_refused(o, &v) : NULL;
        if (refused)
            good = fault_set(f, "%s %s", a[i], refused);
        e.value = v.text;
        good = good && store_list_put(s, o->list, &e, e.at_s, PUT_REPLACE, &added, f);
    }
    arena_done(&arena);
    return good;
}

struct elsewhere {
    struct buf accounts;
};

static bool name_account(void *ctx, const struct store_entry *e)
{
    struct elsewhere *x = ctx;
    buf_addf(&x->accounts, "%s%.*s", x->accounts.n ? ", " : "", STR_ARGS(entry_account_text(e->account)));
    return x->accounts.n < 300;
}

static bool not_there(const struct list_options *o, struct store *s, const struct suppress_value *v, struct fault *f)
{
    struct elsewhere x = {0};
    struct store_list_filter filter = {.value = &v->text};
    store_list_each(s, o->list, &filter, name_account, &x);
    fault_set(f, "%.*s is not on the list of %.*s%s%.*s%s", STR_ARGS(v->text),
              STR_ARGS(entry_account_text(entry_account(o->common.account))), x.accounts.n ? ", but on that of " : "",
              STR_ARGS(buf_str(&x.accounts)), x.accounts.n ? ": name it with --account" : "");
    buf_done(&x.accounts);
    return false;
}

static bool drop(const struct list_options *o, struct store *s, int n, char **a, struct fault *f)
{
    struct arena arena = {0};
    bool good = true;
    for (int i = 0; good && i < n; i++) {
        struct suppress_value v;
        bool was = false;
        good = parse(a[i], &arena, &v, f) && store_list_remove(s, o->list, entry_account(o->common.account), v.text, &was, f) &&
               (was || not_there(o, s, &v, f));
    }
    arena_done(&arena);
    return good;
}

static bool publish(const struct list_options *o, struct store *s, int n, char **a, struct fault *f)
{
    (void)o;
    (void)n;
    (void)a;
    return store_republish(s, f);
}

/* ---- list and export ---- */

struct listing {
    const struct list_options *o;
    struct buf line;
};

static void put_row(const struct listing *l, const struct store_entry *e, struct buf *b)
{
    struct str account = entry_account_text(e->account);
    buf_addf(b, "%-40.*s %-12.*s ", STR_ARGS(e->value), STR_ARGS(account));
    if (l->o->list == LIST_SUPPRESSED)
        buf_addf(b, "%-14s ", suppress_reason_name(e->reason));
    entry_date(e->at_s, b);
    if (e->expires_s) {
        buf_addf(b, " %s ", text(l->o->common.lang, TEXT_UNTIL));
        entry_date(e->expires_s, b);
    }
    buf_add_str(b, STR("  "));
    common_safe(e->by, 100, b);
    if (l->o->list == LIST_ALLOWED) {
        buf_add_str(b, STR(": "));
        common_safe(e->text, 200, b);
    }
    buf_add_str(b, STR("\n"));
}

static bool put_entry(void *ctx, const struct store_entry *e)
{
    struct listing *l = ctx;
    l->line.n = 0;
    if (l->o->common.json) {
        entry_json(l->o->list, e, &l->line);
        buf_add_str(&l->line, STR("\n"));
    } else if (l->o->common.csv) {
        entry_csv(l->o->list, e, &l->line);
    } else {
        put_row(l, e, &l->line);
    }
    return fwrite(l->line.p, 1, l->line.n, stdout) == l->line.n; /* a reader that has gone ends it */
}

static bool list(const struct list_options *o, struct store *s, int n, char **a, struct fault *f)
{
    struct listing l = {.o = o};
    struct arena arena = {0};
    struct suppress_value v;
    struct str account = entry_account(o->common.account);
    struct store_list_filter filter = {.account = o->common.account ? &account : NULL};
    bool good = n == 0 || parse(a[0], &arena, &v, f);
    if (good && n)
        filter.value = &v.text;
    if (o->list == LIST_SUPPRESSED && o->common.reason && !suppress_reason_parse(str_of(o->common.reason), &filter.reason))
        good = fault_set(f, "--reason %s: there is no such reason", o->common.reason);
    if (good && o->common.csv && !o->common.json) {
        entry_csv_head(o->list, &l.line);
        fwrite(l.line.p, 1, l.line.n, stdout);
    }
    if (good)
        store_list_each(s, o->list, &filter, put_entry, &l);
    good =
        good && store_good(s, f) && ((fflush(stdout) == 0 && !ferror(stdout)) || fault_set(f, "the list cannot be written out"));
    buf_done(&l.line);
    arena_done(&arena);
    return good;
}

static bool export(const struct list_options *o, struct store *s, int n, char **a, struct fault *f)
{
    struct list_options as_csv = *o;
    as_csv.common.csv = true;
    return list(&as_csv, s, n, a, f);
}

/* ---- the command ---- */

static const struct verb {
    const char *name;
    int least, most; /* arguments */
    bool changes;
    bool (*run)(const struct list_options *o, struct store *s, int n, char **a, struct fault *f); /* NULL: import */
} verbs[] = {
    {"add", 1, ARGUMENTS_MAX, true, add}, {"remove", 1, ARGUMENTS_MAX, true, drop},
    {"list", 0, 1, false, list},          {"export", 0, 0, false, export},
    {"import", 1, 1, true, NULL},         {"why", 1, 1, false, list_why},
    {"publish", 0, 0, true, publish},
};

/* False with the engine's sentence when it refuses the file; an engine that does not run reads it at its start. */
static bool tell_engine(const struct common *c, struct fault *f)
{
    struct buf answer = {.max = 65536};
    bool refused = common_control(c, "reload-suppression", &answer, f) && answer.n > 6 && memcmp(answer.p, "error ", 6) == 0;
    if (refused)
        fault_set(f, "%.*s", (int)answer.n - 7, answer.p + 6);
    buf_done(&answer);
    return !refused;
}

/* A file that was damaged before is noticed when the engine reads it: then it is looked through and written anew, by whoever
 * comes first: the office may have done it meanwhile. */
static int make_known(const struct list_options *o, struct store *s)
{
    struct fault f;
    bool check = false, changed = false, told = false;
    do {
        if (!store_publish(s, o->common.data, check, time(NULL), &changed, &f))
            return common_fail(EX_CANTCREAT, "the change is made, but the engine does not see it yet: %s", f.text);
        told = !(changed || check) || tell_engine(&o->common, &f);
        check = !check;
    } while (!told && check);
    return told ? 0 : common_fail(EX_CANTCREAT, "the change is made, but the engine does not take it: %s", f.text);
}

/* All arguments or none: one transaction. */
static bool in_transaction(const struct list_options *o, struct store *s, const struct verb *v, int n, char **a, struct fault *f)
{
    bool good = store_begin(s, f);
    good = good && (entry_account_known(s, entry_account(o->common.account)) ||
                    fault_set(f, "there is no account \"%s\": goniec account list names them", o->common.account));
    good = good && v->run(o, s, n, a, f) && store_commit(s, f);
    if (!good)
        store_rollback(s);
    return good;
}

static int change(const struct list_options *o, struct store *s, const struct verb *v, int n, char **a)
{
    struct fault f;
    if (v->run && !in_transaction(o, s, v, n, a, &f))
        return common_fail(EX_DATAERR, "%s", f.text);
    int code = v->run ? 0 : entry_import(o, s, a[0]), published = make_known(o, s);
    return code ? code : published;
}

static int run(const struct list_options *o, const struct verb *v, int n, char **a)
{
    struct store *s = NULL;
    struct fault f;
    int code = 0;
    if (!store_open(&s, o->common.data, v->changes, &f))
        return common_fail(EX_NOINPUT, "%s", f.text);
    if (v->changes)
        code = change(o, s, v, n, a);
    else if (!v->run(o, s, n, a, &f))
        code = common_fail(EX_DATAERR, "%s", f.text);
    store_close(&s);
    if (v->changes)
        common_give_away(&o->common);
    return code;
}

static int lists(const struct command *me, enum store_list which, int argc, char **argv)
{
    struct list_options o = {.list = which};
    int code = command_options(me, argc, argv, &o.common);
    if (code >= 0)
        return code;
    char **a = argv + o.common.first;
    int n = argc - o.common.first - 1;
    for (size_t i = 0; n >= 0 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(a[0], verbs[i].name) == 0 && n >= verbs[i].least && n <= verbs[i].most)
            return run(&o, &verbs[i], n, a + 1);
    return command_misused(me, n < 0 ? "expected what to do" : "\"%s\" cannot be done, or not with that many arguments",
                           n < 0 ? "" : a[0]);
}

int cli_suppression(const struct command *me, int argc, char **argv) { return lists(me, LIST_SUPPRESSED, argc, argv); }
int cli_allow(const struct command *me, int argc, char **argv) { return lists(me, LIST_ALLOWED, argc, argv); }
