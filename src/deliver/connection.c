/* connection: a stream and the client machine: what the machine says is written, what comes is heard, time runs out, TLS starts.
 */
#include "deliver/inner.h"

#include "lib/hash.h"
#include "lib/must.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOLD_MAX = 64 * 1024, QUIT_MS = 2000, TLS_MS = 30000, BLOCK = 64 * 1024 };

static void react(struct connection *c);

/* ---- lists ---- */

static void idle_enter(struct connection *c)
{
    struct connection **slot = &c->deliver->idle[c->pool % IDLE_SLOTS];
    c->idle = true;
    c->next_idle = *slot;
    if (*slot)
        (*slot)->at_idle = &c->next_idle;
    c->at_idle = slot;
    *slot = c;
    c->newer = NULL;
    c->older = c->deliver->newest_idle;
    *(c->older ? &c->older->newer : &c->deliver->oldest_idle) = c;
    c->deliver->newest_idle = c;
    c->deliver->stats.idle++;
}

static void idle_leave(struct connection *c)
{
    if (!c->idle)
        return;
    *c->at_idle = c->next_idle;
    if (c->next_idle)
        c->next_idle->at_idle = c->at_idle;
    *(c->older ? &c->older->newer : &c->deliver->oldest_idle) = c->newer;
    *(c->newer ? &c->newer->older : &c->deliver->newest_idle) = c->older;
    c->idle = false;
    c->deliver->stats.idle--;
}

/* What a rule promises a message (protocol, whose login), as a number. A kept connection was opened for one such promise: two
 * rules may share a site, and new settings may come while it is kept. Whether it is safe enough is asked separately (secure.c).
 */
static uint64_t promise(const struct route *r)
{
    const uint8_t *key = hash_process_key();
    uint64_t login = r->login ? siphash(key, r->login, strlen(r->login) + 1) : 0;
    uint64_t password = r->login ? siphash(key, r->password, strlen(r->password)) : 0;
    return (login * 31 + password) << 4 ^ (uint64_t)r->kind;
}

struct connection *connection_idle(struct deliver *d, const struct attempt *a)
{
    struct connection *c = d->idle[a->pool % IDLE_SLOTS];
    uint64_t promised = c ? promise(a->route) : 0;
    while (c && (c->pool != a->pool || c->promise != promised || !secure_fits(c, a)))
        c = c->next_idle;
    return c;
}

void connection_close(struct connection *c)
{
    idle_leave(c);
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    timer_cancel(&c->timer);
    stream_close(&c->stream, c->quitting ? QUIT_MS : 0);
    smtp_out_done(&c->machine);
    c->deliver->stats.open--;
    free(c);
}

/* QUIT is said and its reply not waited for: nothing depends on it. */
void connection_quit(struct connection *c)
{
    c->quitting = true;
    smtp_out_quit(&c->machine);
    connection_close(c);
}

/* ---- the machine's side ---- */

static void on_write(void *ctx, const void *p, size_t n) { stream_write(((struct connection *)ctx)->stream, p, n); }
static void on_write_ref(void *ctx, const void *p, size_t n) { stream_write_ref(((struct connection *)ctx)->stream, p, n); }

static void on_line(void *ctx, bool ours, struct str text)
{
    struct connection *c = ctx;
    if (c->talk)
        talk_line(c->talk, ours, text);
}

static bool is_unsent(void *ctx) { return stream_pending(((struct connection *)ctx)->stream) > 0; }

static const struct smtp_out_hooks machine_hooks = {on_write, on_write_ref, on_line, is_unsent};

/* ---- time ---- */

static void set_timer(struct connection *c)
{
    const struct deliver_settings *s = c->deliver->settings;
    const uint32_t wait[] = {[WAIT_BANNER] = s->banner_timeout_ms,
                             [WAIT_COMMAND] = s->command_timeout_ms,
                             [WAIT_DATA] = s->data_timeout_ms,
                             [WAIT_BODY] = s->body_timeout_ms};
    enum out_wait w = smtp_out_wait(&c->machine);
    size_t pending = stream_pending(c->stream);
    bool sending = w == WAIT_BODY && pending > 0;
    c->pending = pending;
    timer_set(c->deliver->loop, &c->timer, c->idle ? s->idle_ms : sending ? s->body_block_timeout_ms : wait[w]);
}

/* A kept connection had died, or the server ends it in this very moment: that says nothing about the message. */
static bool is_stale(const struct connection *c) { return c->kept && !c->machine.any_reply; }

/* The attempt goes on without this connection: with the same host anew, or with the next. */
static void leave(struct connection *c, bool next)
{
    struct talk *t = c->talk;
    talk_seen(t, c);
    t->connection = NULL;
    c->talk = NULL;
    connection_close(c);
    if (next) {
        t->host++;
        t->no_tls = false;
    }
    talk_next_host(t);
}

/* The conversation is over before its end: what is open is deferred, and the note tells why. */
static void broke(struct connection *c, enum note how, const char *detail)
{
    struct talk *t = c->talk;
    if (!t) {
        connection_close(c);
        return;
    }
    bool opening = c->machine.state == OUT_OPENING || c->machine.state == OUT_WANT_TLS;
    note_put(t->note, how, detail);
    t->phase = smtp_out_phase(&c->machine);
    t->refusal = (struct reply){0};
    if (is_stale(c) || opening) {
        leave(c, !is_stale(c));
        return;
    }
    smtp_out_broken(&c->machine);
    c->talk = NULL;
    t->connection = NULL;
    talk_finish(t, &c->machine, OUTCOME_DEFERRED);
    connection_close(c);
}

static void on_time(void *ctx)
{
    struct connection *c = ctx;
    if (c->idle)
        connection_quit(c);
    else if (c->machine.state == OUT_DONE)
        react(c);
    else if (stream_pending(c->stream) + BLOCK <= c->pending)
        set_timer(c); /* the time is for each block of the content, not for all of it (RFC 5321 4.5.3.2.5) */
    else
        broke(c, NOTE_SILENCE, "");
}

/* ---- the stream's side ---- */

static size_t on_input(void *ctx, const char *p, size_t n)
{
    struct connection *c = ctx;
    if (c->idle) { /* 421 between messages, or something odd: the connection is given up */
        connection_close(c);
        return n;
    }
    uint64_t replies = c->machine.replies;
    smtp_out_heard(&c->machine, p, n);
    if (c->machine.replies > replies || c->machine.state == OUT_FAILED || c->machine.state == OUT_OVER)
        react(c); /* parts of a reply buy no time */
    return n;
}

static void on_connected(void *ctx)
{
    struct connection *c = ctx;
    struct sockaddr_storage local;
    stream_local(c->stream, &local);
    net_text((struct sockaddr *)&local, c->source_ip);
    set_timer(c);
}

static void on_secured(void *ctx)
{
    struct connection *c = ctx;
    const struct tls_facts *f = stream_tls(c->stream);
    if (c->talk) {
        snprintf(c->talk->tls_version, sizeof c->talk->tls_version, "%s", f->version);
        snprintf(c->talk->tls_cipher, sizeof c->talk->tls_cipher, "%s", f->cipher);
        c->talk->tls_verified = f->verified;
    }
    if (secure_judge(c)) {
        smtp_out_secured(&c->machine);
        set_timer(c);
    } else {
        leave(c, true);
    }
}

static void on_drained(void *ctx)
{
    struct connection *c = ctx;
    if (!c->idle)
        set_timer(c);
}

/* Why no connection came about, by the system's name of the error. */
static enum note connect_note(enum stream_end why, const char *error)
{
    if (why == STREAM_TIMEOUT || strcmp(error, "ETIMEDOUT") == 0)
        return NOTE_CONNECT_TIMEOUT;
    if (strcmp(error, "ECONNREFUSED") == 0)
        return NOTE_REFUSED;
    return strcmp(error, "EHOSTUNREACH") == 0 || strcmp(error, "ENETUNREACH") == 0 ? NOTE_UNREACHABLE : NOTE_CONNECT_FAILED;
}

static enum note ended_note(const struct connection *c, enum stream_end why, const char *detail)
{
    switch (why) {
    case STREAM_EOF:
        return NOTE_HUNG_UP;
    case STREAM_TLS:
        return *detail ? NOTE_TLS_FAILED : NOTE_TLS_BROKE;
    case STREAM_TIMEOUT:
        return c->machine.state == OUT_WANT_TLS ? NOTE_TLS_TIMEOUT : NOTE_SILENCE;
    case STREAM_RESET:
    case STREAM_REFUSED:
        return NOTE_RESET;
    }
    return NOTE_RESET;
}

/* Opportunistic TLS that fails is done without, on a new connection to the same host (RFC 7435 3). */
static bool retry_in_clear(struct connection *c, enum note how, const char *detail)
{
    struct talk *t = c->talk;
    if (!t || c->machine.state != OUT_WANT_TLS || t->secure.level != SECURE_MAY)
        return false;
    note_put(t->note, how, detail);
    talk_remark(t, t->note);
    note_put(t->note, NOTE_WITHOUT_TLS, "");
    secure_lacks(t, c, FLAW_HANDSHAKE);
    secure_session(t, t->target, c->ip, FLAW_HANDSHAKE);
    t->no_tls = true;
    leave(c, false);
    return true;
}

static void on_ended(void *ctx, enum stream_end why, const char *detail)
{
    struct connection *c = ctx;
    enum note how = ended_note(c, why, detail);
    if (why == STREAM_TLS || c->machine.state == OUT_WANT_TLS)
        if (retry_in_clear(c, how, detail))
            return;
    if (c->talk && c->machine.state == OUT_WANT_TLS) {
        note_put(c->talk->note, how, detail);
        talk_remark(c->talk, c->talk->note);
        secure_lacks(c->talk, c, FLAW_HANDSHAKE);
        leave(c, true);
        return;
    }
    if (c->talk && (why == STREAM_REFUSED || (why == STREAM_TIMEOUT && !*c->source_ip))) {
        struct talk *t = c->talk;
        enum note n = connect_note(why, detail);
        note_put(t->note, n, detail);
        t->phase = PHASE_CONNECT;
        t->refusal = (struct reply){0};
        leave(c, true);
        return;
    }
    broke(c, how, detail);
}

static const struct stream_hooks stream_hooks = {
    .input = on_input, .connected = on_connected, .secured = on_secured, .drained = on_drained, .ended = on_ended};

/* ---- what the machine came to ---- */

static void opening_failed(struct connection *c)
{
    struct talk *t = c->talk;
    const struct smtp_out *m = &c->machine;
    t->reached = true;
    t->phase = m->failure_phase;
    t->refusal = m->failure;
    t->refusal.text = arena_str(&t->arena, m->failure.text);
    /* A 5xx to our login or to STARTTLS is about our settings or theirs, never about the message: it waits until that is put
     * right. */
    bool about_us = m->failure_phase == PHASE_AUTH || m->failure_phase == PHASE_STARTTLS;
    t->refused_for_good += m->failure.code / 100 == 5 && !about_us;
    note_put(t->note, m->failure_note, "");
    if (m->failure_phase == PHASE_STARTTLS && secure_lacks(t, c, m->failure.code ? FLAW_REFUSED : FLAW_NOT_OFFERED))
        t->phase = PHASE_STARTTLS;
    leave(c, true);
}

static void transaction_over(struct connection *c)
{
    struct talk *t = c->talk;
    bool usable = c->machine.state == OUT_DONE && stream_pending(c->stream) == 0;
    uint32_t most = t->attempt->messages_per_connection;
    c->messages++;
    c->kept = true;
    c->talk = NULL;
    t->connection = NULL;
    const struct deliver_settings *o = c->deliver->settings;
    usable = usable && !c->deliver->draining && o->idle_ms > 0 && o->idle_max > 0 && (most == 0 || c->messages < most);
    t->reached = true;
    note_put(t->note, c->machine.failure_note, "");
    if (usable) { /* kept before the outcome is told: the pool's next message may take it at once */
        idle_enter(c);
        set_timer(c);
        if (c->deliver->stats.idle > o->idle_max)
            connection_quit(c->deliver->oldest_idle);
        talk_finish(t, &c->machine, OUTCOME_DEFERRED);
        return;
    }
    talk_finish(t, &c->machine, OUTCOME_DEFERRED);
    if (c->machine.state == OUT_DONE)
        connection_quit(c);
    else
        connection_close(c);
}

static void start_tls(struct connection *c)
{
    struct tls_peer peer = secure_peer(c->talk, c);
    if (!stream_start_tls(c->stream, c->deliver->tls, &peer, TLS_MS))
        broke(c, NOTE_TLS_INJECTED, "");
}

static void ready(struct connection *c)
{
    struct talk *t = c->talk;
    t->reached = true;
    if (!secure_passes(c)) {
        leave(c, true);
        return;
    }
    smtp_out_begin(&c->machine, t->attempt, &t->arena);
    react(c);
}

static void react(struct connection *c)
{
    switch (c->machine.state) {
    case OUT_OPENING:
    case OUT_BUSY:
        set_timer(c);
        return;
    case OUT_WANT_TLS:
        start_tls(c);
        return;
    case OUT_READY:
        if (!c->talk)
            return; /* RSET of a kept one was answered */
        ready(c);
        return;
    case OUT_DONE:
    case OUT_OVER:
        if (c->talk && c->machine.state == OUT_OVER && is_stale(c))
            leave(c, false);
        else if (c->talk && c->machine.result)
            transaction_over(c);
        else if (c->talk)
            broke(c, NOTE_HUNG_UP, "");
        else
            connection_close(c);
        return;
    case OUT_FAILED:
        if (is_stale(c))
            leave(c, false);
        else
            opening_failed(c);
        return;
    }
}

/* ---- beginning ---- */

void connection_take(struct connection *c, struct talk *t)
{
    idle_leave(c);
    c->talk = t;
    t->connection = c;
    t->reached = true;
    t->target = secure_fits(c, t->attempt);
    must(t->target);
    t->secure = secure_demand(t->attempt, t->target);
    const struct tls_facts *f = stream_tls(c->stream);
    if (f) {
        snprintf(t->tls_version, sizeof t->tls_version, "%s", f->version);
        snprintf(t->tls_cipher, sizeof t->tls_cipher, "%s", f->cipher);
        t->tls_verified = f->verified;
    }
    c->deliver->stats.reused++;
    smtp_out_next(&c->machine);
    if (c->machine.state == OUT_READY)
        smtp_out_begin(&c->machine, t->attempt, &t->arena);
    if (c->machine.state == OUT_DONE) { /* refused before a word was said: told from a fresh stack */
        timer_set(c->deliver->loop, &c->timer, 0);
        return;
    }
    set_timer(c);
}

static const struct sockaddr *source_for(const struct source *s, int family, socklen_t *len)
{
    const struct sockaddr_storage *a = family == AF_INET6 ? &s->addr6 : &s->addr4;
    *len = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    return a->ss_family == family ? (const struct sockaddr *)a : NULL;
}

static void machine_setup(struct connection *c, const struct talk *t)
{
    const struct route *r = t->attempt->route;
    struct smtp_out *m = &c->machine;
    smtp_out_init(m, &machine_hooks, c);
    snprintf(c->ehlo, sizeof c->ehlo, "%.*s", STR_ARGS(t->attempt->source->ehlo));
    m->lmtp = r->kind == ROUTE_LMTP;
    m->chunking = c->deliver->settings->chunking;
    m->level = t->secure.level;
    m->no_tls = t->no_tls;
    m->ehlo = str_of(c->ehlo);
    m->login = r->login;
    m->password = r->password;
}

void connection_open(struct talk *t, const struct route_host *h)
{
    struct deliver *d = t->deliver;
    struct connection *c = calloc(1, sizeof *c);
    socklen_t len;
    must(c);
    c->deliver = d;
    c->talk = t;
    t->connection = c;
    c->pool = t->attempt->pool;
    c->promise = promise(t->attempt->route);
    t->target = h;
    if (!t->no_tls) /* otherwise it goes on with the same host */
        t->secure = secure_demand(t->attempt, h);
    c->secured.clear_by_choice = t->secure.level == SECURE_NEVER;
    t->shown[0] = '\0';
    c->next = d->connections;
    if (c->next)
        c->next->at = &c->next;
    c->at = &d->connections;
    d->connections = c;
    d->stats.connections++;
    d->stats.open++;
    c->timer = (struct timer){.fn = on_time, .ctx = c};
    snprintf(c->host, sizeof c->host, "%s", h->name);
    net_text((const struct sockaddr *)&h->addr, c->ip);
    c->port = net_port((const struct sockaddr *)&h->addr);
    machine_setup(c, t);
    const struct sockaddr *source = source_for(t->attempt->source, h->addr.ss_family, &len);
    c->stream = stream_connect(d->loop, (const struct sockaddr *)&h->addr, h->addr_len, source, len,
                               d->settings->connect_timeout_ms, &stream_hooks, c, HOLD_MAX);
}
