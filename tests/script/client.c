/* Dialogues with the SMTP and LMTP client (deliver). "." lines, before the first: lmtp, tls none|opportunistic|required|verified,
 * login NAME PASSWORD, chunking; then: connect, secured, broken, next, quit, unsent yes|no (does the network take what is said),
 * and mail SENDER RCPT...       begins a transaction with the message set up by the lines before it: content TEXT (\r \n as
 * escapes), utf8, 8bit, ret full|hdrs, envid X, notify NAME, orcpt X (of all recipients),
 *   return_path X (instead of the sender)
 * "!" lines: ready, tls, failed PHASE: TEXT, over PHASE: TEXT, and at a transaction's end one a recipient:
 * delivered|deferred|failed RCPT in PHASE: CODE E.S.C TEXT */
#include "script.h"

#include "deliver/smtp_out.h"
#include "lib/must.h"
#include "mail/command.h"

#include <stdlib.h>

enum { RCPTS = 8 };

struct client {
    struct smtp_out m;
    struct envelope envelope;
    struct rcpt rcpt[RCPTS];
    uint32_t index[RCPTS];
    struct content *content;
    struct attempt attempt;
    struct arena arena, results;
    struct rcpt sample;
    struct str return_path;
    struct buf said;
    enum out_state shown;
    bool begun, told, unsent;
};

static void flush(struct client *c)
{
    script_said('C', c->said.p, c->said.n);
    c->said.n = 0;
}

static void do_write(void *ctx, const void *p, size_t n)
{
    struct client *c = ctx;
    buf_add(&c->said, p, n);
}

static void do_line(void *ctx, bool ours, struct str text)
{
    (void)ctx;
    must(!ours || !memchr(text.p, '\r', text.n));
}

static bool is_unsent(void *ctx) { return ((struct client *)ctx)->unsent; }

static const struct smtp_out_hooks hooks = {do_write, do_write, do_line, is_unsent};

static void *side_open(void)
{
    struct client *c = calloc(1, sizeof *c);
    must(c);
    smtp_out_init(&c->m, &hooks, c);
    c->m.ehlo = STR("out.test");
    c->m.level = SECURE_MAY;
    c->content = content_new(0);
    return c;
}

static void side_close(void *side)
{
    struct client *c = side;
    smtp_out_done(&c->m);
    content_free(&c->content);
    arena_done(&c->arena);
    arena_done(&c->results);
    buf_done(&c->said);
    free(c);
}

/* ---- what it did ---- */

static void show_results(struct client *c)
{
    static const char *const status[] = {
        [OUTCOME_DELIVERED] = "delivered", [OUTCOME_FAILED] = "failed", [OUTCOME_DEFERRED] = "deferred"};
    if (c->told || !c->m.result)
        return;
    c->told = true;
    must(c->m.unsettled == 0);
    for (uint32_t i = 0; i < c->attempt.rcpts; i++) {
        const struct result *r = &c->m.result[i];
        char e[12];
        must(r->settled);
        struct str noticed = str_of(note_word(c->m.failure_note));
        enhanced_text(r->reply.enhanced, e);
        script_did("! %s %.*s in %s: %d %s %.*s", status[r->status], STR_ARGS(c->rcpt[i].address), phase_name(r->phase),
                   r->reply.code, e, STR_ARGS(r->reply.code || r->status != OUTCOME_FAILED ? r->reply.text : noticed));
    }
}

static void show(struct client *c)
{
    enum out_state s = c->m.state;
    flush(c);
    if (s == OUT_DONE || s == OUT_OVER)
        show_results(c);
    if (s == c->shown)
        return;
    if (s == OUT_FAILED && c->m.failure_phase == PHASE_TLS && c->shown != OUT_WANT_TLS)
        script_did("! tls"); /* fed whole, it came and went within one feed */
    c->shown = s;
    struct str why = c->m.failure.code ? c->m.failure.text : str_of(note_word(c->m.failure_note));
    if (s == OUT_READY)
        script_did("! ready");
    else if (s == OUT_WANT_TLS)
        script_did("! tls");
    else if (s == OUT_FAILED || s == OUT_OVER)
        script_did("! %s %s: %d %.*s", s == OUT_FAILED ? "failed" : "over", phase_name(c->m.failure_phase), c->m.failure.code,
                   STR_ARGS(why));
}

static size_t side_feed(void *side, const char *p, size_t n)
{
    struct client *c = side;
    smtp_out_heard(&c->m, p, n);
    show(c);
    return n;
}

/* ---- the surroundings ---- */

static bool set_policy(struct client *c, struct str name)
{
    static const char *const names[] = {
        [SECURE_MAY] = "opportunistic", [SECURE_NEVER] = "none", [SECURE_ENCRYPTED] = "required", [SECURE_VERIFIED] = "verified"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(name, str_of(names[i])))
            return c->m.level = (enum secure_level)i, true;
    return false;
}

static bool set_machine(struct client *c, struct str word, struct str rest)
{
    if (str_eq(word, STR("lmtp")))
        c->m.lmtp = true;
    else if (str_eq(word, STR("chunking")))
        c->m.chunking = true;
    else if (str_eq(word, STR("unsent")))
        c->unsent = str_eq(rest, STR("yes"));
    else if (str_eq(word, STR("tls")))
        return set_policy(c, rest);
    else if (str_eq(word, STR("login"))) {
        c->m.login = arena_strz(&c->arena, str_split(&rest, ' '));
        c->m.password = arena_strz(&c->arena, rest);
    } else
        return false;
    return true;
}

static void set_content(struct client *c, struct str text)
{
    c->content->n = 0;
    c->content = content_grow(c->content, text.n);
    for (size_t i = 0; i < text.n; i++) {
        bool escape = text.p[i] == '\\' && i + 1 < text.n;
        char byte = escape ? (text.p[i + 1] == 'r' ? '\r' : '\n') : text.p[i];
        i += escape;
        c->content->bytes[c->content->start + c->content->n++] = byte;
    }
}

static uint8_t notify_of(struct str name)
{
    uint8_t n = 0;
    must(notify_parse(name, &n));
    return n;
}

static bool set_message(struct client *c, struct str word, struct str rest)
{
    struct envelope *e = &c->envelope;
    if (str_eq(word, STR("content")))
        set_content(c, rest);
    else if (str_eq(word, STR("utf8")))
        e->smtputf8 = true;
    else if (str_eq(word, STR("8bit")))
        e->has_8bit = true;
    else if (str_eq(word, STR("ret")))
        e->ret = str_eq(rest, STR("full")) ? RET_FULL : RET_HDRS;
    else if (str_eq(word, STR("envid")))
        e->envid = arena_str(&c->arena, rest);
    else if (str_eq(word, STR("return_path")))
        c->return_path = arena_str(&c->arena, rest);
    else if (str_eq(word, STR("notify")))
        c->sample.notify = notify_of(rest);
    else if (str_eq(word, STR("orcpt")))
        c->sample.orcpt = arena_str(&c->arena, rest);
    else
        return false;
    return true;
}

static void send_mail(struct client *c, struct str rest)
{
    c->envelope.sender = arena_str(&c->arena, str_split(&rest, ' '));
    c->envelope.rcpt = c->rcpt;
    c->envelope.rcpts = 0;
    while (rest.p) {
        must(c->envelope.rcpts < RCPTS);
        c->sample.address = arena_str(&c->arena, str_split(&rest, ' '));
        c->index[c->envelope.rcpts] = c->envelope.rcpts;
        c->rcpt[c->envelope.rcpts++] = c->sample;
    }
    c->attempt = (struct attempt){
        .envelope = &c->envelope, .content = c->content, .rcpt = c->index, .rcpts = c->envelope.rcpts, .return_path = c->return_path, .number = 1};
    c->told = false;
    c->shown = OUT_BUSY;
    arena_done(&c->results);
    smtp_out_begin(&c->m, &c->attempt, &c->results);
}

static bool side_set(void *side, struct str word, struct str rest)
{
    struct client *c = side;
    if (set_machine(c, word, rest) || set_message(c, word, rest))
        return true;
    if (str_eq(word, STR("secured")))
        smtp_out_secured(&c->m);
    else if (str_eq(word, STR("broken")))
        smtp_out_broken(&c->m);
    else if (str_eq(word, STR("next")))
        smtp_out_next(&c->m);
    else if (str_eq(word, STR("quit")))
        smtp_out_quit(&c->m);
    else if (str_eq(word, STR("mail")))
        send_mail(c, rest);
    else
        return false;
    show(c);
    return true;
}

int main(int argc, char **argv)
{
    static const struct script_side side = {'S', side_open, side_close, side_set, side_feed};
    return script_main(argc, argv, &side);
}
