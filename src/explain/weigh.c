/* weigh: see weigh.h. Everything that speaks for a cause has a weight: the confidence that its rule was written with, from the
 * phrases of a provider (about 95) over words (50 to 90) to an enhanced code (30 to 85) and a bare code (up to 40). A rule of the
 * provider that the reply comes from gets PROVIDER_BONUS more, one that the enhanced code agrees with AGREES. The heaviest
 * decides; of equals the longer phrase. What speaks against it lowers the confidence afterwards. */
#include "explain/weigh.h"

#include "explain/match.h"

enum {
    PROVIDER_BONUS = 5,
    UNKNOWN_PROVIDER = 3, /* a rule of a provider that nothing shows to be the one */
    OTHER_PROVIDER = 20,  /* a rule of another provider than the one shown */
    AGREES = 4,
    CONTRADICTED = 12, /* a rival of about the same weight, or a definite enhanced code, says something of another kind */
    RIVAL_NEAR = 15,
    DEFINITE = 60, /* an enhanced code that is trusted this much means what it says */
    CERTAIN = 99,
    FOUND_MAX = 96,
};

struct found {
    uint16_t rule, first, end;
    bool jumped;
};
struct scale {
    struct status status;
    enum phase phase;
    uint64_t providers; /* bits */
    const struct code_row *by_enhanced, *by_code;
    unsigned n;
    struct found found[FOUND_MAX];
};

static void note_found(void *ctx, const struct match *m)
{
    struct scale *s = ctx;
    if (m->owner < 0)
        s->providers |= 1ull << -m->owner;
    else if (s->n < FOUND_MAX)
        s->found[s->n++] = (struct found){(uint16_t)m->owner, (uint16_t)m->first, (uint16_t)m->end, m->jumped};
}

unsigned weigh_provider(struct str host)
{
    while (host.n && host.p[host.n - 1] == '.')
        host.n--;
    for (unsigned i = 0; i < rulebook_hosts; i++) {
        const struct rule_host *h = &rulebook_host[i];
        size_t before = host.n - h->length;
        if (host.n >= h->length && str_eq_nocase(str_mem(host.p + before, h->length), str_mem(h->suffix, h->length)) &&
            (before == 0 || host.p[before - 1] == '.'))
            return h->provider;
    }
    return 0;
}

static uint64_t providers_of_host(struct str host)
{
    unsigned provider = weigh_provider(host);
    return provider ? 1ull << provider : 0;
}

/* Before RCPT the server does not know the recipient: "user unknown" is then about the sender or about our login. */
static bool fits_phase(const struct cause *c, enum phase phase)
{
    bool early = phase >= PHASE_BANNER && phase <= PHASE_MAIL;
    return !early || c->whose != WHOSE_RECIPIENT;
}

static int order(const struct code_row *r, int code, unsigned subject, unsigned detail)
{
    if (r->code != code)
        return r->code < code ? -1 : 1;
    if (r->subject != subject)
        return r->subject < subject ? -1 : 1;
    return r->detail == detail ? 0 : r->detail < detail ? -1 : 1;
}

/* The first row of a code, NULL if there is none. */
static const struct code_row *first_row(int code, unsigned subject, unsigned detail)
{
    unsigned low = 0, high = rulebook_codes;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (order(&rulebook_code[middle], code, subject, detail) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rulebook_codes && order(&rulebook_code[low], code, subject, detail) == 0 ? &rulebook_code[low] : NULL;
}

/* The row that speaks at this phase; *general is the last one, without a phase. */
static const struct code_row *row_for(int code, struct enhanced e, enum phase phase, const struct code_row **general)
{
    const struct code_row *r = first_row(code, e.subject, e.detail), *chosen = NULL, *end = rulebook_code + rulebook_codes;
    *general = NULL;
    for (; r && r < end && order(r, code, e.subject, e.detail) == 0; r++) {
        if (!chosen && (r->phase == PHASE_NONE || r->phase == phase) && fits_phase(&rulebook_cause[r->cause], phase))
            chosen = r;
        *general = r;
    }
    return chosen;
}

/* The row of an enhanced code. A detail that is not registered: its subject still tells the field. */
static const struct code_row *enhanced_row(struct enhanced e, enum phase phase, const struct code_row **general)
{
    const struct code_row *none, *r = row_for(0, e, phase, general);
    return *general ? r : row_for(0, (struct enhanced){e.class, e.subject, 0}, phase, &none);
}

static bool range_holds(const struct rule_range *g, struct status s)
{
    if (g->code)
        return s.code == g->code;
    const struct enhanced *e = &s.enhanced;
    return e->class && (!g->class || g->class == e->class) && g->subject == e->subject && g->detail_first <= e->detail &&
           e->detail <= g->detail_last;
}

/* Is the reply of a class that the rule speaks of? A class that is not known speaks neither for nor against; bit 0: only for what
 * has no code at all. */
static bool class_holds(const struct rule *r, const struct scale *s)
{
    unsigned class = s->status.code ? (unsigned)s->status.code / 100 : s->status.enhanced.class;
    return !r->classes || r->classes & 1u << class || (class == 0 && !(r->classes & 1u));
}

/* Do the rule's conditions hold? A phase that is not known speaks neither for nor against. */
static bool rule_holds(const struct rule *r, const struct scale *s)
{
    bool range = r->ranges == 0;
    if (!class_holds(r, s) || (r->phases && s->phase && !(r->phases & 1u << s->phase)) ||
        (r->only && !(s->providers & 1ull << r->provider)))
        return false;
    for (unsigned i = 0; i < r->ranges && !range; i++)
        range = range_holds(&rulebook_range[r->range + i], s->status);
    return range && (r->cause < 0 || fits_phase(&rulebook_cause[r->cause], s->phase));
}

/* Of one kind: the same class, or both of an address that is dead. */
static bool same_kind(const struct cause *a, const struct cause *b)
{
    return strcmp(a->class, b->class) == 0 || (a->action == ACTION_SUPPRESS && b->action == ACTION_SUPPRESS);
}

static bool is_from(const struct rule *r, const struct scale *s) { return r->provider && (s->providers & 1ull << r->provider); }

static bool agrees(const struct rule *r, const struct code_row *e)
{
    return e && e->confidence >= DEFINITE && same_kind(&rulebook_cause[e->cause], &rulebook_cause[r->cause]);
}

static unsigned weight_of(const struct rule *r, const struct scale *s)
{
    unsigned w = r->confidence + (agrees(r, s->by_enhanced) ? (unsigned)AGREES : 0);
    if (w > CERTAIN)
        w = CERTAIN;
    if (is_from(r, s))
        w += PROVIDER_BONUS;
    else if (r->provider)
        w -= s->providers ? OTHER_PROVIDER : UNKNOWN_PROVIDER;
    return w;
}

/* What weighs most so far, and what weighs most of those that are of another kind. */
struct heaviest {
    unsigned weight, rival;
    const struct rule *rule;
    const struct found *found;
    const struct cause *cause, *rival_cause;
    bool doubt;      /* a cause that is about the sender is spoken of, too */
    bool doubt_word; /* a word of doubt is there */
};

static void put_rival(struct heaviest *h, const struct cause *c, unsigned weight)
{
    if (weight > h->rival && h->cause && !same_kind(c, h->cause)) {
        h->rival = weight;
        h->rival_cause = c;
    }
}

static void put_on(struct heaviest *h, const struct scale *s, const struct found *f)
{
    const struct rule *r = &rulebook_rule[f->rule];
    if (!rule_holds(r, s))
        return;
    if (r->cause < 0) {
        h->doubt_word = true;
        return;
    }
    const struct cause *c = &rulebook_cause[r->cause];
    unsigned w = weight_of(r, s);
    bool longer = h->found && f->end - f->first > h->found->end - h->found->first;
    h->doubt |=
        c->whose != WHOSE_RECIPIENT && c->whose != WHOSE_UNKNOWN && c->whose != WHOSE_RECEIVER && c->whose != WHOSE_NETWORK;
    if (w < h->weight || (w == h->weight && !longer)) {
        put_rival(h, c, w);
        return;
    }
    const struct cause *before = h->cause;
    unsigned before_weight = h->weight;
    h->weight = w;
    h->rule = r;
    h->found = f;
    h->cause = c;
    if (h->rival_cause && same_kind(h->rival_cause, c))
        h->rival = 0;
    if (before)
        put_rival(h, before, before_weight);
}

static void put_bare(struct heaviest *h, struct scale *s)
{
    static const struct found nowhere;
    if (!s->status.code && !s->status.enhanced.class)
        return;
    for (unsigned i = 0; i < rulebook_bares; i++) {
        const struct rule *r = &rulebook_rule[rulebook_bare[i]];
        if (r->confidence >= h->weight && (!r->phases || s->phase) && rule_holds(r, s)) {
            struct found *f = s->n < FOUND_MAX ? &s->found[s->n++] : &s->found[FOUND_MAX - 1];
            *f = nowhere;
            f->rule = rulebook_bare[i];
            put_on(h, s, f);
        }
    }
}

static uint8_t lowered(const struct heaviest *h, const struct scale *s)
{
    unsigned c = h->weight < CERTAIN ? h->weight : CERTAIN, less = 0;
    const struct code_row *e = s->by_enhanced;
    if (h->rival + RIVAL_NEAR >= h->weight && h->rival)
        less = CONTRADICTED;
    bool takes_it_in = is_from(h->rule, s) || h->rule->ranges > 0; /* the rule knows what the code means in its case */
    if (e && e->confidence >= DEFINITE && !takes_it_in && !same_kind(&rulebook_cause[e->cause], h->cause))
        less = CONTRADICTED;
    return (uint8_t)(c > less ? c - less : 1);
}

/* Is what was found part of words that speak for a cause of this kind? "Account blocked for inactivity" is no block of ours. */
static bool is_part_of_it(const struct found *f, const struct cause *c, const struct scale *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        const struct found *whole = &s->found[i];
        const struct rule *r = &rulebook_rule[whole->rule];
        if (r->cause >= 0 && !whole->jumped && whole->first <= f->first && f->end <= whole->end &&
            same_kind(&rulebook_cause[r->cause], c) && rule_holds(r, s))
            return true;
    }
    return false;
}

/* Does anything speak against giving the address up? */
static bool is_doubtful(const struct heaviest *h, const struct scale *s)
{
    if (h->doubt || !h->doubt_word || !h->cause || h->cause->action != ACTION_SUPPRESS)
        return h->doubt || h->doubt_word;
    for (unsigned i = 0; i < s->n; i++)
        if (rulebook_rule[s->found[i].rule].cause < 0 && !is_part_of_it(&s->found[i], h->cause, s))
            return true;
    return false;
}

static struct judgement by_words(const struct heaviest *h, const struct scale *s)
{
    struct judgement j = {.cause = h->cause, .confidence = lowered(h, s), .doubtful = is_doubtful(h, s)};
    j.rule = h->rule->name;
    j.source = h->rule->source;
    j.first = h->found->first;
    j.end = h->found->end;
    return j;
}

static struct judgement by_row(const struct code_row *r, bool doubt)
{
    return (struct judgement){&rulebook_cause[r->cause], r->confidence, doubt, r->rule, "", 0, 0, 0, NULL, NULL};
}

static const struct code_row *heavier(const struct code_row *a, const struct code_row *b)
{
    return a && (!b || a->confidence >= b->confidence) ? a : b;
}

struct judgement weigh(const struct plain *p, struct status status, enum phase phase, struct str host)
{
    struct scale s = {.status = status, .phase = phase, .n = 0};
    struct heaviest h = {0};
    struct judgement j = {.rule = "none", .source = ""};
    const struct code_row *of_code = NULL, *of_enhanced = NULL;
    s.providers = providers_of_host(host);
    if (status.enhanced.class)
        s.by_enhanced = enhanced_row(status.enhanced, phase, &of_enhanced);
    if (status.code)
        s.by_code = row_for(status.code, (struct enhanced){0}, phase, &of_code);
    match_all(p, note_found, &s);
    for (unsigned i = 0; i < s.n; i++)
        put_on(&h, &s, &s.found[i]);
    put_bare(&h, &s);
    const struct code_row *row = heavier(s.by_enhanced, s.by_code);
    if (h.rule && (!row || h.weight >= row->confidence))
        j = by_words(&h, &s);
    else if (row)
        j = by_row(row, h.doubt || h.doubt_word);
    j.provider = s.providers ? (unsigned)__builtin_ctzll(s.providers) : 0;
    j.of_code = of_code;
    j.of_enhanced = of_enhanced;
    return j;
}
