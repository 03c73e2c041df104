/* smtp_out: see smtp_out.h. RFC 5321 3, 4.2, 4.5.3.2; 2920; 1870; 6152; 6531; 3461; 3030; 4954; 2033. */
#include "deliver/smtp_out.h"

#include "deliver/smtp_steps.h"
#include "lib/must.h"

#include <stdio.h>
#include <stdlib.h>

enum { DIALOGUE_LINE = 400 };

static const struct row {
    const char *name;
    enum phase phase;
    say_fn *say;
    hear_fn *hear;
    bool pipelined;
    enum out_wait wait;
} rows[STEPS] = {
    [STEP_BANNER] = {"banner", PHASE_BANNER, NULL, opening_hear_banner, false, WAIT_BANNER}, /* RFC 5321 4.5.3.2.1 */
    [STEP_EHLO] = {"EHLO", PHASE_EHLO, opening_say_ehlo, opening_hear_ehlo, false, WAIT_COMMAND},
    [STEP_HELO] = {"HELO", PHASE_EHLO, opening_say_helo, opening_hear_helo, false, WAIT_COMMAND},
    [STEP_STARTTLS] = {"STARTTLS", PHASE_STARTTLS, opening_say_starttls, opening_hear_starttls, false, WAIT_COMMAND},
    [STEP_AUTH_PLAIN] = {"AUTH", PHASE_AUTH, opening_say_auth_plain, opening_hear_auth, false, WAIT_COMMAND},
    [STEP_AUTH_LOGIN] = {"AUTH", PHASE_AUTH, opening_say_auth_login, opening_hear_auth_login, false, WAIT_COMMAND},
    [STEP_AUTH_NAME] = {"AUTH", PHASE_AUTH, opening_say_auth_name, opening_hear_auth_name, false, WAIT_COMMAND},
    [STEP_AUTH_PASSWORD] = {"AUTH", PHASE_AUTH, opening_say_auth_password, opening_hear_auth, false, WAIT_COMMAND},
    [STEP_MAIL] = {"MAIL", PHASE_MAIL, transaction_say_mail, transaction_hear_mail, true, WAIT_COMMAND},  /* 4.5.3.2.2 */
    [STEP_RCPT] = {"RCPT", PHASE_RCPT, transaction_say_rcpt, transaction_hear_rcpt, true, WAIT_COMMAND},  /* 4.5.3.2.3 */
    [STEP_DATA] = {"DATA", PHASE_DATA, transaction_say_data, transaction_hear_data, false, WAIT_DATA},    /* 4.5.3.2.4 */
    [STEP_BODY] = {"content", PHASE_BODY, transaction_say_body, transaction_hear_body, false, WAIT_BODY}, /* 4.5.3.2.6 */
    [STEP_BDAT] = {"BDAT", PHASE_BODY, transaction_say_bdat, transaction_hear_body, false, WAIT_BODY},
    [STEP_RSET] = {"RSET", PHASE_MAIL, transaction_say_rset, transaction_hear_rset, false, WAIT_COMMAND},
    [STEP_QUIT] = {"QUIT", PHASE_QUIT, transaction_say_quit, transaction_hear_quit, false, WAIT_COMMAND},
};

/* ---- the engine: what may be said is said, a reply goes to the front of the FIFO ---- */

void out_await(struct smtp_out *m, enum step step, uint32_t rcpt)
{
    if (m->await_n == m->await_cap) {
        uint32_t cap = m->await_cap ? m->await_cap * 2 : 8;
        struct awaited *more = calloc(cap, sizeof *more);
        must(more);
        for (uint32_t i = 0; i < m->await_n; i++)
            more[i] = m->await[(m->await_at + i) % m->await_cap];
        free(m->await);
        m->await = more;
        m->await_cap = cap;
        m->await_at = 0;
    }
    m->await[(m->await_at + m->await_n++) % m->await_cap] = (struct awaited){step, rcpt};
}

void out_say(struct smtp_out *m, enum step s)
{
    out_await(m, s, m->said_rcpts);
    rows[s].say(m);
}

void out_pump(struct smtp_out *m)
{
    while (m->more && m->state == OUT_BUSY) {
        if (m->await_n > 0) {
            enum step last = m->await[(m->await_at + m->await_n - 1) % m->await_cap].step;
            if (!rows[last].pipelined || !(m->caps & CAP_PIPELINING))
                return;
        }
        if (m->next == STEP_BDAT && m->await_n > 0)
            return; /* who takes the content must be known before it is sent */
        out_say(m, m->next);
    }
}

void out_put(struct smtp_out *m, struct str line)
{
    m->hooks->write(m->ctx, line.p, line.n);
    m->hooks->line(m->ctx, true, str_mem(line.p, line.n - 2));
}

/* ---- settling ---- */

enum outcome_status out_status(int code)
{
    return code / 100 == 2 ? OUTCOME_DELIVERED : code / 100 == 5 ? OUTCOME_FAILED : OUTCOME_DEFERRED;
}

void out_settle(struct smtp_out *m, uint32_t i, enum outcome_status status, enum phase phase, const struct reply *r)
{
    struct result *x = &m->result[i];
    if (x->settled)
        return;
    *x = (struct result){true, x->accepted, status, phase, {0}};
    if (r) {
        x->reply = *r;
        x->reply.text = arena_str(m->arena, r->text);
    }
    m->unsettled--;
}

void out_settle_rest(struct smtp_out *m, enum outcome_status status, enum phase phase, const struct reply *r)
{
    for (uint32_t i = 0; m->result && i < m->attempt->rcpts; i++)
        out_settle(m, i, status, phase, r);
}

void out_fail(struct smtp_out *m, enum phase phase, const struct reply *r, enum note note)
{
    m->state = m->state == OUT_OPENING || m->state == OUT_WANT_TLS ? OUT_FAILED : OUT_OVER;
    m->failure_phase = phase;
    m->failure_note = note;
    if (!r)
        return;
    m->failure_reply.n = 0;
    buf_add_str(&m->failure_reply, r->text);
    m->failure = *r;
    m->failure.text = str_mem(m->failure_reply.p, m->failure_reply.n);
}

/* ---- replies ---- */

/* Only the lines are kept as they came: code, text. */
static void note_reply(struct smtp_out *m, const struct reply *r)
{
    char e[12], line[DIALOGUE_LINE];
    enhanced_text(r->enhanced, e);
    int n = snprintf(line, sizeof line, "%d%s%s %.*s", r->code, *e ? " " : "", e, STR_ARGS(r->text));
    m->hooks->line(m->ctx, false, str_mem(line, n < (int)sizeof line ? (size_t)n : sizeof line - 1));
}

/* The server is closing (RFC 5321 3.8): whatever was awaited gets this reply. */
static void heard_421(struct smtp_out *m, const struct reply *r)
{
    enum phase phase = smtp_out_phase(m);
    out_settle_rest(m, OUTCOME_DEFERRED, phase, r);
    out_fail(m, phase, r, NOTE_NONE);
}

/* A refusal may come in the middle of the content; nothing else may come before what it answers has been said. */
static bool is_early(const struct smtp_out *m, const struct reply *r)
{
    bool refusal = rows[m->await[m->await_at].step].phase == PHASE_BODY && r->code >= 400;
    return m->await_n == 1 && !refusal && m->hooks->unsent(m->ctx);
}

static void heard_nonsense(struct smtp_out *m, enum note what)
{
    enum phase phase = smtp_out_phase(m);
    out_settle_rest(m, OUTCOME_DEFERRED, phase, NULL);
    out_fail(m, phase, NULL, what);
}

static void heard_reply(struct smtp_out *m, const struct reply *r)
{
    note_reply(m, r);
    m->replies++;
    if (m->state == OUT_BUSY && r->code != 421)
        m->any_reply = true;
    if (r->code == 421) {
        heard_421(m, r);
        return;
    }
    if (m->await_n == 0) {
        out_fail(m, PHASE_NONE, NULL, NOTE_UNASKED);
        return;
    }
    if (is_early(m, r)) {
        heard_nonsense(m, NOTE_TOO_EARLY);
        return;
    }
    struct awaited w = m->await[m->await_at];
    m->await_at = (m->await_at + 1) % m->await_cap;
    m->await_n--;
    rows[w.step].hear(m, w.rcpt, r);
    out_pump(m);
    if (m->state == OUT_BUSY && m->await_n == 0 && !m->more)
        m->state = OUT_DONE;
}

void smtp_out_heard(struct smtp_out *m, const char *p, size_t n)
{
    while (n > 0 && m->state != OUT_FAILED && m->state != OUT_OVER) {
        struct reply r = {0};
        size_t taken;
        enum reply_status s = m->state == OUT_WANT_TLS ? REPLY_BAD : reply_feed(&m->parser, p, n, &taken, &r);
        if (s == REPLY_MORE)
            return;
        if (s == REPLY_BAD) { /* bytes behind the reply to STARTTLS count as bad too (response injection) */
            heard_nonsense(m, NOTE_NO_SMTP);
            return;
        }
        p += taken;
        n -= taken;
        heard_reply(m, &r);
    }
}

/* ---- life, and what is waited for ---- */

void smtp_out_init(struct smtp_out *m, const struct smtp_out_hooks *h, void *ctx)
{
    *m = (struct smtp_out){.hooks = h, .ctx = ctx};
    out_await(m, STEP_BANNER, 0);
}

void smtp_out_done(struct smtp_out *m)
{
    reply_parser_done(&m->parser);
    buf_done(&m->failure_reply);
    free(m->await);
    m->await = NULL;
}

void smtp_out_broken(struct smtp_out *m)
{
    enum phase phase = smtp_out_phase(m);
    out_settle_rest(m, OUTCOME_DEFERRED, phase, NULL);
    if (m->state != OUT_FAILED && m->state != OUT_OVER)
        out_fail(m, phase, NULL, NOTE_NONE);
}

static const struct row *front(const struct smtp_out *m) { return m->await_n ? &rows[m->await[m->await_at].step] : NULL; }

enum phase smtp_out_phase(const struct smtp_out *m)
{
    if (m->state == OUT_WANT_TLS)
        return PHASE_TLS;
    return front(m) ? front(m)->phase : PHASE_NONE;
}

enum out_wait smtp_out_wait(const struct smtp_out *m) { return front(m) ? front(m)->wait : WAIT_COMMAND; }
