/* reports_sum: see reports_sum.h.
 *
 * Whose a row is: ours, if it came from an address of ours, or bears our seal and came from where the domain's SPF record lets
 * mail come from (our own address may not be known: it may lie behind another). Our seal alone, or a receiver's word that it was
 * forwarded: forwarded. Any other proof that counts for the domain: a service that its owner let in. No proof: a stranger. A seal
 * is ours when its selector is one of our keys'. */
#include "domain/reports_sum.h"

#include "lib/hash.h"
#include "lib/must.h"
#include "store/reports.h"
#include "verify/tags.h"

#include <stdlib.h>

struct summing {
    struct reports_sum *sum;
    const struct us *us;
    struct arena *arena;
    struct buf sources; /* struct source_sum, in order of arrival */
    uint32_t *slot;     /* open addressing; 1 + index of a source */
    size_t slots;
};

/* ---- whose ---- */

static bool is_below(struct str name, struct str domain)
{
    return str_eq(name, domain) || (name.n > domain.n && name.p[name.n - domain.n - 1] == '.' &&
                                    str_eq(str_mem(name.p + name.n - domain.n, domain.n), domain));
}

static bool passed(const struct aggregate_auth *a) { return str_eq(a->result, STR("pass")); }

static bool is_our_seal(const struct summing *x, const struct aggregate_auth *a)
{
    const struct key_index *k = x->us->keys;
    for (size_t i = 0; a->dkim && passed(a) && i < k->n; i++)
        if (str_eq(k->row[i].selector, a->selector) && str_eq(k->row[i].domain, a->domain))
            return true;
    return false;
}

static bool is_sealed_by_us(const struct summing *x, const struct dmarc_row *r)
{
    for (uint32_t i = 0; i < r->auths; i++)
        if (is_our_seal(x, &r->auth[i]))
            return true;
    return false;
}

/* RFC 9990, policy overrides; RFC 7489 appendix C. */
static bool is_forwarding(struct str reasons)
{
    static const char *const words[] = {"forwarded", "trusted_forwarder", "mailing_list"};
    for (struct str rest = reasons; rest.p;) {
        struct str one = str_split(&rest, ',');
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (str_eq_nocase(one, str_of(words[i])))
                return true;
    }
    return false;
}

static enum origin origin_of(const struct summing *x, const struct dmarc_row *r)
{
    bool sealed = is_sealed_by_us(x, r);
    for (int i = 0; i < 2; i++)
        if (x->us->address[i] && str_eq(r->ip, str_of(x->us->address[i])))
            return ORIGIN_OURS;
    if (sealed && r->spf)
        return ORIGIN_OURS;
    if (sealed || is_forwarding(r->reason))
        return ORIGIN_FORWARDED;
    return r->spf || r->dkim ? ORIGIN_SERVICE : ORIGIN_STRANGER;
}

/* ---- one address ---- */

static struct source_sum *sources(const struct summing *x) { return (struct source_sum *)(void *)x->sources.p; }

static size_t place_of(const struct summing *x, enum origin whose, struct str ip)
{
    size_t at = (siphash(hash_process_key(), ip.p, ip.n) + whose) % x->slots;
    while (x->slot[at]) {
        const struct source_sum *s = &sources(x)[x->slot[at] - 1];
        if (s->whose == whose && str_eq(s->ip, ip))
            break;
        at = (at + 1) % x->slots;
    }
    return at;
}

/* NULL: there are too many to tell one by one. */
static struct source_sum *source_of(struct summing *x, enum origin whose, struct str ip)
{
    size_t at = place_of(x, whose, ip), n = x->sources.n / sizeof(struct source_sum);
    if (!x->slot[at]) {
        if (n == SUM_SOURCES_MAX)
            return NULL;
        struct source_sum fresh = {.whose = whose, .ip = arena_str(x->arena, ip), .reason = STR("")};
        buf_add(&x->sources, &fresh, sizeof fresh);
        x->slot[at] = (uint32_t)n + 1;
    }
    return &sources(x)[x->slot[at] - 1];
}

static void add_name(struct summing *x, struct str *list, unsigned *n, struct str name)
{
    for (unsigned i = 0; i < *n; i++)
        if (str_eq(list[i], name))
            return;
    if (*n < SUM_NAMES_MAX)
        list[(*n)++] = arena_str(x->arena, name);
}

static void add_names(struct summing *x, struct source_sum *s, const struct dmarc_row *r)
{
    for (uint32_t i = 0; i < r->auths; i++)
        if (passed(&r->auth[i]) && r->auth[i].domain.n && !is_below(r->auth[i].domain, x->sum->domain))
            add_name(x, s->name, &s->names, r->auth[i].domain);
    if (s->reason.n == 0 && r->reason.n)
        s->reason = arena_str(x->arena, r->reason);
}

static enum fate fate_of(const struct dmarc_row *r)
{
    return str_eq(r->disposition, STR("reject"))       ? FATE_REJECTED
           : str_eq(r->disposition, STR("quarantine")) ? FATE_QUARANTINED
                                                       : FATE_DELIVERED;
}

static void tally_add(struct tally *t, const struct dmarc_row *r)
{
    t->messages += r->count;
    t->spf += r->spf ? r->count : 0;
    t->dkim += r->dkim ? r->count : 0;
    t->proven += r->spf || r->dkim ? r->count : 0;
    t->fate[fate_of(r)] += r->count;
}

static void add_dmarc(struct summing *x, const struct dmarc_row *r)
{
    enum origin whose = origin_of(x, r);
    struct source_sum *s = source_of(x, whose, r->ip);
    tally_add(&x->sum->all, r);
    tally_add(&x->sum->of[whose], r);
    if (s) {
        tally_add(&s->tally, r);
        add_names(x, s, r);
    }
}

/* ---- TLS ---- */

static void add_policy(struct summing *x, const struct tls_row *r)
{
    struct reports_sum *sum = x->sum;
    unsigned i = 0;
    while (i < sum->policies && !str_eq(sum->policy_of[i].policy, r->policy))
        i++;
    sum->ok += r->ok;
    sum->failed += r->failed;
    if (i == SUM_POLICIES_MAX)
        return;
    if (i == sum->policies)
        sum->policy_of[sum->policies++] = (struct policy_sum){.policy = arena_str(x->arena, r->policy)};
    sum->policy_of[i].ok += r->ok;
    sum->policy_of[i].failed += r->failed;
}

static void add_failure(struct summing *x, const struct tls_row *r)
{
    struct reports_sum *sum = x->sum;
    unsigned i = 0;
    while (i < sum->failures && !str_eq(sum->failure[i].result, r->result))
        i++;
    if (i == SUM_FAILURES_MAX)
        return;
    struct failure_sum *t = &sum->failure[i];
    if (i == sum->failures) {
        sum->failures++;
        *t = (struct failure_sum){.result = arena_str(x->arena, r->result), .reason = STR("")};
    }
    t->sessions += r->failed;
    if (r->mx.n)
        add_name(x, t->mx, &t->mxs, r->mx);
    if (t->reason.n == 0 && r->reason.n)
        t->reason = arena_str(x->arena, r->reason);
}

/* ---- all ---- */

static bool add_head(void *ctx, const struct store_report *r)
{
    struct summing *x = ctx;
    struct reports_head *h = r->kind == AGGREGATE_DMARC ? &x->sum->dmarc : &x->sum->tls;
    unsigned i = 0;
    if (r->kind == AGGREGATE_DMARC && h->reports == 0)
        x->sum->policy = arena_str(x->arena, r->policy);
    if (h->reports == 0 || r->begin_s < h->begin_s)
        h->begin_s = r->begin_s;
    if (h->reports++ == 0 || r->end_s > h->end_s)
        h->end_s = r->end_s;
    while (i < h->reporters && !str_eq(h->reporter[i].name, r->organisation))
        i++;
    if (i == SUM_REPORTERS_MAX)
        return true;
    if (i == h->reporters)
        h->reporter[h->reporters++] = (struct reporter_sum){arena_str(x->arena, r->organisation), 0};
    h->reporter[i].reports++;
    return true;
}

static void add_row(void *ctx, const struct store_report *r, struct str body)
{
    struct aggregate_auth auth[AGGREGATE_AUTH_MAX];
    struct dmarc_row d;
    struct tls_row t;
    if (r->kind == AGGREGATE_DMARC && dmarc_row_decode(body, auth, &d))
        add_dmarc(ctx, &d);
    else if (r->kind == AGGREGATE_TLS && tls_row_decode(body, &t) && t.result.n)
        add_failure(ctx, &t);
    else if (r->kind == AGGREGATE_TLS && tls_row_decode(body, &t))
        add_policy(ctx, &t);
}

static int order_of(uint64_t a, uint64_t b) { return a > b ? -1 : a < b; }

static int by_whose(const void *a, const void *b)
{
    const struct source_sum *x = a, *y = b;
    int way = (int)x->whose - (int)y->whose;
    way = way ? way : order_of(x->tally.messages, y->tally.messages);
    size_t n = x->ip.n < y->ip.n ? x->ip.n : y->ip.n;
    way = way || n == 0 ? way : memcmp(x->ip.p, y->ip.p, n);
    return way ? way : (x->ip.n > y->ip.n) - (x->ip.n < y->ip.n);
}

static int by_reports(const void *a, const void *b)
{
    const struct reporter_sum *x = a, *y = b;
    return order_of(x->reports, y->reports);
}

static int by_sessions(const void *a, const void *b)
{
    const struct failure_sum *x = a, *y = b;
    return order_of(x->sessions, y->sessions);
}

static void in_order(struct summing *x)
{
    struct reports_sum *sum = x->sum;
    sum->sources = x->sources.n / sizeof *sum->source;
    sum->source = arena_alloc(x->arena, x->sources.n);
    if (sum->sources)
        memcpy(sum->source, x->sources.p, x->sources.n);
    qsort(sum->source, sum->sources, sizeof *sum->source, by_whose);
    qsort(sum->dmarc.reporter, sum->dmarc.reporters, sizeof *sum->dmarc.reporter, by_reports);
    qsort(sum->tls.reporter, sum->tls.reporters, sizeof *sum->tls.reporter, by_reports);
    qsort(sum->failure, sum->failures, sizeof *sum->failure, by_sessions);
}

bool reports_sum(struct store *s, struct str domain, int64_t since_s, const struct us *us, struct arena *a,
                 struct reports_sum *ret, struct fault *f)
{
    struct summing x = {.sum = ret, .us = us, .arena = a, .slots = 4 * SUM_SOURCES_MAX};
    x.slot = calloc(x.slots, sizeof *x.slot);
    must(x.slot);
    *ret = (struct reports_sum){.domain = domain, .policy = STR("")};
    store_reports(s, &domain, since_s, add_head, &x);
    store_report_rows(s, &domain, since_s, add_row, &x);
    in_order(&x);
    buf_done(&x.sources);
    free(x.slot);
    return store_good(s, f);
}

struct str reports_rule(struct str policy)
{
    struct tags t;
    return tags_read(policy, &t) && tags_get(&t, "p").p ? tags_get(&t, "p") : STR("");
}
