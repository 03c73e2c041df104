/* dmarc: see dmarc.h. RFC 9989 4.10: one walk up the tree from the author's domain finds its policy and its organisational
 * domain; others are walked only where relaxed alignment depends on it. */
#include "verify/dmarc.h"

#include "verify/tags.h"

#include <libpsl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { WALK_MAX = 8, LABELS_ABOVE = 7 };

/* A record that counts, and where it stood. */
struct found {
    struct str domain, record;
    char psd; /* 'y', 'n', or 'u' */
};

struct walk {
    struct found at[WALK_MAX];
    unsigned n;
    bool trouble;
    struct str organisation;
};

struct check {
    const struct dmarc_input *in;
    const struct verify_dns *dns;
    struct arena *arena;
    struct dmarc_answer *answer;
};

const char *dmarc_policy_name(enum dmarc_policy p)
{
    static const char *const names[] = {"", "none", "quarantine", "reject"};
    return names[p];
}

static void step(struct check *c, struct str name, const char *note)
{
    if (c->answer->steps < DMARC_STEPS_MAX)
        c->answer->step[c->answer->steps++] = (struct dmarc_step){name, str_of(note)};
}

/* ---- records (4.7, 4.8) ---- */

/* A tag's value; what is not well formed in a record is passed over, not held against the rest. */
static struct str tag(struct str record, const char *name)
{
    while (record.p) {
        struct str value = tags_item(&record, ';'), key = tags_item(&value, '=');
        if (value.p && str_eq(key, str_of(name)))
            return tags_trim(value);
    }
    return (struct str){"", 0};
}

static bool is_record(struct str txt)
{
    struct str value = tags_item(&txt, ';'), key = tags_item(&value, '=');
    return str_eq(key, STR("v")) && value.p && str_eq(tags_trim(value), STR("DMARC1"));
}

static enum dmarc_policy policy_of(struct str value)
{
    return str_eq_nocase(value, STR("none"))         ? DMARC_POLICY_NONE
           : str_eq_nocase(value, STR("quarantine")) ? DMARC_QUARANTINE
           : str_eq_nocase(value, STR("reject"))     ? DMARC_REJECT
                                                     : DMARC_NO_POLICY;
}

static bool is_yes(struct str value) { return str_eq_nocase(value, STR("y")); }

/* Asks for _dmarc.DOMAIN. True: exactly one record stands there. */
static bool fetch(struct check *c, struct str domain, struct str *ret, bool *trouble)
{
    struct dns_answer d = {0};
    struct buf b = {0};
    unsigned n = 0;
    buf_addf(&b, "_dmarc.%.*s", STR_ARGS(domain));
    struct str name = arena_str(c->arena, buf_str(&b));
    buf_done(&b);
    enum dns_result r = name.n <= 253 ? c->dns->ask(c->dns->ctx, name, DNS_TXT, c->arena, &d) : DNS_NO_NAME;
    for (unsigned i = 0; r == DNS_FOUND && i < d.n; i++)
        if (is_record(d.record[i].text)) {
            *ret = d.record[i].text;
            n++;
        }
    *trouble |= r == DNS_TROUBLE;
    step(c, name,
         r == DNS_TROUBLE ? "DNS gave no answer"
         : n == 1         ? "a record"
         : n              ? "several records: none counts"
                          : "no record");
    return n == 1;
}

/* ---- the tree walk (4.10) ---- */

static unsigned labels(struct str domain)
{
    unsigned n = domain.n > 0;
    for (size_t i = 0; i < domain.n; i++)
        n += domain.p[i] == '.';
    return n;
}

static struct str parent(struct str domain)
{
    str_split(&domain, '.');
    return domain;
}

static char psd_of(struct str record)
{
    struct str v = tag(record, "psd");
    return str_eq_nocase(v, STR("y")) ? 'y' : str_eq_nocase(v, STR("n")) ? 'n' : 'u';
}

/* The domain with one label more than `above`, on the way from `domain` to it. */
static struct str below(struct str domain, struct str above)
{
    while (labels(domain) > labels(above) + 1)
        domain = parent(domain);
    return domain;
}

/* 4.10.2: psd=n is the organisation; below psd=y it begins; otherwise the shortest name with a record. */
static struct str organisation_of(const struct walk *w, struct str start)
{
    for (unsigned i = 0; i < w->n; i++) {
        if (w->at[i].psd == 'n')
            return w->at[i].domain;
        if (w->at[i].psd == 'y' && w->at[i].domain.n < start.n)
            return below(start, w->at[i].domain);
    }
    return w->n ? w->at[w->n - 1].domain : start;
}

static void walk_up(struct check *c, struct str start, struct walk *w)
{
    struct str domain = start, record;
    *w = (struct walk){.n = 0};
    for (unsigned i = 0; i < WALK_MAX && domain.p && domain.n; i++) {
        if (fetch(c, domain, &record, &w->trouble)) {
            w->at[w->n++] = (struct found){domain, record, psd_of(record)};
            if (w->at[w->n - 1].psd != 'u')
                break;
        }
        domain = parent(domain);
        while (i == 0 && domain.p && labels(domain) > LABELS_ABOVE)
            domain = parent(domain);
    }
    w->organisation = organisation_of(w, start);
}

/* ---- RFC 7489's way ---- */

struct str dmarc_registrable(struct str domain, struct arena *a)
{
    char *lower = NULL;
    struct str ret = {"", 0};
    const psl_ctx_t *list = psl_builtin();
    const char *z = arena_strz(a, domain);
    if (list && psl_str_to_utf8lower(z, "utf-8", NULL, &lower) == PSL_SUCCESS) {
        const char *found = lower[0] == '.' ? NULL : psl_registrable_domain(list, lower);
        ret = found ? arena_str(a, str_of(found)) : ret;
    }
    psl_free_string(lower);
    return ret;
}

static void look_by_suffix(struct check *c, struct str start, struct walk *w)
{
    struct str record, top = dmarc_registrable(start, c->arena);
    *w = (struct walk){.organisation = top.n ? top : start};
    if (fetch(c, start, &record, &w->trouble))
        w->at[w->n++] = (struct found){start, record, 'u'};
    if (w->n == 0 && !str_eq(start, w->organisation) && fetch(c, w->organisation, &record, &w->trouble))
        w->at[w->n++] = (struct found){w->organisation, record, 'u'};
}

static void look(struct check *c, struct str start, struct walk *w)
{
    if (c->in->public_suffixes)
        look_by_suffix(c, start, w);
    else
        walk_up(c, start, w);
}

/* ---- alignment (4.4) ---- */

static bool is_aligned(struct check *c, const struct walk *author, struct str domain, bool strict)
{
    struct walk other;
    if (!domain.n)
        return false;
    if (str_eq_nocase(domain, c->in->from))
        return true;
    if (strict)
        return false;
    if (c->in->public_suffixes)
        return str_eq_nocase(dmarc_registrable(domain, c->arena), author->organisation);
    walk_up(c, domain, &other);
    return str_eq_nocase(other.organisation, author->organisation);
}

static void align(struct check *c, const struct walk *author, struct str record)
{
    bool dkim_strict = str_eq_nocase(tag(record, "adkim"), STR("s")), spf_strict = str_eq_nocase(tag(record, "aspf"), STR("s"));
    for (unsigned i = 0; i < c->in->dkims && !c->answer->dkim_aligned; i++)
        c->answer->dkim_aligned = is_aligned(c, author, c->in->dkim[i], dkim_strict);
    c->answer->spf_aligned = is_aligned(c, author, c->in->spf, spf_strict);
}

/* ---- policy (4.7, 4.10.1) ---- */

/* No address and no mail host: the name is not in use (3.2.14). */
static bool is_nonexistent(struct check *c)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX};
    struct dns_answer d;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        enum dns_result r = c->dns->ask(c->dns->ctx, c->in->from, types[i], c->arena, &d);
        if (r == DNS_NO_NAME)
            return true;
        if (r != DNS_NO_DATA)
            return false;
    }
    return true;
}

static enum dmarc_policy policy_for(struct check *c, const struct found *f, enum dmarc_policy p)
{
    enum dmarc_policy sp = policy_of(tag(f->record, "sp")), np = policy_of(tag(f->record, "np"));
    if (str_eq_nocase(f->domain, c->in->from))
        return p;
    if (np != DMARC_NO_POLICY && is_nonexistent(c))
        return np;
    return sp != DMARC_NO_POLICY ? sp : p;
}

static enum dmarc_policy milder(enum dmarc_policy p)
{
    return p == DMARC_REJECT ? DMARC_QUARANTINE : p == DMARC_QUARANTINE ? DMARC_POLICY_NONE : p;
}

/* The author's own record, or the organisation's, or the public suffix's above it. */
static const struct found *policy_record(const struct walk *w, struct str from)
{
    if (w->n && str_eq_nocase(w->at[0].domain, from))
        return &w->at[0];
    for (unsigned i = 0; i < w->n; i++)
        if (str_eq_nocase(w->at[i].domain, w->organisation))
            return &w->at[i];
    return w->n ? &w->at[w->n - 1] : NULL;
}

static void end(struct check *c, enum auth_result r, const char *reason)
{
    c->answer->result = r;
    c->answer->reason = str_of(reason);
}

void dmarc_check(const struct dmarc_input *in, const struct verify_dns *dns, struct arena *a, struct dmarc_answer *ret)
{
    struct check c = {in, dns, a, ret};
    struct walk w;
    *ret = (struct dmarc_answer){.domain = {"", 0}, .record = {"", 0}, .reason = {"", 0}};
    ret->step = arena_alloc(a, DMARC_STEPS_MAX * sizeof *ret->step);
    look(&c, in->from, &w);
    ret->organisation = w.organisation;
    const struct found *f = policy_record(&w, in->from);
    if (!f) {
        end(&c, w.trouble ? AUTH_TEMPERROR : AUTH_NONE,
            w.trouble ? "DNS gave no answer about the policy" : "the domain has no DMARC record");
        return;
    }
    ret->domain = f->domain;
    ret->record = f->record;
    enum dmarc_policy p = policy_of(tag(f->record, "p"));
    if (p == DMARC_NO_POLICY && str_starts_nocase(tag(f->record, "rua"), STR("mailto:")))
        p = DMARC_POLICY_NONE; /* 4.7: it asks for reports at least */
    if (p == DMARC_NO_POLICY) {
        end(&c, AUTH_NONE, "the domain's record asks for nothing that is known");
        return;
    }
    ret->testing = is_yes(tag(f->record, "t"));
    ret->policy = policy_for(&c, f, p);
    if (ret->testing)
        ret->policy = milder(ret->policy);
    align(&c, &w, f->record);
    ret->result = ret->spf_aligned || ret->dkim_aligned ? AUTH_PASS : AUTH_FAIL;
}
