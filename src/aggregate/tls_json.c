/* tls_json: a TLS report (RFC 8460 4.4), read by jansson. Each policy becomes a row of its sessions and one for each kind of
 * failure it lists. A report on several domains is handed on as one report a domain.
 *
 * The nesting is measured before the tree is built. Reporters are forgiven numbers in quotation marks, one value where a list is
 * due and the other way round, and bytes that are no UTF-8. */
#include "aggregate/inner.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- before the tree ---- */

/* How deep arrays and objects lie within one another; strings are passed over. */
static unsigned depth_of(struct str s)
{
    unsigned depth = 0, deepest = 0;
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return deepest;
}

static json_t *load(struct str text, struct reading *r)
{
    json_error_t error;
    struct buf mended = {0};
    if (text.n > 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        text = str_mem(text.p + 3, text.n - 3);
    text_mended(text, &mended);
    json_t *root = json_loadb(mended.p, mended.n, 0, &error);
    buf_done(&mended);
    if (!root)
        refuse(r, "it is no JSON that can be read: line %d: %s", error.line, error.text);
    return root;
}

/* ---- values ---- */

static struct str string_at(const json_t *o, const char *name, struct arena *a)
{
    const json_t *v = json_object_get(o, name);
    if (json_is_array(v))
        v = json_array_get(v, 0);
    struct str s = json_is_string(v) ? str_mem(json_string_value(v), json_string_length(v)) : STR("");
    s.n = s.n < AGGREGATE_TEXT_MAX ? s.n : AGGREGATE_TEXT_MAX;
    return arena_str(a, str_trim(s));
}

/* False: it is there and no count. */
static bool count_at(const json_t *o, const char *name, uint64_t *ret)
{
    const json_t *v = json_object_get(o, name);
    *ret = 0;
    if (!v || json_is_null(v))
        return true;
    if (json_is_string(v))
        return str_to_u64(str_of(json_string_value(v)), AGGREGATE_COUNT_MAX, ret);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > (json_int_t)AGGREGATE_COUNT_MAX)
        return false;
    *ret = (uint64_t)json_integer_value(v);
    return true;
}

/* RFC 3339, to the second; 0: it is no such time. */
static int64_t time_at(const json_t *o, const char *name, struct arena *a)
{
    const char *text = arena_strz(a, string_at(o, name, a));
    struct tm t = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);
    int hours, minutes;
    char sign;
    if (!rest)
        return 0;
    int64_t at = timegm(&t);
    while (*rest == '.' || (*rest >= '0' && *rest <= '9'))
        rest++;
    if (sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-'))
        at -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    return at > 0 ? at : 0;
}

/* ---- rows ---- */

struct tls {
    struct reading *r;
    struct arena *arena;
    struct aggregate_report report;
    struct buf rows;    /* struct tls_row */
    struct buf domains; /* struct str, one a row */
};

static void add_row(struct tls *x, const struct tls_row *row, struct str domain)
{
    buf_add(&x->rows, row, sizeof *row);
    buf_add(&x->domains, &domain, sizeof domain);
}

static bool full(struct tls *x) { return x->rows.n / sizeof(struct tls_row) >= AGGREGATE_ROWS_MAX; }

static void add_failure(struct tls *x, const json_t *d, struct str policy, struct str domain)
{
    struct arena *a = x->arena;
    struct tls_row row = {.policy = policy, .result = lower_of(string_at(d, "result-type", a), a)};
    if (!count_at(d, "failed-session-count", &row.failed) || row.result.n == 0 || full(x)) {
        x->report.left_out++;
        return;
    }
    row.sender_ip = address_of(string_at(d, "sending-mta-ip", a), a);
    row.receiver_ip = address_of(string_at(d, "receiving-ip", a), a);
    row.mx = lower_of(string_at(d, "receiving-mx-hostname", a), a);
    row.reason = string_at(d, "failure-reason-code", a);
    if (row.reason.n == 0)
        row.reason = string_at(d, "failure-error-code", a); /* RFC 8460 names it both ways */
    add_row(x, &row, domain);
}

static void add_policy(struct tls *x, const json_t *p)
{
    struct arena *a = x->arena;
    const json_t *what = json_object_get(p, "policy"), *sum = json_object_get(p, "summary"), *d;
    struct tls_row row = {.policy = lower_of(string_at(what, "policy-type", a), a),
                          .result = STR(""),
                          .sender_ip = STR(""),
                          .receiver_ip = STR(""),
                          .reason = STR("")};
    struct str named = string_at(what, "policy-domain", a), domain = named.n ? domain_of(named, a) : x->r->domain;
    size_t i;
    row.mx = lower_of(string_at(what, "mx-host", a), a);
    bool counted = count_at(sum, "total-successful-session-count", &row.ok);
    if (!count_at(sum, "total-failure-session-count", &row.failed) || !counted || !json_is_object(what) ||
        (named.n && !domain.n) || full(x)) {
        x->report.left_out++;
        return;
    }
    add_row(x, &row, domain);
    json_array_foreach(json_object_get(p, "failure-details"), i, d) add_failure(x, d, row.policy, domain);
}

/* ---- a report ---- */

enum { DOMAINS_MAX = 64 };

static enum aggregate_result hand_on_domain(struct tls *x, struct str domain)
{
    const struct str *domains = (const struct str *)(void *)x->domains.p;
    const struct tls_row *row = (const struct tls_row *)(void *)x->rows.p;
    struct buf own = {0};
    x->report.domain = domain;
    x->report.rows = 0;
    x->report.total = 0;
    for (size_t i = 0; i < x->domains.n / sizeof *domains; i++)
        if (str_eq(domains[i], domain)) {
            buf_add(&own, &row[i], sizeof row[i]);
            x->report.rows++;
            x->report.total += row[i].result.n ? 0 : row[i].ok + row[i].failed;
        }
    x->report.tls = (struct tls_row *)(void *)own.p;
    enum aggregate_result got = hand_on(x->r, &x->report);
    buf_done(&own);
    return got;
}

static bool among(const struct str *list, unsigned n, struct str s)
{
    for (unsigned i = 0; i < n; i++)
        if (str_eq(list[i], s))
            return true;
    return false;
}

static enum aggregate_result finish(struct tls *x)
{
    enum aggregate_result best = AGGREGATE_NONE;
    const struct str *domains = (const struct str *)(void *)x->domains.p;
    struct str distinct[DOMAINS_MAX];
    unsigned n = 0;
    for (size_t i = 0; i < x->domains.n / sizeof *domains; i++) {
        if (among(distinct, n, domains[i]))
            continue;
        if (n == DOMAINS_MAX)
            return refuse(x->r, "it is about more than %d domains", DOMAINS_MAX);
        distinct[n++] = domains[i];
    }
    if (n == 0)
        return refuse(x->r, "none of its policies can be read");
    for (unsigned i = 0; i < n && best != AGGREGATE_FAILED; i++)
        best = better_of(best, hand_on_domain(x, distinct[i]));
    return best;
}

static void read_head(struct tls *x, const json_t *root)
{
    const json_t *range = json_object_get(root, "date-range");
    struct aggregate_report *p = &x->report;
    *p = (struct aggregate_report){.kind = AGGREGATE_TLS, .policy = STR("")};
    p->organisation = string_at(root, "organization-name", x->arena);
    p->contact = string_at(root, "contact-info", x->arena);
    p->id = string_at(root, "report-id", x->arena);
    p->begin_s = time_at(range, "start-datetime", x->arena);
    p->end_s = time_at(range, "end-datetime", x->arena);
    if (p->end_s < p->begin_s)
        p->end_s = p->begin_s;
}

enum aggregate_result tls_read(struct str text, struct reading *r)
{
    struct arena a = {0};
    struct tls x = {.r = r, .arena = &a};
    if (text.n > AGGREGATE_JSON_MAX)
        return refuse(r, "a TLS report of more than %d MiB is not read", AGGREGATE_JSON_MAX >> 20);
    if (depth_of(text) > AGGREGATE_DEPTH_MAX)
        return refuse(r, "its arrays and objects lie more than %d deep within one another", AGGREGATE_DEPTH_MAX);
    json_t *root = load(text, r), *policy;
    const json_t *policies = json_object_get(root, "policies");
    enum aggregate_result got = root ? AGGREGATE_NONE : AGGREGATE_REFUSED;
    size_t i;
    if (json_is_array(policies)) {
        read_head(&x, root);
        json_array_foreach(policies, i, policy) add_policy(&x, policy);
        got = finish(&x);
    }
    json_decref(root);
    buf_done(&x.rows);
    buf_done(&x.domains);
    arena_done(&a);
    return got;
}
