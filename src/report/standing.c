/* standing: see standing.h. Troubles (site, domain, cause) are read, sorted so that those of one receiver and cause lie together,
 * and given a group; then each row that waits is counted in its trouble and group. A receiver is found from its servers' names as
 * they are now understood, so what is stored needs no change when a provider becomes known. */
#include "report/standing.h"

#include "explain/explain.h"
#include "lib/must.h"
#include "store/waiting.h"

#include <stdlib.h>

/* A receiver and its key: the provider's name, else the site, else the domain. */
struct trouble {
    int64_t number;
    struct store_trouble is;
    const char *provider, *title;
    struct str key;
    bool wanted;
    struct standing_group *group;
    uint64_t messages;
    struct id last; /* the message counted last */
};

struct reading {
    struct arena *arena;
    struct trouble *trouble;
    size_t n, cap;
    struct str domain; /* that is asked for */
};

/* ---- who receives ---- */

/* A site is the names of its hosts, parted by commas; one of a rule may have a port. */
static bool provider_of(struct str site, struct str domain, const char **ret_name, const char **ret_title)
{
    for (struct str rest = site; rest.p && site.n;) {
        struct str host = str_split(&rest, ','), port = host;
        if (explain_provider(str_split(&port, ':'), ret_name, ret_title))
            return true;
    }
    return site.n == 0 && explain_provider(domain, ret_name, ret_title);
}

static bool is_host_in(struct str site, struct str domain)
{
    for (struct str rest = site; rest.p && site.n;) {
        struct str port = str_split(&rest, ','), host = str_split(&port, ':');
        size_t more = host.n - domain.n;
        if (host.n >= domain.n && str_eq_nocase(str_mem(host.p + more, domain.n), domain) && (!more || host.p[more - 1] == '.'))
            return true;
    }
    return false;
}

/* ---- troubles ---- */

static void add_trouble(void *ctx, int64_t number, const struct store_trouble *is)
{
    struct reading *r = ctx;
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->trouble = realloc(r->trouble, r->cap * sizeof *r->trouble);
        must(r->trouble);
    }
    struct trouble *t = &r->trouble[r->n++];
    *t = (struct trouble){.number = number};
    t->is = (struct store_trouble){arena_str(r->arena, is->site), arena_str(r->arena, is->domain), arena_str(r->arena, is->cause),
                                   arena_str(r->arena, is->said)};
    bool known = provider_of(t->is.site, t->is.domain, &t->provider, &t->title);
    t->key = known ? str_of(t->provider) : t->is.site.n ? t->is.site : t->is.domain;
    t->wanted = r->domain.n == 0 || str_eq_nocase(t->is.domain, r->domain) || (known && str_eq_nocase(t->key, r->domain));
}

static int compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_key_and_cause(const void *a, const void *b)
{
    const struct trouble *x = a, *y = b;
    int c = compare(x->key, y->key);
    c = c ? c : compare(x->is.cause, y->is.cause);
    return c ? c : compare(x->is.domain, y->is.domain);
}

static int by_number(const void *a, const void *b)
{
    const struct trouble *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static struct trouble *find(const struct reading *r, int64_t number)
{
    const struct trouble key = {.number = number};
    return r->n ? bsearch(&key, r->trouble, r->n, sizeof key, by_number) : NULL;
}

/* Gives each trouble its group; counts start anew. Returns how many groups there are. */
static uint32_t make_groups(struct reading *r, struct standing_group **ret)
{
    struct standing_group *g = arena_alloc(r->arena, (r->n + 1) * sizeof *g);
    uint32_t n = 0;
    if (r->n)
        qsort(r->trouble, r->n, sizeof *r->trouble, by_key_and_cause);
    for (size_t i = 0; i < r->n; i++) {
        struct trouble *t = &r->trouble[i];
        if (i == 0 || compare(t->key, t[-1].key) != 0 || compare(t->is.cause, t[-1].is.cause) != 0)
            g[n++] = (struct standing_group){.to = {.provider = t->provider, .title = t->title, .site = t->is.site},
                                             .cause = t->is.cause};
        t->group = &g[n - 1];
        t->messages = 0;
        t->last = (struct id){{0}};
    }
    if (r->n)
        qsort(r->trouble, r->n, sizeof *r->trouble, by_number);
    *ret = g;
    return n;
}

/* ---- counting ---- */

static void count_span(struct standing_group *g, const struct trouble *t, int64_t first_ms)
{
    if (g->recipients == 0 || first_ms < g->since_ms)
        g->since_ms = first_ms;
    if (g->recipients == 0)
        g->said = t->is.said;
}

static void count_waiting(void *ctx, const struct store_waiting *w)
{
    struct reading *r = ctx;
    struct trouble *t = find(r, w->trouble);
    if (!t || !t->wanted)
        return;
    struct standing_group *g = t->group;
    count_span(g, t, w->since_ms);
    g->recipients++;
    g->messages += !id_eq(g->example, w->id);
    t->messages += !id_eq(t->last, w->id);
    g->example = t->last = w->id;
    if (w->next_ms && (!g->next_ms || w->next_ms < g->next_ms))
        g->next_ms = w->next_ms;
}

static void count_refused(void *ctx, const struct store_refused *w)
{
    struct reading *r = ctx;
    struct trouble *t = find(r, w->trouble);
    if (!t || !t->wanted)
        return;
    struct standing_group *g = t->group;
    count_span(g, t, w->first_ms);
    g->recipients += w->recipients;
    g->messages += w->recipients;
    t->messages += w->recipients;
    g->next_ms = w->last_ms > g->next_ms ? w->last_ms : g->next_ms;
}

static int busiest_first(const void *a, const void *b)
{
    const struct receiver_domain *x = a, *y = b;
    if (x->messages != y->messages)
        return x->messages < y->messages ? 1 : -1;
    return compare(x->domain, y->domain);
}

/* Troubles in the order of domains: one domain's may differ by site, and are counted together. */
static void add_domain(struct receiver *to, const struct trouble *t)
{
    struct receiver_domain *last = to->domains ? &to->domain[to->domains - 1] : NULL;
    if (last && str_eq(last->domain, t->is.domain))
        last->messages += t->messages;
    else
        to->domain[to->domains++] = (struct receiver_domain){t->is.domain, t->messages};
}

static void sort_domains(struct receiver *to)
{
    if (to->domains)
        qsort(to->domain, to->domains, sizeof *to->domain, busiest_first);
}

/* A group's troubles lie together, in the order of their domains. */
static void fill_domains(struct reading *r)
{
    if (r->n)
        qsort(r->trouble, r->n, sizeof *r->trouble, by_key_and_cause);
    for (size_t i = 0, end; i < r->n; i = end) {
        struct receiver *to = &r->trouble[i].group->to;
        for (end = i; end < r->n && &r->trouble[end].group->to == to;)
            end++;
        to->domain = arena_alloc(r->arena, (end - i) * sizeof *to->domain);
        for (size_t k = i; k < end; k++)
            if (r->trouble[k].messages)
                add_domain(to, &r->trouble[k]);
        sort_domains(to);
    }
}

bool standing_is_ours(struct str cause)
{
    const struct cause *c = cause_find(cause);
    return str_eq(cause, STR(STORE_HELD)) || (c && (c->whose >= WHOSE_SENDER_CONTENT && c->whose <= WHOSE_SENDER_VOLUME)) ||
           (c && c->whose == WHOSE_US);
}

static int most_important_first(const void *a, const void *b)
{
    const struct standing_group *x = a, *y = b;
    bool ours_x = standing_is_ours(x->cause), ours_y = standing_is_ours(y->cause);
    if (ours_x != ours_y)
        return ours_x ? -1 : 1;
    if (x->messages != y->messages)
        return x->messages < y->messages ? 1 : -1;
    return (x->since_ms > y->since_ms) - (x->since_ms < y->since_ms);
}

/* Who asks for one domain is told of that, whoever serves it. */
static void name_as_asked(const struct reading *r, struct receiver *to)
{
    if (to->domains == 1 && str_eq_nocase(to->domain[0].domain, r->domain))
        to->title = NULL;
}

/* Groups that nothing counted for go; the others are ordered. */
static uint32_t finish(struct reading *r, struct standing_group *g, uint32_t n)
{
    uint32_t kept = 0;
    fill_domains(r);
    for (uint32_t i = 0; i < n; i++) {
        name_as_asked(r, &g[i].to);
        if (g[i].recipients)
            g[kept++] = g[i];
    }
    if (kept)
        qsort(g, kept, sizeof *g, most_important_first);
    return kept;
}

/* ---- what rests ---- */

struct lane_line {
    struct str site, state;
    uint64_t ready, rest_s, bars;
    const struct cause *cause;
};

static bool read_line(struct str line, struct lane_line *ret)
{
    struct str field[12];
    for (size_t i = 0; i < 12; i++)
        field[i] = line.p ? str_split(&line, '\t') : (struct str){0};
    *ret = (struct lane_line){.site = field[0], .state = field[2], .cause = cause_find(field[11])};
    return str_to_u64(field[3], UINT64_MAX, &ret->ready) && str_to_u64(field[6], UINT32_MAX, &ret->rest_s) &&
           str_to_u64(field[10], UINT32_MAX, &ret->bars);
}

static void add_lane(struct standing *s, const struct lane_line *l, int64_t now_ms)
{
    enum rest_kind kind = str_eq(l->state, STR("paused"))   ? REST_PAUSED
                          : str_eq(l->state, STR("barred")) ? REST_BARRED
                          : str_eq(l->state, STR("down"))   ? REST_DOWN
                                                            : 0;
    s->in_line += l->ready;
    if (kind)
        s->rest[s->rest_n++] = (struct standing_rest){.to.site = arena_str(&s->arena, l->site),
                                                      .kind = kind,
                                                      .cause = l->cause ? l->cause->name : NULL,
                                                      .bars = (unsigned)l->bars,
                                                      .until_ms = l->rest_s ? now_ms + (int64_t)l->rest_s * 1000 : 0,
                                                      .recipients = l->ready};
}

static int rest_by_site(const void *a, const void *b)
{
    const struct standing_rest *x = a, *y = b;
    return compare(x->to.site, y->to.site);
}

static int worst_first(const void *a, const void *b)
{
    const struct standing_rest *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->recipients != y->recipients)
        return x->recipients < y->recipients ? 1 : -1;
    return compare(x->to.site, y->to.site);
}

/* A site's lanes share its state; their jobs are counted together. */
static void merge_lanes(struct standing *s)
{
    uint32_t n = 0;
    if (s->rest_n)
        qsort(s->rest, s->rest_n, sizeof *s->rest, rest_by_site);
    for (uint32_t i = 0; i < s->rest_n; i++) {
        if (n > 0 && str_eq(s->rest[n - 1].to.site, s->rest[i].to.site))
            s->rest[n - 1].recipients += s->rest[i].recipients;
        else
            s->rest[n++] = s->rest[i];
    }
    s->rest_n = n;
}

static int trouble_by_site(const void *a, const void *b)
{
    const struct trouble *x = a, *y = b;
    int c = compare(x->is.site, y->is.site);
    return c ? c : compare(x->is.domain, y->is.domain);
}

/* The domains that were seen at each site; both are in the order of sites. */
static void fill_rest_domains(struct standing *s, struct reading *r)
{
    size_t i = 0;
    if (r->n)
        qsort(r->trouble, r->n, sizeof *r->trouble, trouble_by_site);
    for (uint32_t k = 0; k < s->rest_n; k++) {
        struct receiver *to = &s->rest[k].to;
        size_t end;
        while (i < r->n && compare(r->trouble[i].is.site, to->site) < 0)
            i++;
        for (end = i; end < r->n && str_eq(r->trouble[end].is.site, to->site);)
            end++;
        to->domain = arena_alloc(r->arena, (end - i + 1) * sizeof *to->domain);
        for (; i < end; i++)
            add_domain(to, &r->trouble[i]);
        sort_domains(to);
    }
}

static bool rest_wanted(const struct reading *r, const struct receiver *to)
{
    bool wanted =
        r->domain.n == 0 || is_host_in(to->site, r->domain) || (to->provider && str_eq_nocase(str_of(to->provider), r->domain));
    for (uint32_t i = 0; i < to->domains; i++)
        wanted |= str_eq_nocase(to->domain[i].domain, r->domain);
    return wanted;
}

static size_t lines_in(struct str text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

static void read_rests(struct standing *s, struct reading *r, struct str lanes, int64_t now_ms)
{
    uint32_t kept = 0;
    s->engine = true;
    s->rest = arena_alloc(&s->arena, lines_in(lanes) * sizeof *s->rest);
    while (lanes.n) {
        struct lane_line l;
        if (read_line(str_split(&lanes, '\n'), &l))
            add_lane(s, &l, now_ms);
    }
    merge_lanes(s);
    fill_rest_domains(s, r);
    for (uint32_t i = 0; i < s->rest_n; i++) {
        struct standing_rest *x = &s->rest[i];
        provider_of(x->to.site, STR(""), &x->to.provider, &x->to.title);
        if (rest_wanted(r, &x->to))
            s->rest[kept++] = *x;
    }
    s->rest_n = kept;
    if (kept)
        qsort(s->rest, kept, sizeof *s->rest, worst_first);
}

/* ---- the whole ---- */

void standing_read(struct standing *ret, struct store *s, const struct str *lanes, struct str domain, int64_t now_ms,
                   int64_t refused_since_ms)
{
    *ret = (struct standing){0};
    struct reading r = {.arena = &ret->arena, .domain = domain};
    store_view_begin(s);
    ret->queued = store_queue_length(s);
    store_troubles(s, add_trouble, &r);
    uint32_t n = make_groups(&r, &ret->refused);
    store_refused_each(s, refused_since_ms, count_refused, &r);
    ret->refused_n = finish(&r, ret->refused, n);
    n = make_groups(&r, &ret->waiting);
    store_waiting_each(s, count_waiting, &r);
    ret->waiting_n = finish(&r, ret->waiting, n);
    store_view_end(s);
    if (lanes)
        read_rests(ret, &r, *lanes, now_ms);
    free(r.trouble);
}

void standing_done(struct standing *s) { arena_done(&s->arena); }
