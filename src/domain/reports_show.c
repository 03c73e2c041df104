/* reports_show: see reports_show.h. Names, addresses and words in a report are strangers': they are shown without control
 * characters. */
#include "domain/reports_show.h"

#include "cli/catalogue.h"

#include <stdio.h>
#include <time.h>

enum { DATE = 12, SHOWN_MAX = 20, REPORTERS_SHOWN = 8, LINE_MOST = 100, VALUE_AT = 18 };

CATALOGUE(reports_text, REPORTS_TEXTS)

static const char *const kinds[] = {"dmarc", "tls"};
static const char *const origin_words[ORIGIN_KINDS] = {"ours", "forwarded", "service", "stranger"};

/* ---- what to make of it ---- */

/* RFC 8460 4.3, in the order of the catalogue; the last stands for what is not among them. */
static const char *const results[] = {"starttls-not-supported", "certificate-host-mismatch",
                                      "certificate-expired",    "certificate-not-trusted",
                                      "validation-failure",     "tlsa-invalid",
                                      "dnssec-invalid",         "dane-required",
                                      "sts-policy-fetch-error", "sts-policy-invalid",
                                      "sts-webpki-invalid",     "other"};
enum { RESULTS = sizeof results / sizeof *results };

static unsigned result_number(struct str result)
{
    unsigned i = 0;
    while (i < RESULTS - 1 && !str_eq(result, str_of(results[i])))
        i++;
    return i;
}

static enum reports_text meaning_of(struct str result) { return RT_TLS_WHAT_0 + 2 * result_number(result); }
static enum reports_text remedy_of(struct str result) { return RT_TLS_DO_0 + 2 * result_number(result); }

static enum reports_text policy_meaning(struct str policy)
{
    return str_eq(policy, STR("sts"))               ? RT_POLICY_STS
           : str_eq(policy, STR("tlsa"))            ? RT_POLICY_TLSA
           : str_eq(policy, STR("no-policy-found")) ? RT_POLICY_NONE
                                                    : RT_POLICY_OTHER;
}

static bool is_strict(const struct reports_sum *s)
{
    struct str rule = reports_rule(s->policy);
    return str_eq(rule, STR("quarantine")) || str_eq(rule, STR("reject"));
}

static enum reports_text rule_meaning(const struct reports_sum *s)
{
    struct str rule = reports_rule(s->policy);
    return str_eq(rule, STR("reject"))       ? RT_RULE_REJECT
           : str_eq(rule, STR("quarantine")) ? RT_RULE_QUARANTINE
           : str_eq(rule, STR("none"))       ? RT_RULE_NONE
                                             : RT_RULE_UNKNOWN;
}

static enum reports_text remedy_for(const struct reports_sum *s, enum origin w)
{
    bool all = s->of[w].proven == s->of[w].messages;
    switch (w) {
    case ORIGIN_OURS:
        return all ? RT_DO_NOTHING : RT_DO_OURS;
    case ORIGIN_FORWARDED:
        return all ? RT_DO_NOTHING : RT_DO_FORWARDED;
    case ORIGIN_SERVICE:
        return RT_DO_SERVICE;
    case ORIGIN_STRANGER:
    case ORIGIN_KINDS:
        break;
    }
    return is_strict(s) ? RT_DO_STRANGER_STRICT : RT_DO_STRANGER;
}

/* Nothing stands in the way of a stricter rule. */
static bool may_be_stricter(const struct reports_sum *s)
{
    return s->all.messages > 0 && s->all.proven == s->all.messages && !is_strict(s);
}

/* ---- for people ---- */

static void date_of(int64_t at_s, char out[DATE])
{
    time_t at = at_s;
    struct tm t;
    gmtime_r(&at, &t);
    strftime(out, DATE, "%Y-%m-%d", &t);
}

static size_t letters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* A word and what fills it up to the column. */
static void put_padded(struct str s, size_t column, struct buf *b)
{
    buf_add_str(b, s);
    for (size_t n = letters(s); n < column; n++)
        buf_add_str(b, STR(" "));
}

/* "  label         ", behind which a value stands. */
static void put_label(const char *label, struct buf *b)
{
    buf_add_str(b, STR("  "));
    put_padded(str_of(label), VALUE_AT, b);
}

/* Text in lines of bearable length, each begun with `indent` blanks; the first stands at `column` already. */
static void put_paragraph(struct str text, size_t column, size_t indent, struct buf *b)
{
    const char *gap = "";
    for (struct str rest = text; rest.p;) {
        struct str word = str_split(&rest, ' ');
        if (column > indent && column + letters(word) > LINE_MOST) {
            buf_addf(b, "\n%*s", (int)indent, "");
            column = indent;
            gap = "";
        }
        buf_addf(b, "%s%.*s", gap, STR_ARGS(word));
        column += letters(word) + 1;
        gap = " ";
    }
    buf_add_str(b, STR("\n"));
}

static void put_between(int64_t begin_s, int64_t end_s, enum lang l, struct buf *b)
{
    char begin[DATE], end[DATE];
    date_of(begin_s, begin);
    date_of(end_s, end);
    buf_addf(b, "%s %s %s", begin, reports_text(l, RT_TO), end);
}

static void put_name(struct str name, enum lang l, struct buf *b)
{
    common_safe(name.n ? name : str_of(reports_text(l, RT_NO_NAME)), 60, b);
}

static void put_reporters(const struct reports_head *h, enum lang l, struct buf *b)
{
    struct buf text = {0};
    buf_addf(&text, "%u, %s ", h->reports, reports_text(l, RT_FROM));
    for (unsigned i = 0; i < h->reporters && i < REPORTERS_SHOWN; i++) {
        buf_add_str(&text, str_of(i ? ", " : ""));
        put_name(h->reporter[i].name, l, &text);
        buf_addf(&text, " (%u)", h->reporter[i].reports);
    }
    if (h->reporters > REPORTERS_SHOWN)
        buf_addf(&text, " %s", reports_text(l, RT_OTHERS));
    put_label(reports_text(l, RT_REPORTS), b);
    put_paragraph(buf_str(&text), VALUE_AT + 2, VALUE_AT + 2, b);
    buf_done(&text);
}

/* Rounded, but nothing is all or none that is not. */
static unsigned percent(uint64_t part, uint64_t whole)
{
    unsigned p = whole ? (unsigned)((part * 100 + whole / 2) / whole) : 0;
    return p == 0 && part > 0 ? 1 : p == 100 && part < whole ? 99 : p;
}

/* "  label   123 (45%): what that is" */
static void put_share(const char *label, uint64_t part, uint64_t whole, const char *what, struct buf *b)
{
    put_label(label, b);
    buf_addf(b, "%llu", (unsigned long long)part);
    if (whole)
        buf_addf(b, " (%u%%)", percent(part, whole));
    buf_addf(b, ": %s\n", what);
}

static void put_numbers(const struct tally *t, enum lang l, struct buf *b)
{
    static const enum reports_text fates[FATES] = {RT_DELIVERED, RT_QUARANTINED, RT_REJECTED};
    buf_addf(b, "%s %llu, SPF %llu, DKIM %llu", reports_text(l, RT_MESSAGES), (unsigned long long)t->messages,
             (unsigned long long)t->spf, (unsigned long long)t->dkim);
    for (int i = 0; i < FATES; i++)
        if (t->fate[i])
            buf_addf(b, ", %s %llu", reports_text(l, fates[i]), (unsigned long long)t->fate[i]);
}

static void put_source(const struct source_sum *s, enum lang l, struct buf *b)
{
    buf_add_str(b, STR("    "));
    put_padded(s->ip.n ? s->ip : str_of(reports_text(l, RT_UNKNOWN_IP)), 24, b);
    buf_add_str(b, STR(" "));
    put_numbers(&s->tally, l, b);
    buf_add_str(b, STR("\n"));
    for (unsigned i = 0; i < s->names; i++) {
        buf_addf(b, i ? ", " : "      %s ", reports_text(l, RT_ALSO_AS));
        common_safe(s->name[i], 80, b);
    }
    buf_add_str(b, str_of(s->names ? "\n" : ""));
    if (s->reason.n) {
        buf_addf(b, "      %s ", reports_text(l, RT_EXCEPTION));
        common_safe(s->reason, 80, b);
        buf_add_str(b, STR("\n"));
    }
}

static void put_group(const struct reports_sum *s, enum origin w, enum lang l, struct buf *b)
{
    unsigned shown = 0, more = 0;
    if (s->of[w].messages == 0)
        return;
    buf_addf(b, "\n%s\n  ", reports_text(l, RT_WHOSE_0 + w));
    put_paragraph(str_of(reports_text(l, RT_WHOSE_IS_0 + w)), 2, 2, b);
    for (size_t i = 0; i < s->sources; i++)
        if (s->source[i].whose == w && shown < SHOWN_MAX) {
            put_source(&s->source[i], l, b);
            shown++;
        } else if (s->source[i].whose == w) {
            more++;
        }
    if (more)
        buf_addf(b, "    %s %u\n", reports_text(l, RT_MORE), more);
    size_t before = b->n;
    buf_addf(b, "  -> %s: ", reports_text(l, RT_DO));
    put_paragraph(str_of(reports_text(l, remedy_for(s, w))), letters(str_mem(b->p + before, b->n - before)), 5, b);
}

static void put_dmarc(const struct reports_sum *s, enum lang l, struct buf *b)
{
    struct str rule = reports_rule(s->policy);
    buf_addf(b, "%.*s: %s, ", STR_ARGS(s->domain), reports_text(l, RT_HEAD));
    put_between(s->dmarc.begin_s, s->dmarc.end_s, l, b);
    buf_add_str(b, STR("\n\n"));
    put_reporters(&s->dmarc, l, b);
    put_label(reports_text(l, RT_MESSAGES), b);
    buf_addf(b, "%llu\n", (unsigned long long)s->all.messages);
    put_share(reports_text(l, RT_PROVEN), s->all.proven, s->all.messages, reports_text(l, RT_PROVEN_IS), b);
    put_share(reports_text(l, RT_UNPROVEN), s->all.messages - s->all.proven, s->all.messages, reports_text(l, RT_UNPROVEN_IS), b);
    put_label(reports_text(l, RT_RULE), b);
    buf_addf(b, "%s%.*s%s%s\n\n  ", rule.n ? "p=" : "", STR_ARGS(rule), rule.n ? ": " : "", reports_text(l, rule_meaning(s)));
    put_paragraph(str_of(reports_text(l, RT_GLOSSARY)), 2, 2, b);
    for (int w = 0; w < ORIGIN_KINDS; w++)
        put_group(s, (enum origin)w, l, b);
    if (may_be_stricter(s)) {
        buf_add_str(b, STR("\n"));
        put_paragraph(str_of(reports_text(l, RT_DO_STRICTER)), 0, 0, b);
    }
}

static void put_failure(const struct failure_sum *t, enum lang l, struct buf *b)
{
    buf_add_str(b, STR("\n  "));
    common_safe(t->result, 60, b);
    buf_addf(b, ": %s %llu", reports_text(l, RT_SESSIONS), (unsigned long long)t->sessions);
    for (unsigned i = 0; i < t->mxs; i++) {
        buf_addf(b, i ? ", " : ", %s ", reports_text(l, RT_TLS_AT));
        common_safe(t->mx[i], 80, b);
    }
    buf_add_str(b, STR("\n    "));
    put_paragraph(str_of(reports_text(l, meaning_of(t->result))), 4, 4, b);
    if (t->reason.n) {
        buf_addf(b, "    %s: ", reports_text(l, RT_TLS_SAID));
        common_safe(t->reason, 200, b);
        buf_add_str(b, STR("\n"));
    }
    size_t before = b->n;
    buf_addf(b, "    -> %s: ", reports_text(l, RT_DO));
    put_paragraph(str_of(reports_text(l, remedy_of(t->result))), letters(str_mem(b->p + before, b->n - before)), 7, b);
}

static void put_tls(const struct reports_sum *s, enum lang l, struct buf *b)
{
    uint64_t all = s->ok + s->failed;
    buf_addf(b, "%.*s: %s, ", STR_ARGS(s->domain), reports_text(l, RT_TLS_HEAD));
    put_between(s->tls.begin_s, s->tls.end_s, l, b);
    buf_add_str(b, STR("\n\n"));
    put_reporters(&s->tls, l, b);
    put_label(reports_text(l, RT_SESSIONS), b);
    buf_addf(b, "%llu\n", (unsigned long long)all);
    put_label(reports_text(l, RT_TLS_OK), b);
    buf_addf(b, "%llu (%u%%)\n", (unsigned long long)s->ok, percent(s->ok, all));
    if (s->failed)
        put_share(reports_text(l, RT_TLS_FAILED), s->failed, all, reports_text(l, RT_TLS_FAILED_IS), b);
    for (unsigned i = 0; i < s->policies; i++) {
        put_label(reports_text(l, RT_POLICY), b);
        common_safe(s->policy_of[i].policy, 40, b);
        buf_addf(b, " (%llu): %s\n", (unsigned long long)(s->policy_of[i].ok + s->policy_of[i].failed),
                 reports_text(l, policy_meaning(s->policy_of[i].policy)));
    }
    if (!s->failed && !s->failures)
        buf_addf(b, "  -> %s: %s\n", reports_text(l, RT_DO), reports_text(l, RT_DO_NOTHING));
    for (unsigned i = 0; i < s->failures; i++)
        put_failure(&s->failure[i], l, b);
}

void reports_show(const struct reports_sum *s, enum lang l, struct buf *b)
{
    if (s->dmarc.reports)
        put_dmarc(s, l, b);
    if (s->dmarc.reports && s->tls.reports)
        buf_add_str(b, STR("\n\n"));
    if (s->tls.reports)
        put_tls(s, l, b);
    if (!s->dmarc.reports && !s->tls.reports)
        buf_addf(b, "%s %.*s\n", reports_text(l, RT_NONE_OF), STR_ARGS(s->domain));
}

void reports_line(const struct store_report *r, enum lang l, struct buf *b)
{
    put_between(r->begin_s, r->end_s, l, b);
    buf_add_str(b, STR("  "));
    put_padded(r->domain.n ? r->domain : str_of(reports_text(l, RT_NO_DOMAIN)), 24, b);
    buf_add_str(b, STR(" "));
    put_padded(str_of(reports_text(l, r->kind == AGGREGATE_DMARC ? RT_KIND_0 : RT_KIND_1)), 17, b);
    buf_addf(b, " %s ", reports_text(l, RT_FROM));
    put_name(r->organisation, l, b);
    buf_addf(b, ", %s %llu", reports_text(l, r->kind == AGGREGATE_DMARC ? RT_MESSAGES : RT_SESSIONS),
             (unsigned long long)r->total);
}

/* ---- for programs ---- */

static void member(struct buf *b, const char *name, struct str value)
{
    buf_addf(b, ",\"%s\":", name);
    common_json(value, b);
}

static void number(struct buf *b, const char *name, uint64_t value)
{
    buf_addf(b, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void time_member(struct buf *b, const char *name, int64_t at_s)
{
    char text[32];
    time_t at = at_s;
    struct tm t;
    gmtime_r(&at, &t);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t);
    member(b, name, str_of(text));
}

void reports_line_json(const struct store_report *r, struct buf *b)
{
    buf_addf(b, "\"kind\":\"%s\"", kinds[r->kind]);
    member(b, "domain", r->domain);
    member(b, "organisation", r->organisation);
    member(b, "contact", r->contact);
    member(b, "report_id", r->id);
    time_member(b, "begin", r->begin_s);
    time_member(b, "end", r->end_s);
    number(b, "rows", r->rows);
    number(b, r->kind == AGGREGATE_DMARC ? "messages" : "sessions", r->total);
    if (r->kind == AGGREGATE_DMARC)
        member(b, "policy", r->policy);
}

static void texts_json(const char *name, const struct str *list, unsigned n, struct buf *b)
{
    buf_addf(b, ",\"%s\":[", name);
    for (unsigned i = 0; i < n; i++) {
        buf_add_str(b, str_of(i ? "," : ""));
        common_json(list[i], b);
    }
    buf_add_str(b, STR("]"));
}

static void tally_json(const struct tally *t, struct buf *b)
{
    buf_addf(b, "\"messages\":%llu", (unsigned long long)t->messages);
    number(b, "spf", t->spf);
    number(b, "dkim", t->dkim);
    number(b, "aligned", t->proven);
    number(b, "delivered", t->fate[FATE_DELIVERED]);
    number(b, "quarantined", t->fate[FATE_QUARANTINED]);
    number(b, "rejected", t->fate[FATE_REJECTED]);
}

static void head_json(const struct reports_head *h, struct buf *b)
{
    buf_addf(b, "\"reports\":%u", h->reports);
    time_member(b, "begin", h->begin_s);
    time_member(b, "end", h->end_s);
    buf_add_str(b, STR(",\"reporters\":["));
    for (unsigned i = 0; i < h->reporters; i++) {
        buf_addf(b, "%s{\"reports\":%u", i ? "," : "", h->reporter[i].reports);
        member(b, "organisation", h->reporter[i].name);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("]"));
}

static void groups_json(const struct reports_sum *s, enum lang l, struct buf *b)
{
    const char *gap = "";
    buf_add_str(b, STR(",\n\"groups\":["));
    for (unsigned w = 0; w < ORIGIN_KINDS; w++) {
        if (s->of[w].messages == 0)
            continue;
        buf_addf(b, "%s\n{\"whose\":\"%s\",", gap, origin_words[w]);
        tally_json(&s->of[w], b);
        member(b, "advice", str_of(reports_text(l, remedy_for(s, (enum origin)w))));
        buf_add_str(b, STR("}"));
        gap = ",";
    }
    buf_add_str(b, STR("]"));
}

static void sources_json(const struct reports_sum *s, struct buf *b)
{
    buf_add_str(b, STR(",\n\"sources\":["));
    for (size_t i = 0; i < s->sources; i++) {
        const struct source_sum *x = &s->source[i];
        buf_addf(b, "%s\n{\"whose\":\"%s\",\"ip\":", i ? "," : "", origin_words[x->whose]);
        common_json(x->ip, b);
        buf_add_str(b, STR(","));
        tally_json(&x->tally, b);
        texts_json("names", x->name, x->names, b);
        member(b, "reason", x->reason);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("]"));
}

static void tls_json(const struct reports_sum *s, enum lang l, struct buf *b)
{
    buf_add_str(b, STR(",\n\"tls\":{"));
    head_json(&s->tls, b);
    number(b, "ok", s->ok);
    number(b, "failed", s->failed);
    buf_add_str(b, STR(",\"policies\":["));
    for (unsigned i = 0; i < s->policies; i++) {
        buf_addf(b, "%s{\"ok\":%llu,\"failed\":%llu", i ? "," : "", (unsigned long long)s->policy_of[i].ok,
                 (unsigned long long)s->policy_of[i].failed);
        member(b, "policy", s->policy_of[i].policy);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("],\"failures\":["));
    for (unsigned i = 0; i < s->failures; i++) {
        const struct failure_sum *t = &s->failure[i];
        buf_addf(b, "%s\n{\"sessions\":%llu", i ? "," : "", (unsigned long long)t->sessions);
        member(b, "result", t->result);
        member(b, "meaning", str_of(reports_text(l, meaning_of(t->result))));
        member(b, "advice", str_of(reports_text(l, remedy_of(t->result))));
        member(b, "reason", t->reason);
        texts_json("mx", t->mx, t->mxs, b);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("]}"));
}

void reports_show_json(const struct reports_sum *s, enum lang l, struct buf *b)
{
    buf_add_str(b, STR("{\"domain\":"));
    common_json(s->domain, b);
    if (s->dmarc.reports) {
        buf_add_str(b, STR(",\n\"dmarc\":{"));
        head_json(&s->dmarc, b);
        member(b, "policy", s->policy);
        buf_add_str(b, STR(","));
        tally_json(&s->all, b);
        groups_json(s, l, b);
        sources_json(s, b);
        buf_add_str(b, STR("}"));
    }
    if (s->tls.reports)
        tls_json(s, l, b);
    buf_add_str(b, STR("}\n"));
}
