/* outcome: see outcome.h. The encoding is a frame (mail/wire.h) of numbers, texts, dialogue lines and recipients.
 */
#include "mail/outcome.h"

#include "mail/wire.h"

enum { VERSION = 2 };

static const char *const phase_names[] = {
    [PHASE_NONE] = "no phase",
    [PHASE_DNS] = "name resolution",
    [PHASE_CONNECT] = "connecting",
    [PHASE_BANNER] = "the greeting",
    [PHASE_EHLO] = "EHLO",
    [PHASE_STARTTLS] = "STARTTLS",
    [PHASE_TLS] = "the TLS handshake",
    [PHASE_AUTH] = "AUTH",
    [PHASE_MAIL] = "MAIL FROM",
    [PHASE_RCPT] = "RCPT TO",
    [PHASE_DATA] = "DATA",
    [PHASE_BODY] = "after the content",
    [PHASE_QUIT] = "QUIT",
    [PHASE_LOCAL] = "local delivery",
};
enum { PHASES = sizeof phase_names / sizeof phase_names[0] };

const char *phase_name(enum phase p) { return (unsigned)p < PHASES ? phase_names[p] : phase_names[PHASE_NONE]; }

const char *action_name(enum action a)
{
    static const char *const names[] = {[ACTION_RETRY] = "retry",
                                        [ACTION_STOP] = "stop",
                                        [ACTION_SLOW_DOWN] = "slow-down",
                                        [ACTION_PAUSE_LANE] = "pause-lane",
                                        [ACTION_OTHER_SOURCE] = "other-source",
                                        [ACTION_SUPPRESS] = "suppress"};
    return (unsigned)a < sizeof names / sizeof names[0] ? names[a] : names[ACTION_RETRY];
}

const char *whose_name(enum whose w)
{
    static const char *const names[] = {[WHOSE_UNKNOWN] = "unknown",
                                        [WHOSE_RECIPIENT] = "recipient",
                                        [WHOSE_SENDER_CONTENT] = "sender-content",
                                        [WHOSE_SENDER_AUTH] = "sender-auth",
                                        [WHOSE_SENDER_REPUTATION] = "sender-reputation",
                                        [WHOSE_SENDER_VOLUME] = "sender-volume",
                                        [WHOSE_RECEIVER] = "receiver",
                                        [WHOSE_NETWORK] = "network",
                                        [WHOSE_US] = "us"};
    return (unsigned)w < sizeof names / sizeof names[0] ? names[w] : names[WHOSE_UNKNOWN];
}

/* Every text of an outcome, in the order of the encoding. */
static const size_t texts[] = {
    offsetof(struct outcome, host), offsetof(struct outcome, ip),          offsetof(struct outcome, source_ip),
    offsetof(struct outcome, ehlo), offsetof(struct outcome, tls_version), offsetof(struct outcome, tls_cipher),
    offsetof(struct outcome, note),
};
enum { TEXTS = sizeof texts / sizeof texts[0] };
enum {
    SESSION_BYTES_MIN = 4 + 4 + 1 + 1 + 4,
    LINE_BYTES_MIN = 4 + 1 + 4,
    RCPT_BYTES_MIN = 4 + 1 + 1 + 2 + 5 + 4 + 4 + 4 + 4 + 8
};

static void reply_encode(const struct reply *r, struct buf *b)
{
    buf_put_u16(b, (uint16_t)r->code);
    buf_put_u8(b, r->enhanced.class);
    buf_put_u16(b, r->enhanced.subject);
    buf_put_u16(b, r->enhanced.detail);
    buf_put_str(b, r->text);
}

static void verdict_encode(const struct verdict *v, struct buf *b)
{
    buf_put_str(b, v->cause);
    buf_put_u8(b, (uint8_t)v->whose);
    buf_put_u8(b, v->permanent);
    buf_put_u8(b, v->confidence);
    buf_put_u8(b, (uint8_t)v->action);
    buf_put_str(b, v->rule);
}

static void rcpt_encode(const struct outcome_rcpt *r, struct buf *b)
{
    buf_put_u32(b, r->rcpt);
    buf_put_u8(b, (uint8_t)r->status);
    buf_put_u8(b, (uint8_t)r->phase);
    reply_encode(&r->reply, b);
    verdict_encode(&r->verdict, b);
    buf_put_u64(b, (uint64_t)r->next_ms);
}

static void line_encode(const struct outcome_line *l, struct buf *b)
{
    buf_put_u32(b, l->at_ms);
    buf_put_u8(b, l->ours);
    buf_put_str(b, l->text);
}

static void sessions_encode(const struct outcome *o, struct buf *b)
{
    uint32_t n = o->sessions < OUTCOME_SESSIONS_MAX ? o->sessions : OUTCOME_SESSIONS_MAX;
    buf_put_str(b, o->domain);
    buf_put_u32(b, n);
    for (uint32_t i = 0; i < n; i++) {
        buf_put_str(b, o->session[i].host);
        buf_put_str(b, o->session[i].ip);
        buf_put_u8(b, (uint8_t)o->session[i].by);
        buf_put_u8(b, (uint8_t)o->session[i].flaw);
        buf_put_str(b, o->session[i].policy);
    }
}

static bool is_demanding(const struct outcome *o)
{
    return o->secure.level != SECURE_MAY || o->secure.by != BY_NOBODY || o->domain.n;
}

static void body_encode(const struct outcome *o, struct buf *b)
{
    wire_put_id(b, o->id);
    buf_put_u64(b, (uint64_t)o->at_ms);
    buf_put_u32(b, o->attempt);
    buf_put_u32(b, o->took_ms);
    buf_put_u16(b, o->port);
    buf_put_u8(b, o->tls_verified);
    buf_put_u32(b, o->rest_s);
    for (unsigned i = 0; i < TEXTS; i++)
        buf_put_str(b, *(const struct str *)(const void *)((const char *)o + texts[i]));
    uint32_t lines = o->lines < OUTCOME_LINES_MAX ? o->lines : OUTCOME_LINES_MAX;
    buf_put_u32(b, lines);
    for (uint32_t i = 0; i < lines; i++)
        line_encode(&o->line[i], b);
    buf_put_u32(b, o->rcpts);
    for (uint32_t i = 0; i < o->rcpts; i++)
        rcpt_encode(&o->rcpt[i], b);
    if (!o->site.n && !is_demanding(o)) /* what came later stands at the end, and may be missing */
        return;
    buf_put_str(b, o->site);
    buf_put_u8(b, (uint8_t)o->secure.level);
    buf_put_u8(b, (uint8_t)o->secure.by);
    buf_put_u8(b, (uint8_t)o->secure.flaw);
    buf_put_str(b, o->secure.shown);
    sessions_encode(o, b);
}

void outcome_encode(const struct outcome *o, struct buf *b)
{
    size_t frame = wire_open(b, VERSION);
    body_encode(o, b);
    wire_close(b, frame);
}

static struct reply reply_decode(struct str *s, bool *ok)
{
    struct reply r = {.code = str_take_u16(s, ok)};
    r.enhanced.class = str_take_u8(s, ok);
    r.enhanced.subject = str_take_u16(s, ok);
    r.enhanced.detail = str_take_u16(s, ok);
    r.text = str_take_str(s, ok);
    return r;
}

static struct verdict verdict_decode(struct str *s, bool *ok)
{
    struct verdict v = {.cause = str_take_str(s, ok)};
    v.whose = (enum whose)wire_take_enum(s, WHOSE_UNKNOWN, WHOSE_US, ok);
    v.permanent = wire_take_enum(s, 0, 1, ok);
    v.confidence = (uint8_t)wire_take_enum(s, 0, 100, ok);
    v.action = (enum action)wire_take_enum(s, ACTION_RETRY, ACTION_SUPPRESS, ok);
    v.rule = str_take_str(s, ok);
    return v;
}

static void rcpts_decode(struct str *s, struct arena *a, struct outcome *o, bool *ok)
{
    o->rcpts = wire_take_count(s, RCPT_BYTES_MIN, ok);
    o->rcpt = o->rcpts ? arena_alloc(a, o->rcpts * sizeof *o->rcpt) : NULL;
    for (uint32_t i = 0; i < o->rcpts && *ok; i++) {
        struct outcome_rcpt *r = &o->rcpt[i];
        r->rcpt = str_take_u32(s, ok);
        r->status = (enum outcome_status)wire_take_enum(s, OUTCOME_DELIVERED, OUTCOME_RELEASED, ok);
        r->phase = (enum phase)wire_take_enum(s, PHASE_NONE, PHASE_LOCAL, ok);
        r->reply = reply_decode(s, ok);
        r->verdict = verdict_decode(s, ok);
        r->next_ms = (int64_t)str_take_u64(s, ok);
    }
}

static void lines_decode(struct str *s, struct arena *a, struct outcome *o, bool *ok)
{
    o->lines = wire_take_count(s, LINE_BYTES_MIN, ok);
    if (o->lines > OUTCOME_LINES_MAX) {
        *ok = false;
        return;
    }
    o->line = o->lines ? arena_alloc(a, o->lines * sizeof *o->line) : NULL;
    for (uint32_t i = 0; i < o->lines && *ok; i++) {
        o->line[i].at_ms = str_take_u32(s, ok);
        o->line[i].ours = wire_take_enum(s, 0, 1, ok);
        o->line[i].text = str_take_str(s, ok);
    }
}

static void sessions_decode(struct str *s, struct arena *a, struct outcome *o, bool *ok)
{
    o->domain = str_take_str(s, ok);
    o->sessions = wire_take_count(s, SESSION_BYTES_MIN, ok);
    if (o->sessions > OUTCOME_SESSIONS_MAX)
        *ok = false;
    if (!*ok)
        return;
    o->session = o->sessions ? arena_alloc(a, o->sessions * sizeof *o->session) : NULL;
    for (uint32_t i = 0; i < o->sessions && *ok; i++) {
        struct outcome_tls *t = &o->session[i];
        t->host = str_take_str(s, ok);
        t->ip = str_take_str(s, ok);
        t->by = (enum secure_by)wire_take_enum(s, BY_NOBODY, BY_SENDER, ok);
        t->flaw = (enum secure_flaw)wire_take_enum(s, FLAW_NONE, FLAW_LAST, ok);
        t->policy = str_take_str(s, ok);
    }
}

/* Outcomes of before there were demands end without it. */
static void secure_decode(struct str *s, struct arena *a, struct outcome *o, bool *ok)
{
    if (s->n == 0)
        return;
    o->secure.level = (enum secure_level)wire_take_enum(s, SECURE_MAY, SECURE_DANE, ok);
    o->secure.by = (enum secure_by)wire_take_enum(s, BY_NOBODY, BY_SENDER, ok);
    o->secure.flaw = (enum secure_flaw)wire_take_enum(s, FLAW_NONE, FLAW_LAST, ok);
    o->secure.shown = str_take_str(s, ok);
    sessions_decode(s, a, o, ok);
}

bool outcome_decode(struct str bytes, struct arena *a, struct outcome *ret)
{
    bool ok = true;
    struct outcome o = {0};
    struct str s = wire_take(&bytes, VERSION, &ok);
    o.id = wire_take_id(&s, &ok);
    o.at_ms = (int64_t)str_take_u64(&s, &ok);
    o.attempt = str_take_u32(&s, &ok);
    o.took_ms = str_take_u32(&s, &ok);
    o.port = str_take_u16(&s, &ok);
    o.tls_verified = wire_take_enum(&s, 0, 1, &ok);
    o.rest_s = str_take_u32(&s, &ok);
    for (unsigned i = 0; i < TEXTS; i++)
        *(struct str *)(void *)((char *)&o + texts[i]) = str_take_str(&s, &ok);
    if (ok)
        lines_decode(&s, a, &o, &ok);
    if (ok)
        rcpts_decode(&s, a, &o, &ok);
    if (ok && s.n)
        o.site = str_take_str(&s, &ok);
    if (ok)
        secure_decode(&s, a, &o, &ok);
    if (ok)
        *ret = o;
    return ok;
}
