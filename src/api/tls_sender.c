/* tls_sender: see tls_sender.h. When a UTC day is over, and some of the delay has passed (so that not all servers of the world
 * write at midnight), each domain that sessions were counted for is asked in DNS whether it wants reports. Its counts are dropped
 * when the report is handed in to the engine, which keeps and signs it as any submission; or when it wants none; or when three
 * days have not been enough to find out. */
#include "api/tls_sender.h"

#include "api/tls_report.h"
#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/must.h"
#include "mail/id.h"
#include "route/route.h"
#include "submit/submit.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unbound.h>

enum {
    LOOK_MS = 2000,
    AGAIN_MS = 1800000, /* after a round with trouble */
    STEP_MS = 100,
    WAIT_S = 30,
    DAY_S = 86400,
    PATIENCE_DAYS = 3,
    ROWS_MAX = 2000, /* of one report */
    RR_TXT = 16,
    CLASS_IN = 1
};

struct tls_sender {
    const struct office_options *options;
    struct store *store;
    struct ub_ctx *dns;
    pthread_t thread;
    atomic_bool stopping;
};

/* False: it is time to stop. */
static bool rest(struct tls_sender *s, int ms)
{
    for (; ms > 0 && !atomic_load(&s->stopping); ms -= STEP_MS)
        nanosleep(&(struct timespec){0, STEP_MS * 1000000L}, NULL);
    return !atomic_load(&s->stopping);
}

/* ---- who wants reports ---- */

enum wish { WISH_NONE, WISH_REPORTS, WISH_UNKNOWN };

struct question {
    bool over, answered;
    struct arena *arena;
    struct str rua[RUA_MAX];
    unsigned n, records;
};

static void take_record(struct question *q, const uint8_t *p, size_t n)
{
    char *text = arena_alloc(q->arena, n + 1);
    size_t length = 0;
    for (size_t at = 0, part; at < n; at += part) {
        part = p[at++];
        if (part > n - at)
            return;
        memcpy(text + length, p + at, part);
        length += part;
    }
    struct str rua[RUA_MAX];
    unsigned count;
    if (!tls_report_record(str_mem(text, length), q->arena, rua, &count))
        return;
    q->records++;
    q->n = count;
    memcpy(q->rua, rua, count * sizeof *rua);
}

static void on_answer(void *ctx, int error, struct ub_result *r)
{
    struct question *q = ctx;
    q->over = true;
    q->answered = !error && (r->rcode == 0 || r->nxdomain);
    for (int i = 0; q->answered && r->havedata && r->data[i]; i++)
        if (r->len[i] > 0)
            take_record(q, (const uint8_t *)r->data[i], (size_t)r->len[i]);
    ub_resolve_free(r);
}

/* Waits for the answer, unless it is time to stop (then the question goes with its context). */
static enum wish ask(struct tls_sender *s, struct str domain, struct question *q)
{
    char name[300];
    int id;
    snprintf(name, sizeof name, "_smtp._tls.%.*s", STR_ARGS(domain));
    if (ub_resolve_async(s->dns, name, RR_TXT, CLASS_IN, q, on_answer, &id))
        return WISH_UNKNOWN;
    while (!q->over && !atomic_load(&s->stopping)) {
        struct pollfd p = {.fd = ub_fd(s->dns), .events = POLLIN};
        if (poll(&p, 1, STEP_MS) > 0)
            ub_process(s->dns);
    }
    if (!q->over)
        ub_cancel(s->dns, id);
    return !q->answered ? WISH_UNKNOWN : q->records == 1 && q->n ? WISH_REPORTS : WISH_NONE;
}

/* ---- one domain's day ---- */

struct gathering {
    struct arena arena;
    struct store_tls *row;
    size_t n;
};

static void gather(void *ctx, const struct store_tls *t)
{
    struct gathering *g = ctx;
    if (g->n == ROWS_MAX)
        return;
    struct store_tls *to = &g->row[g->n++];
    *to = *t;
    to->source_ip = arena_str(&g->arena, t->source_ip);
    to->session.host = arena_str(&g->arena, t->session.host);
    to->session.ip = arena_str(&g->arena, t->session.ip);
    to->session.policy = arena_str(&g->arena, t->session.policy);
}

static bool send_report(struct tls_sender *s, int64_t day, struct str domain, const struct question *q)
{
    const struct office_options *o = s->options;
    struct gathering g = {0};
    struct sts_list *list = NULL;
    struct buf mail = {0};
    char path[600], unique[ID_TEXT + 1], why[SUBMIT_WHY];
    g.row = arena_alloc(&g.arena, ROWS_MAX * sizeof *g.row);
    store_tls_each(s->store, day, domain, gather, &g);
    snprintf(path, sizeof path, "%s/mta-sts", o->data_directory);
    bool known = sts_list_load(&list, path, NULL);
    struct tls_report r = {.domain = domain,
                           .hostname = o->hostname,
                           .from = str_of(o->reports.from),
                           .day = day,
                           .now_ms = clock_wall_ms(),
                           .sts = known ? sts_list_find(list, domain) : NULL,
                           .row = g.row,
                           .rows = g.n};
    id_text(id_new(r.now_ms), unique);
    snprintf(r.id, sizeof r.id, "%s.tls@%.*s", unique, (int)(o->hostname.n < 40 ? o->hostname.n : 40), o->hostname.p);
    tls_report_mail(&r, q->rua, q->n, &mail);
    struct submit_mail m = {
        .sender = str_of(o->reports.from), .rcpt = q->rua, .rcpts = q->n, .notify = "NEVER", .content = buf_str(&mail)};
    enum submit_end end = submit(o->submit_socket, &m, WAIT_S, why);
    if (end != SUBMIT_TAKEN)
        fprintf(stderr, "office: the TLS report to %.*s is not sent: %s\n", STR_ARGS(domain), why);
    buf_done(&mail);
    sts_list_free(&list);
    arena_done(&g.arena);
    return end != SUBMIT_LATER; /* one that is refused would be again, one that is in doubt would go twice */
}

/* False: it must be tried again. */
static bool one(struct tls_sender *s, int64_t day, struct str domain, int64_t today)
{
    struct arena a = {0};
    struct question q = {.arena = &a};
    struct fault f;
    enum wish w = ask(s, domain, &q);
    bool good = w == WISH_NONE || (w == WISH_REPORTS && send_report(s, day, domain, &q));
    arena_done(&a);
    if (!good && today - day < PATIENCE_DAYS)
        return false;
    if (!store_tls_drop(s->store, day, domain, &f))
        fprintf(stderr, "office: TLS reports: %s\n", f.text);
    return true;
}

static void *run(void *ctx)
{
    struct tls_sender *s = ctx;
    uint32_t delay_s = s->options->reports.delay_s;
    int64_t begin_s = delay_s ? (int64_t)(*(const uint32_t *)(const void *)hash_process_key() % delay_s) : 0;
    int pause_ms = LOOK_MS;
    while (rest(s, pause_ms)) {
        struct arena a = {0};
        struct str domain = STR("");
        int64_t day = 0, now_s = clock_wall_ms() / 1000, today = now_s / DAY_S;
        pause_ms = LOOK_MS;
        while (now_s % DAY_S >= begin_s && !atomic_load(&s->stopping) && store_tls_next(s->store, today, &a, &day, &domain))
            if (!one(s, day, domain, today))
                pause_ms = AGAIN_MS;
        arena_done(&a);
    }
    return NULL;
}

bool tls_sender_open(struct tls_sender **ret, const struct office_options *o, struct fault *f)
{
    sigset_t all, before;
    struct tls_sender *s = calloc(1, sizeof *s);
    must(s);
    s->options = o;
    if (!store_open(&s->store, o->data_directory, true, f) ||
        !route_resolver(&s->dns, o->reports.resolver, o->reports.resolvers, NULL, f)) {
        store_close(&s->store);
        free(s);
        return false;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int code = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code) {
        ub_ctx_delete(s->dns);
        store_close(&s->store);
        free(s);
        return fault_errno(f, code, "cannot start a thread");
    }
    *ret = s;
    return true;
}

void tls_sender_close(struct tls_sender **sender)
{
    struct tls_sender *s = *sender;
    *sender = NULL;
    if (!s)
        return;
    atomic_store(&s->stopping, true);
    pthread_join(s->thread, NULL);
    ub_ctx_delete(s->dns);
    store_close(&s->store);
    free(s);
}
