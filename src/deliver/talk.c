/* talk: an attempt from its start to its outcome: a kept connection or a new one, host after host, and the story of it. */
#include "deliver/inner.h"

#include "lib/must.h"

#include <stdio.h>
#include <stdlib.h>

static struct talk *talk_new(struct deliver *d, struct attempt *a)
{
    struct talk *t = calloc(1, sizeof *t);
    must(t);
    t->deliver = d;
    t->attempt = a;
    t->began_ms = loop_now_ms(d->loop);
    t->began_wall_ms = loop_wall_ms(d->loop);
    t->next = d->talks;
    if (t->next)
        t->next->at = &t->next;
    t->at = &d->talks;
    d->talks = t;
    d->stats.attempts++;
    a->talk = t;
    return t;
}

static void talk_free(struct talk *t)
{
    *t->at = t->next;
    if (t->next)
        t->next->at = t->at;
    arena_done(&t->arena);
    free(t);
}

void talk_line(struct talk *t, bool ours, struct str text)
{
    if (!t->line)
        t->line = arena_alloc(&t->arena, OUTCOME_LINES_MAX * sizeof *t->line);
    if (t->lines == OUTCOME_LINES_MAX)
        return;
    t->line[t->lines++] =
        (struct outcome_line){(uint32_t)(loop_now_ms(t->deliver->loop) - t->began_ms), ours, arena_str(&t->arena, text)};
}

void talk_remark(struct talk *t, const char *note)
{
    char text[NOTE_MAX + 2];
    snprintf(text, sizeof text, "(%s)", note);
    if (*note)
        talk_line(t, true, str_of(text));
}

/* ---- the outcome ---- */

static void count(struct deliver_stats *s, enum outcome_status status)
{
    if (status == OUTCOME_DELIVERED)
        s->delivered++;
    else if (status == OUTCOME_FAILED)
        s->failed++;
    else
        s->deferred++;
}

static void fill_results(struct talk *t, const struct smtp_out *m, enum outcome_status rest, struct outcome *o)
{
    o->rcpts = t->attempt->rcpts;
    o->rcpt = arena_alloc(&t->arena, o->rcpts * sizeof *o->rcpt);
    for (uint32_t i = 0; i < o->rcpts; i++) {
        const struct result *x = m && m->result ? &m->result[i] : NULL;
        struct outcome_rcpt *r = &o->rcpt[i];
        bool told = x && x->settled;
        *r = (struct outcome_rcpt){
            .rcpt = t->attempt->rcpt[i], .status = told ? x->status : rest, .phase = told ? x->phase : t->phase};
        r->reply = told ? x->reply : t->refusal;
        count(&t->deliver->stats, r->status);
    }
}

void talk_seen(struct talk *t, const struct connection *c)
{
    t->seen_host = arena_str(&t->arena, str_of(c->host));
    t->seen_ip = arena_str(&t->arena, str_of(c->ip));
    t->seen_source_ip = arena_str(&t->arena, str_of(c->source_ip));
    t->seen_ehlo = arena_str(&t->arena, str_of(c->ehlo));
    t->seen_port = c->port;
}

void talk_finish(struct talk *t, const struct smtp_out *m, enum outcome_status rest)
{
    struct attempt *a = t->attempt;
    if (m && m->ctx) /* a Maildir has no connection */
        talk_seen(t, m->ctx);
    struct outcome o = {.id = a->envelope->id,
                        .at_ms = loop_wall_ms(t->deliver->loop),
                        .attempt = a->number,
                        .took_ms = (uint32_t)(loop_now_ms(t->deliver->loop) - t->began_ms),
                        .note = str_of(t->note),
                        .tls_version = str_of(t->tls_version),
                        .tls_cipher = str_of(t->tls_cipher),
                        .tls_verified = t->tls_verified,
                        .domain = str_of(a->route->domain),
                        .sessions = t->sessions,
                        .session = t->session,
                        .secure = t->secure,
                        .lines = t->lines,
                        .line = t->line,
                        .host = t->seen_host,
                        .ip = t->seen_ip,
                        .port = t->seen_port,
                        .source_ip = t->seen_source_ip,
                        .ehlo = t->seen_ehlo};
    o.secure.shown = str_of(t->shown);
    fill_results(t, m, rest, &o);
    bool dsn = m && (m->caps & CAP_DSN) && !m->lmtp;
    bool reached = t->reached;
    a->talk = NULL;
    a->done(a->ctx, a, &o, reached, dsn);
    talk_free(t);
}

/* ---- the hosts ---- */

/* Every host was tried. If all greeted with 5xx they mean it; otherwise another time may do. */
static void give_up(struct talk *t)
{
    bool for_good = t->refused_for_good > 0 && t->refused_for_good == t->tried;
    if (!t->note[0] && !t->refusal.code)
        note_put(t->note, NOTE_NO_HOST, "");
    talk_finish(t, NULL, for_good ? OUTCOME_FAILED : OUTCOME_DEFERRED);
}

/* What went wrong before, and that it goes on with this host. */
static void next_connection(struct talk *t, const struct route_host *h)
{
    char note[NOTE_MAX];
    talk_remark(t, t->note);
    note_put(note, NOTE_NEW_CONNECTION, h->name);
    talk_remark(t, note);
}

static void try_host(struct talk *t, const struct route_host *h)
{
    t->tried = t->host + 1;
    if (t->host > 0 || t->lines)
        next_connection(t, h);
    t->tls_version[0] = t->tls_cipher[0] = '\0';
    t->tls_verified = false;
    connection_open(t, h);
}

void talk_next_host(struct talk *t)
{
    const struct route *r = t->attempt->route;
    unsigned end = r->hosts < t->deliver->settings->hosts_max ? r->hosts : t->deliver->settings->hosts_max;
    while (t->host < end) {
        const struct route_host *h = &r->host[t->host];
        struct secure demand = secure_demand(t->attempt, h);
        if (!secure_forbids(&demand)) {
            try_host(t, h);
            return;
        }
        bool all_behind_too = demand.by != BY_SENDER;
        if (!t->tried || !all_behind_too)
            secure_forbid(t, h);
        if (all_behind_too)
            break;
        t->tried = ++t->host;
    }
    give_up(t);
}

/* The first host is none, or may not be talked to: the attempt may be over, which is told from a fresh stack. */
static bool may_end_at_once(const struct talk *t)
{
    const struct route *r = t->attempt->route;
    struct secure demand = r->hosts ? secure_demand(t->attempt, &r->host[0]) : (struct secure){0};
    return r->hosts == 0 || secure_forbids(&demand);
}

static void on_fresh_stack(void *ctx) { talk_next_host(ctx); }

void talk_start(struct deliver *d, struct attempt *a)
{
    struct talk *t = talk_new(d, a);
    struct connection *kept = a->route->kind == ROUTE_MAILDIR ? NULL : connection_idle(d, a);
    if (a->route->kind == ROUTE_MAILDIR) {
        maildir_start(t);
    } else if (kept) {
        connection_take(kept, t);
    } else if (may_end_at_once(t)) {
        t->post = (struct post){.fn = on_fresh_stack, .ctx = t};
        loop_post(d->loop, &t->post);
    } else {
        talk_next_host(t);
    }
}

/* The instance is closing: what is under way is deferred. */
void talk_cut(struct talk *t)
{
    struct connection *c = t->connection;
    note_put(t->note, NOTE_STOPPED, "");
    t->phase = PHASE_LOCAL;
    if (c) {
        talk_seen(t, c);
        c->talk = NULL;
        t->connection = NULL;
    }
    talk_finish(t, NULL, OUTCOME_DEFERRED);
    if (c)
        connection_close(c);
}
