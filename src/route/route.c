/* route: the door: rules, the cache, one lookup per domain at a time. */
#include "route/route.h"

#include "lib/hash.h"
#include "lib/must.h"
#include "route/dns.h"
#include "route/lookup.h"

#include <stdio.h>
#include <stdlib.h>

enum { RULE_TTL_MS = 3600 * 1000, LOOKUPS_MAX = 4096, BYTES_EACH = 4096 /* of a domain in the cache, on average at most */ };

/* A domain that was asked for: its answer, or those who wait for it. */
struct entry {
    struct entry *chain, *newer, *older; /* table; order of use, unless under way */
    struct router *router;
    uint64_t hash;
    char *domain;
    size_t bytes;                 /* of the route */
    struct route *route;          /* one of these two, */
    struct route_trouble trouble; /* unless under way */
    int64_t expires_ms;
    unsigned generation; /* of the settings that it was asked by */
    bool under_way;      /* asked, or telling those who asked: it stays where it is */
    struct route_ask *first, **last;
    struct entry *next_waiting; /* for a lookup to end */
};

/* Entries whose lookup waits for another to end. */
struct line {
    struct entry *first, *last;
};

struct router {
    struct loop *loop;
    const struct route_settings *settings;
    struct route_hooks hooks;
    struct dns *dns;
    struct sts_list *policies;
    struct lookup_waiters waiters; /* for a policy */
    struct entry **table;
    size_t entries, remembered, cap; /* remembered: those not under way, */
    size_t bytes;                    /* which have so many */
    struct entry *newest, *oldest;
    uint32_t lookups;           /* under way */
    struct line known, strange; /* waiting: domains that were found before go first */
    uint64_t random;
    unsigned generation; /* of the settings */
    struct route_stats stats;
};

/* ---- the cache ---- */

static void unlink_use(struct router *r, struct entry *e)
{
    *(e->newer ? &e->newer->older : &r->newest) = e->older;
    *(e->older ? &e->older->newer : &r->oldest) = e->newer;
    r->remembered--;
    r->bytes -= e->bytes;
}

static void link_newest(struct router *r, struct entry *e)
{
    e->newer = NULL;
    e->older = r->newest;
    if (r->newest)
        r->newest->newer = e;
    else
        r->oldest = e;
    r->newest = e;
    r->remembered++;
    r->bytes += e->bytes;
}

static void entry_free(struct entry *e)
{
    route_free(&e->route);
    free(e->domain);
    free(e);
}

static bool is_full(const struct router *r, size_t more)
{
    return r->remembered >= r->settings->cache_max || r->bytes + more > (size_t)r->settings->cache_max * BYTES_EACH;
}

/* The least recently used make room; those with somebody waiting are in no order, and stay. A stranger decides how large a route
 * is (many hosts, large TLSA records), so bytes count, too. */
static void make_room(struct router *r, size_t bytes)
{
    while (r->oldest && is_full(r, bytes)) {
        struct entry *e = r->oldest, **at = &r->table[e->hash & (r->cap - 1)];
        while (*at != e)
            at = &(*at)->chain;
        *at = e->chain;
        r->entries--;
        unlink_use(r, e);
        entry_free(e);
    }
}

static void grow(struct router *r)
{
    size_t cap = r->cap ? r->cap * 2 : 256;
    struct entry **table = calloc(cap, sizeof(struct entry *));
    must(table);
    for (size_t i = 0; i < r->cap; i++)
        for (struct entry *e = r->table[i], *next; e; e = next) {
            next = e->chain;
            e->chain = table[e->hash & (cap - 1)];
            table[e->hash & (cap - 1)] = e;
        }
    free(r->table);
    r->table = table;
    r->cap = cap;
}

static struct entry *entry_get(struct router *r, struct str domain)
{
    uint64_t hash = siphash(hash_process_key(), domain.p, domain.n);
    if (r->entries >= r->cap)
        grow(r);
    for (struct entry *e = r->table[hash & (r->cap - 1)]; e; e = e->chain)
        if (e->hash == hash && str_eq(str_of(e->domain), domain)) {
            if (e != r->newest && !e->under_way) {
                unlink_use(r, e);
                link_newest(r, e);
            }
            return e;
        }
    make_room(r, 0);
    struct entry *e = calloc(1, sizeof *e);
    must(e);
    e->router = r;
    e->hash = hash;
    e->domain = strndup(domain.p, domain.n);
    must(e->domain);
    e->last = &e->first;
    e->chain = r->table[hash & (r->cap - 1)];
    r->table[hash & (r->cap - 1)] = e;
    link_newest(r, e);
    r->entries++;
    return e;
}

/* ---- answers ---- */

static void answer(struct entry *e, struct route_ask *a)
{
    if (e->route)
        a->done(a->ctx, route_ref(e->route), NULL);
    else
        a->done(a->ctx, NULL, &e->trouble);
}

static void begin(struct entry *e);

static void on_answer(void *ctx, struct route *route, const struct route_trouble *t, uint32_t ttl_s)
{
    struct entry *e = ctx;
    struct router *r = e->router;
    route_free(&e->route);
    e->route = route;
    e->bytes = route ? route_bytes(route) : 0;
    if (t) {
        e->trouble = *t;
        r->stats.failures++;
    }
    bool stale = e->generation != r->generation; /* asked by rules that are no longer in force */
    e->expires_ms = stale ? 0 : loop_now_ms(r->loop) + (int64_t)ttl_s * 1000;
    struct route_ask *list = e->first;
    e->first = NULL;
    e->last = &e->first;
    while (list) {
        struct route_ask *a = list;
        list = a->next;
        r->stats.waiting--;
        answer(e, a);
    }
    e->under_way = false;
    make_room(r, e->bytes);
    link_newest(r, e);
    if (e->first)
        begin(e);
}

/* ---- rules and literals ---- */

static size_t rule_fits(struct str rule, struct str domain)
{
    if (str_eq(rule, STR("*")))
        return 1;
    if (str_eq_nocase(rule, domain))
        return SIZE_MAX;
    bool suffix = rule.n > 2 && rule.p[0] == '*' && rule.p[1] == '.' && domain.n > rule.n - 1 &&
                  str_eq_nocase(str_mem(domain.p + domain.n - (rule.n - 1), rule.n - 1), str_mem(rule.p + 1, rule.n - 1));
    return suffix ? rule.n : 0;
}

static const struct route_rule *rule_for(const struct router *r, struct str domain)
{
    const struct route_rule *best = NULL;
    size_t fit = 0;
    for (size_t i = 0; i < r->settings->rules; i++) {
        size_t f = rule_fits(r->settings->rule[i].domain, domain);
        if (f > fit) {
            fit = f;
            best = &r->settings->rule[i];
        }
    }
    return best;
}

static void end_fixed(struct entry *e, const struct route *shape, const struct route_host *h)
{
    struct route s = *shape;
    s.expires_ms = loop_now_ms(e->router->loop) + RULE_TTL_MS;
    on_answer(e, route_make(&s, h, h ? 1 : 0), NULL, RULE_TTL_MS / 1000);
}

/* ---- lookups: a bounded number at one time, for each costs memory, and strangers decide how long it takes ---- */

static void start(struct entry *e);

static void wait_in_line(struct entry *e)
{
    struct line *l = e->route ? &e->router->known : &e->router->strange;
    e->next_waiting = NULL;
    *(l->last ? &l->last->next_waiting : &l->first) = e;
    l->last = e;
}

static void next_in_line(struct router *r)
{
    while (r->lookups < LOOKUPS_MAX && dns_context(r->dns) && (r->known.first || r->strange.first)) {
        struct line *l = r->known.first ? &r->known : &r->strange;
        struct entry *e = l->first;
        l->first = e->next_waiting;
        if (!l->first)
            l->last = NULL;
        start(e);
    }
}

static void on_looked_up(void *ctx, struct route *route, const struct route_trouble *t, uint32_t ttl_s)
{
    struct entry *e = ctx;
    struct router *r = e->router;
    r->lookups--;
    on_answer(e, route, t, ttl_s);
    next_in_line(r);
}

/* Is there room for one more lookup, and somebody to ask? Otherwise the domain waits in line, and is started anew. */
static bool may_look_up(struct entry *e)
{
    struct router *r = e->router;
    bool may = r->lookups < LOOKUPS_MAX && dns_context(r->dns);
    if (may) {
        r->lookups++;
        r->stats.lookups++;
    } else {
        wait_in_line(e);
        dns_wake(r->dns);
    }
    return may;
}

static struct lookup_way way_of(struct entry *e)
{
    struct router *r = e->router;
    return (struct lookup_way){.dns = dns_context(r->dns),
                               .validates = dns_validates(r->dns),
                               .loop = r->loop,
                               .settings = &r->settings,
                               .hooks = &r->hooks,
                               .policies = &r->policies,
                               .waiters = &r->waiters,
                               .random = &r->random,
                               .done = on_looked_up,
                               .ctx = e};
}

static void look_up_domain(struct entry *e, enum secure_level tls)
{
    struct lookup_way way = way_of(e);
    if (may_look_up(e))
        lookup_mx(&way, e->domain, tls);
}

static void look_up_host(struct entry *e, const struct route *shape, const char *host, uint16_t port)
{
    struct lookup_way way = way_of(e);
    if (may_look_up(e))
        lookup_host(&way, host, port, shape);
}

static void follow_rule(struct entry *e, const struct route_rule *rule)
{
    char host[300], site[340], maildir[1024];
    snprintf(host, sizeof host, "%.*s", STR_ARGS(rule->host));
    snprintf(site, sizeof site, "%s:%u", host, rule->port);
    snprintf(maildir, sizeof maildir, "%.*s", STR_ARGS(rule->maildir));
    char login[256], password[256];
    snprintf(login, sizeof login, "%.*s", STR_ARGS(rule->login));
    snprintf(password, sizeof password, "%.*s", STR_ARGS(rule->password));
    struct route shape = {.kind = rule->kind,
                          .site = rule->kind == ROUTE_MAILDIR ? maildir : site,
                          .tls = rule->tls,
                          .login = *login ? login : NULL,
                          .password = *login ? password : NULL,
                          .maildir = rule->kind == ROUTE_MAILDIR ? maildir : NULL};
    struct route_host h = {.name = host, .vouched = true, .secure = route_demand(rule->tls)};
    if (rule->kind == ROUTE_MAILDIR) {
        end_fixed(e, &shape, NULL);
    } else if (str_starts_nocase(rule->host, STR("unix:")) ? net_parse(rule->host, &h.addr, &h.addr_len)
                                                           : net_parse_ip(rule->host, rule->port, &h.addr, &h.addr_len)) {
        end_fixed(e, &shape, &h);
    } else {
        look_up_host(e, &shape, host, rule->port);
    }
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static void follow_literal(struct entry *e, struct str inner, enum secure_level tls)
{
    struct route_host h = {.name = e->domain, .vouched = true, .secure = route_demand(tls)};
    bool v6 = str_starts_nocase(inner, STR("IPv6:"));
    struct route shape = {.kind = ROUTE_SMTP, .site = e->domain};
    if (v6)
        inner = str_mem(inner.p + 5, inner.n - 5);
    bool good =
        net_parse_ip(inner, (uint16_t)e->router->settings->port, &h.addr, &h.addr_len) && (h.addr.ss_family == AF_INET6) == v6;
    if (good && (e->router->settings->allow_special || !net_is_special((struct sockaddr *)&h.addr))) {
        end_fixed(e, &shape, &h);
        return;
    }
    struct route_trouble t = {true, "domain-not-found", ""};
    note_put(t.note, NOTE_LITERAL_REFUSED, e->domain);
    on_answer(e, NULL, &t, 300);
}

static void start(struct entry *e)
{
    struct router *r = e->router;
    struct str d = str_of(e->domain);
    bool own = r->settings->is_own && r->settings->is_own(r->settings->own_ctx, d);
    const struct route_rule *rule = own ? NULL : rule_for(r, d);
    e->generation = r->generation;
    enum secure_level tls = rule ? rule->tls : SECURE_MAY;
    if (own)
        follow_rule(e, &(struct route_rule){.kind = ROUTE_MAILDIR, .maildir = r->settings->own_maildir});
    else if (rule && (rule->host.n || rule->maildir.n))
        follow_rule(e, rule);
    else if (d.n > 2 && d.p[0] == '[')
        follow_literal(e, str_mem(d.p + 1, d.n - 2), tls);
    else
        look_up_domain(e, tls);
}

static void begin(struct entry *e)
{
    struct router *r = e->router;
    e->under_way = true;
    e->expires_ms = 0;
    unlink_use(r, e);
    start(e);
}

void route_find(struct router *r, struct str domain, struct route_ask *ask)
{
    struct entry *e = entry_get(r, domain);
    bool known = e->expires_ms > loop_now_ms(r->loop);
    if (known) {
        r->stats.cache_hits++;
        answer(e, ask);
        return;
    }
    ask->next = NULL;
    *e->last = ask;
    e->last = &ask->next;
    r->stats.waiting++;
    if (!e->under_way)
        begin(e);
}

/* ---- opening ---- */

/* Everything that was answered by the context before is asked for again. */
static void on_dns_changed(void *ctx)
{
    struct router *r = ctx;
    route_settings_use(r, r->settings);
    next_in_line(r);
}

static void on_dns_say(void *ctx, const char *text)
{
    struct router *r = ctx;
    if (r->hooks.say)
        r->hooks.say(r->hooks.ctx, text);
}

bool route_open(struct router **ret, struct loop *l, const struct route_settings *s, const struct route_hooks *h, struct fault *f)
{
    struct router *r = calloc(1, sizeof *r);
    must(r);
    r->loop = l;
    r->settings = s;
    r->hooks = *h;
    memcpy(&r->random, hash_process_key(), sizeof r->random);
    must(sts_list_parse(&r->policies, STR(""), NULL));
    if (!dns_open(&r->dns, l, s, &(struct dns_hooks){on_dns_changed, on_dns_say, r}, f)) {
        sts_list_free(&r->policies);
        free(r);
        return false;
    }
    *ret = r;
    return true;
}

void route_policies_use(struct router *r, struct sts_list *l)
{
    sts_list_free(&r->policies);
    r->policies = l;
    lookup_policies_changed(&r->waiters);
}

/* The named resolvers take a restart; rules and the rest hold from the next question on. */
void route_settings_use(struct router *r, const struct route_settings *s)
{
    r->settings = s;
    r->generation++;
    for (struct entry *e = r->oldest; e; e = e->newer)
        e->expires_ms = 0;
}

void route_close(struct router **router)
{
    struct router *r = *router;
    *router = NULL;
    if (!r)
        return;
    dns_close(&r->dns);
    lookup_waiters_drop(&r->waiters);
    sts_list_free(&r->policies);
    for (size_t i = 0; i < r->cap; i++)
        for (struct entry *e = r->table[i], *next; e; e = next) {
            next = e->chain;
            entry_free(e);
        }
    free(r->table);
    free(r);
}

void route_stats(const struct router *r, struct route_stats *ret)
{
    *ret = r->stats;
    ret->dnssec = dns_validates(r->dns);
}
