/* account: customers and their logins. The database is the truth; after each change the engine's snapshot (DATA/accounts) is
 * written anew and the engine is told. A password is never an argument: it is generated, or read from standard input. */
#include "accept/accounts.h"
#include "cli/cli.h"
#include "cli/common.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] = "usage: goniec account add NAME [LOGIN]            a password is made and shown once\n"
                            "       goniec account add NAME LOGIN -           the password is read from standard input\n"
                            "       goniec account password LOGIN [-]\n"
                            "       goniec account suspend NAME REASON\n"
                            "       goniec account resume|remove NAME\n"
                            "       goniec account list [--json]\n"
                            "       with -d DATA for the data directory\n";

/* ---- the snapshot ---- */

static void add_line(void *ctx, const struct store_account *a)
{
    buf_addf(ctx, "%s\t%s\t%s\t%s\t%s\t%u\t%s\n", a->login, a->name, a->kind, a->secret, a->stream, a->sessions, a->status);
}

static bool write_snapshot(const struct common *c, struct store *s, struct fault *f)
{
    char path[600], fresh[620];
    struct buf b = {0};
    struct stat st;
    snprintf(path, sizeof path, "%s/accounts", c->data);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    store_accounts(s, add_line, &b);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    bool good = fd >= 0 && write(fd, b.p ? b.p : "", b.n) == (ssize_t)b.n && fsync(fd) == 0;
    if (good && geteuid() == 0 && stat(c->data, &st) == 0) /* the engine must be able to read what root wrote */
        good = fchown(fd, st.st_uid, st.st_gid) == 0;
    good = good && rename(fresh, path) == 0;
    int code = errno, dir = open(c->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    if (dir >= 0) {
        fsync(dir);
        close(dir);
    }
    buf_done(&b);
    return good || fault_errno(f, code, "cannot write %s", path);
}

/* Files that root made in a directory of the server's user become that user's. */
static void give_away(const struct common *c)
{
    static const char *const names[] = {"office.db", "office.db-wal", "office.db-shm"};
    struct stat st;
    if (geteuid() != 0 || stat(c->data, &st) != 0)
        return;
    for (size_t i = 0; i < 3; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", c->data, names[i]);
        if (chown(path, st.st_uid, st.st_gid) != 0)
            continue; /* it may not exist */
    }
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
    return *name && strlen(name) <= 200;
}

static bool add(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    (void)c;
    const char *login = n > 1 ? a[1] : a[0];
    struct secret x = {0};
    if (!name_good(a[0]) || !name_good(login))
        return fault_set(f, "a name or login has no white space and no control characters, and at most 200 bytes");
    if (!make_secret(n > 2, &x, f))
        return false;
    bool good = store_account_add(s, &(struct store_account){a[0], "active", login, x.kind, x.text.p, "transactional", 0}, f);
    if (good && *x.shown)
        printf("login:    %s\npassword: %s\n", login, x.shown);
    buf_done(&x.text);
    return good;
}

static bool password(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    struct secret x = {0};
    (void)c;
    if (!make_secret(n > 1, &x, f))
        return false;
    bool good = store_account_secret(s, a[0], x.kind, x.text.p, f);
    if (good && *x.shown)
        printf("login:    %s\npassword: %s\n", a[0], x.shown);
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

static bool drop(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    (void)c;
    (void)n;
    return store_account_remove(s, a[0], f);
}

static void print_account(void *ctx, const struct store_account *a)
{
    const struct common *c = ctx;
    struct buf b = {0};
    if (c->json) {
        buf_add_str(&b, STR("{\"account\":"));
        common_json(str_of(a->name), &b);
        buf_add_str(&b, STR(",\"login\":"));
        common_json(str_of(a->login), &b);
        buf_add_str(&b, STR(",\"status\":"));
        common_json(str_of(a->status), &b);
        printf("%.*s}\n", (int)b.n, b.p);
    } else {
        printf("%-24s %-24s %s\n", a->name, a->login, a->status);
    }
    buf_done(&b);
}

static bool list(const struct common *c, struct store *s, int n, char **a, struct fault *f)
{
    (void)n;
    (void)a;
    (void)f;
    store_accounts(s, print_account, (void *)(uintptr_t)c);
    return true;
}

static const struct verb {
    const char *name;
    int least, most; /* arguments */
    bool (*run)(const struct common *c, struct store *s, int n, char **a, struct fault *f);
} verbs[] = {
    {"add", 1, 3, add},       {"password", 1, 2, password}, {"suspend", 2, 2, suspend},
    {"resume", 1, 1, resume}, {"remove", 1, 1, drop},       {"list", 0, 0, list},
};

static int run(const struct common *c, const struct verb *v, int n, char **a)
{
    struct store *s = NULL;
    struct fault f;
    struct buf answer = {.max = 65536};
    if (!store_open(&s, c->data, true, &f))
        return common_fail(EX_NOINPUT, "%s", f.text);
    bool good = v->run(c, s, n, a, &f) && (v->run == list || write_snapshot(c, s, &f));
    store_close(&s);
    give_away(c);
    if (!good)
        return common_fail(EX_DATAERR, "%s", f.text);
    if (v->run != list && common_control(c, "reload-accounts", &answer, &f) && answer.n > 6 && memcmp(answer.p, "error ", 6) == 0)
        common_fail(0, "the server does not take the change: %.*s", (int)answer.n - 7, answer.p + 6);
    buf_done(&answer);
    return 0;
}

int cli_account(int argc, char **argv)
{
    struct common c;
    int code = common_options(argc, argv, usage, &c);
    if (code >= 0)
        return code;
    int n = argc - c.first - 1;
    for (size_t i = 0; n >= 0 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[c.first], verbs[i].name) == 0 && n >= verbs[i].least && n <= verbs[i].most)
            return run(&c, &verbs[i], n, argv + c.first + 1);
    fputs(usage, stderr);
    return EX_USAGE;
}
