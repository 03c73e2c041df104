/* suppressed: see suppressed.h. */
#include "engine/suppressed.h"

#include "lib/must.h"
#include "mail/date.h"
#include "mail/mailbox.h"
#include "suppress/suppress.h"

#include <stdio.h>
#include <stdlib.h>

struct waiter {
    struct waiter *next;
    void (*done)(void *ctx, const struct fault *f);
    void *ctx;
};

struct suppressed {
    struct engine *engine;
    char path[600];
    struct suppress_list *list, *fresh; /* in force; being read */
    struct chore chore;
    struct fault fault;
    bool reading, good;
    struct waiter *answering, *waiting; /* who asked before this reading began; who asked since */
};

/* ---- reading and handing out ---- */

bool suppressed_open(struct engine *e, struct fault *f)
{
    struct suppressed *s = calloc(1, sizeof *s);
    must(s);
    s->engine = e;
    e->suppressed = s;
    snprintf(s->path, sizeof s->path, "%.*s/suppression", STR_ARGS(e->snapshot->settings->data_directory));
    return suppress_load(&s->list, s->path, NULL, f);
}

void suppressed_close(struct engine *e)
{
    if (e->suppressed->reading) /* a chore thread still has it: it ends with the process */
        return;
    suppress_free(&e->suppressed->list);
    free(e->suppressed);
    e->suppressed = NULL;
}

void suppressed_begin(struct worker *w) { w->suppressed = suppress_ref(w->engine->suppressed->list); }
void suppressed_end(struct worker *w) { suppress_free(&w->suppressed); }

struct handing {
    struct post post;
    struct worker *worker;
    struct suppress_list *list;
};

static void on_handed(void *ctx)
{
    struct handing *h = ctx;
    suppress_free(&h->worker->suppressed);
    h->worker->suppressed = h->list;
    free(h);
}

static void hand_out(struct suppressed *s)
{
    for (unsigned i = 0; i < s->engine->workers; i++) {
        struct handing *h = calloc(1, sizeof *h);
        must(h);
        *h = (struct handing){
            .post = {.fn = on_handed, .ctx = h}, .worker = &s->engine->worker[i], .list = suppress_ref(s->fresh)};
        loop_post(h->worker->loop, &h->post);
    }
    suppress_free(&s->list);
    s->list = s->fresh;
    s->fresh = NULL;
}

static void read_anew(void *ctx) /* on a chore thread; the list in force does not change meanwhile */
{
    struct suppressed *s = ctx;
    s->good = suppress_load(&s->fresh, s->path, s->list, &s->fault);
}

static void start(struct suppressed *s);

static void on_read(void *ctx)
{
    struct suppressed *s = ctx;
    if (s->good)
        hand_out(s);
    else
        engine_log("the new suppression list is refused, the old stays in force: %s", s->fault.text);
    s->reading = false;
    for (struct waiter *w = s->answering, *next; w; w = next) {
        next = w->next;
        w->done(w->ctx, s->good ? NULL : &s->fault);
        free(w);
    }
    s->answering = NULL;
    if (s->waiting)
        start(s);
}

static void start(struct suppressed *s)
{
    s->reading = true;
    s->answering = s->waiting;
    s->waiting = NULL;
    s->chore = (struct chore){.work = read_anew, .done = on_read, .ctx = s, .home = s->engine->loop};
    chore_start(s->engine->chores, &s->chore);
}

void suppressed_reload(struct engine *e, void (*done)(void *ctx, const struct fault *f), void *ctx)
{
    struct suppressed *s = e->suppressed;
    struct waiter *w = malloc(sizeof *w);
    must(w);
    *w = (struct waiter){s->waiting, done, ctx};
    s->waiting = w;
    if (!s->reading)
        start(s);
}

/* ---- asking ---- */

/* "address|domain SINCE UNTIL|- REASON auto|hand SCOPE", as explain/noticed.c takes it apart; the scope is "*" for the server, ""
 * or the account. */
static void put_note(const struct suppress_hit *h, struct str account, char why[NOTE_MAX])
{
    char since[DATE_TEXT], until[DATE_TEXT], detail[NOTE_MAX];
    date_rfc3339(h->at_s * 1000, since);
    date_rfc3339(h->expires_s * 1000, until);
    snprintf(detail, sizeof detail, "%s %.10s %.10s %s %s %.*s", h->of_domain ? "domain" : "address", since,
             h->expires_s ? until : "-", suppress_reason_name(h->reason), h->automatic ? "auto" : "hand",
             h->of_server ? 1 : (int)account.n, h->of_server ? "*" : account.p);
    note_put(why, NOTE_SUPPRESSED, detail);
}

bool suppressed_ask(const struct job *j, char why[NOTE_MAX])
{
    const struct message *m = j->message;
    const struct envelope *e = &m->letter->envelope;
    const struct rcpt *r = &e->rcpt[j->rcpt];
    const struct worker *w = m->home;
    const struct accept_settings *a = &w->snapshot->accept;
    struct suppress_hit hit;
    if (e->sender.n == 0 ||
        !suppress_blocks(w->suppressed, e->account, r->address, r->domain, loop_wall_ms(w->loop) / 1000, &hit) ||
        domain_among(a->hosted, a->hosted_n, r->domain) || verp_hosts(w->snapshot->returns, r->domain))
        return false;
    put_note(&hit, e->account, why);
    return true;
}
