/* decide: from what a lookup found to a route: the hosts' addresses in order, and what is demanded of each host.
 *
 * Of those who may demand something the strictest is heard: the settings; TLSA records, which where they can be used decide alone
 * (RFC 8461 2: MTA-STS never overrides DANE); the domain's MTA-STS policy. A host that may not be talked to for this domain stays
 * in the route, at its end, for the story. */
#include "lib/hash.h"
#include "lib/must.h"
#include "route/answer.h"
#include "route/lookup_inner.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what is demanded of a host ---- */

struct secure route_demand(enum secure_level tls)
{
    return (struct secure){.level = tls, .by = tls >= SECURE_ENCRYPTED ? BY_OPERATOR : BY_NOBODY};
}

/* The policy's word where no usable TLSA records stand. */
static void demand_by_policy(const struct host *h, const struct sts_entry *policy, struct secure *s)
{
    bool listed = sts_lists(policy->mx, str_of(h->name));
    if (policy->mode == STS_ENFORCE)
        *s = (struct secure){.level = SECURE_VERIFIED, .by = BY_STS, .flaw = listed ? FLAW_NONE : FLAW_NOT_LISTED};
    else if (s->level == SECURE_MAY)
        *s = (struct secure){.level = SECURE_MAY, .by = BY_STS_TESTING, .flaw = listed ? FLAW_NONE : FLAW_NOT_LISTED};
}

static struct secure demand_of(const struct lookup *l, const struct host *h, const struct sts_entry *policy)
{
    struct secure s = route_demand(l->tls);
    if (l->tls == SECURE_NEVER)
        return s;
    if (h->dane.unknown)
        return (struct secure){.level = SECURE_DANE, .by = BY_DANE, .flaw = FLAW_TLSA_UNKNOWN};
    if (h->dane.tlsas)
        return (struct secure){.level = SECURE_DANE, .by = BY_DANE};
    if (h->dane.published && s.level < SECURE_ENCRYPTED) /* none that can be used (RFC 7672 2.2.1) */
        s = (struct secure){.level = SECURE_ENCRYPTED, .by = BY_DANE};
    if (policy)
        demand_by_policy(h, policy, &s);
    return s;
}

/* By an MX answer that was validated, by the domain's policy, whatever that demands, or by being the domain itself. */
static bool is_vouched(const struct lookup *l, const struct host *h, const struct sts_entry *policy)
{
    return l->shape || l->implicit || l->mx_secure || (policy && sts_lists(policy->mx, str_of(h->name)));
}

/* Under a record of usage 2 the certificate may be for the recipient's domain instead of the host (RFC 7672 3.2.2): what
 * satisfies one domain says nothing about another. */
static uint64_t key_of(const struct lookup *l, const struct dane *d)
{
    const uint8_t *key = hash_process_key();
    uint64_t sum = 0;
    for (unsigned i = 0; i < d->tlsas; i++) {
        const struct tls_tlsa *t = &d->tlsa[i];
        uint64_t kind = (uint64_t)t->usage << 16 | (uint64_t)t->selector << 8 | t->matching;
        uint64_t name = t->usage == 2 ? siphash(key, l->domain, strlen(l->domain)) : 0;
        sum = sum * 31 + (siphash(key, t->data, t->n) ^ kind ^ name);
    }
    return sum;
}

/* ---- the hosts ---- */

/* IPv6 addresses of a host come first, its IPv4 ones are the fallback. */
static unsigned put_addresses(const struct lookup *l, const struct host *h, const struct route_host *shape,
                              struct route_host *out, unsigned n)
{
    for (int v6 = 1; v6 >= 0; v6--)
        for (unsigned k = 0; k < h->addresses && n < ADDRESSES_MAX; k++)
            if (h->address[k].v6 == v6) {
                out[n] = *shape;
                must(answer_address(h->address[k].bytes, v6 ? 16 : 4, l->port, &out[n].addr, &out[n].addr_len));
                n++;
            }
    return n;
}

static unsigned list_hosts(const struct lookup *l, struct route_host *out)
{
    const struct sts_entry *policy = policy_of(l);
    unsigned n = 0;
    for (int forbidden = 0; forbidden <= 1; forbidden++)
        for (unsigned i = 0; i < l->hosts; i++) {
            const struct host *h = &l->host[i];
            struct route_host o = {.name = h->name, .preference = h->preference, .secure = demand_of(l, h, policy)};
            o.vouched = is_vouched(l, h, policy);
            if (route_forbids(&o) != forbidden)
                continue;
            o.tlsa_base = h->dane.tlsas ? h->dane.base : NULL;
            o.tlsa = h->dane.tlsa;
            o.tlsas = h->dane.tlsas;
            o.tlsa_key = key_of(l, &h->dane);
            n = put_addresses(l, h, &o, out, n);
        }
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct host *)a)->name, ((const struct host *)b)->name);
}

/* The site: the set of host names, whatever their order. */
static void site_name(struct lookup *l, char out[512])
{
    struct host *sorted = calloc(l->hosts, sizeof *sorted);
    size_t n = 0;
    must(sorted);
    memcpy(sorted, l->host, l->hosts * sizeof *sorted);
    qsort(sorted, l->hosts, sizeof *sorted, by_name);
    out[0] = '\0';
    for (unsigned i = 0; i < l->hosts && n + 260 < 512; i++)
        n += (size_t)snprintf(out + n, 512 - n, "%s%s", i ? "," : "", sorted[i].name);
    free(sorted);
}

/* ---- the end ---- */

/* What was decided by a policy holds no longer than the policy. */
static uint32_t lasting_s(const struct lookup *l)
{
    const struct sts_entry *policy = policy_of(l);
    int64_t left_s = policy ? policy->expires_s - loop_wall_ms(l->way.loop) / 1000 : l->ttl_s;
    return left_s < l->ttl_s ? (uint32_t)left_s : l->ttl_s;
}

void decide(struct lookup *l)
{
    struct route_host hosts[ADDRESSES_MAX];
    unsigned n = list_hosts(l, hosts);
    char site[512];
    if (n == 0 && l->temporary)
        lookup_end_trouble(l, false, "dns-failure", l->trouble);
    else if (n == 0)
        lookup_end_trouble(l, true, "no-mail-host",
                           l->shape      ? NOTE_HOST_NO_ADDRESS
                           : l->implicit ? NOTE_NO_MX_NO_ADDRESS
                                         : NOTE_HOSTS_NO_ADDRESS);
    if (n == 0)
        return;
    struct route shape = {.kind = ROUTE_SMTP, .tls = l->tls, .site = site, .domain = l->domain};
    if (l->shape)
        shape = *l->shape;
    else
        site_name(l, site);
    uint32_t ttl_s = lasting_s(l);
    shape.expires_ms = loop_now_ms(l->way.loop) + (int64_t)ttl_s * 1000;
    lookup_end(l, route_make(&shape, hosts, n), NULL, ttl_s);
}
