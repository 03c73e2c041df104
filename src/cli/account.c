/* account: customers and their logins. The database is the truth; after each change the engine's snapshot (DATA/accounts) is
 * written anew and the engine is told. A password is never an argument: it is generated, or read from standard input. */
#include "accept/accounts.h"
#include "cli/cli.h"
#include "cli/common.h"
#include "lib/file.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- the snapshot ---- */

static void add_line(void *ctx, const struct store_account *a)
{
    buf_addf(ctx, "%s\t%s\t%s\t%s\t%s\t%u\t%s\t%s\n", a->login, a->name, a->kind, a->secret, a->stream, a->sessions, a->status,
             a->language);
}

static bool write_snapshot(const struct common *c, struct store *s, struct fault *f)
{
    char path[600];
    struct buf b = {0};
    snprintf(path, sizeof path, "%s/accounts", c->data);
    store_accounts(s, add_line, &b);
    bool good = file_replace(path, b.n ? buf_str(&b) : STR(""), 0600, f);
    buf_done(&b);
    return good;
}

/* ---- passwords ---- */

/* LF ends the line; the rest is the password as it is. */
static bool read_password(struct buf *b, struct fault *f)
{
    int ch;
    while ((ch = getchar()) != EOF && ch != '\n')
        if (!buf_add(b, &(char){(char)ch}, 1))
            return fault_set(f, "the password is too long");
    return b->n >= 8 || fault_set(f, "the password has less than 8 characters");
}

struct secret {
    char shown[33]; /* "" when it came from standard input */
    const char *kind;
    struct buf text;
};

static bool make_secret(bool from_input, struct secret *ret, struct fault *f)
{
    struct buf typed = {.max = 1000};
    bool good = true;
    ret->kind = from_input ? "argon2" : "key";
    if (from_input) {
        good = read_password(&typed, f) && secret_encode_argon2(buf_str(&typed), &ret->text, f);
    } else {
        secret_generate(ret->shown);
        secret_encode_key(str_of(ret->shown), &ret->text);
    }
    if (good) {
        buf_add_str(&ret->text, STR(" "));
        secret_encode_scram(from_input ? buf_str(&typed) : str_of(ret->shown), &ret->text);
        buf_add(&ret->text, "", 1);
    }
    buf_done(&typed);
    return good;
}

/* ---- the commands ---- */

static bool name_good(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 33 || *p == 127)
            return false;
    return *name && strlen(name) <= 200 && strcmp(name, "*") != 0 &&
           strcmp(name, "-") != 0; /* the lists' names for all, and none */
}

static void show_secret(const struct common *c, const char *login, const struct secret *x)
{
    struct buf b = {0};
    common_json(str_of(login), &b);
    if (c->json && *x->shown)
        printf("{\"login\":%.*s,\"password\":\"%s\"}\n", (int)b.n, b.p, x->shown);
    else if (c->json)
        printf("{\"login\":%.*s}\n", (int)b.n, b.p);
    else if (*x->shown)
        printf("login:    %s\npassword: %s\n", login, x->shown);
    buf_done(&b);
}

/* "-" stands for standard input; a password itself is no argument, because everybody on the machine can read those. */
static bool from_input(const char *last, bool *ret, struct fault *f)
{
    *ret = last != NULL;
    return !last || strcmp(last, "-") == 0 ||
           fault_set(
               f,
               "a password is not given as an argument: write - and give it on standard input, or leave it out and one is made");
}

static bool add(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    const char *login = n > 1 ? a[1] : a[0];
    struct secret x = {0};
    bool typed;
    if (!name_good(a[0]) || !name_good(login))
        return fault_set(f, "a name or login has no white space and no control characters, at most 200 bytes, and is not * or -");
    if (!from_input(n > 2 ? a[2] : NULL, &typed, f) || !make_secret(typed, &x, f))
        return false;
    bool good = store_account_add(s, &(struct store_account){a[0], "active", login, x.kind, x.text.p, "transactional", "", 0}, f);
    if (good)
        show_secret(c, login, &x);
    buf_done(&x.text);
    return good;
}

static bool password(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    struct secret x = {0};
    bool typed;
    if (!from_input(n > 1 ? a[1] : NULL, &typed, f) || !make_secret(typed, &x, f))
        return false;
    bool good = store_account_secret(s, a[0], x.kind, x.text.p, f);
    if (good)
        show_secret(c, a[0], &x);
    buf_done(&x.text);
    return good;
}

static bool suspend(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    char status[300];
    (void)c;
    (void)n;
    snprintf(status, sizeof status, "suspended: %s", a[1]);
    for (char *p = status; *p; p++)
        if ((unsigned char)*p < 32)
            *p = ' ';
    return store_account_status(s, a[0], status, f);
}

static bool resume(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    (void)c;
    (void)n;
    return store_account_status(s, a[0], "active", f);
}

static bool language(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    static const char *const all[] = {"pl", "en", "pl,en", "en,pl", "server"};
    (void)c;
    (void)n;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(a[1], all[i]) == 0)
            return store_account_language(s, a[0], strcmp(a[1], "server") == 0 ? "" : a[1], f);
    return fault_set(f, "%s is no language of notifications: pl, en, pl,en, en,pl, or server for the server's own", a[1]);
}

static bool drop(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    (void)c;
    (void)n;
    return store_account_remove(s, a[0], f);
}

struct listing {
    bool json;
    unsigned n;
};

static void print_account(void *ctx, const struct store_account *a)
{
    struct listing *l = ctx;
    struct buf b = {0};
    if (l->json) {
        buf_add_str(&b, l->n ? STR(",\n{\"account\":") : STR("{\"account\":"));
        common_json(str_of(a->name), &b);
        buf_add_str(&b, STR(",\"login\":"));
        common_json(str_of(a->login), &b);
        buf_add_str(&b, STR(",\"status\":"));
        common_json(str_of(a->status), &b);
        buf_addf(&b, ",\"language\":\"%s\"", a->language);
        printf("%.*s}", (int)b.n, b.p);
    } else {
        printf("%-24s %-24s %s\n", a->name, a->login, a->status);
    }
    l->n++;
    buf_done(&b);
}

static int list(const struct common *c)
{
    struct listing l = {.json = c->json};
    struct store *s;
    struct fault f;
    int code;
    if (!common_store(c, &s, &code))
        return code;
    fputs(c->json ? "[" : "", stdout);
    store_accounts(s, print_account, &l);
    fputs(c->json ? "]\n" : "", stdout);
    code = store_good(s, &f) ? 0 : common_fail(EX_DATAERR, "%s", f.text);
    store_close(&s);
    return code;
}

static const struct verb {
    const char *name;
    int least, most; /* arguments */
    bool (*run)(const struct common *c, struct store *s, int n, char **a, struct fault *f);
} verbs[] = {
    {"add", 1, 3, add},         {"password", 1, 2, password}, {"language", 2, 2, language},
    {"suspend", 2, 2, suspend}, {"resume", 1, 1, resume},     {"remove", 1, 1, drop},
};

/* Under the database's lock: of two who change something at once the later one writes what both did. */
static bool publish(const struct common *c, struct store *s, struct fault *f)
{
    if (!store_begin(s, f))
        return false;
    bool good = write_snapshot(c, s, f);
    store_rollback(s);
    return good;
}

/* All or nothing, so that no account is left without its login. */
static bool change(const struct common *c, const struct verb *v, struct store *s, int n, char **a, struct fault *f)
{
    if (!store_begin(s, f))
        return false;
    if (v->run(c, s, n, a, f) && store_commit(s, f))
        return publish(c, s, f);
    store_rollback(s);
    return false;
}

static int run(const struct common *c, const struct verb *v, int n, char **a)
{
    struct store *s = NULL;
    struct fault f;
    if (access(c->data, W_OK | X_OK) != 0)
        return common_fail(errno == EACCES ? EX_NOPERM : EX_NOINPUT, "cannot write in the data directory %s: %s", c->data,
                           strerror(errno));
    if (!store_open(&s, c->data, true, &f))
        return common_fail(EX_DATAERR, "%s", f.text);
    bool good = change(c, v, s, n, a, &f);
    store_close(&s);
    common_give_away(c);
    if (!good)
        return common_fail(EX_DATAERR, "%s", f.text);
    common_reload(c, "reload-accounts");
    return 0;
}

int cli_account(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    int n = argc - c.first - 1;
    if (n == 0 && strcmp(argv[c.first], "list") == 0)
        return list(&c);
    for (size_t i = 0; n >= 0 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[c.first], verbs[i].name) == 0)
            return n >= verbs[i].least && n <= verbs[i].most ? run(&c, &verbs[i], n, argv + c.first + 1)
                                                             : command_misused(me, "%s takes other arguments", verbs[i].name);
    return command_misused(me, "expected list, add, password, language, suspend, resume or remove");
}
