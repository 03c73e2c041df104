/* serve: see serve.h.
 *
 * A child that dies is started again after a pause that doubles from 100 ms to 30 s and is forgotten after a minute of good
 * running. The children inherit the sockets, so that a restart refuses no connection. Settings are read here, as root, and handed
 * over packed: a child needs no right to read keys. A bad file is refused here, with file:line, and changes nothing. */
#include "serve/serve.h"

#include "api/office.h"
#include "cli/common.h"
#include "lib/clock.h"
#include "lib/must.h"
#include "lib/sync.h"
#include "mail/date.h"
#include "serve/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    PAUSE_FIRST_MS = 100,
    PAUSE_MAX_MS = 30000,
    GOOD_RUN_MS = 60000,
    DRAIN_GRACE_MS = 5000,
    CHILDREN = 2,
    FILES_WANTED = 262144
};

struct supervisor;
struct child {
    const char *name;
    int (*run)(struct supervisor *s);
    pid_t pid;                  /* 0: not running */
    int64_t began_ms, start_ms; /* when it was started; when to start it (while not running) */
    int pause_ms;
};

struct supervisor {
    const char *config_file;
    struct settings *settings, *first; /* in force; those whose listeners are bound */
    struct engine_sockets sockets;
    int signals, pipe; /* our end of the engine's settings pipe */
    uid_t uid;
    gid_t gid;
    bool drop, stopping;
    sigset_t old_mask;
    struct child child[CHILDREN];
};

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    char line[1600], at[DATE_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    date_rfc3339(clock_wall_ms(), at);
    fprintf(stderr, "%s goniec: %s\n", at, line);
}

/* ---- before the children ---- */

static bool find_user(struct supervisor *s, struct fault *f)
{
    s->drop = geteuid() == 0;
    if (!s->drop)
        return true;
    const char *name = arena_strz(&s->settings->arena, s->settings->user);
    struct passwd *p = getpwnam(name);
    char where[SETTINGS_WHERE];
    if (!p)
        return fault_set(f, "%s: user = \"%s\": there is no such user: make it (adduser --system --group %s) or name another",
                         settings_where(s->settings, "", "user", where), name, name);
    if (p->pw_uid == 0)
        return fault_set(f, "%s: user = \"%s\": the children must not run as root",
                         settings_where(s->settings, "", "user", where), name);
    s->uid = p->pw_uid;
    s->gid = p->pw_gid;
    return true;
}

/* In the data directory the children's user makes the names: root follows none of them elsewhere. */
static bool give_to_children(const struct supervisor *s, const char *path, bool above)
{
    return !s->drop || (above ? chown(path, s->uid, s->gid) : lchown(path, s->uid, s->gid)) == 0;
}

static bool make_directory(const struct supervisor *s, const char *sub, mode_t mode, struct fault *f)
{
    char path[512];
    snprintf(path, sizeof path, "%.*s%s", STR_ARGS(s->settings->data_directory), sub);
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return fault_errno(f, errno, "cannot make %s", path);
    int code = sync_name(path);
    if (code)
        return fault_errno(f, code, "cannot make the name of %s durable", path);
    if (!give_to_children(s, path, !*sub))
        return fault_errno(f, errno, "cannot give %s to the user that the children run as", path);
    return true;
}

/* One server a data directory. Two locks on one file: the record lock is the supervisor's alone (it tells the pid to who asks),
 * the flock is inherited, so that it stands as long as any child of a supervisor that was killed still writes what was in flight:
 * the next one waits for those, as long as they may take, and takes over neither log nor ports from under them. */
static bool take_directory(struct supervisor *s, struct fault *f)
{
    char path[512];
    snprintf(path, sizeof path, "%.*s/run/lock", STR_ARGS(s->settings->data_directory));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* stays open: the locks live with it */
    if (fd < 0)
        return fault_errno(f, errno, "cannot open %s", path);
    struct flock mine = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &mine) != 0) {
        bool known = fcntl(fd, F_GETLK, &mine) == 0 && mine.l_type != F_UNLCK;
        return fault_set(
            f, "data_directory %.*s is served by another goniec already (process %ld): stop it or name another directory",
            STR_ARGS(s->settings->data_directory), known ? (long)mine.l_pid : -1L);
    }
    int64_t until = clock_monotonic_ms() + s->settings->drain_ms + DRAIN_GRACE_MS;
    for (bool told = false; flock(fd, LOCK_EX | LOCK_NB) != 0; told = true) {
        if (errno != EWOULDBLOCK || clock_monotonic_ms() >= until)
            return fault_errno(f, errno, "data_directory %.*s is still in use by a child of an earlier goniec",
                               STR_ARGS(s->settings->data_directory));
        if (!told)
            say("waiting for what an earlier goniec left running to stop");
        poll(NULL, 0, 20);
    }
    return true;
}

static void own_socket_files(const struct supervisor *s)
{
    static const char *const names[] = {"submit.sock", "engine.sock"};
    char path[512];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%.*s/run/%s", STR_ARGS(s->settings->data_directory), names[i]);
        if (!give_to_children(s, path, false))
            say("cannot give %s to the children's user", path);
    }
}

static void raise_file_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return;
    if (r.rlim_max < FILES_WANTED && geteuid() == 0)
        r.rlim_max = FILES_WANTED;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

/* ---- in a child ---- */

/* Who starts the server without root may have given it the right to bind low ports: the children need that no more either. */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) == 0;
}

/* A child that was root's holds keys in its memory that its user may not read: neither cores nor debuggers may show them. */
static bool drop_privileges(const struct supervisor *s)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (s->drop && (setgroups(0, NULL) != 0 || setgid(s->gid) != 0 || setuid(s->uid) != 0 || setuid(0) == 0))
        return false;
    return drop_capabilities() && (!s->drop || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

static int run_engine(struct supervisor *s) { return engine_run(s->settings, &s->sockets); }

static int run_office(struct supervisor *s)
{
    struct settings *t = s->settings;
    char socket[512], submit[512];
    snprintf(submit, sizeof submit, "%.*s/run/submit.sock", STR_ARGS(t->data_directory));
    snprintf(socket, sizeof socket, "%.*s/run/engine.sock", STR_ARGS(t->data_directory));
    sockets_close(&s->sockets, t);
    struct office_options o = {.data_directory = arena_strz(&t->arena, t->data_directory),
                               .http_address = arena_strz(&t->arena, t->http_address),
                               .control_socket = socket,
                               .submit_socket = submit,
                               .hostname = t->hostname,
                               .language = arena_strz(&t->arena, t->language),
                               .keep_stories_s = t->keep_stories_s,
                               .suppress = {.automatic = t->suppress_automatic,
                                            .server_wide = t->suppress_server_wide,
                                            .complaints = t->suppress_complaints,
                                            .failures = t->suppress_failures,
                                            .expires_s = t->suppress_expires_s,
                                            .hosted = t->accept.hosted,
                                            .hosted_n = t->accept.hosted_n},
                               .sts = {.follow = t->route.mta_sts,
                                       .host = arena_strz(&t->arena, t->sts_host),
                                       .allow_special = t->route.allow_special,
                                       .trusted_pem = t->deliver.tls_trusted_pem},
                               .reports = {.from = arena_strz(&t->arena, t->tls_report_from),
                                           .delay_s = t->tls_report_delay_s,
                                           .resolver = t->route.resolver,
                                           .resolvers = t->route.resolvers}};
    return office_run(&o);
}

static void start(struct supervisor *s, struct child *c)
{
    int ends[2] = {-1, -1};
    bool engine = c->run == run_engine;
    if (engine && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        say("cannot make a pipe for the %s: %s", c->name, strerror(errno));
        return;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        if (engine) {
            close(ends[0]);
            fcntl(ends[1], F_SETFL, O_NONBLOCK);
            s->sockets.supervisor = ends[1];
        }
        close(s->signals);
        sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
        if (!drop_privileges(s)) {
            say("the %s cannot drop root's rights: %s", c->name, strerror(errno));
            _exit(EX_NOPERM);
        }
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* after the change of user, which clears it */
        if (getppid() != parent)          /* it died before that */
            _exit(EX_TEMPFAIL);
        exit(c->run(s));
    }
    if (engine) {
        close(ends[1]);
        if (s->pipe >= 0)
            close(s->pipe);
        s->pipe = ends[0];
    }
    if (pid < 0)
        say("cannot start the %s: %s", c->name, strerror(errno));
    c->pid = pid > 0 ? pid : 0;
    c->began_ms = clock_monotonic_ms();
    c->start_ms = pid > 0 ? 0 : clock_monotonic_ms() + PAUSE_MAX_MS;
}

/* ---- what happens to children ---- */

static void on_death(struct supervisor *s, pid_t pid, int status)
{
    for (int i = 0; i < CHILDREN; i++) {
        struct child *c = &s->child[i];
        if (c->pid != pid)
            continue;
        c->pid = 0;
        if (s->stopping)
            return;
        if (clock_monotonic_ms() - c->began_ms > GOOD_RUN_MS)
            c->pause_ms = PAUSE_FIRST_MS;
        c->start_ms = clock_monotonic_ms() + c->pause_ms;
        if (WIFSIGNALED(status))
            say("the %s died of signal %d (%s), it is started again in %d ms", c->name, WTERMSIG(status),
                strsignal(WTERMSIG(status)), c->pause_ms);
        else
            say("the %s ended with code %d, it is started again in %d ms", c->name, WEXITSTATUS(status), c->pause_ms);
        c->pause_ms = c->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : c->pause_ms * 2;
    }
}

static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_death(s, pid, status);
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool read_text(const char *path, struct buf *b, struct fault *f)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return fault_errno(f, errno, "cannot open %s", path);
    char *to;
    size_t n = 0;
    while ((to = buf_reserve(b, 4096)) && (n = fread(to, 1, 4096, in)) > 0)
        b->n += n;
    fclose(in);
    return to != NULL || fault_set(f, "%s is larger than %zu bytes", path, b->max);
}

static bool same_listeners(const struct settings *a, const struct settings *b)
{
    if (a->listeners != b->listeners)
        return false;
    for (size_t i = 0; i < a->listeners; i++)
        if (!str_eq(a->listener[i].text, b->listener[i].text) || a->listener[i].door != b->listener[i].door)
            return false;
    return true;
}

/* What was bound, opened or become at the start stays as it was until the next start. */
static void keep_what_takes_a_restart(struct settings *n, const struct settings *old)
{
    const struct {
        const char *name;
        bool same;
    } kept[] = {{"workers", n->workers == old->workers},
                {"listen", same_listeners(n, old)},
                {"data_directory", str_eq(n->data_directory, old->data_directory)},
                {"user", str_eq(n->user, old->user)}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (!kept[i].same)
            say("the new %s is taken in at the next start: it takes a restart of the server", kept[i].name);
    n->workers = old->workers;
    n->listener = old->listener;
    n->listeners = old->listeners;
    n->data_directory = old->data_directory;
    n->user = old->user;
}

static void hand_over(struct supervisor *s, struct str text, const struct settings *n)
{
    struct buf packed = {0}, frame = {0};
    settings_pack(s->config_file, text, n, &packed);
    buf_put_str(&frame, buf_str(&packed));
    if (!write_all(s->pipe, frame.p, frame.n))
        say("the engine cannot be told of the new settings: it gets them when it is started again");
    buf_done(&packed);
    buf_done(&frame);
}

/* SIGHUP. The office's few settings take a restart of the office: it may die and come back at any time. */
static void reload(struct supervisor *s)
{
    struct fault f;
    struct settings *n = NULL;
    struct buf text = {.max = 16 * 1024 * 1024};
    if (settings_load(&n, s->config_file, &f) && read_text(s->config_file, &text, &f)) {
        hand_over(s, buf_str(&text), n);
        keep_what_takes_a_restart(n, s->first);
        if (s->settings != s->first)
            settings_free(&s->settings);
        s->settings = n;
        if (s->child[1].pid)
            kill(s->child[1].pid, SIGTERM);
    } else {
        say("the new settings are refused, the old stay in force: %s", f.text);
        settings_free(&n);
    }
    buf_done(&text);
}

static void stop_children(struct supervisor *s)
{
    s->stopping = true;
    for (int i = 0; i < CHILDREN; i++)
        if (s->child[i].pid)
            kill(s->child[i].pid, SIGTERM);
    int64_t until = clock_monotonic_ms() + s->settings->drain_ms + DRAIN_GRACE_MS;
    while ((s->child[0].pid || s->child[1].pid) && clock_monotonic_ms() < until) {
        struct pollfd p = {.fd = s->signals, .events = POLLIN};
        poll(&p, 1, 50);
        reap(s);
    }
    for (int i = 0; i < CHILDREN; i++)
        if (s->child[i].pid) {
            say("the %s does not stop and is killed", s->child[i].name);
            kill(s->child[i].pid, SIGKILL);
            waitpid(s->child[i].pid, NULL, 0);
        }
}

/* ---- the watch ---- */

static int wait_ms(const struct supervisor *s)
{
    int64_t least = -1;
    for (int i = 0; i < CHILDREN; i++)
        if (!s->child[i].pid) {
            int64_t left = s->child[i].start_ms - clock_monotonic_ms();
            left = left < 0 ? 0 : left;
            least = least < 0 || left < least ? left : least;
        }
    return (int)least;
}

static void watch(struct supervisor *s)
{
    for (;;) {
        for (int i = 0; i < CHILDREN; i++)
            if (!s->child[i].pid && clock_monotonic_ms() >= s->child[i].start_ms)
                start(s, &s->child[i]);
        struct pollfd p = {.fd = s->signals, .events = POLLIN};
        struct signalfd_siginfo info;
        if (poll(&p, 1, wait_ms(s)) <= 0 || read(s->signals, &info, sizeof info) != sizeof info)
            continue;
        if (info.ssi_signo == SIGCHLD)
            reap(s);
        else if (info.ssi_signo == SIGHUP)
            reload(s);
        else
            return;
    }
}

static bool take_signals(struct supervisor *s, struct fault *f)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &s->old_mask);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0 || fault_errno(f, errno, "cannot watch signals");
}

static bool prepare(struct supervisor *s, struct fault *f)
{
    return settings_load(&s->settings, s->config_file, f) && find_user(s, f) && make_directory(s, "", 0755, f) &&
           make_directory(s, "/run", 0755, f) && make_directory(s, "/log", 0700, f) && take_directory(s, f) &&
           sockets_open(&s->sockets, s->settings, f) && take_signals(s, f);
}

int serve_run(const char *config_file)
{
    struct supervisor s = {.config_file = config_file, .pipe = -1};
    struct fault f;
    s.child[0] = (struct child){.name = "engine", .run = run_engine, .pause_ms = PAUSE_FIRST_MS};
    s.child[1] = (struct child){.name = "office", .run = run_office, .pause_ms = PAUSE_FIRST_MS};
    raise_file_limit();
    if (!prepare(&s, &f)) {
        say("cannot start: %s", f.text);
        return EX_CONFIG;
    }
    own_socket_files(&s);
    s.first = s.settings;
    say("goniec %s serves %.*s", GONIEC_VERSION, STR_ARGS(s.settings->hostname));
    watch(&s);
    say("stopping");
    stop_children(&s);
    sockets_close(&s.sockets, s.settings);
    return 0;
}

int serve_check(const char *config_file, bool json)
{
    struct fault f = {0};
    struct buf b = {0};
    bool good = settings_check(config_file, &f);
    if (json) {
        common_json(str_of(config_file), &b);
        buf_addf(&b, ",\"good\":%s,\"error\":", good ? "true" : "false");
        common_json(str_of(f.text), &b);
        printf("{\"file\":%.*s}\n", STR_ARGS(buf_str(&b)));
    } else if (good) {
        printf("%s: good\n", config_file);
    } else {
        common_fail(0, "%s", f.text);
    }
    buf_done(&b);
    return good ? 0 : EX_CONFIG;
}
