/* story: see story.h. */
#include "cli/story.h"

#include "cli/text.h"
#include "cli/verify_show.h"
#include "explain/demand.h"
#include "explain/explain.h"
#include "explain/noticed.h"
#include "mail/date.h"
#include "mail/words.h"

#include <time.h>

enum { NOTES_MAX = 1000, TEXT_MAX = 600, REASON_MAX = 200 };

static const char *lang_name(enum lang l) { return l == LANG_PL ? "pl" : "en"; }

/* ---- reading ---- */

struct reading {
    struct story *story;
    unsigned cap;
};

static void on_note(void *ctx, int64_t at_ms, struct str body)
{
    struct reading *r = ctx;
    struct story *s = r->story;
    (void)at_ms;
    if (s->notes == NOTES_MAX)
        return;
    if (s->notes == r->cap) {
        unsigned cap = r->cap ? r->cap * 2 : 8;
        struct outcome *more = arena_alloc(&s->arena, cap * sizeof *more);
        if (s->notes)
            memcpy(more, s->note, s->notes * sizeof *more);
        s->note = more;
        r->cap = cap;
    }
    struct outcome *o = &s->note[s->notes];
    if (!outcome_decode(arena_str(&s->arena, body), &s->arena, o))
        return;
    s->notes++;
}

static void on_back(void *ctx, const struct store_returned *r)
{
    struct story *s = ctx;
    struct story_back *more;
    if (s->backs == NOTES_MAX)
        return;
    if ((s->backs & (s->backs - 1)) == 0) { /* doubles at each power of two */
        more = arena_alloc(&s->arena, (s->backs ? s->backs * 2 : 1) * sizeof *more);
        if (s->backs)
            memcpy(more, s->back, s->backs * sizeof *more);
        s->back = more;
    }
    struct story_back *b = &s->back[s->backs];
    b->kind = r->kind;
    s->backs += r->kind >= RETURNED_FAILED && r->kind <= RETURNED_OTHER &&
                outcome_decode(arena_str(&s->arena, r->body), &s->arena, &b->outcome) && b->outcome.rcpts == 1;
}

bool story_read(struct story *s, struct store *db, struct id id, struct str meta, uint32_t open)
{
    struct reading r = {.story = s};
    struct str rest;
    *s = (struct story){.open = open};
    if (!envelope_decode(arena_str(&s->arena, meta), &s->arena, &s->envelope, &rest))
        return false;
    store_notes(db, id, on_note, &r);
    store_returned_each(db, id, on_back, s);
    s->last = arena_alloc(&s->arena, s->envelope.rcpts * sizeof *s->last + 1);
    for (unsigned i = 0; i < s->notes; i++)
        for (uint32_t k = 0; k < s->note[i].rcpts; k++)
            if (s->note[i].rcpt[k].rcpt < s->envelope.rcpts)
                s->last[s->note[i].rcpt[k].rcpt] = &s->note[i].rcpt[k];
    return true;
}

void story_done(struct story *s) { arena_done(&s->arena); }

/* ---- telling ---- */

/* Did a bounce come back for the recipient that a receiver had taken? */
static bool is_back(const struct story *s, uint32_t rcpt)
{
    for (unsigned i = 0; i < s->backs; i++)
        if (s->back[i].kind == RETURNED_FAILED && s->back[i].outcome.rcpt[0].rcpt == rcpt)
            return true;
    return false;
}

static const char *status_text(enum lang l, const struct outcome_rcpt *r)
{
    static const enum text names[] = {
        [OUTCOME_DELIVERED] = TEXT_DELIVERED, [OUTCOME_FAILED] = TEXT_FAILED, [OUTCOME_DROPPED] = TEXT_DROPPED,
        [OUTCOME_DEFERRED] = TEXT_DEFERRED,   [OUTCOME_HELD] = TEXT_HELD,     [OUTCOME_RELEASED] = TEXT_RELEASED};
    return text(l, r ? names[r->status] : TEXT_WAITING);
}

void story_time(int64_t at_ms, char out[STORY_TIME])
{
    time_t at = (time_t)(at_ms / 1000);
    struct tm tm;
    strftime(out, STORY_TIME, "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
}

static void put_time(int64_t at_ms, struct buf *b)
{
    char date[STORY_TIME];
    story_time(at_ms, date);
    buf_add_str(b, str_of(date));
}

static void put_reply(const struct outcome_rcpt *r, enum lang l, struct buf *b)
{
    char e[12];
    if (!r->reply.code || r->phase == PHASE_LOCAL) /* what was done here is told by its note */
        return;
    enhanced_text(r->reply.enhanced, e);
    buf_addf(b, "      %s: %d %s%s", text(l, TEXT_SAID), r->reply.code, e, *e ? " " : "");
    common_safe(r->reply.text, TEXT_MAX, b);
    if (r->phase == PHASE_NONE)
        buf_add_str(b, STR("\n"));
    else
        buf_addf(b, " (%s)\n", text(l, (enum text)(TEXT_PHASE_0 + (int)r->phase)));
}

/* What this server noticed itself. */
static void put_noticed(const struct outcome *o, const struct outcome_rcpt *r, enum lang l, struct buf *b)
{
    struct buf told = {0};
    noticed_tell(noticed_of(o, r), r->phase, lang_name(l), &told);
    if (told.n) {
        buf_addf(b, "      %s: ", text(l, TEXT_NOTICED));
        common_safe(buf_str(&told), TEXT_MAX, b);
        buf_add_str(b, STR("\n"));
    }
    buf_done(&told);
}

void story_said(const struct outcome *o, const struct outcome_rcpt *r, enum lang l, struct buf *b)
{
    put_reply(r, l, b);
    put_noticed(o, r, l, b);
}

static void put_reason(const struct outcome *o, const struct outcome_rcpt *r, enum lang l, struct buf *b)
{
    struct buf told = {0};
    noticed_tell(noticed_of(o, r), r->phase, lang_name(l), &told);
    if (told.n == 0 && r->reply.code)
        buf_addf(&told, "%d %.*s", r->reply.code, STR_ARGS(r->reply.text));
    common_safe(buf_str(&told), REASON_MAX, b);
    buf_done(&told);
}

void story_reason(const struct story *s, uint32_t rcpt, enum lang l, struct buf *b)
{
    for (unsigned k = s->notes; k-- > 0;)
        for (uint32_t n = 0; n < s->note[k].rcpts; n++)
            if (&s->note[k].rcpt[n] == s->last[rcpt]) {
                put_reason(&s->note[k], s->last[rcpt], l, b);
                return;
            }
}

void story_verdict(const struct outcome_rcpt *r, enum lang l, struct buf *b)
{
    const struct cause *c = r->verdict.cause.n ? cause_find(r->verdict.cause) : NULL;
    if (!c)
        return;
    const struct told *told = cause_for_sender(c, lang_name(l));
    buf_addf(b, "      %s: %s [%s, %s %u %%]\n", text(l, TEXT_WHAT), told->what, c->name, text(l, TEXT_SURE),
             r->verdict.confidence);
    buf_addf(b, "      %s: %s\n", text(l, TEXT_WHOSE), text(l, (enum text)(TEXT_WHOSE_0 + (int)r->verdict.whose)));
    buf_addf(b, "      %s: %s\n", text(l, TEXT_ADVICE), told->advice);
    told = cause_for_postmaster(c, lang_name(l));
    buf_addf(b, "      %s: %s %s\n", text(l, TEXT_POSTMASTER), told->what, told->advice);
}

static void put_where(const struct outcome *o, const struct outcome_rcpt *r, enum lang l, struct buf *b)
{
    if (!o->host.n)
        return;
    buf_add_str(b, STR(", "));
    common_safe(o->host, 255, b);
    buf_addf(b, " [%.*s]:%u", STR_ARGS(o->ip), o->port);
    if (o->tls_version.n)
        buf_addf(b, ", %.*s %.*s", STR_ARGS(o->tls_version), STR_ARGS(o->tls_cipher));
    else if (r->phase != PHASE_CONNECT)
        buf_addf(b, ", %s", text(l, TEXT_IN_CLEAR));
    buf_addf(b, ", %u ms", o->took_ms);
}

static void put_dialogue(const struct outcome *o, enum lang l, struct buf *b)
{
    struct buf line = {0};
    for (uint32_t i = 0; i < o->lines; i++) {
        line.n = 0;
        noticed_line(&o->line[i], lang_name(l), &line);
        buf_addf(b, "        %5u ms %s ", o->line[i].at_ms, o->line[i].ours ? ">" : "<");
        common_safe(buf_str(&line), TEXT_MAX, b);
        buf_add_str(b, STR("\n"));
    }
    buf_done(&line);
}

/* What was demanded of the connection, where that is not what decided: a policy that is being tested is told of with a delivery,
 * too, and one that is in force beside the server's own words. */
static void put_demand(const struct outcome *o, enum lang l, struct buf *b)
{
    struct buf demand = {0};
    demand_tell(&o->secure, o->host, lang_name(l), &demand);
    buf_add_str(b, STR("      "));
    common_safe(buf_str(&demand), TEXT_MAX, b);
    buf_add_str(b, STR("\n"));
    buf_done(&demand);
}

/* before: what was told of this recipient last; NULL: nothing. What is understood in the same way is not explained again. */
static void put_note(const struct outcome *o, const struct outcome_rcpt *r, const struct outcome_rcpt *before,
                     const struct common *c, struct buf *b)
{
    enum lang l = c->lang;
    buf_add_str(b, STR("    "));
    put_time(o->at_ms, b);
    if (o->attempt)
        buf_addf(b, "  %s %u: %s", text(l, TEXT_ATTEMPT), o->attempt, status_text(l, r));
    else
        buf_addf(b, "  %s", status_text(l, r));
    put_where(o, r, l, b);
    buf_add_str(b, STR("\n"));
    story_said(o, r, l, b);
    if (before && str_eq(before->verdict.cause, r->verdict.cause) && r->verdict.cause.n)
        buf_addf(b, "      %s [%.*s]\n", text(l, TEXT_AS_BEFORE), STR_ARGS(r->verdict.cause));
    else if (r->status != OUTCOME_DELIVERED)
        story_verdict(r, l, b);
    if (o->secure.flaw != FLAW_NONE && (o->secure.by == BY_STS_TESTING || r->reply.code))
        put_demand(o, l, b);
    if (o->rest_s)
        buf_addf(b, "      %s %u min\n", text(l, TEXT_RESTS), (o->rest_s + 59) / 60);
    if (r->status == OUTCOME_DEFERRED) {
        buf_addf(b, "      %s: ", text(l, TEXT_NEXT_TRY));
        put_time(r->next_ms, b);
        buf_add_str(b, STR("\n"));
    }
    if (c->dialogue)
        put_dialogue(o, l, b);
}

void story_returned(const struct story_back *back, enum lang l, struct buf *b)
{
    const struct outcome *o = &back->outcome;
    buf_add_str(b, STR("    "));
    put_time(o->at_ms, b);
    buf_addf(b, "  %s", text(l, (enum text)(TEXT_BACK_0 + (int)back->kind)));
    if (o->host.n) {
        buf_addf(b, ", %s ", text(l, TEXT_BACK_FROM));
        common_safe(o->host, 255, b);
    }
    buf_add_str(b, STR("\n"));
    put_reply(&o->rcpt[0], l, b);
    if (o->note.n) {
        struct buf note = {0};
        words_decode(o->note, &note);
        buf_add_str(b, STR("      "));
        common_safe(buf_str(&note), TEXT_MAX, b);
        buf_add_str(b, STR("\n"));
        buf_done(&note);
    }
    story_verdict(&o->rcpt[0], l, b);
}

static void put_head(const struct story *s, enum lang l, struct buf *b)
{
    const struct envelope *e = &s->envelope;
    char id[ID_TEXT + 1], parent[ID_TEXT + 1];
    id_text(e->id, id);
    buf_addf(b, "%s %s\n  %s ", text(l, TEXT_MESSAGE), id, text(l, TEXT_FROM));
    if (e->sender.n)
        common_safe(e->sender, 320, b);
    else
        buf_add_str(b, str_of(text(l, TEXT_NULL_SENDER)));
    if (e->subject.n) {
        struct buf subject = {0};
        words_decode(e->subject, &subject);
        buf_addf(b, "\n  %s: ", text(l, TEXT_SUBJECT));
        common_safe(buf_str(&subject), 200, b);
        buf_done(&subject);
    }
    buf_addf(b, "\n  %s ", text(l, TEXT_ACCEPTED));
    put_time(e->accepted_ms, b);
    buf_addf(b, ", %u %s, %s %.*s (%.*s)", e->content_bytes, text(l, TEXT_BYTES), text(l, TEXT_CLIENT), STR_ARGS(e->client_ip),
             STR_ARGS(e->protocol));
    if (e->credential.n) {
        buf_addf(b, ", %s ", text(l, TEXT_LOGIN));
        common_safe(e->credential, 200, b);
    }
    buf_add_str(b, STR("\n"));
    verify_story(e->checked, l, b);
    if (e->dsn != DSN_NONE) {
        id_text(e->parent, parent);
        buf_addf(b, "  %s %s\n", text(l, TEXT_REPORTS_ON), parent);
    }
}

void story_tell(const struct story *s, const struct common *c, struct buf *b)
{
    put_head(s, c->lang, b);
    for (uint32_t i = 0; i < s->envelope.rcpts; i++) {
        buf_addf(b, "  %s ", text(c->lang, TEXT_TO));
        common_safe(s->envelope.rcpt[i].address, 320, b);
        buf_addf(b, ": %s\n", is_back(s, i) ? text(c->lang, TEXT_BACK_0) : status_text(c->lang, s->last[i]));
        const struct outcome_rcpt *before = NULL;
        for (unsigned k = 0; k < s->notes; k++)
            for (uint32_t n = 0; n < s->note[k].rcpts; n++)
                if (s->note[k].rcpt[n].rcpt == i) {
                    put_note(&s->note[k], &s->note[k].rcpt[n], before, c, b);
                    before = &s->note[k].rcpt[n];
                }
        for (unsigned k = 0; k < s->backs; k++)
            if (s->back[k].outcome.rcpt[0].rcpt == i)
                story_returned(&s->back[k], c->lang, b);
    }
}

/* ---- JSON ---- */

static const char *status_word(const struct outcome_rcpt *r)
{
    static const char *const words[] = {
        [OUTCOME_DELIVERED] = "delivered", [OUTCOME_FAILED] = "failed", [OUTCOME_DROPPED] = "dropped",
        [OUTCOME_DEFERRED] = "deferred",   [OUTCOME_HELD] = "held",     [OUTCOME_RELEASED] = "released"};
    return r ? words[r->status] : "waiting";
}

static void json_text(const char *name, struct str s, struct buf *b)
{
    buf_addf(b, ",\"%s\":", name);
    common_json(s, b);
}

static const char *const back_words[] = {
    [RETURNED_FAILED] = "bounced",      [RETURNED_DELAYED] = "delay-notice", [RETURNED_DELIVERED] = "confirmed",
    [RETURNED_COMPLAINT] = "complaint", [RETURNED_ANSWER] = "answered",      [RETURNED_OTHER] = "mail"};

/* noticed: the note as it stands in the log; note: as a sentence. */
static void json_event(const struct outcome *o, const struct outcome_rcpt *r, const char *status, struct str noticed,
                       struct str note, struct buf *b)
{
    char date[DATE_TEXT], e[12];
    date_rfc3339(o->at_ms, date);
    enhanced_text(r->reply.enhanced, e);
    buf_addf(b,
             "{\"time\":\"%s\",\"attempt\":%u,\"status\":\"%s\",\"phase\":\"%s\",\"code\":%d,\"enhanced\":\"%s\",\"took_ms\":%u,"
             "\"port\":%u,\"tls_verified\":%s",
             date, o->attempt, status, phase_name(r->phase), r->reply.code, e, o->took_ms, o->port,
             o->tls_verified ? "true" : "false");
    json_text("reply", r->phase == PHASE_LOCAL ? STR("") : r->reply.text, b);
    json_text("note", note, b);
    json_text("noticed", noticed, b);
    json_text("host", o->host, b);
    json_text("ip", o->ip, b);
    json_text("tls", o->tls_version, b);
    json_text("tls_policy", str_of(demand_by_name(o->secure.by)), b);
    json_text("tls_flaw", str_of(demand_flaw_name(o->secure.flaw)), b);
    json_text("cause", r->verdict.cause, b);
    if (o->rest_s)
        buf_addf(b, ",\"rest_s\":%u", o->rest_s);
    if (r->status == OUTCOME_DEFERRED && r->next_ms) {
        date_rfc3339(r->next_ms, date);
        json_text("next", str_of(date), b);
    }
    buf_add_str(b, STR(",\"dialogue\":["));
    for (uint32_t i = 0; i < o->lines; i++) {
        buf_addf(b, "%s{\"at_ms\":%u,\"ours\":%s", i ? "," : "", o->line[i].at_ms, o->line[i].ours ? "true" : "false");
        json_text("text", o->line[i].text, b);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("]}"));
}

static void json_note(const struct outcome *o, const struct outcome_rcpt *r, enum lang l, struct buf *b)
{
    struct buf told = {0};
    struct str noticed = noticed_of(o, r);
    noticed_tell(noticed, r->phase, lang_name(l), &told);
    json_event(o, r, status_word(r), noticed, buf_str(&told), b);
    buf_done(&told);
}

static void json_recipient(const struct story *s, uint32_t i, enum lang l, struct buf *b)
{
    const char *comma = "";
    buf_addf(b, "{\"status\":\"%s\"", is_back(s, i) ? back_words[RETURNED_FAILED] : status_word(s->last[i]));
    json_text("address", s->envelope.rcpt[i].address, b);
    buf_add_str(b, STR(",\"events\":["));
    for (unsigned k = 0; k < s->notes; k++)
        for (uint32_t n = 0; n < s->note[k].rcpts; n++)
            if (s->note[k].rcpt[n].rcpt == i) {
                buf_add_str(b, str_of(comma));
                json_note(&s->note[k], &s->note[k].rcpt[n], l, b);
                comma = ",";
            }
    for (unsigned k = 0; k < s->backs; k++)
        if (s->back[k].outcome.rcpt[0].rcpt == i) {
            const struct outcome *o = &s->back[k].outcome;
            buf_add_str(b, str_of(comma));
            json_event(o, &o->rcpt[0], back_words[s->back[k].kind], STR(""), o->note, b);
            comma = ",";
        }
    buf_add_str(b, STR("]}"));
}

void story_json(const struct story *s, const struct common *c, struct buf *b)
{
    const struct envelope *e = &s->envelope;
    char id[ID_TEXT + 1], date[DATE_TEXT];
    id_text(e->id, id);
    date_rfc3339(e->accepted_ms, date);
    buf_addf(b, "{\"id\":\"%s\",\"accepted\":\"%s\",\"bytes\":%u,\"open\":%u", id, date, e->content_bytes, s->open);
    json_text("sender", e->sender, b);
    struct buf subject = {0};
    words_decode(e->subject, &subject);
    json_text("subject", buf_str(&subject), b);
    buf_done(&subject);
    json_text("client_ip", e->client_ip, b);
    json_text("protocol", e->protocol, b);
    json_text("login", e->credential, b);
    json_text("checked", e->checked, b);
    buf_add_str(b, STR(",\"recipients\":["));
    for (uint32_t i = 0; i < e->rcpts; i++) {
        buf_add_str(b, i ? STR(",") : STR(""));
        json_recipient(s, i, c->lang, b);
    }
    buf_add_str(b, STR("]}"));
}
