/* explain: see explain.h. A reply goes through these steps, each in a file of its own:
 *
 *   status.c  finds code, enhanced code and phase, where the caller does not know them
 *   plain.c   folds the text: case, charset, punctuation, addresses
 *   match.c   finds every phrase of the rulebook (rules/) in one pass
 *   weigh.c   decides between what they, the enhanced code and the code say
 *
 * Here is what follows from it (the action), and what our own notes mean when no reply came. */
#include "explain/explain.h"

#include "explain/noticed.h"
#include "explain/plain.h"
#include "explain/rulebook.h"
#include "explain/status.h"
#include "explain/weigh.h"
#include "lib/must.h"

enum { SURE = 95, LIKELY = 70, GUESS = 20, TO_PAUSE = 60 };

#define NOTE_ROW(name, word) "note/" word,
static const char *const note_rules[NOTE_COUNT] = {"note/other", NOTES(NOTE_ROW)};
#undef NOTE_ROW

/* ---- what follows ---- */

/* The one place that decides it. An address is given up only when its death is certain and nothing else is spoken of. */
static enum action action_of(const struct explanation *e, bool doubtful, const struct explain_input *in)
{
    enum action rest = e->permanent ? ACTION_STOP : ACTION_RETRY;
    switch (e->cause->action) {
    case ACTION_SUPPRESS:
        return e->permanent && !doubtful && e->confidence >= CONFIDENCE_TO_SUPPRESS ? ACTION_SUPPRESS : rest;
    case ACTION_PAUSE_LANE:
    case ACTION_OTHER_SOURCE:
        return e->confidence < TO_PAUSE ? rest : in->other_source ? ACTION_OTHER_SOURCE : ACTION_PAUSE_LANE;
    case ACTION_SLOW_DOWN:
        return ACTION_SLOW_DOWN;
    case ACTION_STOP:
    case ACTION_RETRY:
        return rest;
    }
    return rest;
}

/* What the server says for good is for good (RFC 5321 4.2.1); where no code says, the cause does. */
static bool is_permanent(const struct explanation *e)
{
    int class = e->code ? e->code / 100 : e->enhanced.class;
    return class ? class == 5 : e->cause->permanent;
}

static const struct cause *known(const char *name)
{
    const struct cause *c = cause_find(str_of(name));
    must(c);
    return c;
}

static struct explanation of_cause(const struct cause *c, const char *rule, uint8_t confidence)
{
    struct explanation e = {.cause = c, .confidence = confidence, .rule = rule};
    e.whose = e.cause->whose;
    e.source = e.provider = "";
    return e;
}

/* ---- without a reply: what we noticed ourselves ---- */

/* A failure of TLS says no more than its phase does, but that a sender's demand cannot be met; and so does a note that another
 * version left. */
static const char *cause_by_phase(enum phase p)
{
    return p == PHASE_STARTTLS || p == PHASE_TLS ? "tls-failed"
           : p == PHASE_DNS                      ? "dns-failure"
           : p == PHASE_CONNECT                  ? "host-unreachable"
           : p == PHASE_LOCAL                    ? "local-error"
                                                 : "connection-lost";
}

static struct explanation explain_note(const struct explain_input *in)
{
    struct str detail;
    const struct noticed_meaning *m = noticed_meaning(in->note);
    enum note note = note_take(in->note, &detail);
    bool of_tls = in->phase == PHASE_STARTTLS || in->phase == PHASE_TLS;
    bool plain = m && *m->cause && (!of_tls || note == NOTE_NO_REQUIRETLS);
    const char *cause = plain ? m->cause : cause_by_phase(in->phase);
    struct explanation e = of_cause(known(cause), note_rules[note], m ? SURE : LIKELY);
    e.phase = in->phase;
    e.permanent = plain && m->permanent;
    e.action = action_of(&e, false, in);
    return e;
}

/* ---- a reply ---- */

static struct status codes_of(const struct explain_input *in, struct str text)
{
    struct status s = {in->code, in->enhanced};
    if (s.code && s.enhanced.class)
        return s;
    struct status found = status_find(text);
    if (!s.code && (!s.enhanced.class || found.code / 100 == s.enhanced.class))
        s.code = found.code;
    if (!s.enhanced.class)
        s.enhanced = found.enhanced;
    return s;
}

static struct evidence evidence_of(const struct judgement *j, const struct plain *p, struct str text)
{
    if (j->first == j->end)
        return (struct evidence){0};
    size_t from = p->from[j->first], last = p->from[j->end - 1], end = last + 1;
    while (last < text.n && (unsigned char)text.p[last] >= 0xC0 && end < text.n && ((unsigned char)text.p[end] & 0xC0) == 0x80)
        end++; /* a letter of several bytes is told whole */
    return (struct evidence){from, end - from};
}

static void fill(struct explanation *e, const struct judgement *j, const struct plain *p, struct str text)
{
    *e = of_cause(j->cause ? j->cause : known("unknown"), j->rule, j->cause ? j->confidence : GUESS);
    e->source = j->source;
    e->provider = rulebook_provider[j->provider];
    e->evidence = evidence_of(j, p, text);
    e->of_code = j->of_code ? &rulebook_meaning[j->of_code->meaning] : NULL;
    e->of_enhanced = j->of_enhanced ? &rulebook_meaning[j->of_enhanced->meaning] : NULL;
}

struct explanation explain(const struct explain_input *in)
{
    if (in->code == 0 && in->text.n == 0)
        return explain_note(in);
    struct plain plain;
    struct explanation e;
    struct str text = str_mem(in->text.p, in->text.n < EXPLAIN_TEXT_MAX ? in->text.n : EXPLAIN_TEXT_MAX);
    struct status status = codes_of(in, text);
    enum phase phase = in->phase ? in->phase : status_phase(text);
    plain_fold(text, &plain);
    struct judgement j = weigh(&plain, status, phase, in->host);
    fill(&e, &j, &plain, text);
    e.code = status.code;
    e.enhanced = status.enhanced;
    e.phase = phase;
    e.permanent = is_permanent(&e);
    if (in->relayed && strcmp(e.cause->name, "relay-denied") == 0)
        e.whose = WHOSE_US;
    e.action = action_of(&e, j.doubtful, in);
    return e;
}

struct verdict explain_verdict(const struct explanation *e)
{
    return (struct verdict){str_of(e->cause->name), e->whose, e->permanent, e->confidence, e->action, str_of(e->rule)};
}

bool explain_provider(struct str host, const char **ret_name, const char **ret_title)
{
    unsigned n = weigh_provider(host);
    if (n) {
        *ret_name = rulebook_provider[n];
        *ret_title = rulebook_provider_title[n];
    }
    return n != 0;
}

bool explain_is_provider(struct str name)
{
    for (unsigned i = 1; i < rulebook_providers; i++)
        if (str_eq_nocase(name, str_of(rulebook_provider[i])))
            return true;
    return false;
}

struct verdict explain_decided(const struct cause *c, bool permanent)
{
    return (struct verdict){str_of(c->name), c->whose, permanent, 100, permanent ? ACTION_STOP : ACTION_RETRY, STR("decided")};
}
