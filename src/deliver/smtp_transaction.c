/* smtp_transaction: the client machine's rows of a transaction: MAIL, RCPT, and the content by DATA or BDAT; and what comes
 * between two of them. RFC 5321 3.3, 4.5.3.1.10; 2920 3.1; 1870; 6152; 6531; 3461; 3030; 2033. */
#include "deliver/smtp_steps.h"
#include "lib/must.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

#include <stdio.h>

enum { SPANS = 32 };

/* ---- beginning, unless the server cannot take it ---- */

static void end_transaction(struct smtp_out *m)
{
    m->more = false;
    if (m->await_n == 0)
        m->state = OUT_DONE;
}

static struct str sender_of(const struct attempt *a) { return a->return_path.n ? a->return_path : a->envelope->sender; }

/* Does a recipient of this attempt, or the sender, need SMTPUTF8 (RFC 6531 3.6)? A message that merely asked for it may go
 * without. */
static bool needs_utf8(const struct attempt *a)
{
    const struct envelope *e = a->envelope;
    if (!e->smtputf8)
        return false;
    bool needs = utf8_needed(sender_of(a));
    for (uint32_t i = 0; i < a->rcpts; i++)
        needs |= utf8_needed(e->rcpt[a->rcpt[i]].address);
    struct str c = content_str(a->content);
    size_t n = 0;
    while (!needs && n < c.n && !(n + 3 < c.n && memcmp(c.p + n, "\r\n\r\n", 4) == 0)) /* 8-bit bytes in the header */
        needs = (unsigned char)c.p[n++] >= 0x80;
    return needs;
}

/* What this server cannot take is refused here, before a word is said (RFC 1870 6.2, 6152 3, 6531 3.2). */
static bool cannot_take(struct smtp_out *m)
{
    const struct attempt *a = m->attempt;
    if (m->size_max && a->content->n > m->size_max)
        m->failure_note = NOTE_TOO_LARGE;
    else if (!(m->caps & CAP_SMTPUTF8) && needs_utf8(a))
        m->failure_note = NOTE_NO_SMTPUTF8;
    else if (!(m->caps & CAP_8BITMIME) && a->envelope->has_8bit)
        m->failure_note = NOTE_NO_8BIT;
    else
        return false;
    out_settle_rest(m, OUTCOME_FAILED, PHASE_MAIL, NULL);
    return true;
}

void smtp_out_begin(struct smtp_out *m, const struct attempt *a, struct arena *arena)
{
    must(m->state == OUT_READY && m->await_n == 0);
    m->attempt = a;
    m->arena = arena;
    m->result = arena_alloc(arena, a->rcpts * sizeof *m->result);
    m->unsettled = a->rcpts;
    m->said_rcpts = m->accepted = 0;
    m->needs_reset = m->any_reply = false;
    m->failure_note = NOTE_NONE;
    m->state = OUT_BUSY;
    m->next = STEP_MAIL;
    m->more = true;
    if (cannot_take(m)) {
        end_transaction(m);
        return;
    }
    out_pump(m);
}

static void add_utf8(struct smtp_out *m, struct buf *b)
{
    if (m->attempt->envelope->smtputf8 && (m->caps & CAP_SMTPUTF8))
        buf_add_str(b, STR(" SMTPUTF8"));
}

void transaction_say_mail(struct smtp_out *m)
{
    const struct envelope *e = m->attempt->envelope;
    struct str sender = sender_of(m->attempt);
    struct buf b = {0};
    buf_addf(&b, "MAIL FROM:<%.*s>", STR_ARGS(sender));
    if (m->caps & CAP_SIZE)
        buf_addf(&b, " SIZE=%zu", m->attempt->content->n);
    if ((m->caps & CAP_8BITMIME) && e->has_8bit)
        buf_add_str(&b, STR(" BODY=8BITMIME"));
    add_utf8(m, &b);
    if (e->requiretls && !m->lmtp && (m->caps & CAP_REQUIRETLS))
        buf_add_str(&b, STR(" REQUIRETLS"));
    if ((m->caps & CAP_DSN) && e->ret != RET_UNSET)
        buf_addf(&b, " RET=%s", e->ret == RET_FULL ? "FULL" : "HDRS");
    if ((m->caps & CAP_DSN) && e->envid.n)
        buf_addf(&b, " ENVID=%.*s", STR_ARGS(e->envid));
    buf_add_str(&b, STR("\r\n"));
    out_put(m, buf_str(&b));
    buf_done(&b);
    m->next = STEP_RCPT;
}

static void add_notify(uint8_t notify, struct buf *b)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {{NOTIFY_NEVER, "NEVER"}, {NOTIFY_SUCCESS, "SUCCESS"}, {NOTIFY_FAILURE, "FAILURE"}, {NOTIFY_DELAY, "DELAY"}};
    const char *before = " NOTIFY=";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (notify & names[i].bit) {
            buf_addf(b, "%s%s", before, names[i].name);
            before = ",";
        }
}

/* As it was given; but UTF-8 in it goes in ASCII where the server has not said that it takes more (RFC 6533 3). */
static void add_orcpt(const struct smtp_out *m, struct str orcpt, struct buf *b)
{
    struct buf address = {0};
    struct str type;
    if (orcpt.n && !(utf8_needed(orcpt) && !(m->caps & CAP_SMTPUTF8))) {
        buf_addf(b, " ORCPT=%.*s", STR_ARGS(orcpt));
    } else if (orcpt.n && orcpt_decode(orcpt, &type, &address)) {
        buf_addf(b, " ORCPT=%.*s;", STR_ARGS(type));
        utf8_addr_xtext(buf_str(&address), b);
    }
    buf_done(&address);
}

void transaction_say_rcpt(struct smtp_out *m)
{
    const struct rcpt *r = &m->attempt->envelope->rcpt[m->attempt->rcpt[m->said_rcpts++]];
    struct buf b = {0};
    buf_addf(&b, "RCPT TO:<%.*s>", STR_ARGS(r->address));
    if (m->caps & CAP_DSN) {
        add_notify(r->notify, &b);
        add_orcpt(m, r->orcpt, &b);
    }
    buf_add_str(&b, STR("\r\n"));
    out_put(m, buf_str(&b));
    buf_done(&b);
    if (m->said_rcpts == m->attempt->rcpts)
        m->next = m->chunking && (m->caps & CAP_CHUNKING) ? STEP_BDAT : STEP_DATA;
}

void transaction_hear_mail(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 == 2)
        return;
    out_settle_rest(m, out_status(r->code), PHASE_MAIL, r);
    if (m->next == STEP_RCPT || m->next == STEP_DATA || m->next == STEP_BDAT)
        end_transaction(m);
}

void transaction_hear_rcpt(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    struct result *x = &m->result[rcpt];
    if (r->code / 100 == 2) {
        x->accepted = true;
        m->accepted += !x->settled;
    } else {
        bool many = r->code == 552; /* an old way to say 452: too many recipients (RFC 5321 4.5.3.1.10) */
        out_settle(m, rcpt, many ? OUTCOME_DEFERRED : out_status(r->code), PHASE_RCPT, r);
    }
    bool last = m->await_n == 0 || m->await[m->await_at].step != STEP_RCPT;
    if (last && m->said_rcpts == m->attempt->rcpts && m->accepted == 0 && (m->next == STEP_DATA || m->next == STEP_BDAT)) {
        m->needs_reset = true;
        if (m->more) /* DATA was not pipelined: it need not be said */
            end_transaction(m);
    }
}

void transaction_say_data(struct smtp_out *m)
{
    out_put(m, STR("DATA\r\n"));
    m->next = STEP_BODY;
    m->more = false; /* until 354 comes */
}

void transaction_hear_data(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code == 354) {
        m->more = true; /* even when no recipient is left: the server waits for a content (RFC 2920 3.1) */
        return;
    }
    out_settle_rest(m, r->code / 100 == 2 ? OUTCOME_DEFERRED : out_status(r->code), PHASE_DATA, r);
    m->needs_reset = true;
}

/* LMTP answers once for every recipient it took (RFC 2033 4.2). */
static void await_each(struct smtp_out *m, enum step step)
{
    if (!m->lmtp || m->accepted == 0)
        return;
    m->await_n--;
    for (uint32_t i = 0; i < m->attempt->rcpts; i++)
        if (m->result[i].accepted && !m->result[i].settled)
            out_await(m, step, i);
}

void transaction_say_body(struct smtp_out *m)
{
    struct dot_encoder enc;
    struct str span[SPANS];
    m->more = false;
    if (m->accepted == 0) {
        m->hooks->write(m->ctx, ".\r\n", 3);
        return;
    }
    await_each(m, STEP_BODY);
    dot_encoder_init(&enc, content_str(m->attempt->content));
    for (size_t n; (n = dot_encode(&enc, span, SPANS)) > 0;)
        for (size_t i = 0; i < n; i++)
            m->hooks->write_ref(m->ctx, span[i].p, span[i].n);
    m->hooks->line(m->ctx, true, STR("(content)"));
}

void transaction_say_bdat(struct smtp_out *m)
{
    char line[64];
    struct str c = content_str(m->attempt->content);
    int n = snprintf(line, sizeof line, "BDAT %zu LAST\r\n", c.n);
    m->more = false;
    await_each(m, STEP_BDAT);
    out_put(m, str_mem(line, (size_t)n));
    m->hooks->write_ref(m->ctx, c.p, c.n);
}

void transaction_hear_body(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    if (m->lmtp && m->accepted > 0)
        out_settle(m, rcpt, out_status(r->code), PHASE_BODY, r);
    else
        out_settle_rest(m, out_status(r->code), PHASE_BODY, r);
    if (r->code / 100 != 2)
        m->needs_reset = true;
}

/* ---- between transactions ---- */

void transaction_say_rset(struct smtp_out *m) { out_put(m, STR("RSET\r\n")); }

void transaction_hear_rset(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 == 2)
        m->state = OUT_READY;
    else
        out_fail(m, PHASE_MAIL, r, NOTE_NONE);
}

void smtp_out_next(struct smtp_out *m)
{
    must(m->state == OUT_DONE);
    m->attempt = NULL;
    m->result = NULL;
    m->any_reply = false;
    m->state = OUT_READY;
    if (!m->needs_reset)
        return;
    m->needs_reset = false;
    m->state = OUT_OPENING;
    out_say(m, STEP_RSET);
}

void transaction_say_quit(struct smtp_out *m) { out_put(m, STR("QUIT\r\n")); }

void transaction_hear_quit(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    (void)r;
    m->state = OUT_OVER;
}

void smtp_out_quit(struct smtp_out *m) { out_say(m, STEP_QUIT); }
