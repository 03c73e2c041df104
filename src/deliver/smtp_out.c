/* smtp_out: see smtp_out.h. RFC 5321 3, 4.2, 4.5.3.2; 2920; 1870; 6152; 6531; 3461; 3030; 4954; 2033. */
#include "deliver/smtp_out.h"

#include "lib/base64.h"
#include "lib/must.h"
#include "mail/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { SPANS = 32, DIALOGUE_LINE = 400 };

typedef void say_fn(struct smtp_out *m);
typedef void hear_fn(struct smtp_out *m, uint32_t rcpt, const struct reply *r);

static say_fn say_ehlo, say_helo, say_starttls, say_auth_plain, say_auth_login, say_auth_name, say_auth_password, say_mail,
    say_rcpt, say_data, say_body, say_bdat, say_rset, say_quit;
static hear_fn hear_banner, hear_ehlo, hear_helo, hear_starttls, hear_auth, hear_auth_login, hear_auth_name, hear_mail, hear_rcpt,
    hear_data, hear_body, hear_rset, hear_quit;

static const struct row {
    const char *name, *doing;
    enum phase phase;
    say_fn *say;
    hear_fn *hear;
    bool pipelined;
    enum out_wait wait;
} rows[STEPS] = {
    [STEP_BANNER] = {"banner", "waiting for the greeting", PHASE_BANNER, NULL, hear_banner, false,
                     WAIT_BANNER}, /* RFC 5321 4.5.3.2.1 */
    [STEP_EHLO] = {"EHLO", "waiting for the reply to EHLO", PHASE_EHLO, say_ehlo, hear_ehlo, false, WAIT_COMMAND},
    [STEP_HELO] = {"HELO", "waiting for the reply to HELO", PHASE_EHLO, say_helo, hear_helo, false, WAIT_COMMAND},
    [STEP_STARTTLS] = {"STARTTLS", "waiting for the reply to STARTTLS", PHASE_STARTTLS, say_starttls, hear_starttls, false,
                       WAIT_COMMAND},
    [STEP_AUTH_PLAIN] = {"AUTH", "waiting for the reply to AUTH", PHASE_AUTH, say_auth_plain, hear_auth, false, WAIT_COMMAND},
    [STEP_AUTH_LOGIN] = {"AUTH", "waiting for the reply to AUTH", PHASE_AUTH, say_auth_login, hear_auth_login, false,
                         WAIT_COMMAND},
    [STEP_AUTH_NAME] = {"AUTH", "waiting for the reply to the login", PHASE_AUTH, say_auth_name, hear_auth_name, false,
                        WAIT_COMMAND},
    [STEP_AUTH_PASSWORD] = {"AUTH", "waiting for the reply to the password", PHASE_AUTH, say_auth_password, hear_auth, false,
                            WAIT_COMMAND},
    [STEP_MAIL] = {"MAIL", "waiting for the reply to MAIL FROM", PHASE_MAIL, say_mail, hear_mail, true,
                   WAIT_COMMAND}, /* 4.5.3.2.2 */
    [STEP_RCPT] = {"RCPT", "waiting for the reply to RCPT TO", PHASE_RCPT, say_rcpt, hear_rcpt, true,
                   WAIT_COMMAND},                                                                               /* 4.5.3.2.3 */
    [STEP_DATA] = {"DATA", "waiting for the reply to DATA", PHASE_DATA, say_data, hear_data, false, WAIT_DATA}, /* 4.5.3.2.4 */
    [STEP_BODY] = {"content", "waiting for the reply after the content", PHASE_BODY, say_body, hear_body, false,
                   WAIT_BODY}, /* 4.5.3.2.6 */
    [STEP_BDAT] = {"BDAT", "waiting for the reply after the content", PHASE_BODY, say_bdat, hear_body, false, WAIT_BODY},
    [STEP_RSET] = {"RSET", "waiting for the reply to RSET", PHASE_MAIL, say_rset, hear_rset, false, WAIT_COMMAND},
    [STEP_QUIT] = {"QUIT", "waiting for the reply to QUIT", PHASE_QUIT, say_quit, hear_quit, false, WAIT_COMMAND},
};

/* ---- the engine: what may be said is said, a reply goes to the front of the FIFO ---- */

static void await(struct smtp_out *m, enum step step, uint32_t rcpt)
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

static void say_step(struct smtp_out *m, enum step s)
{
    await(m, s, m->said_rcpts);
    rows[s].say(m);
}

static void pump(struct smtp_out *m)
{
    while (m->more && m->state == OUT_BUSY) {
        if (m->await_n > 0) {
            enum step last = m->await[(m->await_at + m->await_n - 1) % m->await_cap].step;
            if (!rows[last].pipelined || !(m->caps & CAP_PIPELINING))
                return;
        }
        if (m->next == STEP_BDAT && m->await_n > 0)
            return; /* who takes the content must be known before it is sent */
        say_step(m, m->next);
    }
}

static void put(struct smtp_out *m, struct str line)
{
    m->hooks->write(m->ctx, line.p, line.n);
    m->hooks->line(m->ctx, true, str_mem(line.p, line.n - 2));
}

/* ---- settling ---- */

static enum outcome_status status_of(int code)
{
    return code / 100 == 2 ? OUTCOME_DELIVERED : code / 100 == 5 ? OUTCOME_FAILED : OUTCOME_DEFERRED;
}

static void settle(struct smtp_out *m, uint32_t i, enum outcome_status status, enum phase phase, const struct reply *r)
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

static void settle_rest(struct smtp_out *m, enum outcome_status status, enum phase phase, const struct reply *r)
{
    for (uint32_t i = 0; m->result && i < m->attempt->rcpts; i++)
        settle(m, i, status, phase, r);
}

static void end_transaction(struct smtp_out *m)
{
    m->more = false;
    if (m->await_n == 0)
        m->state = OUT_DONE;
}

static void fail(struct smtp_out *m, enum phase phase, const struct reply *r, const char *text)
{
    m->state = m->state == OUT_OPENING || m->state == OUT_WANT_TLS ? OUT_FAILED : OUT_OVER;
    m->failure_phase = phase;
    snprintf(m->failure_text, sizeof m->failure_text, "%s", text ? text : "");
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
    settle_rest(m, OUTCOME_DEFERRED, phase, r);
    fail(m, phase, r, NULL);
}

/* A refusal may come in the middle of the content; nothing else may come before what it answers has been said. */
static bool is_early(const struct smtp_out *m, const struct reply *r)
{
    bool refusal = rows[m->await[m->await_at].step].phase == PHASE_BODY && r->code >= 400;
    return m->await_n == 1 && !refusal && m->hooks->unsent(m->ctx);
}

static void heard_nonsense(struct smtp_out *m, const char *what)
{
    enum phase phase = smtp_out_phase(m);
    settle_rest(m, OUTCOME_DEFERRED, phase, NULL);
    fail(m, phase, NULL, what);
}

static void heard_reply(struct smtp_out *m, const struct reply *r)
{
    note_reply(m, r);
    m->replies++;
    if (m->state == OUT_BUSY)
        m->any_reply = true;
    if (r->code == 421) {
        heard_421(m, r);
        return;
    }
    if (m->await_n == 0) {
        fail(m, PHASE_NONE, NULL, "the server spoke without being asked");
        return;
    }
    if (is_early(m, r)) {
        heard_nonsense(m, "the server answered before it was asked");
        return;
    }
    struct awaited w = m->await[m->await_at];
    m->await_at = (m->await_at + 1) % m->await_cap;
    m->await_n--;
    rows[w.step].hear(m, w.rcpt, r);
    pump(m);
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
            heard_nonsense(m, "what the server said is no SMTP reply");
            return;
        }
        p += taken;
        n -= taken;
        heard_reply(m, &r);
    }
}

/* ---- the opening ---- */

static void open_failed(struct smtp_out *m, enum phase phase, const struct reply *r) { fail(m, phase, r, NULL); }

static void hear_banner(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 != 2)
        open_failed(m, PHASE_BANNER, r);
    else
        say_step(m, m->no_ehlo ? STEP_HELO : STEP_EHLO);
}

static void say_ehlo(struct smtp_out *m)
{
    char line[300];
    int n = snprintf(line, sizeof line, "%s %.*s\r\n", m->lmtp ? "LHLO" : "EHLO", (int)(m->ehlo.n > 255 ? 255 : m->ehlo.n),
                     m->ehlo.p);
    put(m, str_mem(line, (size_t)n));
}

static void say_helo(struct smtp_out *m)
{
    char line[300];
    int n = snprintf(line, sizeof line, "HELO %.*s\r\n", (int)(m->ehlo.n > 255 ? 255 : m->ehlo.n), m->ehlo.p);
    put(m, str_mem(line, (size_t)n));
}

static void take_auth(struct smtp_out *m, struct str rest)
{
    while (rest.p) {
        struct str word = str_split(&rest, ' ');
        m->caps |= str_eq_nocase(word, STR("PLAIN")) ? CAP_AUTH_PLAIN : str_eq_nocase(word, STR("LOGIN")) ? CAP_AUTH_LOGIN : 0;
    }
}

static void take_capability(struct smtp_out *m, struct str line)
{
    static const struct {
        const char *name;
        unsigned cap;
    } known[] = {{"PIPELINING", CAP_PIPELINING}, {"8BITMIME", CAP_8BITMIME}, {"SMTPUTF8", CAP_SMTPUTF8}, {"DSN", CAP_DSN},
                 {"CHUNKING", CAP_CHUNKING},     {"STARTTLS", CAP_STARTTLS}, {"SIZE", CAP_SIZE}};
    struct str rest = str_trim(line), word = str_split(&rest, ' ');
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq_nocase(word, str_of(known[i].name)))
            m->caps |= known[i].cap;
    if (str_eq_nocase(word, STR("SIZE")) && rest.p)
        str_to_u64(str_trim(rest), UINT64_MAX, &m->size_max);
    if (str_eq_nocase(word, STR("AUTH")) && rest.p)
        take_auth(m, rest);
}

static bool wants_tls(const struct smtp_out *m)
{
    return !m->tls && !m->no_tls && m->policy != TLS_NONE && (m->caps & CAP_STARTTLS);
}

static void opened(struct smtp_out *m)
{
    if (wants_tls(m))
        say_step(m, STEP_STARTTLS);
    else if (!m->tls && (m->policy == TLS_REQUIRED || m->policy == TLS_VERIFIED))
        fail(m, PHASE_STARTTLS, NULL, "the server does not offer TLS, which is required here");
    else if (m->login && (m->caps & CAP_AUTH_PLAIN))
        say_step(m, STEP_AUTH_PLAIN);
    else if (m->login && (m->caps & CAP_AUTH_LOGIN))
        say_step(m, STEP_AUTH_LOGIN);
    else if (m->login)
        fail(m, PHASE_AUTH, NULL, "the server offers no way of logging in that is known here (PLAIN or LOGIN)");
    else
        m->state = OUT_READY;
}

static void hear_ehlo(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    bool old = r->code == 500 || r->code == 502 || r->code == 504;
    if (old && !m->lmtp && !m->tls) {
        say_step(m, STEP_HELO); /* RFC 5321 3.2 */
        return;
    }
    if (r->code / 100 != 2) {
        open_failed(m, PHASE_EHLO, r);
        return;
    }
    m->caps = 0;
    struct str lines = r->text;
    str_split(&lines, '\n'); /* the first names the server */
    while (lines.p)
        take_capability(m, str_split(&lines, '\n'));
    opened(m);
}

static void hear_helo(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    m->caps = 0;
    if (r->code / 100 == 2)
        opened(m);
    else
        open_failed(m, PHASE_EHLO, r);
}

static void say_starttls(struct smtp_out *m) { put(m, STR("STARTTLS\r\n")); }

static void hear_starttls(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 == 2) {
        m->state = OUT_WANT_TLS;
    } else if (m->policy == TLS_OPPORTUNISTIC) {
        m->no_tls = true;
        opened(m);
    } else {
        open_failed(m, PHASE_STARTTLS, r);
    }
}

/* All that was learned in the clear is forgotten (RFC 3207 4.2). */
void smtp_out_secured(struct smtp_out *m)
{
    must(m->state == OUT_WANT_TLS);
    m->state = OUT_OPENING;
    m->tls = true;
    m->caps = 0;
    m->size_max = 0;
    say_step(m, STEP_EHLO);
}

/* ---- logging in to a smart host; the dialogue keeps no secret ---- */

static void put_secret(struct smtp_out *m, const char *command, struct str secret, const char *shown)
{
    struct buf b = {0};
    buf_add_str(&b, str_of(command));
    base64_encode(secret, &b);
    buf_add_str(&b, STR("\r\n"));
    m->hooks->write(m->ctx, b.p, b.n);
    m->hooks->line(m->ctx, true, str_of(shown));
    buf_done(&b);
}

static void say_auth_plain(struct smtp_out *m)
{
    struct buf b = {0};
    buf_add(&b, "", 1);
    buf_add_str(&b, str_of(m->login));
    buf_add(&b, "", 1);
    buf_add_str(&b, str_of(m->password));
    put_secret(m, "AUTH PLAIN ", buf_str(&b), "AUTH PLAIN ***");
    buf_done(&b);
}

static void say_auth_login(struct smtp_out *m) { put(m, STR("AUTH LOGIN\r\n")); }
static void say_auth_name(struct smtp_out *m) { put_secret(m, "", str_of(m->login), "***"); }
static void say_auth_password(struct smtp_out *m) { put_secret(m, "", str_of(m->password), "***"); }

static void hear_auth(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 == 2)
        m->state = OUT_READY;
    else
        open_failed(m, PHASE_AUTH, r);
}

static void hear_auth_login(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code == 334)
        say_step(m, STEP_AUTH_NAME);
    else
        open_failed(m, PHASE_AUTH, r);
}

static void hear_auth_name(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code == 334)
        say_step(m, STEP_AUTH_PASSWORD);
    else
        open_failed(m, PHASE_AUTH, r);
}

/* ---- the transaction ---- */

/* Does a recipient of this attempt, or the sender, need SMTPUTF8 (RFC 6531 3.6)? A message that merely asked for it may go
 * without. */
static bool needs_utf8(const struct attempt *a)
{
    const struct envelope *e = a->envelope;
    if (!e->smtputf8)
        return false;
    bool needs = utf8_needed(e->sender);
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
    struct reply r = {.code = 554, .enhanced = {5, 6, 3}};
    if (m->size_max && a->content->n > m->size_max)
        r = (struct reply){552, {5, 3, 4}, STR("The message is larger than the receiving server takes")};
    else if (!(m->caps & CAP_SMTPUTF8) && needs_utf8(a))
        r = (struct reply){
            553, {5, 6, 7}, STR("The receiving server does not take internationalised addresses or headers (SMTPUTF8)")};
    else if (!(m->caps & CAP_8BITMIME) && a->envelope->has_8bit)
        r.text =
            STR("The receiving server does not take 8-bit content (8BITMIME): send the message as quoted-printable or base64");
    else
        return false;
    settle_rest(m, OUTCOME_FAILED, PHASE_MAIL, &r);
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
    m->state = OUT_BUSY;
    m->next = STEP_MAIL;
    m->more = true;
    if (cannot_take(m)) {
        end_transaction(m);
        return;
    }
    pump(m);
}

static void add_utf8(struct smtp_out *m, struct buf *b)
{
    if (m->attempt->envelope->smtputf8 && (m->caps & CAP_SMTPUTF8))
        buf_add_str(b, STR(" SMTPUTF8"));
}

static void say_mail(struct smtp_out *m)
{
    const struct envelope *e = m->attempt->envelope;
    struct buf b = {0};
    buf_addf(&b, "MAIL FROM:<%.*s>", STR_ARGS(e->sender));
    if (m->caps & CAP_SIZE)
        buf_addf(&b, " SIZE=%zu", m->attempt->content->n);
    if ((m->caps & CAP_8BITMIME) && e->has_8bit)
        buf_add_str(&b, STR(" BODY=8BITMIME"));
    add_utf8(m, &b);
    if ((m->caps & CAP_DSN) && e->ret != RET_UNSET)
        buf_addf(&b, " RET=%s", e->ret == RET_FULL ? "FULL" : "HDRS");
    if ((m->caps & CAP_DSN) && e->envid.n)
        buf_addf(&b, " ENVID=%.*s", STR_ARGS(e->envid));
    buf_add_str(&b, STR("\r\n"));
    put(m, buf_str(&b));
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

static void say_rcpt(struct smtp_out *m)
{
    const struct rcpt *r = &m->attempt->envelope->rcpt[m->attempt->rcpt[m->said_rcpts++]];
    struct buf b = {0};
    buf_addf(&b, "RCPT TO:<%.*s>", STR_ARGS(r->address));
    if (m->caps & CAP_DSN) {
        add_notify(r->notify, &b);
        if (r->orcpt.n)
            buf_addf(&b, " ORCPT=%.*s", STR_ARGS(r->orcpt));
    }
    buf_add_str(&b, STR("\r\n"));
    put(m, buf_str(&b));
    buf_done(&b);
    if (m->said_rcpts == m->attempt->rcpts)
        m->next = m->chunking && (m->caps & CAP_CHUNKING) ? STEP_BDAT : STEP_DATA;
}

static void hear_mail(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 == 2)
        return;
    settle_rest(m, status_of(r->code), PHASE_MAIL, r);
    if (m->next == STEP_RCPT || m->next == STEP_DATA || m->next == STEP_BDAT)
        end_transaction(m);
}

static void hear_rcpt(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    struct result *x = &m->result[rcpt];
    if (r->code / 100 == 2) {
        x->accepted = true;
        m->accepted += !x->settled;
    } else {
        bool many = r->code == 552; /* an old way to say 452: too many recipients (RFC 5321 4.5.3.1.10) */
        settle(m, rcpt, many ? OUTCOME_DEFERRED : status_of(r->code), PHASE_RCPT, r);
    }
    bool last = m->await_n == 0 || m->await[m->await_at].step != STEP_RCPT;
    if (last && m->said_rcpts == m->attempt->rcpts && m->accepted == 0 && (m->next == STEP_DATA || m->next == STEP_BDAT)) {
        m->needs_reset = true;
        if (m->more) /* DATA was not pipelined: it need not be said */
            end_transaction(m);
    }
}

static void say_data(struct smtp_out *m)
{
    put(m, STR("DATA\r\n"));
    m->next = STEP_BODY;
    m->more = false; /* until 354 comes */
}

static void hear_data(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code == 354) {
        m->more = true; /* even when no recipient is left: the server waits for a content (RFC 2920 3.1) */
        return;
    }
    settle_rest(m, r->code / 100 == 2 ? OUTCOME_DEFERRED : status_of(r->code), PHASE_DATA, r);
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
            await(m, step, i);
}

static void say_body(struct smtp_out *m)
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

static void say_bdat(struct smtp_out *m)
{
    char line[64];
    struct str c = content_str(m->attempt->content);
    int n = snprintf(line, sizeof line, "BDAT %zu LAST\r\n", c.n);
    m->more = false;
    await_each(m, STEP_BDAT);
    put(m, str_mem(line, (size_t)n));
    m->hooks->write_ref(m->ctx, c.p, c.n);
}

static void hear_body(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    if (m->lmtp && m->accepted > 0)
        settle(m, rcpt, status_of(r->code), PHASE_BODY, r);
    else
        settle_rest(m, status_of(r->code), PHASE_BODY, r);
    if (r->code / 100 != 2)
        m->needs_reset = true;
}

/* ---- between transactions ---- */

static void say_rset(struct smtp_out *m) { put(m, STR("RSET\r\n")); }

static void hear_rset(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 == 2)
        m->state = OUT_READY;
    else
        fail(m, PHASE_MAIL, r, NULL);
}

void smtp_out_next(struct smtp_out *m)
{
    must(m->state == OUT_DONE);
    m->attempt = NULL;
    m->result = NULL;
    m->state = OUT_READY;
    if (!m->needs_reset)
        return;
    m->needs_reset = false;
    m->state = OUT_OPENING;
    say_step(m, STEP_RSET);
}

static void say_quit(struct smtp_out *m) { put(m, STR("QUIT\r\n")); }

static void hear_quit(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    (void)r;
    m->state = OUT_OVER;
}

void smtp_out_quit(struct smtp_out *m) { say_step(m, STEP_QUIT); }

/* ---- life, and what is waited for ---- */

void smtp_out_init(struct smtp_out *m, const struct smtp_out_hooks *h, void *ctx)
{
    *m = (struct smtp_out){.hooks = h, .ctx = ctx};
    await(m, STEP_BANNER, 0);
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
    settle_rest(m, OUTCOME_DEFERRED, phase, NULL);
    if (m->state != OUT_FAILED && m->state != OUT_OVER)
        fail(m, phase, NULL, NULL);
}

static const struct row *front(const struct smtp_out *m) { return m->await_n ? &rows[m->await[m->await_at].step] : NULL; }

enum phase smtp_out_phase(const struct smtp_out *m)
{
    if (m->state == OUT_WANT_TLS)
        return PHASE_TLS;
    return front(m) ? front(m)->phase : PHASE_NONE;
}

const char *smtp_out_doing(const struct smtp_out *m)
{
    if (m->state == OUT_WANT_TLS)
        return "starting TLS";
    return front(m) ? front(m)->doing : "keeping the connection for the next message";
}

enum out_wait smtp_out_wait(const struct smtp_out *m) { return front(m) ? front(m)->wait : WAIT_COMMAND; }
