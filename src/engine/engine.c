/* engine: starts the workers, hands them new settings, stops them. */
#include "engine/engine.h"

#include "engine/control.h"
#include "engine/incoming.h"
#include "engine/message.h"
#include "engine/policies.h"
#include "engine/suppressed.h"
#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/must.h"
#include "mail/date.h"
#include "mail/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* The main thread's side: starting, reloading, draining. */
struct process {
    struct engine engine;
    const struct engine_sockets *sockets;
    struct watch signals, supervisor;
    struct buf frame; /* settings on their way from the supervisor */
    struct timer drain;
    int64_t drain_until_ms;
    bool draining;
    pthread_mutex_t lock; /* guards opened, failed and fault while the workers start */
    pthread_cond_t changed;
    unsigned opened, failed;
    struct fault fault;
};

/* Logins and replies are strangers' text: none may begin a line of its own, or move a terminal's cursor. */
static void make_printable(char *line)
{
    struct str rest = str_of(line);
    while (rest.n > 0) {
        char *at = line + (rest.p - line);
        uint32_t point = utf8_take(&rest);
        if (point == UTF8_BAD || point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029)
            memset(at, '?', (size_t)(rest.p - at));
    }
}

void engine_log(const char *fmt, ...)
{
    char line[1600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    make_printable(line);
    char at[40];
    date_rfc3339(clock_wall_ms(), at);
    fprintf(stderr, "%s engine: %s\n", at, line);
}

/* ---- settings in force ---- */

static bool is_return_path(const void *ctx, struct str domain) { return verp_hosts(ctx, domain); }

/* What the rooms are told beyond what the settings file says. */
static void settle(struct snapshot *n)
{
    struct settings *s = n->settings;
    struct buf inbound = {0};
    buf_addf(&inbound, "%.*s/inbound", STR_ARGS(s->data_directory));
    n->accept.returns = n->returns;
    n->route.is_own = is_return_path;
    n->route.own_ctx = n->returns;
    n->route.own_maildir = arena_str(&n->arena, buf_str(&inbound));
    buf_done(&inbound);
}

/* Takes the settings over. Domains and return paths are those of the snapshot `as` (NULL: they are read). One holder: the
 * caller. */
static bool snapshot_new(struct snapshot **ret, struct settings *s, const struct snapshot *as, struct fault *f)
{
    struct snapshot *n = calloc(1, sizeof *n);
    char path[512], keys[512], secret[512];
    must(n);
    atomic_init(&n->holders, 1);
    n->settings = s;
    n->domains = domains_ref(as ? as->domains : NULL);
    n->returns = verp_ref(as ? as->returns : NULL);
    n->accept = s->accept;
    n->route = s->route;
    snprintf(path, sizeof path, "%.*s/accounts", STR_ARGS(s->data_directory));
    snprintf(keys, sizeof keys, "%.*s/keys", STR_ARGS(s->data_directory));
    snprintf(secret, sizeof secret, "%.*s/login.key", STR_ARGS(s->data_directory));
    if (tls_server_new(&n->accept.tls, s->tls_chain_pem, s->tls_key_pem, f) && accounts_load(&n->accept.accounts, path, f) &&
        secret_keep(secret, n->accept.login_key, f) &&
        (as || (domains_load(&n->domains, keys, f) && verp_load(&n->returns, keys, time(NULL), true, f)))) {
        settle(n);
        *ret = n;
        return true;
    }
    snapshot_free(n);
    return false;
}

void snapshot_free(struct snapshot *s)
{
    if (atomic_fetch_sub(&s->holders, 1) > 1)
        return;
    tls_free(&s->accept.tls);
    accounts_free(&s->accept.accounts);
    domains_free(&s->domains);
    verp_free(&s->returns);
    arena_done(&s->arena);
    settings_free(&s->settings);
    free(s);
}

struct use {
    struct post post;
    struct worker *worker;
    struct snapshot *snapshot;
};

static void on_use(void *ctx)
{
    struct use *u = ctx;
    worker_use(u->worker, u->snapshot);
    free(u);
}

static void use(struct engine *e, struct snapshot *s)
{
    struct snapshot *old = e->snapshot;
    e->snapshot = s;
    atomic_fetch_add(&s->holders, e->workers);
    for (unsigned i = 0; i < e->workers; i++) {
        struct use *u = calloc(1, sizeof *u);
        must(u);
        *u = (struct use){.post = {.fn = on_use, .ctx = u}, .worker = &e->worker[i], .snapshot = s};
        loop_post(e->worker[i].loop, &u->post);
    }
    snapshot_free(old);
}

static bool reload(struct engine *e, bool domains, struct fault *f)
{
    struct snapshot *s, *now = e->snapshot;
    if (!snapshot_new(&s, settings_ref(now->settings), domains ? NULL : now, f))
        return false;
    use(e, s);
    return true;
}

static void take_settings(struct engine *e, struct str packed)
{
    struct fault f;
    struct settings *s;
    struct snapshot *n;
    if (!settings_unpack(&s, packed, &f)) {
        engine_log("the new settings are refused, the old stay in force: %s", f.text);
        return;
    }
    s->workers = e->workers; /* takes a restart, as do listeners and the data directory */
    s->data_directory = arena_str(&s->arena, e->snapshot->settings->data_directory);
    if (!snapshot_new(&n, s, NULL, &f)) {
        engine_log("the new settings are refused, the old stay in force: %s", f.text);
        return;
    }
    if (!incoming_open(e, s, &f)) {
        engine_log("the new settings are refused, the old stay in force: %s", f.text);
        snapshot_free(n);
        return;
    }
    use(e, n);
    engine_log("new settings are in force");
}

/* ---- stopping ---- */

static void on_stop(void *ctx)
{
    struct worker *w = ctx;
    loop_stop(w->loop);
}

static void on_drain_worker(void *ctx) { worker_drain(ctx); }

static bool all_quiet(const struct engine *e)
{
    unsigned sessions = 0;
    for (unsigned i = 0; i < e->workers; i++)
        sessions += atomic_load(&e->worker[i].sessions);
    return sessions == 0 && atomic_load(&e->trips) == 0;
}

static void on_drain(void *ctx)
{
    struct process *p = ctx;
    struct engine *e = &p->engine;
    if (!all_quiet(e) && loop_now_ms(e->loop) < p->drain_until_ms) {
        timer_set(e->loop, &p->drain, 50);
        return;
    }
    for (unsigned i = 0; i < e->workers; i++) {
        struct worker *w = &e->worker[i];
        w->stop = (struct post){.fn = on_stop, .ctx = w};
        loop_post(w->loop, &w->stop);
    }
    loop_stop(e->loop);
}

static void drain(struct process *p)
{
    struct engine *e = &p->engine;
    if (p->draining)
        return;
    p->draining = true;
    p->drain_until_ms = loop_now_ms(e->loop) + e->snapshot->settings->drain_ms;
    for (unsigned i = 0; i < e->workers; i++) {
        struct worker *w = &e->worker[i];
        w->drain = (struct post){.fn = on_drain_worker, .ctx = w}; /* its own: the start may still be queued */
        loop_post(w->loop, &w->drain);
    }
    p->drain = (struct timer){.fn = on_drain, .ctx = p};
    timer_set(e->loop, &p->drain, 100);
}

static void on_signal(void *ctx, uint32_t events)
{
    struct process *p = ctx;
    struct signalfd_siginfo info;
    (void)events;
    if (read(p->signals.fd, &info, sizeof info) == sizeof info)
        drain(p);
}

/* ---- the supervisor's frames ---- */

static void on_supervisor(void *ctx, uint32_t events)
{
    struct process *p = ctx;
    (void)events;
    char *to = buf_reserve(&p->frame, 65536);
    ssize_t n = to ? read(p->supervisor.fd, to, 65536) : 0;
    if (n <= 0) {
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        loop_watch(p->engine.loop, &p->supervisor, 0);
        drain(p);
        return;
    }
    p->frame.n += (size_t)n;
    for (;;) {
        bool ok = true;
        struct str rest = buf_str(&p->frame), one = str_take_str(&rest, &ok);
        if (!ok)
            return;
        take_settings(&p->engine, one);
        buf_drop(&p->frame, p->frame.n - rest.n);
    }
}

/* ---- starting ---- */

static void *run_worker(void *ctx)
{
    struct worker *w = ctx;
    struct process *p = (struct process *)w->engine; /* engine is its first member */
    struct fault f = {0};
    bool good = worker_open(w, &f);
    pthread_mutex_lock(&p->lock);
    p->opened++;
    if (!good && p->failed++ == 0)
        p->fault = f;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (!good)
        return NULL;
    loop_run(w->loop);
    worker_close(w);
    return NULL;
}

/* Highest number of a log directory of an earlier time with more workers, plus one. */
static unsigned logs_present(const char *dir)
{
    unsigned n = 0, k;
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d && (e = readdir(d)))
        if (sscanf(e->d_name, "w%u", &k) == 1 && k < 1024 && k + 1 > n)
            n = k + 1;
    if (d)
        closedir(d);
    return n;
}

static bool start_workers(struct process *p, struct fault *f)
{
    struct engine *e = &p->engine;
    char dir[512];
    snprintf(dir, sizeof dir, "%.*s/log", STR_ARGS(e->snapshot->settings->data_directory));
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fault_errno(f, errno, "cannot make %s", dir);
    unsigned logs = logs_present(dir);
    atomic_fetch_add(&e->snapshot->holders, e->workers);
    for (unsigned i = 0; i < e->workers; i++) {
        struct worker *w = &e->worker[i];
        *w = (struct worker){.number = i, .engine = e, .snapshot = e->snapshot};
        w->logs = logs > i ? (logs - i + e->workers - 1) / e->workers : 1;
        w->log = calloc(w->logs, sizeof(struct log *));
        must(w->log);
        if (!loop_new(&w->loop, f))
            return false;
    }
    for (unsigned i = 0; i < e->workers; i++)
        if (pthread_create(&e->worker[i].thread, NULL, run_worker, &e->worker[i]) != 0)
            return fault_set(f, "cannot start worker thread %u", i);
    pthread_mutex_lock(&p->lock);
    while (p->opened < e->workers)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    *f = p->fault;
    return p->failed == 0;
}

static void on_listen(void *ctx)
{
    struct worker *w = ctx;
    struct process *p = (struct process *)w->engine;
    const struct settings *s = w->snapshot->settings;
    struct fault f;
    for (size_t i = 0; i < s->listeners; i++)
        if (!accept_listen(w->accept, p->sockets->listener[i * w->engine->workers + w->number], s->listener[i].door, &f))
            engine_log("cannot listen on %.*s: %s", STR_ARGS(s->listener[i].text), f.text);
    if (w->number == 0 && p->sockets->submit >= 0 && !accept_listen(w->accept, p->sockets->submit, DOOR_LOCAL, &f))
        engine_log("cannot listen for local submissions: %s", f.text);
}

static bool watch_outside(struct process *p, struct fault *f)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return fault_errno(f, errno, "cannot watch signals");
    p->signals = (struct watch){.fd = fd, .fn = on_signal, .ctx = p};
    loop_watch(p->engine.loop, &p->signals, EPOLLIN);
    p->frame.max = 64 * 1024 * 1024;
    p->supervisor = (struct watch){.fd = p->sockets->supervisor, .fn = on_supervisor, .ctx = p};
    if (p->sockets->supervisor >= 0)
        loop_watch(p->engine.loop, &p->supervisor, EPOLLIN);
    return true;
}

static bool open_all(struct process *p, struct settings *s, struct fault *f)
{
    struct engine *e = &p->engine;
    memcpy(e->hash_key, hash_process_key(), sizeof e->hash_key);
    e->workers = s->workers;
    e->worker = calloc(e->workers, sizeof *e->worker);
    e->shared = accept_shared_new();
    must(e->worker && e->shared);
    return snapshot_new(&e->snapshot, s, NULL, f) && loop_new(&e->loop, f) && chore_pool_new(&e->chores, 2, f) &&
           incoming_open(e, s, f) && suppressed_open(e, f) && policies_open(e, f) && watch_outside(p, f) && start_workers(p, f) &&
           control_open(&e->control, e, p->sockets->control, reload, f);
}

static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread: all inherit it */
    signal(SIGPIPE, SIG_IGN);
}

int engine_run(struct settings *s, const struct engine_sockets *sockets)
{
    static struct process p = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct fault f = {0};
    p.sockets = sockets;
    block_signals();
    if (!open_all(&p, s, &f)) {
        engine_log("cannot start: %s", f.text);
        return EX_TEMPFAIL;
    }
    for (unsigned i = 0; i < p.engine.workers; i++) {
        struct worker *w = &p.engine.worker[i];
        w->start = (struct post){.fn = on_listen, .ctx = w};
        loop_post(w->loop, &w->start);
    }
    engine_log("%u workers take mail", p.engine.workers);
    loop_run(p.engine.loop);
    for (unsigned i = 0; i < p.engine.workers; i++)
        pthread_join(p.engine.worker[i].thread, NULL);
    control_close(&p.engine.control);
    policies_close(&p.engine);
    suppressed_close(&p.engine);
    engine_log("stopped");
    return 0;
}
