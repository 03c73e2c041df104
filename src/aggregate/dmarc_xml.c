/* dmarc_xml: a DMARC aggregate report (RFC 9990; RFC 7489 appendix C; the drafts before it). Read by expat as a stream: an
 * element's end puts its text where the table of its path says; unknown elements are passed over (RFC 9990 has extensions there).
 *
 * A document type is refused, and with it every entity but the five of XML itself. Reporters are forgiven what does not change a
 * count: a prefix or a wrapper around the report, words in capitals, bytes that are no UTF-8, whatever follows the report. */
#include "aggregate/inner.h"

#include <ctype.h>
#include <expat.h>
#include <stdio.h>
#include <strings.h>

enum { PATH_MAX_BYTES = 200, POLICY_MAX = 300, REASON_MAX = 200 };

struct xml {
    struct reading *r;
    struct arena *arena;
    XML_Parser parser;
    struct aggregate_report report;
    struct buf rows;
    struct dmarc_row row;
    struct aggregate_auth auth[AGGREGATE_AUTH_MAX + 1], *result; /* of the row, the last for those past the bound; the newest */
    char path[PATH_MAX_BYTES]; /* of the element, from the report's root on: "record/row/count" */
    size_t path_n;
    unsigned depth, inside; /* elements around; from the report's root on, 0: not in it */
    bool done, good_count;
    enum aggregate_result trouble; /* READ: none */
    struct buf text, policy, reason;
};

static void stop(struct xml *x, enum aggregate_result why)
{
    x->trouble = why;
    XML_StopParser(x->parser, XML_FALSE);
}

/* ---- what elements mean ---- */

static struct str trimmed(struct str s)
{
    while (s.n && memchr(" \t\r\n", *s.p, 4))
        s = str_mem(s.p + 1, s.n - 1);
    while (s.n && memchr(" \t\r\n", s.p[s.n - 1], 4))
        s.n--;
    return s;
}

static void as_text(struct xml *x, struct str s, void *to) { *(struct str *)to = arena_str(x->arena, s); }
static void as_word(struct xml *x, struct str s, void *to) { *(struct str *)to = lower_of(s, x->arena); }
static void as_address(struct xml *x, struct str s, void *to) { *(struct str *)to = address_of(s, x->arena); }
static void as_domain(struct xml *x, struct str s, void *to) { *(struct str *)to = domain_of(s, x->arena); }

/* Seconds since 1970; what follows the digits (a fraction) does not count. */
static void as_time(struct xml *x, struct str s, void *to)
{
    uint64_t v;
    (void)x;
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    if (str_to_u64(str_mem(s.p, n), INT64_C(99999999999), &v))
        *(int64_t *)to = (int64_t)v;
}

static void as_count(struct xml *x, struct str s, void *to) { x->good_count = str_to_u64(s, AGGREGATE_COUNT_MAX, to); }

static void as_passed(struct xml *x, struct str s, void *to)
{
    (void)x;
    *(bool *)to = str_eq_nocase(s, STR("pass"));
}

static bool is_word(struct str s)
{
    size_t i = 0;
    while (i < s.n && (isalnum((unsigned char)s.p[i]) || memchr("_:-", s.p[i], 3)))
        i++;
    return s.n > 0 && s.n < 40 && i == s.n;
}

/* A tag of the policy, named by the last part of the path; those of RFC 9990 that have another name there get the record's. */
static void as_tag(struct xml *x, struct str s, void *to)
{
    const char *name = strrchr(x->path, '/') + 1;
    (void)to;
    if (is_word(s))
        buf_addf(&x->policy, "%s%s=%.*s", x->policy.n ? "; " : "", strcmp(name, "testing") == 0 ? "t" : name,
                 STR_ARGS(lower_of(s, x->arena)));
}

/* RFC 9990: several reasons are possible. */
static void as_reason(struct xml *x, struct str s, void *to)
{
    (void)to;
    if (is_word(s))
        buf_addf(&x->reason, "%s%.*s", x->reason.n ? "," : "", STR_ARGS(s));
}

#define AT(member) offsetof(struct xml, member)
static const struct element {
    const char *path;
    void (*take)(struct xml *x, struct str s, void *to);
    size_t to;
} elements[] = {
    {"report_metadata/org_name", as_text, AT(report.organisation)},
    {"report_metadata/email", as_text, AT(report.contact)},
    {"report_metadata/report_id", as_text, AT(report.id)},
    {"report_metadata/date_range/begin", as_time, AT(report.begin_s)},
    {"report_metadata/date_range/end", as_time, AT(report.end_s)},
    {"policy_published/domain", as_domain, AT(report.domain)},
    {"policy_published/p", as_tag, 0},
    {"policy_published/sp", as_tag, 0},
    {"policy_published/np", as_tag, 0},
    {"policy_published/adkim", as_tag, 0},
    {"policy_published/aspf", as_tag, 0},
    {"policy_published/pct", as_tag, 0},
    {"policy_published/fo", as_tag, 0},
    {"policy_published/testing", as_tag, 0},
    {"record/row/source_ip", as_address, AT(row.ip)},
    {"record/row/count", as_count, AT(row.count)},
    {"record/row/policy_evaluated/disposition", as_word, AT(row.disposition)},
    {"record/row/policy_evaluated/dkim", as_passed, AT(row.dkim)},
    {"record/row/policy_evaluated/spf", as_passed, AT(row.spf)},
    {"record/row/policy_evaluated/reason/type", as_reason, 0},
    {"record/identifiers/header_from", as_word, AT(row.header_from)},
    {"record/identities/header_from", as_word, AT(row.header_from)}, /* of early drafts */
    {"record/identifiers/envelope_from", as_word, AT(row.envelope_from)},
};

/* The same of auth_results' elements, which come once a result. */
#define OF_AUTH(member) offsetof(struct aggregate_auth, member)
static const struct element auth_elements[] = {
    {"record/auth_results/dkim/domain", as_word, OF_AUTH(domain)},
    {"record/auth_results/dkim/selector", as_word, OF_AUTH(selector)},
    {"record/auth_results/dkim/result", as_word, OF_AUTH(result)},
    {"record/auth_results/spf/domain", as_word, OF_AUTH(domain)},
    {"record/auth_results/spf/result", as_word, OF_AUTH(result)},
};

static void take(struct xml *x, const struct element *list, size_t n, void *base)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(x->path, list[i].path) == 0) {
            list[i].take(x, trimmed(buf_str(&x->text)), (char *)base + list[i].to);
            return;
        }
}

/* ---- rows ---- */

static void row_begin(struct xml *x)
{
    if (x->report.rows + x->report.left_out == AGGREGATE_ROWS_MAX) {
        stop(x, refuse(x->r, "it has more than %d rows", AGGREGATE_ROWS_MAX));
        return;
    }
    x->result = NULL;
    x->row = (struct dmarc_row){.ip = STR(""), .disposition = STR("none"), .header_from = STR(""), .envelope_from = STR("")};
    x->good_count = false;
    x->reason.n = 0;
}

static void auth_begin(struct xml *x, bool is_dkim)
{
    x->result = &x->auth[x->row.auths];
    *x->result = (struct aggregate_auth){is_dkim, STR(""), STR(""), STR("none")};
    x->row.auths += x->row.auths < AGGREGATE_AUTH_MAX;
}

/* A row without a count that is a number cannot be counted; that it is there is told. */
static void row_end(struct xml *x)
{
    if (!x->good_count) {
        x->report.left_out++;
        return;
    }
    if (x->row.disposition.n == 0)
        x->row.disposition = STR("none");
    x->row.reason = arena_str(x->arena, buf_str(&x->reason));
    x->row.auth = arena_alloc(x->arena, x->row.auths * sizeof *x->auth);
    memcpy(x->row.auth, x->auth, x->row.auths * sizeof *x->auth);
    buf_add(&x->rows, &x->row, sizeof x->row);
    x->report.rows++;
    x->report.total += x->row.count;
}

/* ---- the stream ---- */

static struct str local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return str_of(colon ? colon + 1 : name);
}

/* One more part of the path; one that does not fit is none that we know, and matches nothing. */
static void path_push(struct xml *x, struct str name)
{
    size_t room = sizeof x->path - x->path_n;
    x->path_n +=
        (size_t)snprintf(x->path + x->path_n, room, "%s%.*s", x->path_n ? "/" : "", (int)(name.n < 64 ? name.n : 64), name.p);
    if (x->path_n >= sizeof x->path) {
        x->path_n = sizeof x->path - 1;
        stop(x, refuse(x->r, "its elements have names that are too long"));
    }
}

static void XMLCALL on_start(void *ctx, const char *name, const char **attributes)
{
    struct xml *x = ctx;
    struct str local = local_name(name);
    (void)attributes;
    x->text.n = 0;
    if (++x->depth > AGGREGATE_DEPTH_MAX) {
        stop(x, refuse(x->r, "its elements lie more than %d deep within one another", AGGREGATE_DEPTH_MAX));
        return;
    }
    if (!x->inside) {
        x->inside = !x->done && str_eq(local, STR("feedback"));
        return;
    }
    x->inside++;
    path_push(x, local);
    if (strcmp(x->path, "record") == 0)
        row_begin(x);
    else if (strcmp(x->path, "record/auth_results/dkim") == 0 || strcmp(x->path, "record/auth_results/spf") == 0)
        auth_begin(x, x->path[x->path_n - 1] == 'm');
}

static void XMLCALL on_end(void *ctx, const char *name)
{
    struct xml *x = ctx;
    (void)name;
    x->depth--;
    if (!x->inside)
        return;
    if (--x->inside == 0) {
        x->done = true;
        return;
    }
    take(x, elements, sizeof elements / sizeof *elements, x);
    if (x->result)
        take(x, auth_elements, sizeof auth_elements / sizeof *auth_elements, x->result);
    if (strcmp(x->path, "record") == 0)
        row_end(x);
    const char *slash = strrchr(x->path, '/');
    x->path_n = slash ? (size_t)(slash - x->path) : 0;
    x->path[x->path_n] = '\0';
    x->text.n = 0;
}

static void XMLCALL on_text(void *ctx, const char *text, int n)
{
    struct xml *x = ctx;
    size_t room = AGGREGATE_TEXT_MAX - x->text.n;
    buf_add(&x->text, text, (size_t)n < room ? (size_t)n : room);
}

static void XMLCALL on_doctype(void *ctx, const char *name, const char *system_id, const char *public_id, int internal)
{
    struct xml *x = ctx;
    (void)system_id;
    (void)public_id;
    (void)internal;
    if (strcasecmp(name, "html") == 0)
        stop(x, AGGREGATE_NONE); /* a mail's text for people */
    else
        stop(x, refuse(x->r, "it has a document type (DTD), which can hide any amount of text: no report needs one"));
}

/* The whole text in one piece: a parser that is fed in pieces looks again at a long token with each of them. encoding: NULL: as
 * the text says. */
static enum XML_Error parse(struct xml *x, struct str text, const char *encoding)
{
    x->parser = XML_ParserCreate(encoding);
    if (!x->parser)
        return XML_ERROR_NO_MEMORY;
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, on_start, on_end);
    XML_SetCharacterDataHandler(x->parser, on_text);
    XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    bool whole = XML_Parse(x->parser, text.p, (int)text.n, 1) == XML_STATUS_OK;
    enum XML_Error code = whole ? XML_ERROR_NONE : XML_GetErrorCode(x->parser);
    if (code != XML_ERROR_NONE && !x->done && x->trouble == AGGREGATE_READ && x->inside)
        refuse(x->r, "it is no XML that can be read: line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(x->parser),
               XML_ErrorString(code));
    XML_ParserFree(x->parser);
    return code;
}

/* ---- a report ---- */

static enum aggregate_result finish(struct xml *x)
{
    struct aggregate_report *p = &x->report;
    if (x->trouble != AGGREGATE_READ)
        return x->trouble;
    if (!x->done)
        return x->inside ? refuse(x->r, "the report is broken off") : AGGREGATE_NONE;
    if (p->domain.n == 0)
        return refuse(x->r, "it does not say which domain it is about (policy_published/domain)");
    if (p->rows == 0 && p->left_out > 0)
        return refuse(x->r, "none of its %u rows says how many messages it stands for", p->left_out);
    if (p->end_s < p->begin_s)
        p->end_s = p->begin_s;
    p->policy = buf_str(&x->policy);
    p->dmarc = (struct dmarc_row *)(void *)x->rows.p;
    return hand_on(x->r, p);
}

static enum aggregate_result read_once(struct str text, const char *encoding, struct reading *r, enum XML_Error *ret_code)
{
    struct arena a = {0};
    struct xml x = {.r = r, .arena = &a, .trouble = AGGREGATE_READ};
    x.report = (struct aggregate_report){
        .kind = AGGREGATE_DMARC, .domain = STR(""), .organisation = STR(""), .contact = STR(""), .id = STR("")};
    x.policy.max = POLICY_MAX;
    x.reason.max = REASON_MAX;
    *ret_code = parse(&x, text, encoding);
    enum aggregate_result got = finish(&x);
    buf_done(&x.rows);
    buf_done(&x.text);
    buf_done(&x.policy);
    buf_done(&x.reason);
    arena_done(&a);
    return got;
}

static bool is_of_bytes(enum XML_Error code)
{
    return code == XML_ERROR_INVALID_TOKEN || code == XML_ERROR_UNKNOWN_ENCODING || code == XML_ERROR_INCORRECT_ENCODING ||
           code == XML_ERROR_PARTIAL_CHAR;
}

/* Text that is not in the encoding it claims, or has bytes that XML does not allow, is read once more without those bytes. */
enum aggregate_result dmarc_read(struct str text, struct reading *r)
{
    enum XML_Error code;
    struct buf mended = {0};
    struct fault before = *r->f;
    enum aggregate_result got = read_once(text, NULL, r, &code);
    if (got == AGGREGATE_READ || got == AGGREGATE_FAILED || !is_of_bytes(code))
        return got;
    *r->f = before;
    text_mended(text, &mended);
    got = read_once(buf_str(&mended), "UTF-8", r, &code);
    buf_done(&mended);
    return got;
}
