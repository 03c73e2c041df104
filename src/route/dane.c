/* dane: the TLSA records of a mail host, for one lookup; RFC 7672 2.1, 2.2, 3.1; RFC 6698.
 *
 *   MX answer validated, and the host's addresses validated -> TLSA at the end of its aliases, then at its own name
 *   addresses not validated, but the host is an alias by a validated record -> TLSA at its own name
 *   otherwise -> none: what is not signed cannot demand anything, and asking could only do harm
 *
 * An answer that fails or is bogus makes the host unusable: it may be what hides the records. */
#include "lib/must.h"
#include "route/answer.h"
#include "route/lookup_inner.h"

#include <stdio.h>
#include <stdlib.h>

enum { TLSA_MAX = 24 };

static void on_tlsa(void *ctx, int error, struct ub_result *r);

void dane_done(struct dane *d)
{
    free(d->base);
    free(d->tlsa);
    free(d->data);
    *d = (struct dane){0};
}

static void ask_tlsa(struct lookup *l, unsigned host, const char *base)
{
    char name[300];
    struct dane *d = &l->host[host].dane;
    free(d->base);
    d->base = strdup(base);
    must(d->base);
    snprintf(name, sizeof name, "_%u._tcp.%s", l->port, base);
    lookup_ask(l, &l->question[host * QUESTIONS_EACH + 2], name, RR_TLSA, on_tlsa);
}

static void take_unknown(struct lookup *l, struct host *h)
{
    h->dane.unknown = true;
    lookup_hold(l, TTL_PART_S);
}

/* Its addresses are not validated. Is it an alias, by a record that is (RFC 7672 2.2.2)? */
static void on_alias(void *ctx, int error, struct ub_result *r)
{
    struct question *q = ctx;
    struct lookup *l = q->lookup;
    struct host *h = &l->host[q->host];
    if (lookup_unanswered(error, r))
        take_unknown(l, h);
    else if (r->secure && r->havedata)
        ask_tlsa(l, q->host, h->name);
    ub_resolve_free(r);
    lookup_answered(l);
}

void dane_begin(struct lookup *l, unsigned host)
{
    struct host *h = &l->host[host];
    struct question *q = &l->question[host * QUESTIONS_EACH + 2];
    *q = (struct question){l, host};
    if (!l->way.validates || !l->mx_secure || !h->addresses || l->shape || l->tls == SECURE_NEVER)
        return;
    if (!h->insecure)
        ask_tlsa(l, host, h->alias_of ? h->alias_of : h->name);
    else if (h->alias_of)
        lookup_ask(l, q, h->name, RR_CNAME, on_alias);
}

/* Records come in any order: sorted, they are the same set. */
static int by_bytes(const void *a, const void *b)
{
    const struct tls_tlsa *x = a, *y = b;
    const uint8_t hx[] = {x->usage, x->selector, x->matching}, hy[] = {y->usage, y->selector, y->matching};
    int c = memcmp(hx, hy, sizeof hx);
    c = c ? c : memcmp(x->data, y->data, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

static void take_records(struct dane *d, const struct ub_result *r)
{
    size_t bytes = 0, at = 0;
    for (int i = 0; r->data[i] && i < TLSA_MAX; i++)
        bytes += r->len[i] > 0 ? (size_t)r->len[i] : 0;
    d->published = true;
    d->tlsa = calloc(TLSA_MAX, sizeof *d->tlsa);
    d->data = malloc(bytes + 1);
    must(d->tlsa && d->data);
    for (int i = 0; r->data[i] && i < TLSA_MAX; i++) {
        struct tls_tlsa t;
        if (r->len[i] < 0 || !answer_tlsa((const uint8_t *)r->data[i], (size_t)r->len[i], &t) || !tls_tlsa_usable(&t))
            continue;
        memcpy(d->data + at, t.data, t.n);
        t.data = d->data + at;
        at += t.n;
        d->tlsa[d->tlsas++] = t;
    }
    qsort(d->tlsa, d->tlsas, sizeof *d->tlsa, by_bytes);
}

static void on_tlsa(void *ctx, int error, struct ub_result *r)
{
    struct question *q = ctx;
    struct lookup *l = q->lookup;
    struct host *h = &l->host[q->host];
    if (lookup_unanswered(error, r)) {
        take_unknown(l, h);
    } else if (r->secure && r->havedata) {
        lookup_note_ttl(l, r);
        take_records(&h->dane, r);
    } else if (h->alias_of && !h->insecure && strcmp(h->dane.base, h->name) != 0) {
        ask_tlsa(l, q->host, h->name);
    }
    ub_resolve_free(r);
    lookup_answered(l);
}
