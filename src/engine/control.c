/* control: see control.h. Each request visits every worker by post, each leaves its part of the answer, the last one sends it
 * back.
 *
 * Commands: ping | metrics | lanes | reload-accounts | reload-domains | reload-suppression | reload-policies |
 * policies-wanted MILLISECONDS | pause SITE | resume SITE | retry WHICH | hold WHICH | release WHICH | drop WHICH. WHICH: id ULID
 * | account NAME | domain NAME | all. SITE: as in lane rules. Answers: lines of text; "ok N" (jobs or sites changed) or "error
 * SENTENCE". */
#include "engine/control.h"

#include "engine/flow.h"
#include "engine/numbers.h"
#include "engine/policies.h"
#include "engine/suppressed.h"
#include "lib/must.h"
#include "lib/stream.h"
#include "mail/mailbox.h"
#include "mail/note.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, LINGER_MS = 2000, WANTED_MS_MAX = 60000 };

struct control {
    struct engine *engine;
    bool (*reload)(struct engine *e, bool domains, struct fault *f);
    struct watch listen;
};

enum match { MATCH_ID, MATCH_ACCOUNT, MATCH_DOMAIN, MATCH_ALL };

struct verb {
    const char *name;
    enum outcome_status status;
    bool from_ready, from_waiting, from_held; /* which jobs it concerns */
    enum note note;
};
static const struct verb verbs[] = {
    {"retry", OUTCOME_RELEASED, false, true, false, NOTE_ASKED_RETRY},
    {"hold", OUTCOME_HELD, true, true, false, NOTE_ASKED_HOLD},
    {"release", OUTCOME_RELEASED, false, false, true, NOTE_ASKED_RELEASE},
    {"drop", OUTCOME_DROPPED, true, true, true, NOTE_ASKED_DROP},
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
    void (*on_worker)(struct part *p); /* what each worker does */
    const struct verb *verb;           /* of a command about jobs */
    char site[256];                    /* of pause and resume */
    bool changes;                      /* the answer ends with how much was changed */
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

static void act_on_jobs(struct part *p)
{
    struct worker *w = p->worker;
    const struct verb *v = p->request->verb;
    schedule_each(w->schedule, collect, p);
    for (struct job *j = p->found, *next; j; j = next) {
        next = j->next;
        j->next = NULL;
        flow_decide(w, j,
                    &(struct decision){
                        .status = v->status, .phase = PHASE_LOCAL, .note = note_word(v->note), .next_ms = loop_wall_ms(w->loop)});
        p->changed++;
    }
}

/* ---- on lanes and their sites ---- */

static void pause_site(struct part *p) { p->changed += schedule_pause(p->worker->schedule, str_of(p->request->site), true); }

static void resume_site(struct part *p)
{
    p->changed += schedule_pause(p->worker->schedule, str_of(p->request->site), false);
    p->worker->pump_wanted = true;
}

static void tell_lanes(struct part *p) { numbers_lanes(p->worker, &p->text); }
static void tell_metrics(struct part *p) { numbers_metrics(p->worker, &p->text); }

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
    if (r->changes)
        buf_addf(&all, "ok %llu\n", (unsigned long long)changed);
    answer(r, all.p, all.n);
    buf_done(&all);
}

static void on_worker(void *ctx)
{
    struct part *p = ctx;
    struct request *r = p->request;
    r->on_worker(p);
    if (atomic_fetch_sub(&r->left, 1) == 1)
        loop_post(r->control->engine->loop, &r->post);
}

static void go_round(struct request *r, void (*on_worker_fn)(struct part *p), bool changes)
{
    struct engine *e = r->control->engine;
    r->on_worker = on_worker_fn;
    r->changes = changes;
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

static void reload(struct request *r, bool domains)
{
    struct fault f;
    if (r->control->reload(r->control->engine, domains, &f))
        answer(r, "ok 0\n", 5);
    else
        refuse(r, f.text);
}

static void about_site(struct request *r, struct str site, void (*fn)(struct part *p))
{
    if (site.n == 0 || site.n >= sizeof r->site) {
        refuse(r, "expected: the site's name, as \"goniec queue lanes\" shows it, a domain of its hosts, or *");
        return;
    }
    memcpy(r->site, site.p, site.n);
    go_round(r, fn, true);
}

static void about_jobs(struct request *r, struct str which)
{
    if (which_read(r, which))
        go_round(r, act_on_jobs, true);
    else
        refuse(r, "expected: id MESSAGE-ID, account NAME, domain NAME or all");
}

static void on_reloaded(void *ctx, const struct fault *f)
{
    struct request *r = ctx;
    if (f)
        refuse(r, f->text);
    else
        answer(r, "ok 0\n", 5);
}

static void reload_suppression(struct request *r)
{
    r->busy = true;
    suppressed_reload(r->control->engine, on_reloaded, r);
}

static void reload_policies(struct request *r)
{
    r->busy = true;
    policies_reload(r->control->engine, on_reloaded, r);
}

static void on_wanted(void *ctx, struct str lines) { answer(ctx, lines.p, lines.n); }

static void wanted(struct request *r, struct str rest)
{
    uint64_t wait_ms;
    if (!str_to_u64(rest, WANTED_MS_MAX, &wait_ms)) {
        refuse(r, "expected: for how many milliseconds to wait");
        return;
    }
    r->busy = true;
    policies_wanted(r->control->engine, (uint32_t)wait_ms, on_wanted, r);
}

static void command(struct request *r, struct str line)
{
    struct str rest = line, word = str_split(&rest, ' ');
    r->verb = verb_find(word);
    if (r->verb)
        about_jobs(r, rest);
    else if (str_eq(word, STR("pause")))
        about_site(r, rest, pause_site);
    else if (str_eq(word, STR("resume")))
        about_site(r, rest, resume_site);
    else if (str_eq(line, STR("ping")))
        answer(r, "ok 0\n", 5);
    else if (str_eq(line, STR("reload-accounts")))
        reload(r, false);
    else if (str_eq(line, STR("reload-domains")))
        reload(r, true);
    else if (str_eq(line, STR("reload-suppression")))
        reload_suppression(r);
    else if (str_eq(line, STR("reload-policies")))
        reload_policies(r);
    else if (str_eq(word, STR("policies-wanted")))
        wanted(r, rest);
    else if (str_eq(line, STR("metrics")))
        go_round(r, tell_metrics, false);
    else if (str_eq(line, STR("lanes")))
        go_round(r, tell_lanes, false);
    else
        refuse(r, "unknown command");
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

bool control_open(struct control **ret, struct engine *e, int fd,
                  bool (*reload_fn)(struct engine *e, bool domains, struct fault *f), struct fault *f)
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
