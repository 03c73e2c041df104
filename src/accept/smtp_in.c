/* smtp_in: see smtp_in.h. Commands are rows of a table; what belongs to a message is in smtp_mail.c, what belongs to a login in
 * smtp_auth.c. */
#include "accept/smtp_in.h"

#include "lib/must.h"

enum { LINE_MAX_BYTES = 4096, AUTH_LINE_MAX = 12288 /* RFC 4954 4 */ };

static void do_helo(struct smtp_in *m, struct str rest);
static void do_ehlo(struct smtp_in *m, struct str rest);
static void do_rset(struct smtp_in *m, struct str rest);
static void do_noop(struct smtp_in *m, struct str rest);
static void do_quit(struct smtp_in *m, struct str rest);
static void do_vrfy(struct smtp_in *m, struct str rest);
static void do_help(struct smtp_in *m, struct str rest);
static void do_starttls(struct smtp_in *m, struct str rest);
static void do_lhlo(struct smtp_in *m, struct str rest);
static void do_obsolete(struct smtp_in *m, struct str rest);
static void do_foreign(struct smtp_in *m, struct str rest);
static void do_unknown(struct smtp_in *m, struct str rest);

enum { ANY_TIME = 0, AFTER_HELO = 1, NO_ARGUMENT = 2, NOT_IN_CHUNKS = 4 };

static const struct row {
    void (*proceed)(struct smtp_in *m, struct str rest);
    unsigned when;
} rows[VERBS] = {
    [VERB_UNKNOWN] = {do_unknown, ANY_TIME},
    [VERB_HELO] = {do_helo, ANY_TIME},
    [VERB_EHLO] = {do_ehlo, ANY_TIME},
    [VERB_LHLO] = {do_lhlo, ANY_TIME},
    [VERB_MAIL] = {smtp_mail, AFTER_HELO | NOT_IN_CHUNKS},
    [VERB_RCPT] = {smtp_rcpt, AFTER_HELO | NOT_IN_CHUNKS},
    [VERB_DATA] = {smtp_data, AFTER_HELO},
    [VERB_BDAT] = {smtp_bdat, ANY_TIME}, /* its octets follow whatever we say */
    [VERB_RSET] = {do_rset, NO_ARGUMENT},
    [VERB_NOOP] = {do_noop, ANY_TIME},
    [VERB_QUIT] = {do_quit, NO_ARGUMENT},
    [VERB_VRFY] = {do_vrfy, ANY_TIME},
    [VERB_EXPN] = {do_obsolete, ANY_TIME},
    [VERB_HELP] = {do_help, ANY_TIME},
    [VERB_STARTTLS] = {do_starttls, AFTER_HELO | NO_ARGUMENT},
    [VERB_AUTH] = {smtp_auth_begin, AFTER_HELO},
    [VERB_OBSOLETE] = {do_obsolete, ANY_TIME},
    [VERB_FOREIGN] = {do_foreign, ANY_TIME},
};

/* ---- replies ---- */

void smtp_say(struct smtp_in *m, int code, struct enhanced enhanced, const char *text)
{
    char e[12];
    enhanced_text(enhanced, e);
    buf_addf(m->out, "%d %s%s%s\r\n", code, e, *e ? " " : "", text);
}

void smtp_in_quit(struct smtp_in *m, int code, struct enhanced enhanced, const char *text)
{
    smtp_say(m, code, enhanced, text);
    m->phase = SMTP_OVER;
}

void smtp_refuse(struct smtp_in *m, int code, struct enhanced enhanced, const char *text)
{
    smtp_say(m, code, enhanced, text);
    if (++m->errors < m->settings->errors_max)
        return;
    m->hooks->event(m->ctx, ACCEPT_BOUND_HIT, m->login, "too many errors in one session, it is closed");
    smtp_in_quit(m, 421, ENHANCED(4, 7, 0), "Too many errors, connect again later");
}

/* ---- life ---- */

void smtp_in_init(struct smtp_in *m, const struct accept_settings *s, enum door door, bool trusted, const struct smtp_in_hooks *h,
                  void *ctx, struct buf *out)
{
    *m = (struct smtp_in){.settings = s, .hooks = h, .ctx = ctx, .out = out, .door = door, .trusted = trusted};
}

static void forget_identity(struct smtp_in *m)
{
    arena_done(&m->arena);
    m->helo = m->account = m->login = m->stream = (struct str){NULL, 0};
    m->extended = false;
    scram_done(&m->scram);
    buf_done(&m->auth_name);
}

void smtp_in_done(struct smtp_in *m)
{
    smtp_forget(m);
    forget_identity(m);
}

void smtp_in_greet(struct smtp_in *m) { buf_addf(m->out, "220 %.*s ESMTP goniec\r\n", STR_ARGS(m->settings->hostname)); }

/* ---- commands ---- */

static bool greet_back(struct smtp_in *m, struct str rest)
{
    struct command_refusal why;
    struct str name;
    if (!command_helo(rest, &name, &why)) {
        smtp_refuse(m, why.code, why.enhanced, why.text);
        return false;
    }
    smtp_forget(m); /* RFC 5321 4.1.4: EHLO resets */
    m->helo = arena_str(&m->arena, name);
    if (m->arena.heap_bytes > 64 * 1024) { /* a client that greets without end */
        smtp_in_quit(m, 421, ENHANCED(4, 7, 0), "Too many greetings");
        return false;
    }
    return true;
}

static void do_helo(struct smtp_in *m, struct str rest)
{
    if (!greet_back(m, rest))
        return;
    m->extended = false;
    buf_addf(m->out, "250 %.*s\r\n", STR_ARGS(m->settings->hostname));
}

static void do_ehlo(struct smtp_in *m, struct str rest)
{
    const struct accept_settings *s = m->settings;
    if (!greet_back(m, rest))
        return;
    m->extended = true;
    buf_addf(m->out,
             "250-%.*s\r\n250-PIPELINING\r\n250-SIZE "
             "%u\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-CHUNKING\r\n",
             STR_ARGS(s->hostname), s->message_bytes_max);
    if (s->tls && !m->tls && m->door != DOOR_LOCAL)
        buf_add_str(m->out, STR("250-STARTTLS\r\n"));
    if (m->tls)
        buf_add_str(m->out, STR("250-REQUIRETLS\r\n")); /* RFC 8689 2: under TLS only */
    if (smtp_auth_offered(m))
        buf_add_str(m->out, STR("250-AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"));
    if (s->transactions_max)
        buf_addf(m->out, "250 LIMITS RCPTMAX=%u MAILMAX=%u\r\n", s->recipients_max, s->transactions_max); /* RFC 9422 */
    else
        buf_addf(m->out, "250 LIMITS RCPTMAX=%u\r\n", s->recipients_max);
}

static void do_lhlo(struct smtp_in *m, struct str rest)
{
    (void)rest;
    smtp_refuse(m, 500, ENHANCED(5, 5, 1), "This is SMTP, not LMTP: say EHLO");
}

static void do_rset(struct smtp_in *m, struct str rest)
{
    (void)rest;
    smtp_forget(m);
    smtp_say(m, 250, ENHANCED(2, 0, 0), "Forgotten");
}

static void do_noop(struct smtp_in *m, struct str rest)
{
    (void)rest;
    smtp_say(m, 250, ENHANCED(2, 0, 0), "Fine");
}

static void do_quit(struct smtp_in *m, struct str rest)
{
    (void)rest;
    smtp_in_quit(m, 221, ENHANCED(2, 0, 0), "Goodbye");
}

static void do_vrfy(struct smtp_in *m, struct str rest)
{
    (void)rest;
    smtp_say(m, 252, ENHANCED(2, 5, 0), "Addresses are not verified here, send the message and see");
}

static void do_help(struct smtp_in *m, struct str rest)
{
    (void)rest;
    smtp_say(m, 214, ENHANCED(2, 0, 0), "EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT, see RFC 5321");
}

static void do_obsolete(struct smtp_in *m, struct str rest)
{
    (void)rest;
    smtp_refuse(m, 502, ENHANCED(5, 5, 1), "This command is not served here");
}

static void do_unknown(struct smtp_in *m, struct str rest)
{
    (void)rest;
    smtp_refuse(m, 500, ENHANCED(5, 5, 2), "There is no such command");
}

static void do_foreign(struct smtp_in *m, struct str rest)
{
    (void)rest;
    m->hooks->event(m->ctx, ACCEPT_REFUSED, m->login, "speaks another protocol than SMTP");
    smtp_in_quit(m, 421, ENHANCED(4, 7, 0), "This is an SMTP server");
}

static void do_starttls(struct smtp_in *m, struct str rest)
{
    (void)rest;
    if (m->tls)
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "TLS is on already");
    else if (!m->settings->tls || m->door == DOOR_LOCAL)
        smtp_refuse(m, 502, ENHANCED(5, 5, 1), "TLS is not offered here");
    else {
        smtp_say(m, 220, ENHANCED(2, 0, 0), "Begin TLS");
        smtp_forget(m);
        m->phase = SMTP_TLS;
        m->hooks->start_tls(m->ctx);
    }
}

void smtp_in_secured(struct smtp_in *m)
{
    smtp_forget(m);
    forget_identity(m); /* RFC 3207 4.2: nothing said in the clear is known any more */
    m->tls = true;
    m->phase = SMTP_COMMAND;
}

/* ---- lines ---- */

static bool has_control(struct str line)
{
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < 32 && line.p[i] != '\t')
            return true;
    return false;
}

static void on_command(struct smtp_in *m, struct str line)
{
    struct command c = command_parse(line);
    const struct row *r = &rows[c.verb];
    if (c.verb == VERB_FOREIGN)
        r->proceed(m, c.rest);
    else if (has_control(line))
        smtp_refuse(m, 500, ENHANCED(5, 5, 2), "The command has control characters in it");
    else if ((r->when & NO_ARGUMENT) && c.rest.n)
        smtp_refuse(m, 501, ENHANCED(5, 5, 4), "This command takes no argument");
    else if ((r->when & AFTER_HELO) && !m->helo.n)
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "Say EHLO first");
    else if ((r->when & NOT_IN_CHUNKS) && m->t.chunked)
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "A message is being sent in chunks: finish it with BDAT LAST, or RSET");
    else
        r->proceed(m, c.rest);
}

static void on_line(struct smtp_in *m, struct str line, bool whole)
{
    bool too_long = m->skipping;
    m->skipping = false;
    if (too_long || (!whole && !m->settings->fix_bare_newlines)) {
        if (m->phase == SMTP_AUTH) /* the refusal ends the exchange, RFC 4954 4 */
            smtp_auth_stop(m);
        smtp_refuse(m, 500, too_long ? ENHANCED(5, 5, 6) : ENHANCED(5, 5, 2),
                    too_long ? "The line is too long" : "A line must end with CR LF");
    } else if (m->phase == SMTP_AUTH) {
        smtp_auth_line(m, line);
    } else {
        on_command(m, line);
    }
}

/* Takes one line, or what can be thrown away of one that is too long. 0: more is needed. The bounds count without the newline,
 * and so without the CR. */
static size_t take_line(struct smtp_in *m, const char *p, size_t n)
{
    size_t most = m->phase == SMTP_AUTH ? AUTH_LINE_MAX + 1 : LINE_MAX_BYTES;
    const char *end = memchr(p, '\n', n);
    size_t length = end ? (size_t)(end - p) : n;
    if (length > most) {
        m->skipping = true;
        if (!end)
            return n;
    }
    if (!end)
        return m->skipping ? n : 0;
    bool whole = length > 0 && p[length - 1] == '\r';
    on_line(m, str_mem(p, length - whole), whole);
    return length + 1;
}

size_t smtp_in_feed(struct smtp_in *m, const char *p, size_t n)
{
    size_t at = 0;
    while (at < n && m->out->n < SMTP_OUT_MAX) {
        size_t took = 0;
        if (m->phase == SMTP_COMMAND || m->phase == SMTP_AUTH)
            took = take_line(m, p + at, n - at);
        else if (m->phase == SMTP_DATA || m->phase == SMTP_BDAT)
            took = smtp_content(m, p + at, n - at);
        else if (m->phase == SMTP_OVER)
            return n;
        at += took;
        if (took == 0)
            break;
    }
    return at;
}
