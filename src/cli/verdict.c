/* verdict: see verdict.h. */
#include "cli/verdict.h"

#include "cli/text.h"

void verdict_texts_done(struct verdict_texts *t)
{
    for (unsigned i = 0; i < t->n; i++)
        buf_done(&t->of[i].json);
    t->n = 0;
}

static void member(const char *name, struct str value, struct buf *b)
{
    buf_add_str(b, STR(",\""));
    buf_add_str(b, str_of(name));
    buf_add_str(b, STR("\":"));
    common_json(value, b);
}

static void told_json(const char *name, const struct told *told, struct buf *b)
{
    buf_add_str(b, STR("\""));
    buf_add_str(b, str_of(name));
    buf_add_str(b, STR("\":{\"what\":"));
    common_json(str_of(told->what), b);
    member("advice", str_of(told->advice), b);
    buf_add_str(b, STR("}"));
}

static void language_json(const struct cause *x, const char *lang, struct buf *b)
{
    common_json(str_of(lang), b);
    buf_add_str(b, STR(":{"));
    told_json("sender", cause_for_sender(x, lang), b);
    buf_add_str(b, STR(","));
    told_json("postmaster", cause_for_postmaster(x, lang), b);
    buf_add_str(b, STR("}"));
}

/* In both languages, or in the one that was asked for. */
static void texts_json(const struct cause *x, const struct common *c, struct buf *b)
{
    buf_add_str(b, STR(",\"texts\":{"));
    if (!c->lang_given || c->lang == LANG_EN)
        language_json(x, "en", b);
    if (!c->lang_given)
        buf_add_str(b, STR(","));
    if (!c->lang_given || c->lang == LANG_PL)
        language_json(x, "pl", b);
    buf_add_str(b, STR("}"));
}

static void texts_cached(const struct cause *x, const struct common *c, struct verdict_texts *t, struct buf *b)
{
    unsigned i = 0;
    while (i < t->n && t->of[i].cause != x)
        i++;
    if (i == t->n && i < sizeof t->of / sizeof *t->of) {
        t->of[t->n++].cause = x;
        texts_json(x, c, &t->of[i].json);
    }
    if (i < t->n)
        buf_add_str(b, buf_str(&t->of[i].json));
    else
        texts_json(x, c, b);
}

static void number_add(unsigned v, struct buf *b)
{
    char digits[10], *p = digits + sizeof digits;
    do
        *--p = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

static void codes_json(int code, struct enhanced e, struct buf *b)
{
    char text[12];
    buf_add_str(b, STR("\"code\":"));
    if (code > 0)
        number_add((unsigned)code, b);
    else
        buf_add_str(b, STR("null"));
    enhanced_text(e, text);
    if (e.class)
        member("enhanced", str_of(text), b);
    else
        buf_add_str(b, STR(",\"enhanced\":null"));
}

static struct str evidence_text(const struct explanation *e, struct str said)
{
    bool fits = e->evidence.offset <= said.n && e->evidence.length <= said.n - e->evidence.offset;
    return fits ? str_mem(said.p + e->evidence.offset, e->evidence.length) : STR("");
}

/* Sisimai has words for two causes that we do not tell apart: an unknown user told of only after the content, which may be a
 * filter that gives no reason ("filtered"), and a message too large for this mailbox (x.2.3, "exceedlimit"). */
static const char *sisimai_word(const struct explanation *e)
{
    bool content_sent = e->phase == PHASE_DATA || e->phase == PHASE_BODY;
    if (content_sent && strcmp(e->cause->name, "user-unknown") == 0)
        return "filtered";
    if (e->enhanced.subject == 2 && e->enhanced.detail == 3 && strcmp(e->cause->name, "message-too-large") == 0)
        return "exceedlimit";
    return e->cause->sisimai;
}

void verdict_json(const struct explanation *e, struct str said, const struct common *c, struct verdict_texts *t, struct buf *b)
{
    codes_json(e->code, e->enhanced, b);
    member("cause", str_of(e->cause->name), b);
    member("whose", str_of(whose_name(e->whose)), b);
    buf_add_str(b, e->permanent ? STR(",\"permanent\":true") : STR(",\"permanent\":false"));
    member("action", str_of(action_name(e->action)), b);
    buf_add_str(b, STR(",\"confidence\":"));
    number_add(e->confidence, b);
    member("rule", str_of(e->rule), b);
    member("source", str_of(e->source), b);
    member("provider", str_of(e->provider), b);
    member("phase", e->phase ? str_of(phase_name(e->phase)) : STR(""), b);
    member("evidence", evidence_text(e, said), b);
    member("class", str_of(e->cause->class), b);
    member("sisimai", str_of(sisimai_word(e)), b);
    texts_cached(e->cause, c, t, b);
}

/* How the kinds that are no failure are called by users of other tools, and what follows from them. */
static const struct {
    const char *cause, *class, *sisimai, *action;
} of_kind[] = {
    [BOUNCE_NONE] = {"none", "notabounce", "notabounce", "stop"},
    [BOUNCE_FAILED] = {"unknown", "unknown", "undefined", "stop"},
    [BOUNCE_DELAYED] = {"unknown", "unknown", "undefined", "retry"},
    [BOUNCE_DELIVERED] = {"delivered", "delivered", "delivered", "stop"},
    [BOUNCE_COMPLAINT] = {"complaint", "feedback", "feedback", "suppress"},
    [BOUNCE_AUTOREPLY] = {"autoreply", "vacation", "vacation", "stop"},
};

/* A recipient of whom nothing failed. */
static void plain_json(const struct bounce_rcpt *r, enum bounce_kind kind, struct buf *b)
{
    codes_json(r->code, r->status, b);
    member("cause", str_of(of_kind[kind].cause), b);
    member("whose", kind == BOUNCE_DELIVERED ? STR("unknown") : STR("recipient"), b);
    buf_add_str(b, kind == BOUNCE_COMPLAINT ? STR(",\"permanent\":true") : STR(",\"permanent\":false"));
    member("action", str_of(of_kind[kind].action), b);
    buf_add_str(b, STR(",\"confidence\":100"));
    member("rule", STR("mail"), b);
    member("evidence", STR(""), b);
    member("class", str_of(of_kind[kind].class), b);
    member("sisimai", str_of(of_kind[kind].sisimai), b);
    buf_add_str(b, STR(",\"texts\":{}"));
}

static void recipient_json(const struct bounce_rcpt *r, enum bounce_kind kind, const struct common *c, struct verdict_texts *t,
                           struct buf *b)
{
    buf_add_str(b, STR("{\"address\":"));
    common_json(r->address, b);
    member("final", r->final, b);
    member("report", str_of(bounce_action_name(r->action)), b);
    member("said", r->said, b);
    member("remote_mta", r->remote_mta, b);
    buf_add_str(b, STR(","));
    if (r->why.cause)
        verdict_json(&r->why, r->said, c, t, b);
    else
        plain_json(r, r->action >= BOUNCE_ACTION_DELIVERED ? BOUNCE_DELIVERED : kind, b);
    buf_add_str(b, STR("}"));
}

void verdict_mail_json(const struct bounce *m, const struct common *c, struct verdict_texts *t, struct buf *b)
{
    buf_add_str(b, m->kind == BOUNCE_FAILED ? STR("{\"bounce\":true") : STR("{\"bounce\":false"));
    member("kind", str_of(bounce_kind_name(m->kind)), b);
    if (m->kind == BOUNCE_COMPLAINT)
        member("feedback_type", m->feedback_type, b);
    member("reporting_mta", m->reporting_mta, b);
    member("reported_to", m->reported_to, b);
    buf_add_str(b, STR(",\"original\":{\"message_id\":"));
    common_json(m->message_id, b);
    member("envelope_id", m->envelope_id, b);
    buf_add_str(b, STR(",\"fields\":["));
    for (uint32_t i = 0; i < m->fields; i++) {
        buf_add_str(b, i ? STR(",{\"name\":") : STR("{\"name\":"));
        common_json(m->field[i].name, b);
        member("value", m->field[i].value, b);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("]},\"recipients\":["));
    for (uint32_t i = 0; i < m->rcpts; i++) {
        if (i)
            buf_add_str(b, STR(","));
        recipient_json(&m->rcpt[i], m->kind, c, t, b);
    }
    buf_add_str(b, STR("]}"));
}

static void line(const struct common *c, enum text name, const char *what, struct buf *b)
{
    buf_addf(b, "%s: %s\n", text(c->lang, name), what);
}

/* What was said with the words that decided set off: bold and underlined on a terminal, otherwise between »«. */
static void said_tell(const struct explanation *e, struct str said, const struct common *c, bool mark, struct buf *b)
{
    enum { SHOWN = 2000 };
    struct str words = evidence_text(e, said);
    size_t at = words.n > 0 ? (size_t)(words.p - said.p) : said.n;
    buf_addf(b, "%s: ", text(c->lang, TEXT_EVIDENCE));
    common_safe(str_mem(said.p, at), SHOWN, b);
    if (words.n > 0) {
        buf_add_str(b, mark ? STR("\033[1;4m") : STR("»"));
        common_safe(words, SHOWN, b);
        buf_add_str(b, mark ? STR("\033[0m") : STR("«"));
        common_safe(str_mem(words.p + words.n, said.n - at - words.n), SHOWN, b);
    } else
        buf_addf(b, " (%s)", text(c->lang, TEXT_ONLY_CODE));
    buf_add_str(b, STR("\n"));
}

void verdict_tell(const struct explanation *e, struct str said, const struct common *c, bool mark, struct buf *b)
{
    const char *lang = c->lang == LANG_PL ? "pl" : "en";
    const struct told *sender = cause_for_sender(e->cause, lang), *postmaster = cause_for_postmaster(e->cause, lang);
    buf_addf(b, "%s: %s [%s, %s %u %%]\n", text(c->lang, TEXT_WHAT), sender->what, e->cause->name, text(c->lang, TEXT_SURE),
             e->confidence);
    line(c, TEXT_WHOSE, text(c->lang, (enum text)(TEXT_WHOSE_0 + (int)e->whose)), b);
    line(c, TEXT_ADVICE, sender->advice, b);
    buf_addf(b, "%s: %s %s\n", text(c->lang, TEXT_POSTMASTER), postmaster->what, postmaster->advice);
    if (said.n > 0)
        said_tell(e, said, c, mark, b);
    buf_addf(b, "%s: %s%s%s\n", text(c->lang, TEXT_RULE), e->rule, e->source[0] ? ", " : "", e->source);
}

static void recipient_tell(const struct bounce_rcpt *r, const struct common *c, bool mark, struct buf *b)
{
    char code[12];
    buf_addf(b, "\n%s: ", text(c->lang, TEXT_RECIPIENT));
    common_safe(r->address, 400, b);
    enhanced_text(r->status, code);
    if (r->code > 0)
        buf_addf(b, " [%d%s%s]", r->code, code[0] ? " " : "", code);
    else if (code[0])
        buf_addf(b, " [%s]", code);
    buf_add_str(b, STR("\n"));
    if (r->why.cause)
        verdict_tell(&r->why, r->said, c, mark, b);
}

void verdict_mail_tell(const struct bounce *m, const struct common *c, bool mark, struct buf *b)
{
    buf_addf(b, "%s", text(c->lang, (enum text)(TEXT_KIND_NONE + (int)m->kind)));
    if (m->kind == BOUNCE_COMPLAINT) {
        buf_add_str(b, STR(" ("));
        common_safe(m->feedback_type, 60, b);
        buf_add_str(b, STR(")"));
    }
    buf_add_str(b, STR("\n"));
    if (m->message_id.n > 0) {
        buf_addf(b, "%s: ", text(c->lang, TEXT_REPORTS_ON));
        common_safe(m->message_id, 400, b);
        buf_add_str(b, STR("\n"));
    }
    for (uint32_t i = 0; i < m->rcpts; i++)
        recipient_tell(&m->rcpt[i], c, mark, b);
}
