/* session: one client: a stream, the machine, and time.
 *
 * Time-outs: a whole command must come within command_timeout (a piece of it is not enough), more of a content within
 * data_timeout, the whole content within data_total, a login (where one is required) within auth_total. At each the client reads
 * 421 and the session ends. */
#include "accept/inner.h"

#include "accept/proxy.h"
#include "lib/must.h"

#include <stdlib.h>
#include <unistd.h>

enum { HOLD_MAX = 16 * 1024, LINGER_MS = 5000, TLS_TIMEOUT_MS = 60000, PACE_GRACE_MS = 30000, PACE_BYTES_PER_S = 100 };

struct session {
    struct session *next, **at;
    struct accept *accept;
    struct stream *stream;
    struct smtp_in machine;
    struct buf out;
    struct timer timer;
    int64_t began_ms, content_began_ms;
    uint64_t kept;                     /* bytes of the message that is on its way to disk */
    uint64_t content_bytes;            /* the machine's count when the content began */
    uint64_t content_number;           /* the machine's count of contents then */
    uint64_t address_key, network_key; /* for failed logins, too */
    uint64_t account_key;              /* 0: not counted */
    unsigned held;
    bool awaits_proxy, greeted, counted, over, busy_reply;
    enum login_verdict verdict; /* a login's delayed answer */
    const struct credential *credential;
    bool delayed, choked; /* choked: replies are not read, so nothing more is */
    char ip[NET_TEXT];
};

static void on_time(void *ctx);
static void go_on(struct session *s);

struct accept *session_accept(struct session *s) { return s->accept; }
uint64_t session_address_key(const struct session *s) { return s->address_key; }
uint64_t session_network_key(const struct session *s) { return s->network_key; }
struct str session_ip(const struct session *s) { return str_of(s->ip); }
struct session *session_next(const struct session *s) { return s->next; }
void session_settings_use(struct session *s) { s->machine.settings = s->accept->settings; }

/* ---- ending ---- */

static void leave_account(struct session *s)
{
    if (s->account_key)
        shared_leave(s->accept->shared, s->account_key);
    s->account_key = 0;
}

static void destroy(struct session *s)
{
    *s->at = s->next;
    if (s->next)
        s->next->at = s->at;
    timer_cancel(&s->timer);
    smtp_in_done(&s->machine);
    buf_done(&s->out);
    leave_account(s);
    if (s->counted)
        shared_leave(s->accept->shared, s->address_key);
    s->accept->stats.sessions--;
    free(s);
}

/* The client is gone, or has been told to go. What the log still owes it an answer for keeps the struct until that comes. */
static void finish(struct session *s)
{
    if (s->over)
        return;
    s->over = true;
    timer_cancel(&s->timer);
    stream_close(&s->stream, LINGER_MS);
    if (s->machine.phase == SMTP_BUSY && s->busy_reply)
        return;
    if (s->held == 0)
        destroy(s);
}

void session_hold(struct session *s) { s->held++; }

bool session_let_go(struct session *s)
{
    s->held--;
    if (!s->over)
        return true;
    if (s->held == 0)
        destroy(s);
    return false;
}

void session_free(struct session *s)
{
    stream_close(&s->stream, 0);
    destroy(s);
}

/* ---- time ---- */

static bool needs_login(const struct session *s)
{
    const struct smtp_in *m = &s->machine;
    return (m->door == DOOR_SUBMISSION || m->door == DOOR_SUBMISSIONS) && !m->trusted && !m->account.n;
}

static bool in_content(const struct session *s) { return s->machine.phase == SMTP_DATA || s->machine.phase == SMTP_BDAT; }

static void set_timer(struct session *s)
{
    const struct accept_settings *o = s->accept->settings;
    int64_t wait = in_content(s) ? o->data_timeout_ms : o->command_timeout_ms;
    int64_t now = loop_now_ms(s->accept->loop);
    if (needs_login(s)) {
        int64_t left = s->began_ms + o->auth_total_ms - now;
        wait = left < wait ? (left < 0 ? 0 : left) : wait;
    }
    timer_set(s->accept->loop, &s->timer, wait);
}

/* Content that crawls: under the least pace after a grace, or past the total. */
static bool too_slow(struct session *s)
{
    int64_t took = loop_now_ms(s->accept->loop) - s->content_began_ms;
    uint64_t got = s->machine.bytes - s->content_bytes;
    return in_content(s) && (took > s->accept->settings->data_total_ms ||
                             (took > PACE_GRACE_MS && got < (uint64_t)(took - PACE_GRACE_MS) * PACE_BYTES_PER_S / 1000));
}

static void flush(struct session *s)
{
    if (s->out.n && s->stream)
        stream_write(s->stream, s->out.p, s->out.n);
    s->out.n = 0;
    if (s->out.cap > 1024)
        buf_done(&s->out);
}

static void say_last(struct session *s, struct enhanced e, const char *text)
{
    smtp_in_quit(&s->machine, 421, e, text);
    flush(s);
    finish(s);
}

static void on_time(void *ctx)
{
    struct session *s = ctx;
    if (s->delayed) {
        s->delayed = false;
        smtp_in_login(&s->machine, s->verdict, s->credential);
        go_on(s);
    } else if (!s->greeted && !s->awaits_proxy) {
        s->greeted = true;
        smtp_in_greet(&s->machine);
        go_on(s);
    } else if (s->machine.phase == SMTP_BUSY) {
        set_timer(s); /* it is our turn: the log is slow */
    } else {
        say_last(s, ENHANCED(4, 4, 2),
                 needs_login(s)  ? "No login came in time"
                 : in_content(s) ? "The message came too slowly"
                                 : "No command came in time");
    }
}

/* ---- the stream's side ---- */

static void count_content(struct session *s)
{
    if (s->content_number != s->machine.contents) {
        s->content_number = s->machine.contents;
        s->content_began_ms = loop_now_ms(s->accept->loop);
        s->content_bytes = s->machine.bytes;
    }
}

/* After input or an awaited answer: sends what the machine said, and sees whether it is over or waits. moved: the wait for the
 * next command begins anew. */
static void after(struct session *s, bool moved)
{
    flush(s);
    if (s->machine.phase == SMTP_OVER) {
        finish(s);
        return;
    }
    if (too_slow(s)) {
        say_last(s, ENHANCED(4, 4, 2), "The message came too slowly");
        return;
    }
    if (moved && !s->delayed)
        set_timer(s);
}

/* A client that sends commands and does not read the replies waits until it has. */
static bool choke(struct session *s)
{
    if (!s->stream || s->machine.phase == SMTP_TLS || stream_pending(s->stream) < SMTP_OUT_MAX)
        return false;
    s->choked = true;
    stream_pause(s->stream);
    return true;
}

static void on_drained(void *ctx)
{
    struct session *s = ctx;
    if (!s->choked)
        return;
    s->choked = false;
    if (s->machine.phase != SMTP_BUSY && s->machine.phase != SMTP_TLS)
        stream_resume(s->stream);
}

static size_t feed(struct session *s, const char *p, size_t n)
{
    size_t at = 0;
    s->machine.wall_ms = loop_wall_ms(s->accept->loop);
    while (at < n && s->machine.phase != SMTP_BUSY && s->machine.phase != SMTP_TLS) {
        size_t took = smtp_in_feed(&s->machine, p + at, n - at);
        count_content(s);
        at += took;
        bool full = s->out.n >= SMTP_OUT_MAX;
        if (full)
            flush(s);
        if (choke(s) || (took == 0 && !full))
            break;
    }
    return at;
}

/* The PROXY header stands before everything, TLS included. */
static size_t read_proxy(struct session *s, const char *p, size_t n);

static size_t on_input(void *ctx, const char *p, size_t n)
{
    struct session *s = ctx;
    if (s->awaits_proxy)
        return read_proxy(s, p, n);
    if (!s->greeted)
        return 0; /* talks before the greeting: it may wait */
    uint64_t bytes = s->machine.bytes;
    s->held++;
    size_t took = feed(s, p, n);
    s->accept->stats.bytes += s->machine.bytes - bytes;
    s->held--;
    if (s->machine.phase == SMTP_BUSY && !s->over)
        stream_pause(s->stream);
    after(s, in_content(s) || (took > 0 && !s->machine.skipping));
    return took;
}

static void on_secured(void *ctx)
{
    struct session *s = ctx;
    smtp_in_secured(&s->machine);
    s->machine.tls_cipher = str_of(stream_tls(s->stream)->cipher);
    leave_account(s);  /* whoever logged in before is forgotten */
    if (!s->greeted) { /* TLS from the first byte */
        s->greeted = true;
        smtp_in_greet(&s->machine);
    }
    flush(s);
    set_timer(s);
}

static void on_ended(void *ctx, enum stream_end why, const char *detail)
{
    (void)why;
    (void)detail;
    finish(ctx);
}

static const struct stream_hooks stream_hooks = {
    .input = on_input, .secured = on_secured, .drained = on_drained, .ended = on_ended};

/* ---- the machine's side ---- */

static void on_start_tls(void *ctx)
{
    struct session *s = ctx;
    flush(s);
    if (!stream_start_tls(s->stream, s->accept->settings->tls, NULL, TLS_TIMEOUT_MS))
        s->machine.phase = SMTP_OVER;
}

static void on_password(void *ctx, struct str login, struct str password) { password_check(ctx, login, password); }
static void on_proven(void *ctx, struct str login, bool good) { password_proven(ctx, login, good); }

static void on_submit(void *ctx, struct submission *sub)
{
    struct session *s = ctx;
    s->busy_reply = true;
    sub->client = s->address_key;
    s->kept = sub->content->cap; /* still counted until it is answered: a slow disk must not let it pile up */
    s->accept->stats.memory += s->kept;
    s->accept->hooks->submit(s->accept->ctx, sub);
}

static const char *on_ready(void *ctx, int *code, struct enhanced *enhanced)
{
    struct session *s = ctx;
    return s->accept->hooks->ready(s->accept->ctx, code, enhanced);
}

static bool on_memory(void *ctx, int64_t more)
{
    struct session *s = ctx;
    struct accept *a = s->accept;
    if (more > 0 && a->stats.memory + (uint64_t)more > a->settings->memory_max)
        return false;
    a->stats.memory += (uint64_t)more;
    return true;
}

static void on_event(void *ctx, enum accept_event_kind kind, struct str login, const char *text)
{
    struct session *s = ctx;
    struct accept_event e = {kind, str_of(s->ip), login, str_of(text)};
    s->accept->stats.refused++;
    s->accept->hooks->event(s->accept->ctx, &e);
}

static const struct smtp_in_hooks machine_hooks = {on_start_tls, on_password, on_proven, on_submit,
                                                   on_ready,     on_memory,   on_event};

/* ---- answers that were waited for ---- */

static void go_on(struct session *s)
{
    s->held++;
    after(s, true);
    if (!s->over && !s->choked && s->machine.phase != SMTP_TLS)
        stream_resume(s->stream);
    session_let_go(s);
}

void submission_answer(struct accept *a, void *session, int code, struct enhanced enhanced, const char *text)
{
    struct session *s = session;
    s->busy_reply = false;
    a->stats.memory -= s->kept;
    s->kept = 0;
    if (code / 100 == 2)
        a->stats.messages++;
    if (s->over) {
        if (s->held == 0)
            destroy(s);
        return;
    }
    smtp_in_answer(&s->machine, code, enhanced, text);
    if (s->held == 0) /* otherwise it came from within input, which goes on by itself */
        go_on(s);
}

void session_login(struct session *s, enum login_verdict v, const struct credential *c, int64_t delay_ms)
{
    struct accept *a = s->accept;
    if (v == LOGIN_GOOD) {
        uint32_t most = c->sessions_max ? c->sessions_max : a->settings->sessions_per_account_max;
        uint64_t key = shared_key_text(SHARED_ACCOUNT, c->account);
        if (shared_enter(a->shared, key, most))
            s->account_key = key;
        else {
            on_event(s, ACCEPT_BOUND_HIT, c->login, "the account has as many sessions as it may");
            v = LOGIN_TOO_MANY;
        }
    }
    if (delay_ms > 0) {
        s->delayed = true;
        s->verdict = v;
        s->credential = NULL; /* only failures are delayed */
        timer_set(a->loop, &s->timer, delay_ms);
        return;
    }
    smtp_in_login(&s->machine, v, c);
    if (s->held == 0)
        go_on(s);
}

/* ---- beginning ---- */

static bool is_in(const struct cidr *list, size_t n, const struct sockaddr *sa)
{
    for (size_t i = 0; i < n; i++)
        if (cidr_has(&list[i], sa))
            return true;
    return false;
}

/* The client's address is known: may it come in? */
static void enter(struct session *s, const struct sockaddr *peer)
{
    struct accept *a = s->accept;
    const struct accept_settings *o = a->settings;
    enum door door = s->machine.door;
    bool trusted = door == DOOR_LOCAL || is_in(o->trusted, o->trusted_n, peer);
    net_text(peer, s->ip);
    smtp_in_init(&s->machine, o, door, trusted, &machine_hooks, s, &s->out);
    s->machine.client_ip = str_of(s->ip);
    s->address_key = shared_key_address(peer);
    s->network_key = shared_key_network(peer);
    const char *full = a->draining ? "This server is stopping, connect again later" : NULL;
    if (!full && a->stats.sessions > o->sessions_max)
        full = "Too many sessions at once, connect again later";
    if (!full && !(s->counted = shared_enter(a->shared, s->address_key, trusted ? UINT32_MAX : o->sessions_per_ip_max)))
        full = "Too many sessions at once from your address, close one first";
    if (full) {
        on_event(s, ACCEPT_BOUND_HIT, STR(""), full);
        say_last(s, ENHANCED(4, 7, 0), full);
        return;
    }
    if (door == DOOR_SUBMISSIONS) {
        s->greeted = false;
        if (!o->tls || !stream_start_tls(s->stream, o->tls, NULL, TLS_TIMEOUT_MS))
            say_last(s, ENHANCED(4, 7, 0), "TLS is not set up here");
        return;
    }
    if (o->greeting_wait_ms && !trusted) {
        timer_set(a->loop, &s->timer, o->greeting_wait_ms);
        return;
    }
    s->greeted = true;
    smtp_in_greet(&s->machine);
    flush(s);
    set_timer(s);
}

static size_t read_proxy(struct session *s, const char *p, size_t n)
{
    size_t took = 0;
    struct sockaddr_storage client;
    stream_peer(s->stream, &client);
    switch (proxy_read(p, n, &took, &client)) {
    case PROXY_MORE:
        return 0;
    case PROXY_BAD:
        on_event(s, ACCEPT_REFUSED, STR(""), "a proxy's connection does not begin with a PROXY header");
        finish(s);
        return n;
    case PROXY_DONE:
        s->awaits_proxy = false;
        stream_sip(s->stream, false);
        enter(s, (struct sockaddr *)&client);
        return took;
    }
    return n;
}

void session_new(struct accept *a, int fd, enum door door)
{
    struct session *s = calloc(1, sizeof *s);
    struct sockaddr_storage peer;
    must(s);
    s->accept = a;
    s->next = a->sessions;
    if (s->next)
        s->next->at = &s->next;
    s->at = &a->sessions;
    a->sessions = s;
    a->stats.connections++;
    a->stats.sessions++;
    s->began_ms = loop_now_ms(a->loop);
    s->timer = (struct timer){.fn = on_time, .ctx = s};
    s->stream = stream_accept(a->loop, fd, &stream_hooks, s, HOLD_MAX);
    stream_peer(s->stream, &peer);
    net_text((struct sockaddr *)&peer, s->ip);
    smtp_in_init(&s->machine, a->settings, door, false, &machine_hooks, s, &s->out);
    s->awaits_proxy = door != DOOR_LOCAL && is_in(a->settings->proxies, a->settings->proxies_n, (struct sockaddr *)&peer);
    if (s->awaits_proxy) {
        stream_sip(s->stream, true);
        timer_set(a->loop, &s->timer, a->settings->command_timeout_ms);
    } else
        enter(s, (struct sockaddr *)&peer);
}

/* Idle ones go at once; one in the middle of a message finishes it, and its next command finds the door shut. */
void session_drain(struct session *s)
{
    if (!s->machine.t.open && s->machine.phase != SMTP_BUSY && s->machine.phase != SMTP_TLS)
        say_last(s, ENHANCED(4, 3, 2), "This server is stopping, connect again later");
}
