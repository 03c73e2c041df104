/* policies: see policies.h. */
#include "engine/policies.h"

#include "engine/message.h"
#include "lib/must.h"
#include "sts/sts.h"

#include <stdlib.h>

enum {
    LISTENING_MS = 5000, /* after its last question (or our start) the office is taken for gone */
    TOLD_AT_ONCE = 500,
    WISHES_MAX = 10000,
};

struct wish {
    struct wish *next;
    struct post post;
    struct policies *policies;
    char id[STS_ID_MAX + 1], domain[256];
};

struct policies {
    struct engine *engine;
    struct handed *list;
    _Atomic int64_t asked_ms; /* monotonic: when the office asked last */
    atomic_uint wishes;
    _Atomic uint32_t said; /* number of the sentence that the operator was told last */
    struct wish *first, **last;
    struct timer timer; /* the office waits until then */
    void (*done)(void *ctx, struct str lines);
    void *ctx;
};

/* ---- the list ---- */

static bool load(void **ret, const char *path, void *old, struct fault *f)
{
    struct sts_list *l;
    struct fault why;
    if (!sts_list_load(&l, path, &why)) {
        if (old)
            return fault_set(f, "%s", why.text);
        engine_log("%s: mail is sent as if no MTA-STS policy were known, until they are fetched again", why.text);
        must(sts_list_parse(&l, STR(""), f));
    }
    *ret = l;
    return true;
}

static void *ref(void *value) { return sts_list_ref(value); }

static void drop(void **value)
{
    struct sts_list *l = *value;
    *value = NULL;
    sts_list_free(&l);
}

static void use(struct worker *w, void *value) { route_policies_use(w->router, value); }

static const struct handed_kind kind = {"list of MTA-STS policies", "mta-sts", load, ref, drop, use};

bool policies_open(struct engine *e, struct fault *f)
{
    struct policies *p = calloc(1, sizeof *p);
    must(p);
    p->engine = e;
    p->last = &p->first;
    e->policies = p;
    atomic_init(&p->asked_ms, loop_now_ms(e->loop));
    return handed_open(&p->list, e, &kind, f);
}

void policies_close(struct engine *e)
{
    struct policies *p = e->policies;
    timer_cancel(&p->timer);
    handed_close(&p->list);
    for (struct wish *w = p->first, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    free(p);
    e->policies = NULL;
}

void policies_reload(struct engine *e, void (*done)(void *ctx, const struct fault *f), void *ctx)
{
    handed_reload(e->policies->list, done, ctx);
}

void policies_begin(struct worker *w) { route_policies_use(w->router, handed_take(w->engine->policies->list)); }

/* ---- wishes ---- */

static void tell(struct policies *p)
{
    struct buf b = {0};
    void (*done)(void *ctx, struct str lines) = p->done;
    p->done = NULL;
    timer_cancel(&p->timer);
    for (unsigned n = 0; n < TOLD_AT_ONCE && p->first; n++) {
        struct wish *w = p->first;
        p->first = w->next;
        if (!p->first)
            p->last = &p->first;
        buf_addf(&b, "%s %s\n", w->domain, w->id);
        free(w);
        atomic_fetch_sub(&p->wishes, 1);
    }
    done(p->ctx, buf_str(&b));
    buf_done(&b);
}

static void on_wish(void *ctx)
{
    struct wish *w = ctx;
    struct policies *p = w->policies;
    *p->last = w;
    p->last = &w->next;
    if (p->done)
        tell(p);
}

static bool want(void *ctx, const char *domain, struct str id)
{
    struct worker *worker = ctx;
    struct policies *p = worker->engine->policies;
    int64_t asked_ms = atomic_load(&p->asked_ms);
    if (loop_now_ms(worker->loop) - asked_ms > LISTENING_MS || atomic_load(&p->wishes) >= WISHES_MAX)
        return false;
    struct wish *w = calloc(1, sizeof *w);
    must(w && id.n < sizeof w->id);
    w->policies = p;
    memcpy(w->id, id.p, id.n);
    snprintf(w->domain, sizeof w->domain, "%s", domain);
    w->post = (struct post){.fn = on_wish, .ctx = w};
    atomic_fetch_add(&p->wishes, 1);
    loop_post(p->engine->loop, &w->post);
    return true;
}

/* Every worker's router finds out the same, each in its time: it is told once. */
static void say(void *ctx, const char *text)
{
    const struct worker *w = ctx;
    uint32_t number = message_number(str_of(text));
    if (atomic_exchange(&w->engine->policies->said, number) != number)
        engine_log("%s", text);
}

struct route_hooks policies_hooks(struct worker *w) { return (struct route_hooks){want, say, w}; }

static void on_time(void *ctx) { tell(ctx); }

void policies_wanted(struct engine *e, uint32_t wait_ms, void (*done)(void *ctx, struct str lines), void *ctx)
{
    struct policies *p = e->policies;
    if (p->done) /* somebody asked before and waits still: he hears of nothing */
        tell(p);
    atomic_store(&p->asked_ms, loop_now_ms(e->loop));
    p->done = done;
    p->ctx = ctx;
    p->timer = (struct timer){.fn = on_time, .ctx = p};
    if (p->first || wait_ms == 0)
        tell(p);
    else
        timer_set(e->loop, &p->timer, wait_ms);
}
