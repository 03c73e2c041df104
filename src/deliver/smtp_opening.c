/* smtp_opening: the client machine's rows from the greeting to readiness: EHLO or HELO, STARTTLS, logging in. RFC
 * 5321 3.2, 4.1.1.1; 3207; 4954. All that was learned in the clear is forgotten when TLS starts. */
#include "deliver/smtp_steps.h"
#include "lib/base64.h"
#include "lib/must.h"

#include <stdio.h>

/* ---- the greeting, and what is offered ---- */

static void open_failed(struct smtp_out *m, enum phase phase, const struct reply *r) { out_fail(m, phase, r, NOTE_NONE); }

void opening_hear_banner(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 != 2)
        open_failed(m, PHASE_BANNER, r);
    else
        out_say(m, STEP_EHLO);
}

void opening_say_ehlo(struct smtp_out *m)
{
    char line[300];
    int n = snprintf(line, sizeof line, "%s %.*s\r\n", m->lmtp ? "LHLO" : "EHLO", (int)(m->ehlo.n > 255 ? 255 : m->ehlo.n),
                     m->ehlo.p);
    out_put(m, str_mem(line, (size_t)n));
}

void opening_say_helo(struct smtp_out *m)
{
    char line[300];
    int n = snprintf(line, sizeof line, "HELO %.*s\r\n", (int)(m->ehlo.n > 255 ? 255 : m->ehlo.n), m->ehlo.p);
    out_put(m, str_mem(line, (size_t)n));
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
    } known[] = {{"PIPELINING", CAP_PIPELINING}, {"8BITMIME", CAP_8BITMIME}, {"SMTPUTF8", CAP_SMTPUTF8},     {"DSN", CAP_DSN},
                 {"CHUNKING", CAP_CHUNKING},     {"STARTTLS", CAP_STARTTLS}, {"REQUIRETLS", CAP_REQUIRETLS}, {"SIZE", CAP_SIZE}};
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
    return !m->tls && !m->no_tls && m->level != SECURE_NEVER && (m->caps & CAP_STARTTLS);
}

static void opened(struct smtp_out *m)
{
    if (wants_tls(m))
        out_say(m, STEP_STARTTLS);
    else if (!m->tls && m->level >= SECURE_ENCRYPTED)
        out_fail(m, PHASE_STARTTLS, NULL, NOTE_TLS_NOT_OFFERED);
    else if (m->login && (m->caps & CAP_AUTH_PLAIN))
        out_say(m, STEP_AUTH_PLAIN);
    else if (m->login && (m->caps & CAP_AUTH_LOGIN))
        out_say(m, STEP_AUTH_LOGIN);
    else if (m->login)
        out_fail(m, PHASE_AUTH, NULL, NOTE_NO_LOGIN);
    else
        m->state = OUT_READY;
}

void opening_hear_ehlo(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    bool old = r->code == 500 || r->code == 502 || r->code == 504;
    if (old && !m->lmtp && !m->tls) {
        out_say(m, STEP_HELO); /* RFC 5321 3.2 */
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

void opening_hear_helo(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    m->caps = 0;
    if (r->code / 100 == 2)
        opened(m);
    else
        open_failed(m, PHASE_EHLO, r);
}

void opening_say_starttls(struct smtp_out *m) { out_put(m, STR("STARTTLS\r\n")); }

void opening_hear_starttls(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 == 2) {
        m->state = OUT_WANT_TLS;
    } else if (m->level == SECURE_MAY) {
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
    out_say(m, STEP_EHLO);
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

void opening_say_auth_plain(struct smtp_out *m)
{
    struct buf b = {0};
    buf_add(&b, "", 1);
    buf_add_str(&b, str_of(m->login));
    buf_add(&b, "", 1);
    buf_add_str(&b, str_of(m->password));
    put_secret(m, "AUTH PLAIN ", buf_str(&b), "AUTH PLAIN ***");
    buf_done(&b);
}

void opening_say_auth_login(struct smtp_out *m) { out_put(m, STR("AUTH LOGIN\r\n")); }
void opening_say_auth_name(struct smtp_out *m) { put_secret(m, "", str_of(m->login), "***"); }
void opening_say_auth_password(struct smtp_out *m) { put_secret(m, "", str_of(m->password), "***"); }

void opening_hear_auth(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code / 100 == 2)
        m->state = OUT_READY;
    else
        open_failed(m, PHASE_AUTH, r);
}

void opening_hear_auth_login(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code == 334)
        out_say(m, STEP_AUTH_NAME);
    else
        open_failed(m, PHASE_AUTH, r);
}

void opening_hear_auth_name(struct smtp_out *m, uint32_t rcpt, const struct reply *r)
{
    (void)rcpt;
    if (r->code == 334)
        out_say(m, STEP_AUTH_PASSWORD);
    else
        open_failed(m, PHASE_AUTH, r);
}
