/* policies: see policies.h. The file that the engine reads is also where the office keeps what it knows; it is read when the
 * office starts and written anew with each change. A policy stays until it expires, whatever becomes of later tries to fetch it
 * (RFC 8461 5.1); one that cannot be fetched is not tried again for five minutes (3.3). */
#include "api/policies.h"

#include "api/ask.h"
#include "api/fetch.h"
#include "lib/clock.h"
#include "lib/must.h"
#include "store/tls.h"

#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    WAIT_MS = 500,  /* for the engine to want something; stopping takes as long */
    STEP_MS = 100,  /* for fetches, with the engine asked in between */
    APART_MS = 200, /* of writing the file */
    TROUBLE_MS = 5000,
    FAILED_S = 300,
    JUST_S = 60, /* since a policy was fetched: what an engine wants that has not read of it yet */
    KNOWN_MAX = 200000,
    FAILED_MAX = KNOWN_MAX / 2,    /* where nothing but a failure is known, up to here: they must not keep policies out */
    BYTES_MAX = 192 * 1024 * 1024, /* of all together; readers of the file take 256 MB */
    DAY_MS = 86400000,
    ANSWER_MAX = 1024 * 1024
};

/* A domain of which something is known. */
struct known {
    struct sts_entry entry; /* texts in the arena */
    struct arena arena;
};

struct policies {
    const struct office_options *options;
    pthread_t thread;
    atomic_bool stopping;
    struct fetcher *fetcher;
    struct store *store; /* for the counts of reports; NULL: none are sent */
    void *tree;          /* of struct known, by domain */
    size_t n, bytes;
    char path[600];
    bool changed;
    int64_t written_ms;
};

/* ---- what is known ---- */

static int by_domain(const void *a, const void *b)
{
    struct str x = ((const struct known *)a)->entry.domain, y = ((const struct known *)b)->entry.domain;
    int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return c ? c : (x.n > y.n) - (x.n < y.n);
}

static struct known *find(struct policies *p, struct str domain)
{
    struct known key = {.entry.domain = domain}, **found = tfind(&key, &p->tree, by_domain);
    return found ? *found : NULL;
}

static void known_free(void *k)
{
    arena_done(&((struct known *)k)->arena);
    free(k);
}

static size_t bytes_of(const struct sts_entry *e) { return e->domain.n + e->id.n + e->mx.n + e->failed_id.n + 100; /* numbers */ }

static void forget(struct policies *p, struct known *k)
{
    tdelete(k, &p->tree, by_domain);
    p->bytes -= bytes_of(&k->entry);
    p->n--;
    known_free(k);
}

/* Strangers decide how many policies there are, and how large. */
static bool has_room(const struct policies *p, const struct known *old, const struct sts_entry *e)
{
    size_t was = old ? bytes_of(&old->entry) : 0, most = e->id.n ? KNOWN_MAX : FAILED_MAX;
    return (old || p->n < most) && p->bytes - was + bytes_of(e) <= BYTES_MAX;
}

/* Puts what is known of a domain in place of what was, if there is room; texts are copied. */
static void set(struct policies *p, const struct sts_entry *e)
{
    struct known *old = find(p, e->domain);
    if (!has_room(p, old, e))
        return;
    struct known *k = calloc(1, sizeof *k);
    must(k);
    k->entry = *e;
    k->entry.domain = arena_str(&k->arena, e->domain);
    k->entry.id = arena_str(&k->arena, e->id);
    k->entry.mx = arena_str(&k->arena, e->mx);
    k->entry.failed_id = arena_str(&k->arena, e->failed_id);
    if (old)
        forget(p, old);
    must(tsearch(k, &p->tree, by_domain));
    p->bytes += bytes_of(&k->entry);
    p->n++;
}

/* Its domain is told in the day's report (RFC 8460 4.3.2.2). */
static void count_failure(struct policies *p, const char *domain, enum secure_flaw flaw)
{
    struct store_tls t = {.day = clock_wall_ms() / DAY_MS,
                          .domain = str_of(domain),
                          .source_ip = STR(""),
                          .session = {.host = STR(""), .ip = STR(""), .by = BY_STS, .flaw = flaw, .policy = STR("")}};
    struct fault f;
    if (p->store && !store_tls_add(p->store, &t, &f))
        fprintf(stderr, "office: %s\n", f.text);
}

static void on_fetched(void *ctx, const char *domain, const char *id, const struct sts_policy *policy, enum secure_flaw flaw,
                       const char *why)
{
    struct policies *p = ctx;
    struct known *k = find(p, str_of(domain));
    struct sts_entry e = k ? k->entry : (struct sts_entry){.domain = str_of(domain)};
    int64_t now_s = clock_wall_ms() / 1000;
    if (policy) {
        e.id = str_of(id);
        e.mode = policy->mode;
        e.fetched_s = now_s;
        e.expires_s = now_s + policy->max_age_s;
        e.mx = policy->mx;
        e.failed_id = STR("");
    } else {
        e.failed_id = str_of(id);
        e.failed_until_s = now_s + FAILED_S;
        fprintf(stderr, "office: the MTA-STS policy of %s is not fetched: %s\n", domain, why);
        count_failure(p, domain, flaw);
    }
    set(p, &e);
    p->changed = true;
}

/* ---- the file ---- */

static void load(struct policies *p)
{
    struct sts_list *l = NULL;
    struct fault f;
    size_t n = 0;
    if (!sts_list_load(&l, p->path, &f)) {
        fprintf(stderr, "office: %s: it is made anew\n", f.text);
        p->changed = true;
        return;
    }
    const struct sts_entry *e = sts_list_entries(l, &n);
    for (size_t i = 0; i < n; i++)
        set(p, &e[i]);
    sts_list_free(&l);
}

struct gathering {
    struct sts_entry *entry;
    size_t n, old_n;
    struct known **old;
    int64_t now_s;
};

static void gather(const void *node, VISIT visit, void *ctx)
{
    struct gathering *g = ctx;
    struct known *k = *(struct known *const *)node;
    if (visit != postorder && visit != leaf)
        return;
    bool dead = (!k->entry.id.n || k->entry.expires_s <= g->now_s) && k->entry.failed_until_s <= g->now_s;
    if (dead)
        g->old[g->old_n++] = k;
    else
        g->entry[g->n++] = k->entry;
}

static bool write_list(struct policies *p, struct fault *f)
{
    struct gathering g = {.now_s = clock_wall_ms() / 1000};
    g.entry = calloc(p->n + 1, sizeof *g.entry);
    g.old = calloc(p->n + 1, sizeof(struct known *));
    must(g.entry && g.old);
    twalk_r(p->tree, gather, &g);
    bool good = sts_list_write(p->path, g.entry, g.n, f);
    for (size_t i = 0; i < g.old_n; i++)
        forget(p, g.old[i]);
    free(g.entry);
    free(g.old);
    return good;
}

/* Writing apart from each other: many policies that come at once make one file. */
static void publish(struct policies *p)
{
    struct buf answer = {.max = 4096};
    struct fault f;
    int64_t since_ms = clock_wall_ms() - p->written_ms;
    if (!p->changed || (since_ms >= -TROUBLE_MS && since_ms < APART_MS))
        return;
    p->written_ms = clock_wall_ms();
    p->changed = !write_list(p, &f);
    if (p->changed) {
        p->written_ms += TROUBLE_MS;
        fprintf(stderr, "office: %s\n", f.text);
    } else {
        ask_engine(p->options->control_socket, "reload-policies\n", &answer); /* one that is not there reads it when it starts */
    }
    buf_done(&answer);
}

/* ---- the thread ---- */

/* Several workers may want the same, one after the other. */
static bool is_answered(struct policies *p, struct str domain, struct str id)
{
    const struct known *k = find(p, domain);
    int64_t now_s = clock_wall_ms() / 1000;
    return k && ((str_eq(k->entry.id, id) && now_s - k->entry.fetched_s < JUST_S) ||
                 (str_eq(k->entry.failed_id, id) && now_s < k->entry.failed_until_s));
}

static bool ask(struct policies *p, int wait_ms)
{
    struct buf b = {.max = ANSWER_MAX};
    char line[60];
    snprintf(line, sizeof line, "policies-wanted %d\n", wait_ms);
    bool good = ask_engine(p->options->control_socket, line, &b);
    for (struct str rest = buf_str(&b); good && rest.n;) {
        struct str id = str_split(&rest, '\n'), domain = str_split(&id, ' ');
        if (id.p && !is_answered(p, domain, id))
            fetcher_want(p->fetcher, domain, id);
    }
    buf_done(&b);
    return good;
}

static void *run(void *ctx)
{
    struct policies *p = ctx;
    unsigned busy = 0;
    while (!atomic_load(&p->stopping)) {
        bool there = ask(p, busy || p->changed ? 0 : WAIT_MS);
        busy = fetcher_step(p->fetcher, STEP_MS);
        publish(p);
        if (!there || (p->changed && !busy))
            nanosleep(&(struct timespec){0, (there ? STEP_MS : WAIT_MS) * 1000000L}, NULL);
    }
    return NULL;
}

static void free_all(struct policies *p)
{
    fetcher_free(&p->fetcher);
    store_close(&p->store);
    tdestroy(p->tree, known_free);
    free(p);
}

bool policies_start(struct policies **ret, const struct office_options *o, struct fault *f)
{
    sigset_t all, before;
    struct policies *p = calloc(1, sizeof *p);
    must(p);
    p->options = o;
    snprintf(p->path, sizeof p->path, "%s/mta-sts", o->data_directory);
    if (!fetcher_new(&p->fetcher, o, on_fetched, p, f) ||
        (*o->reports.from && !store_open(&p->store, o->data_directory, true, f))) {
        free_all(p);
        return false;
    }
    load(p);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int code = pthread_create(&p->thread, NULL, run, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code) {
        free_all(p);
        return fault_errno(f, code, "cannot start a thread");
    }
    *ret = p;
    return true;
}

void policies_stop(struct policies **policies)
{
    struct policies *p = *policies;
    *policies = NULL;
    if (!p)
        return;
    atomic_store(&p->stopping, true);
    pthread_join(p->thread, NULL);
    free_all(p);
}
