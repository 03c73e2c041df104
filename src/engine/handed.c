/* handed: see handed.h. */
#include "engine/handed.h"

#include "lib/must.h"

#include <stdlib.h>

struct waiter {
    struct waiter *next;
    void (*done)(void *ctx, const struct fault *f);
    void *ctx;
};

struct handed {
    struct engine *engine;
    const struct handed_kind *kind;
    char path[600];
    void *value, *fresh; /* in force; being read */
    struct chore chore;
    struct fault fault;
    bool reading, good;
    struct waiter *answering, *waiting; /* who asked before this reading began; who asked since */
};

bool handed_open(struct handed **ret, struct engine *e, const struct handed_kind *k, struct fault *f)
{
    struct handed *h = calloc(1, sizeof *h);
    must(h);
    h->engine = e;
    h->kind = k;
    snprintf(h->path, sizeof h->path, "%.*s/%s", STR_ARGS(e->snapshot->settings->data_directory), k->file);
    if (!k->load(&h->value, h->path, NULL, f)) {
        free(h);
        return false;
    }
    *ret = h;
    return true;
}

void handed_close(struct handed **h)
{
    if (!*h || (*h)->reading) /* a chore thread still has it: it ends with the process */
        return;
    (*h)->kind->free(&(*h)->value);
    free(*h);
    *h = NULL;
}

void *handed_take(struct handed *h) { return h->kind->ref(h->value); }

struct handing {
    struct post post;
    struct worker *worker;
    void (*use)(struct worker *w, void *value);
    void *value;
};

static void on_handed(void *ctx)
{
    struct handing *n = ctx;
    n->use(n->worker, n->value);
    free(n);
}

static void hand_out(struct handed *h)
{
    for (unsigned i = 0; i < h->engine->workers; i++) {
        struct handing *n = calloc(1, sizeof *n);
        must(n);
        *n = (struct handing){.post = {.fn = on_handed, .ctx = n},
                              .worker = &h->engine->worker[i],
                              .use = h->kind->use,
                              .value = h->kind->ref(h->fresh)};
        loop_post(n->worker->loop, &n->post);
    }
    h->kind->free(&h->value);
    h->value = h->fresh;
    h->fresh = NULL;
}

static void read_anew(void *ctx) /* on a chore thread; what is in force does not change meanwhile */
{
    struct handed *h = ctx;
    h->good = h->kind->load(&h->fresh, h->path, h->value, &h->fault);
}

static void start(struct handed *h);

static void on_read(void *ctx)
{
    struct handed *h = ctx;
    if (h->good)
        hand_out(h);
    else
        engine_log("the new %s is refused, the old stays in force: %s", h->kind->name, h->fault.text);
    h->reading = false;
    for (struct waiter *w = h->answering, *next; w; w = next) {
        next = w->next;
        w->done(w->ctx, h->good ? NULL : &h->fault);
        free(w);
    }
    h->answering = NULL;
    if (h->waiting)
        start(h);
}

static void start(struct handed *h)
{
    h->reading = true;
    h->answering = h->waiting;
    h->waiting = NULL;
    h->chore = (struct chore){.work = read_anew, .done = on_read, .ctx = h, .home = h->engine->loop};
    chore_start(h->engine->chores, &h->chore);
}

void handed_reload(struct handed *h, void (*done)(void *ctx, const struct fault *f), void *ctx)
{
    struct waiter *w = malloc(sizeof *w);
    must(w);
    *w = (struct waiter){h->waiting, done, ctx};
    h->waiting = w;
    if (!h->reading)
        start(h);
}
