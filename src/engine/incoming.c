/* incoming: see incoming.h. What a message waits for is bounded three ways: how many are under way, how long one waits for a
 * thread, and how long its checks may take (verify/resolver.h). One client has a quarter of the threads at most (lib/chore.h), so
 * that domains whose DNS is slow on purpose hold up nobody else's mail. Beyond that it is taken in unchecked, and says so
 * (temperror): mail is never lost or held up because DNS is. */
#include "engine/incoming.h"

#include "engine/signing.h"
#include "lib/clock.h"
#include "lib/must.h"
#include "verify/authres.h"
#include "verify/resolver.h"

#include <stdlib.h>

enum { THREADS = 16, WAITING_MAX = 256, WAIT_MS = 10000 };

struct incoming {
    struct chore chore;
    struct worker *worker;
    struct submission submission;
    struct arena arena; /* of the checks: gone when they are done with */
    struct sockaddr_storage client;
    struct verify_input input;
    struct verified found;
    int64_t asked_ms;
    incoming_done *done;
};

bool incoming_open(struct engine *e, const struct settings *s, struct fault *f)
{
    const struct route_settings *r = &s->route;
    if (!s->verify.incoming || e->verifiers)
        return true;
    return (e->resolver || resolver_open(&e->resolver, r->resolver, r->resolvers, f)) &&
           chore_pool_new(&e->verifiers, THREADS, f);
}

static void skip(struct incoming *x) { verify_skipped(&x->input, "too many messages were being checked", &x->found); }

/* On a thread of the pool. */
static void work(void *ctx)
{
    struct incoming *x = ctx;
    struct asking asking;
    struct view view;
    if (clock_monotonic_ms() - x->asked_ms > WAIT_MS) {
        skip(x);
        return;
    }
    asking_init(&asking, x->worker->engine->resolver);
    struct verify_dns dns = asking_dns(&asking);
    view_make(&view, content_str(x->submission.content), &x->arena);
    verify_message(&x->input, &view, &dns, &x->arena, &x->found);
}

/* On the worker again. */
static void finish(void *ctx)
{
    struct incoming *x = ctx;
    x->done(x->worker, &x->submission, &x->found);
    arena_done(&x->arena);
    free(x);
}

static void start(struct worker *w, struct submission *s, incoming_done *done)
{
    struct incoming *x = calloc(1, sizeof *x);
    const struct envelope *e = &s->envelope;
    const struct settings *settings = w->snapshot->settings;
    socklen_t len;
    must(x);
    *x = (struct incoming){.worker = w, .submission = *s, .asked_ms = clock_monotonic_ms(), .done = done};
    x->input = (struct verify_input){.helo = e->helo,
                                     .sender = e->sender,
                                     .receiver = arena_str(&x->arena, settings->hostname), /* the settings may go meanwhile */
                                     .now_s = loop_wall_ms(w->loop) / 1000,
                                     .public_suffixes = settings->verify.public_suffixes};
    if (net_parse_ip(e->client_ip, 0, &x->client, &len))
        x->input.client = (struct sockaddr *)&x->client;
    x->chore = (struct chore){.work = work, .done = finish, .ctx = x, .home = w->loop, .whose = s->client};
    if (chore_backlog(w->engine->verifiers) < WAITING_MAX) {
        chore_start(w->engine->verifiers, &x->chore);
        return;
    }
    skip(x);
    finish(x);
}

void incoming_check(struct worker *w, struct submission *s, incoming_done *done)
{
    if (w->snapshot->settings->verify.incoming && !s->authorised)
        start(w, s, done);
    else
        done(w, s, NULL);
}

static bool is_unwanted(const struct worker *w, const struct dmarc_answer *d)
{
    return w->snapshot->settings->verify.enforce && d->result == AUTH_FAIL && d->policy == DMARC_REJECT;
}

bool incoming_judge(const struct worker *w, struct submission *s, const struct verified *found, char text[400])
{
    struct envelope *e = &s->envelope;
    struct buf b = {0};
    if (!found)
        return true;
    if (is_unwanted(w, &found->dmarc)) {
        engine_log("client %.*s: refused: %.*s asks to refuse mail that it does not vouch for (DMARC)", STR_ARGS(e->client_ip),
                   STR_ARGS(found->author));
        snprintf(text, 400,
                 "The domain %.*s asks to refuse mail that it does not vouch for (DMARC p=reject): "
                 "neither SPF nor a signature of that domain passed",
                 found->author.n > 200 ? 200 : (int)found->author.n, found->author.p);
        return false;
    }
    authres_write(found, e->sender, e->helo, &b);
    e->checked = arena_str(&s->arena, buf_str(&b));
    buf_done(&b);
    return true;
}

void incoming_mark(struct worker *w, struct submission *s, const struct verified *found)
{
    struct buf b = {0};
    if (!found)
        return;
    authres_field(w->snapshot->settings->hostname, s->envelope.checked, &b);
    s->content = content_prepend(s->content, buf_str(&b));
    s->envelope.content_bytes = (uint32_t)s->content->n;
    buf_done(&b);
    signing_seal(w, s, found->arc.result);
}
