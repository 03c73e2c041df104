/* tls_report: see tls_report.h. */
#include "api/tls_report.h"

#include "lib/base64.h"
#include "lib/must.h"
#include "mail/date.h"
#include "mail/mailbox.h"

#include <stdio.h>
#include <zlib.h>

enum { DAY_MS = 86400000, LINE = 76, ADDRESS_MAX = 320 };

/* ---- whom it goes to ---- */

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

/* The address of a mailto: URI (RFC 6068), percent-decoded; false: it is no address. */
static bool address_of(struct str uri, struct arena *a, struct str *ret)
{
    struct str rest = str_mem(uri.p + 7, uri.n - 7), s = str_split(&rest, '?');
    struct mailbox m;
    const char *why;
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool coded = s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0;
        unsigned byte = (unsigned char)s.p[i];
        if (coded)
            byte = (unsigned)hex(s.p[i + 1]) << 4 | (unsigned)hex(s.p[i + 2]);
        out[n++] = (char)byte;
        i += coded ? 2 : 0;
    }
    *ret = str_mem(out, n);
    return n <= ADDRESS_MAX && mailbox_parse(*ret, false, &m, &why) && m.domain.n > 0;
}

static void take_rua(struct str list, struct arena *a, struct str rua[RUA_MAX], unsigned *n)
{
    while (list.p && *n < RUA_MAX) {
        struct str uri = str_trim(str_split(&list, ','));
        if (str_starts_nocase(uri, STR("mailto:")) && address_of(uri, a, &rua[*n]))
            ++*n;
    }
}

bool tls_report_record(struct str text, struct arena *a, struct str rua[RUA_MAX], unsigned *ret_n)
{
    struct str rest = text;
    bool found = false;
    *ret_n = 0;
    if (!str_eq(str_trim(str_split(&rest, ';')), STR("v=TLSRPTv1")))
        return false;
    while (rest.p) {
        struct str value = str_trim(str_split(&rest, ';'));
        struct str name = str_split(&value, '=');
        if (!str_eq(name, STR("rua")) || !value.p || found)
            continue;
        found = true;
        take_rua(value, a, rua, ret_n);
    }
    return found;
}

/* ---- JSON ---- */

/* Names and addresses are ASCII; what is not, or needs an escape, is escaped byte by byte. */
static void put_text(struct buf *b, struct str s)
{
    buf_add_str(b, STR("\""));
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            buf_addf(b, "\\u%04x", c);
        else
            buf_add(b, &s.p[i], 1);
    }
    buf_add_str(b, STR("\""));
}

static void put_member(struct buf *b, const char *name, struct str value)
{
    buf_addf(b, "\"%s\":", name);
    put_text(b, value);
}

/* An array of the parts of a text. */
static void put_list(struct buf *b, struct str s, char between)
{
    const char *comma = "";
    buf_add_str(b, STR("["));
    while (s.n) {
        struct str one = str_split(&s, between);
        if (one.n) {
            buf_add_str(b, str_of(comma));
            put_text(b, one);
            comma = ",";
        }
        if (!s.p)
            break;
    }
    buf_add_str(b, STR("]"));
}

static const char *result_name(enum secure_flaw flaw)
{
    static const char *const names[] = {[FLAW_NOT_OFFERED] = "starttls-not-supported",
                                        [FLAW_REFUSED] = "starttls-not-supported",
                                        [FLAW_HANDSHAKE] = "validation-failure",
                                        [FLAW_NAME] = "certificate-host-mismatch",
                                        [FLAW_EXPIRED] = "certificate-expired",
                                        [FLAW_UNTRUSTED] = "certificate-not-trusted",
                                        [FLAW_TLSA] = "validation-failure",
                                        [FLAW_TLSA_UNKNOWN] = "dnssec-invalid",
                                        [FLAW_NOT_LISTED] = "validation-failure",
                                        [FLAW_POLICY_FETCH] = "sts-policy-fetch-error",
                                        [FLAW_POLICY_HOST] = "sts-webpki-invalid",
                                        [FLAW_POLICY_INVALID] = "sts-policy-invalid"};
    return (unsigned)flaw < sizeof names / sizeof *names && names[flaw] ? names[flaw] : "validation-failure";
}

/* The policy's lines, as they are known now (4.4: policy-string). */
static void put_sts(struct buf *b, const struct sts_entry *e)
{
    static const char *const modes[] = {[STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce"};
    struct buf lines = {0};
    buf_addf(&lines, "version: STSv1\nmode: %s\n", modes[e->mode]);
    for (struct str rest = e->mx; rest.n;) {
        struct str one = str_split(&rest, ' ');
        if (one.n)
            buf_addf(&lines, "mx: %.*s\n", STR_ARGS(one));
        if (!rest.p)
            break;
    }
    buf_addf(&lines, "max_age: %lld\n", (long long)(e->expires_s - e->fetched_s));
    buf_add_str(b, STR(",\"policy-string\":"));
    put_list(b, buf_str(&lines), '\n');
    buf_add_str(b, STR(",\"mx-host\":"));
    put_list(b, e->mx, ' ');
    buf_done(&lines);
}

static void put_policy(const struct tls_report *r, const struct store_tls *t, struct buf *b)
{
    enum secure_by by = t->session.by;
    bool sts = by == BY_STS || by == BY_STS_TESTING;
    buf_add_str(b, STR("{\"policy\":{"));
    put_member(b, "policy-type", by == BY_DANE ? STR("tlsa") : sts ? STR("sts") : STR("no-policy-found"));
    if (sts && r->sts) {
        put_sts(b, r->sts);
    } else if (t->session.policy.n) {
        buf_add_str(b, STR(",\"policy-string\":"));
        put_list(b, t->session.policy, '\n');
    }
    buf_add_str(b, STR(","));
    put_member(b, "policy-domain", r->domain);
    buf_add_str(b, STR("}"));
}

static void put_detail(const struct store_tls *t, struct buf *b)
{
    buf_add_str(b, STR("{"));
    put_member(b, "result-type", str_of(result_name(t->session.flaw)));
    if (t->source_ip.n) {
        buf_add_str(b, STR(","));
        put_member(b, "sending-mta-ip", t->source_ip);
    }
    if (t->session.host.n) {
        buf_add_str(b, STR(","));
        put_member(b, "receiving-mx-hostname", t->session.host);
    }
    if (t->session.ip.n) {
        buf_add_str(b, STR(","));
        put_member(b, "receiving-ip", t->session.ip);
    }
    if (t->session.flaw == FLAW_NOT_LISTED || t->session.flaw == FLAW_TLSA) {
        buf_add_str(b, STR(","));
        put_member(b, "failure-reason-code", t->session.flaw == FLAW_TLSA ? STR("tlsa-mismatch") : STR("mx-not-listed"));
    }
    buf_addf(b, ",\"failed-session-count\":%llu}", (unsigned long long)t->n);
}

static bool same_policy(const struct store_tls *a, const struct store_tls *b)
{
    return a->session.by == b->session.by && str_eq(a->session.policy, b->session.policy);
}

/* One policy with what happened under it: rows from..end. */
static void put_group(const struct tls_report *r, size_t from, size_t end, struct buf *b)
{
    unsigned long long good = 0, bad = 0;
    const char *comma = "";
    struct buf details = {0};
    for (size_t i = from; i < end; i++) {
        const struct store_tls *t = &r->row[i];
        *(t->session.flaw == FLAW_NONE ? &good : &bad) += t->n;
        if (t->session.flaw == FLAW_NONE)
            continue;
        buf_add_str(&details, str_of(comma));
        put_detail(t, &details);
        comma = ",";
    }
    put_policy(r, &r->row[from], b);
    buf_addf(b, ",\"summary\":{\"total-successful-session-count\":%llu,\"total-failure-session-count\":%llu}", good, bad);
    if (details.n)
        buf_addf(b, ",\"failure-details\":[%.*s]", STR_ARGS(buf_str(&details)));
    buf_add_str(b, STR("}"));
    buf_done(&details);
}

void tls_report_json(const struct tls_report *r, struct buf *b)
{
    char from[DATE_TEXT], to[DATE_TEXT];
    date_rfc3339(r->day * DAY_MS, from);
    date_rfc3339((r->day + 1) * DAY_MS - 1000, to);
    buf_add_str(b, STR("{"));
    put_member(b, "organization-name", r->hostname);
    buf_addf(b, ",\"date-range\":{\"start-datetime\":\"%.19sZ\",\"end-datetime\":\"%.19sZ\"},", from, to);
    put_member(b, "contact-info", r->from);
    buf_add_str(b, STR(","));
    put_member(b, "report-id", str_of(r->id));
    buf_add_str(b, STR(",\"policies\":["));
    for (size_t i = 0, end; i < r->rows; i = end) {
        for (end = i + 1; end < r->rows && same_policy(&r->row[i], &r->row[end]);)
            end++;
        buf_add_str(b, i ? STR(",") : STR(""));
        put_group(r, i, end, b);
    }
    buf_add_str(b, STR("]}\n"));
}

/* ---- the mail ---- */

static void compress_to(struct str s, struct buf *b)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)s.p, .avail_in = (unsigned)s.n};
    must(deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16 /* gzip */, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t room = deflateBound(&z, s.n);
    z.next_out = (unsigned char *)buf_reserve(b, room);
    must(z.next_out);
    z.avail_out = (unsigned)room;
    must(deflate(&z, Z_FINISH) == Z_STREAM_END);
    b->n += room - z.avail_out;
    deflateEnd(&z);
}

static void put_attachment(const struct tls_report *r, struct buf *b)
{
    struct buf json = {0}, packed = {0}, text = {0};
    tls_report_json(r, &json);
    compress_to(buf_str(&json), &packed);
    base64_encode(buf_str(&packed), &text);
    for (size_t at = 0; at < text.n; at += LINE)
        buf_addf(b, "%.*s\r\n", (int)(text.n - at < LINE ? text.n - at : LINE), text.p + at);
    buf_done(&json);
    buf_done(&packed);
    buf_done(&text);
}

static void put_header(const struct tls_report *r, const struct str *rua, unsigned n, struct buf *b)
{
    char date[DATE_TEXT];
    date_rfc5322(r->now_ms, date);
    buf_addf(b, "From: <%.*s>\r\n", STR_ARGS(r->from));
    for (unsigned i = 0; i < n; i++)
        buf_addf(b, "%s<%.*s>%s", i ? "\t" : "To: ", STR_ARGS(rua[i]), i + 1 < n ? ",\r\n" : "\r\n");
    buf_addf(b, "Date: %s\r\nMessage-ID: <%s>\r\n", date, r->id);
    buf_addf(b, "Subject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%s>\r\n", STR_ARGS(r->domain),
             STR_ARGS(r->hostname), r->id);
    buf_addf(b, "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\n", STR_ARGS(r->domain), STR_ARGS(r->hostname));
    buf_addf(b, "TLS-Required: No\r\n"); /* it must arrive where TLS does not work (RFC 8460 3, RFC 8689 5) */
    buf_addf(b, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    buf_addf(b, "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\"%.26s\"\r\n\r\n", r->id);
}

void tls_report_mail(const struct tls_report *r, const struct str *rua, unsigned n, struct buf *b)
{
    char date[DATE_TEXT];
    long long begin = (long long)r->day * (DAY_MS / 1000);
    date_rfc3339(r->day * DAY_MS, date);
    put_header(r, rua, n, b);
    buf_addf(b, "--%.26s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", r->id);
    buf_addf(
        b,
        "This is a report about the TLS sessions that %.*s had with the mail hosts of\r\n%.*s on %.10s (UTC); RFC 8460.\r\n\r\n",
        STR_ARGS(r->hostname), STR_ARGS(r->domain), date);
    buf_addf(b, "--%.26s\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n", r->id);
    buf_addf(b, "Content-Disposition: attachment;\r\n\tfilename=\"%.*s!%.*s!%lld!%lld.json.gz\"\r\n\r\n", STR_ARGS(r->hostname),
             STR_ARGS(r->domain), begin, begin + DAY_MS / 1000 - 1);
    put_attachment(r, b);
    buf_addf(b, "--%.26s--\r\n", r->id);
}
