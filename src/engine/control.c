/* control: see control.h. Each request visits every worker by post, each leaves its part of the answer, the last one sends it
 * back.
 *
 * Commands: ping | metrics | reload-accounts | retry WHICH | hold WHICH | release WHICH | drop WHICH
 * WHICH: id ULID | account NAME | domain NAME | all. Answers: lines of text; "ok N" (jobs changed) or "error SENTENCE". */
#include "engine/control.h"

#include "engine/flow.h"
#include "lib/must.h"
#include "lib/stream.h"
#include "mail/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, LINGER_MS = 2000 };

struct control {
    struct engine *engine;
    bool (*reload)(struct engine *e, struct fault *f);
    struct watch listen;
};

enum match { MATCH_ID, MATCH_ACCOUNT, MATCH_DOMAIN, MATCH_ALL };

struct verb {
    const char *name;
    enum outcome_status status;
    bool from_ready, from_waiting, from_held; /* which jobs it concerns */
    const char *note;
};
static const struct verb verbs[] = {
    {"retry", OUTCOME_RELEASED, false, true, false, "an operator asked to try again now"},
    {"hold", OUTCOME_HELD, true, true, false, "held by an operator"},
    {"release", OUTCOME_RELEASED, false, false, true, "released by an operator"},
    {"drop", OUTCOME_DROPPED, true, true, true, "dropped by an operator"},
};

struct request;
struct part { /* one worker's share of a request */
    struct post post;
    struct request *request;
    struct worker *worker;
    struct buf text;
    uint64_t changed;
    struct job *found;
};

struct request {
    struct control *control;
    struct stream *stream;
    const struct verb *verb; /* NULL: metrics */
    enum match match;
    struct id id;
    uint32_t number;
    atomic_uint left;
    struct post post;
    bool gone, busy; /* the client has left; parts are out */
    struct part part[];
};

/* ---- the operator's hand on jobs, on each worker ---- */

static bool matches(const struct request *r, const struct job *j)
{
    const struct message *m = j->message;
    switch (r->match) {
    case MATCH_ID:
        return id_eq(m->entry.id, r->id);
    case MATCH_ACCOUNT:
        return j->account == r->number;
    case MATCH_DOMAIN:
        return j->domain == r->number;
    case MATCH_ALL:
        return true;
    }
    return false;
}

static void collect(void *ctx, struct job *j)
{
    struct part *p = ctx;
    const struct verb *v = p->request->verb;
    bool concerned = (j->state == JOB_READY && v->from_ready) || (j->state == JOB_WAITING && v->from_waiting) ||
                     (j->state == JOB_HELD && v->from_held);
    if (!concerned || !matches(p->request, j))
        return;
    schedule_remove(p->worker->schedule, j);
    j->next = p->found;
    p->found = j;
}

static void act(struct part *p)
{
    struct worker *w = p->worker;
    const struct verb *v = p->request->verb;
    schedule_each(w->schedule, collect, p);
    for (struct job *j = p->found, *next; j; j = next) {
        next = j->next;
        j->next = NULL;
        flow_decide(
            w, j,
            &(struct decision){.status = v->status, .phase = PHASE_LOCAL, .note = v->note, .next_ms = loop_wall_ms(w->loop)});
        p->changed++;
    }
}

/* ---- numbers ---- */

static void put(struct buf *b, unsigned worker, const char *name, uint64_t v)
{
    buf_addf(b, "goniec_%s{worker=\"%u\"} %llu\n", name, worker, (unsigned long long)v);
}

static void put_log(struct buf *b, unsigned n, const struct worker *w)
{
    struct log_stats sum = {0};
    for (unsigned i = 0; i < w->logs; i++) {
        struct log_stats s;
        log_stats(w->log[i], &s);
        sum.commits += s.commits;
        sum.records += s.records;
        sum.bytes_written += s.bytes_written;
        sum.live += s.live;
        sum.live_bytes += s.live_bytes;
        sum.segments += s.segments;
        sum.segments_free += s.segments_free;
        sum.moved += s.moved;
        sum.disk_full |= s.disk_full;
    }
    put(b, n, "log_commits_total", sum.commits);
    put(b, n, "log_records_total", sum.records);
    put(b, n, "log_written_bytes_total", sum.bytes_written);
    put(b, n, "log_live_messages", sum.live);
    put(b, n, "log_live_bytes", sum.live_bytes);
    put(b, n, "log_segments", sum.segments);
    put(b, n, "log_segments_free", sum.segments_free);
    put(b, n, "log_moved_total", sum.moved);
    put(b, n, "log_disk_full", sum.disk_full);
}

static void put_accept(struct buf *b, unsigned n, const struct worker *w)
{
    struct accept_stats s;
    accept_stats(w->accept, &s);
    put(b, n, "smtp_connections_total", s.connections);
    put(b, n, "smtp_sessions", s.sessions);
    put(b, n, "smtp_refused_total", s.refused);
    put(b, n, "smtp_auth_failures_total", s.auth_failures);
    put(b, n, "smtp_received_bytes_total", s.bytes);
}

static void put_flow(struct buf *b, unsigned n, const struct worker *w)
{
    const struct worker_counters *c = &w->counters;
    put(b, n, "messages_accepted_total", c->accepted);
    put(b, n, "recipients_accepted_total", c->accepted_recipients);
    put(b, n, "recipients_delivered_total", c->delivered);
    put(b, n, "attempts_deferred_total", c->deferred);
    put(b, n, "recipients_failed_total", c->failed);
    put(b, n, "recipients_dropped_total", c->dropped);
    put(b, n, "notifications_total", c->notifications);
    put(b, n, "letters_loaded_total", c->loads);
    put(b, n, "letter_memory_bytes", w->letter_bytes);
}

static void put_out(struct buf *b, unsigned n, const struct worker *w)
{
    struct schedule_stats s;
    struct deliver_stats d;
    struct route_stats r;
    schedule_stats(w->schedule, &s);
    deliver_stats(w->deliver, &d);
    route_stats(w->router, &r);
    put(b, n, "jobs_ready", s.ready);
    put(b, n, "jobs_waiting", s.waiting);
    put(b, n, "jobs_held", s.held);
    put(b, n, "attempts_running", s.running);
    put(b, n, "lanes", s.lanes);
    put(b, n, "out_attempts_total", d.attempts);
    put(b, n, "out_connections_total", d.connections);
    put(b, n, "out_connections_reused_total", d.reused);
    put(b, n, "out_connections_open", d.open);
    put(b, n, "dns_lookups_total", r.lookups);
    put(b, n, "dns_cache_hits_total", r.cache_hits);
    put(b, n, "dns_failures_total", r.failures);
}

/* ---- going round and coming back ---- */

static void finish(struct request *r)
{
    if (r->stream)
        stream_close(&r->stream, LINGER_MS);
    for (unsigned i = 0; i < r->control->engine->workers; i++)
        buf_done(&r->part[i].text);
    free(r);
}

static void answer(struct request *r, const char *text, size_t n)
{
    if (!r->gone)
        stream_write(r->stream, text, n);
    finish(r);
}

static void on_back(void *ctx)
{
    struct request *r = ctx;
    struct buf all = {0};
    uint64_t changed = 0;
    for (unsigned i = 0; i < r->control->engine->workers; i++) {
        buf_add_str(&all, buf_str(&r->part[i].text));
        changed += r->part[i].changed;
    }
    if (r->verb)
        buf_addf(&all, "ok %llu\n", (unsigned long long)changed);
    answer(r, all.p, all.n);
    buf_done(&all);
}

static void on_worker(void *ctx)
{
    struct part *p = ctx;
    struct request *r = p->request;
    if (r->verb) {
        act(p);
    } else {
        put_flow(&p->text, p->worker->number, p->worker);
        put_accept(&p->text, p->worker->number, p->worker);
        put_out(&p->text, p->worker->number, p->worker);
        put_log(&p->text, p->worker->number, p->worker);
    }
    if (atomic_fetch_sub(&r->left, 1) == 1)
        loop_post(r->control->engine->loop, &r->post);
}

static void go_round(struct request *r)
{
    struct engine *e = r->control->engine;
    r->busy = true;
    r->post = (struct post){.fn = on_back, .ctx = r};
    atomic_store(&r->left, e->workers);
    for (unsigned i = 0; i < e->workers; i++) {
        struct part *p = &r->part[i];
        p->post = (struct post){.fn = on_worker, .ctx = p};
        p->request = r;
        p->worker = &e->worker[i];
        loop_post(e->worker[i].loop, &p->post);
    }
}

/* ---- understanding a line ---- */

static const struct verb *verb_find(struct str word)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (str_eq(word, str_of(verbs[i].name)))
            return &verbs[i];
    return NULL;
}

static bool which_read(struct request *r, struct str rest)
{
    struct str kind = str_split(&rest, ' ');
    struct arena a = {0};
    struct str ascii;
    const char *why;
    bool good = false;
    if (str_eq(kind, STR("all"))) {
        r->match = MATCH_ALL;
        good = true;
    } else if (str_eq(kind, STR("id"))) {
        r->match = MATCH_ID;
        good = id_parse(rest, &r->id);
    } else if (str_eq(kind, STR("account")) && rest.n) {
        r->match = MATCH_ACCOUNT;
        r->number = message_number(rest);
        good = true;
    } else if (str_eq(kind, STR("domain")) && domain_ascii(rest, &a, &ascii, &why)) {
        r->match = MATCH_DOMAIN;
        r->number = message_number(ascii);
        good = true;
    }
    arena_done(&a);
    return good;
}

static void refuse(struct request *r, const char *sentence)
{
    char line[1200];
    int n = snprintf(line, sizeof line, "error %s\n", sentence);
    answer(r, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void reload(struct request *r)
{
    struct fault f;
    if (r->control->reload(r->control->engine, &f))
        answer(r, "ok 0\n", 5);
    else
        refuse(r, f.text);
}

static void command(struct request *r, struct str line)
{
    struct str rest = line, word = str_split(&rest, ' ');
    r->verb = verb_find(word);
    if (str_eq(line, STR("ping")))
        answer(r, "ok 0\n", 5);
    else if (str_eq(line, STR("reload-accounts")))
        reload(r);
    else if (str_eq(line, STR("metrics")) || (r->verb && which_read(r, rest)))
        go_round(r);
    else
        refuse(r, r->verb ? "expected: id MESSAGE-ID, account NAME, domain NAME or all" : "unknown command");
}

/* ---- the socket ---- */

static size_t on_input(void *ctx, const char *p, size_t n)
{
    struct request *r = ctx;
    const char *end = memchr(p, '\n', n);
    if (r->busy)
        return n;
    if (!end && n < LINE_MAX_BYTES)
        return 0;
    struct str line = {p, end ? (size_t)(end - p) : n};
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    command(r, line);
    return n;
}

static void on_gone(void *ctx, enum stream_end why, const char *detail)
{
    struct request *r = ctx;
    (void)why;
    (void)detail;
    r->gone = true;
    stream_close(&r->stream, 0);
    if (!r->busy)
        finish(r);
}

static void on_connection(void *ctx, uint32_t events)
{
    static const struct stream_hooks hooks = {.input = on_input, .ended = on_gone};
    struct control *c = ctx;
    (void)events;
    int fd = accept4(c->listen.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct request *r = calloc(1, sizeof *r + c->engine->workers * sizeof r->part[0]);
    must(r);
    r->control = c;
    r->stream = stream_accept(c->engine->loop, fd, &hooks, r, LINE_MAX_BYTES * 2);
}

bool control_open(struct control **ret, struct engine *e, int fd, bool (*reload_fn)(struct engine *e, struct fault *f),
                  struct fault *f)
{
    struct control *c = calloc(1, sizeof *c);
    (void)f;
    must(c);
    c->engine = e;
    c->reload = reload_fn;
    c->listen = (struct watch){.fd = fd, .fn = on_connection, .ctx = c};
    if (fd >= 0)
        loop_watch(e->loop, &c->listen, EPOLLIN);
    *ret = c;
    return true;
}

void control_close(struct control **c)
{
    if (*c && (*c)->listen.events)
        loop_watch((*c)->engine->loop, &(*c)->listen, 0);
    free(*c);
    *c = NULL;
}
