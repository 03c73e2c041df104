/* summary: see summary.h. What waits stands in the database; what rests only the engine knows, which is asked if it is there. */
#include "cli/summary.h"

#include "cli/text.h"
#include "explain/noticed.h"
#include "lib/clock.h"
#include "mail/date.h"
#include "report/tell.h"

#include <sysexits.h>

enum { REFUSED_MS = 24 * 3600 * 1000, SHOWN = 20, DOMAINS_SHOWN = 5, SAID_MAX = 400 };

struct showing {
    const struct common *common;
    const char *lang;
    struct str domain;
    bool refused;
    int64_t now_ms;
    struct standing standing;
    struct buf out;
};

/* ---- for people ---- */

static void line(struct showing *x, enum text name, const char *value)
{
    if (*value)
        buf_addf(&x->out, "  %s: %s\n", text(x->common->lang, name), value);
}

/* Which domains it is about, unless the sentence named the only one. */
static void put_domains(struct showing *x, const struct receiver *to)
{
    if (to->domains < (to->title ? 1u : 2u))
        return;
    buf_addf(&x->out, "  %s: ", text(x->common->lang, TEXT_DOMAINS));
    for (uint32_t i = 0; i < to->domains && i < DOMAINS_SHOWN; i++) {
        buf_add_str(&x->out, i ? STR(", ") : STR(""));
        common_safe(to->domain[i].domain, 255, &x->out);
        if (to->domain[i].messages && to->domains > 1) {
            buf_add_str(&x->out, STR(" ("));
            tell_number(to->domain[i].messages, x->lang, &x->out);
            buf_add_str(&x->out, STR(")"));
        }
    }
    if (to->domains > DOMAINS_SHOWN) {
        buf_addf(&x->out, " %s ", text(x->common->lang, TEXT_AND_MORE));
        tell_number(to->domains - DOMAINS_SHOWN, x->lang, &x->out);
    }
    buf_add_str(&x->out, STR("\n"));
}

static void put_advice(struct showing *x, struct str cause)
{
    line(x, TEXT_WHOSE, tell_whose(cause, x->lang));
    line(x, TEXT_ADVICE, tell_advice(cause, x->lang));
}

/* A reply as it came; what this server noticed as a sentence. */
static void said_tell(const struct showing *x, struct str said, struct buf *b)
{
    if (said.n && said.p[0] >= '0' && said.p[0] <= '9')
        buf_add_str(b, said);
    else
        noticed_tell(said, PHASE_NONE, x->lang, b);
}

static void put_said(struct showing *x, const struct standing_group *g)
{
    struct buf said = {0};
    said_tell(x, g->said, &said);
    if (said.n) {
        buf_addf(&x->out, "  %s: ", text(x->common->lang, TEXT_FOR_EXAMPLE));
        common_safe(buf_str(&said), SAID_MAX, &x->out);
        buf_add_str(&x->out, STR("\n"));
    }
    buf_done(&said);
}

static void put_waiting(struct showing *x, const struct standing_group *g)
{
    char next[TELL_TIME] = "";
    tell_waiting(g, x->lang, x->now_ms, &x->out);
    buf_add_str(&x->out, STR("\n"));
    put_domains(x, &g->to);
    put_advice(x, g->cause);
    put_said(x, g);
    if (g->next_ms)
        tell_time(g->next_ms, x->now_ms, next);
    line(x, TEXT_NEXT_TRY, next);
    buf_add_str(&x->out, STR("\n"));
}

static void put_refused(struct showing *x, const struct standing_group *g)
{
    tell_refused(g, x->lang, x->now_ms, &x->out);
    buf_add_str(&x->out, STR("\n"));
    put_domains(x, &g->to);
    put_advice(x, g->cause);
    put_said(x, g);
    buf_add_str(&x->out, STR("\n"));
}

static void put_rest(struct showing *x, const struct standing_rest *r)
{
    tell_rest(r, x->lang, x->now_ms, &x->out);
    buf_add_str(&x->out, STR("\n"));
    put_domains(x, &r->to);
    if (r->cause)
        put_advice(x, str_of(r->cause));
    if (r->kind == REST_PAUSED)
        buf_addf(&x->out, "  %s: goniec queue resume %.*s\n", text(x->common->lang, TEXT_ADVICE), STR_ARGS(r->to.site));
    buf_add_str(&x->out, STR("\n"));
}

/* What is said of the whole, below. */
static void put_end(struct showing *x)
{
    const struct standing *s = &x->standing;
    enum lang l = x->common->lang;
    if (x->domain.n && !s->rest_n && !s->waiting_n && !s->refused_n)
        buf_addf(&x->out, "%.*s: %s\n", STR_ARGS(x->domain), text(l, TEXT_NOTHING_WAITS));
    if (!x->domain.n && !s->queued)
        buf_addf(&x->out, "%s\n", text(l, TEXT_QUEUE_EMPTY));
    else if (!x->domain.n) {
        buf_addf(&x->out, "%s: ", text(l, TEXT_QUEUED));
        tell_number(s->queued, x->lang, &x->out);
        if (s->engine) {
            buf_addf(&x->out, "; %s: ", text(l, TEXT_IN_LINE));
            tell_number(s->in_line, x->lang, &x->out);
        }
        buf_add_str(&x->out, STR("\n"));
    }
}

static void put_more(struct showing *x, uint32_t n)
{
    if (n <= SHOWN)
        return;
    buf_addf(&x->out, "%s ", text(x->common->lang, TEXT_MORE_SUCH));
    tell_number(n - SHOWN, x->lang, &x->out);
    buf_add_str(&x->out, STR("\n\n"));
}

static void put_rests(struct showing *x, bool down)
{
    const struct standing *s = &x->standing;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->rest_n; i++)
        if ((s->rest[i].kind == REST_DOWN) == down && n++ < SHOWN)
            put_rest(x, &s->rest[i]);
    put_more(x, n);
}

/* What an operator did, or must mend, stands above; that a server cannot be reached is seldom news. */
static void show(struct showing *x)
{
    const struct standing *s = &x->standing;
    put_rests(x, false);
    for (uint32_t i = 0; i < s->waiting_n && i < SHOWN; i++)
        put_waiting(x, &s->waiting[i]);
    put_more(x, s->waiting_n);
    put_rests(x, true);
    for (uint32_t i = 0; x->refused && i < s->refused_n && i < SHOWN; i++)
        put_refused(x, &s->refused[i]);
    put_more(x, x->refused ? s->refused_n : 0);
    put_end(x);
}

/* ---- JSON ---- */

static void member(struct showing *x, const char *name, struct str value)
{
    buf_addf(&x->out, ",\"%s\":", name);
    common_json(value, &x->out);
}

static void moment(struct showing *x, const char *name, int64_t at_ms)
{
    char date[DATE_TEXT] = "";
    if (at_ms)
        date_rfc3339(at_ms, date);
    if (at_ms)
        member(x, name, str_of(date));
    else
        buf_addf(&x->out, ",\"%s\":null", name);
}

static void put_receiver(struct showing *x, const struct receiver *to)
{
    buf_add_str(&x->out, STR("{\"provider\":"));
    common_json(str_of(to->provider ? to->provider : ""), &x->out);
    member(x, "title", str_of(to->title ? to->title : ""));
    member(x, "site", to->site);
    buf_add_str(&x->out, STR(",\"domains\":["));
    for (uint32_t i = 0; i < to->domains; i++) {
        buf_add_str(&x->out, i ? STR(",{\"domain\":") : STR("{\"domain\":"));
        common_json(to->domain[i].domain, &x->out);
        buf_addf(&x->out, ",\"messages\":%llu}", (unsigned long long)to->domain[i].messages);
    }
    buf_add_str(&x->out, STR("]"));
}

/* The sentence in both languages, or in the one that was asked for. */
static void put_sentences(struct showing *x, void (*tell)(const void *what, const char *lang, int64_t now_ms, struct buf *b),
                          const void *what, struct str cause)
{
    static const char *const langs[] = {"en", "pl"};
    const char *comma = "";
    buf_add_str(&x->out, STR(",\"texts\":{"));
    for (size_t i = 0; i < 2; i++) {
        struct buf b = {0};
        if (x->common->lang_given && strcmp(langs[i], x->lang) != 0)
            continue;
        tell(what, langs[i], x->now_ms, &b);
        buf_addf(&x->out, "%s\"%s\":{\"sentence\":", comma, langs[i]);
        common_json(buf_str(&b), &x->out);
        member(x, "whose", str_of(tell_whose(cause, langs[i])));
        member(x, "advice", str_of(tell_advice(cause, langs[i])));
        buf_add_str(&x->out, STR("}"));
        buf_done(&b);
        comma = ",";
    }
    buf_add_str(&x->out, STR("}}"));
}

static void waiting_sentence(const void *what, const char *lang, int64_t now_ms, struct buf *b)
{
    tell_waiting(what, lang, now_ms, b);
}
static void refused_sentence(const void *what, const char *lang, int64_t now_ms, struct buf *b)
{
    tell_refused(what, lang, now_ms, b);
}
static void rest_sentence(const void *what, const char *lang, int64_t now_ms, struct buf *b) { tell_rest(what, lang, now_ms, b); }

static void member_said(struct showing *x, struct str said)
{
    struct buf told = {0};
    said_tell(x, said, &told);
    member(x, "said", buf_str(&told));
    buf_done(&told);
}

static void waiting_json(struct showing *x, const struct standing_group *g)
{
    char id[ID_TEXT + 1];
    id_text(g->example, id);
    put_receiver(x, &g->to);
    buf_addf(&x->out, ",\"messages\":%llu,\"recipients\":%llu", (unsigned long long)g->messages,
             (unsigned long long)g->recipients);
    member(x, "cause", g->cause);
    moment(x, "since", g->since_ms);
    moment(x, "next", g->next_ms);
    member_said(x, g->said);
    member(x, "example", str_of(id));
    put_sentences(x, waiting_sentence, g, g->cause);
}

static void refused_json(struct showing *x, const struct standing_group *g)
{
    put_receiver(x, &g->to);
    buf_addf(&x->out, ",\"recipients\":%llu", (unsigned long long)g->recipients);
    member(x, "cause", g->cause);
    moment(x, "first", g->since_ms);
    moment(x, "last", g->next_ms);
    member_said(x, g->said);
    put_sentences(x, refused_sentence, g, g->cause);
}

static void rest_json(struct showing *x, const struct standing_rest *r)
{
    static const char *const kinds[] = {[REST_PAUSED] = "paused", [REST_BARRED] = "barred", [REST_DOWN] = "down"};
    struct str cause = str_of(r->cause ? r->cause : "");
    put_receiver(x, &r->to);
    member(x, "state", str_of(kinds[r->kind]));
    member(x, "cause", cause);
    buf_addf(&x->out, ",\"refusals\":%u,\"recipients\":%llu", r->bars, (unsigned long long)r->recipients);
    moment(x, "until", r->until_ms);
    put_sentences(x, rest_sentence, r, cause);
}

static void show_json(struct showing *x)
{
    const struct standing *s = &x->standing;
    buf_addf(&x->out, "{\"queued\":%llu,\"in_line\":", (unsigned long long)s->queued);
    if (s->engine)
        buf_addf(&x->out, "%llu", (unsigned long long)s->in_line);
    else
        buf_add_str(&x->out, STR("null"));
    buf_add_str(&x->out, s->engine ? STR(",\"resting\":[") : STR(",\"resting\":null"));
    for (uint32_t i = 0; i < s->rest_n; i++) {
        buf_add_str(&x->out, i ? STR(",\n") : STR(""));
        rest_json(x, &s->rest[i]);
    }
    buf_add_str(&x->out, s->engine ? STR("],\"waiting\":[") : STR(",\"waiting\":["));
    for (uint32_t i = 0; i < s->waiting_n; i++) {
        buf_add_str(&x->out, i ? STR(",\n") : STR(""));
        waiting_json(x, &s->waiting[i]);
    }
    buf_add_str(&x->out, STR("],\"refused\":["));
    for (uint32_t i = 0; x->refused && i < s->refused_n; i++) {
        buf_add_str(&x->out, i ? STR(",\n") : STR(""));
        refused_json(x, &s->refused[i]);
    }
    buf_add_str(&x->out, STR("]}\n"));
}

/* ---- the whole ---- */

int summary_tell(const struct common *c, struct store *s, struct str domain, bool refused)
{
    struct showing x = {.common = c, .lang = c->lang == LANG_PL ? "pl" : "en", .domain = domain, .refused = refused};
    struct buf lanes = {0};
    struct fault f;
    bool engine = common_control(c, "lanes", &lanes, &f);
    struct str answer = buf_str(&lanes);
    int code = 0;
    x.now_ms = clock_wall_ms();
    standing_read(&x.standing, s, engine ? &answer : NULL, domain, x.now_ms, x.now_ms - REFUSED_MS);
    if (!engine)
        common_fail(0, "%s: %s", text(c->lang, TEXT_RESTS_UNKNOWN), f.text);
    if (!store_good(s, &f)) {
        code = common_fail(EX_DATAERR, "%s", f.text);
    } else {
        (c->json ? show_json : show)(&x);
        fwrite(x.out.p, 1, x.out.n, stdout);
    }
    buf_done(&x.out);
    buf_done(&lanes);
    standing_done(&x.standing);
    return code;
}
