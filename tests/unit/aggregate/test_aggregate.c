/* Aggregate reports behind their door: what strangers send is read whatever it is wrapped in, counted once, and refused while
 * small when it is a bomb. */
#include "aggregate/aggregate.h"
#include "lib/base64.h"
#include "store/reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { MIB = 1024 * 1024 };

/* What became of one reading; the texts of the last report. */
struct seen {
    unsigned reports;
    struct aggregate_report last;
    struct arena arena;
    struct dmarc_row row[4];
    struct aggregate_auth auth[4];
    struct tls_row tls[8];
    enum aggregate_result result;
    struct fault f;
};

static struct str kept(struct seen *s, struct str text) { return arena_str(&s->arena, text); }

static void keep_dmarc(struct seen *s, const struct aggregate_report *r)
{
    for (uint32_t i = 0; i < r->rows && i < 4; i++) {
        struct dmarc_row *d = &s->row[i];
        *d = r->dmarc[i];
        d->ip = kept(s, d->ip);
        d->disposition = kept(s, d->disposition);
        d->reason = kept(s, d->reason);
        d->header_from = kept(s, d->header_from);
        if (d->auths) {
            s->auth[i] = d->auth[0];
            s->auth[i].domain = kept(s, d->auth[0].domain);
            s->auth[i].selector = kept(s, d->auth[0].selector);
            s->auth[i].result = kept(s, d->auth[0].result);
        }
    }
}

static bool see(void *ctx, const struct aggregate_report *r, struct fault *f)
{
    struct seen *s = ctx;
    (void)f;
    s->reports++;
    s->last = *r;
    s->last.domain = kept(s, r->domain);
    s->last.organisation = kept(s, r->organisation);
    s->last.id = kept(s, r->id);
    s->last.policy = kept(s, r->policy);
    if (r->kind == AGGREGATE_DMARC)
        keep_dmarc(s, r);
    for (uint32_t i = 0; r->kind == AGGREGATE_TLS && i < r->rows && i < 8; i++) {
        s->tls[i] = r->tls[i];
        s->tls[i].policy = kept(s, r->tls[i].policy);
        s->tls[i].result = kept(s, r->tls[i].result);
        s->tls[i].mx = kept(s, r->tls[i].mx);
        s->tls[i].sender_ip = kept(s, r->tls[i].sender_ip);
        s->tls[i].reason = kept(s, r->tls[i].reason);
    }
    return true;
}

static struct seen read_named(struct str bytes, const char *name)
{
    struct seen s = {0};
    s.result = aggregate_read(bytes, name, see, &s, &s.f);
    return s;
}
static struct seen reading(struct str bytes) { return read_named(bytes, NULL); }

static void is(struct str s, const char *want)
{
    struct buf b = {0};
    buf_add_str(&b, s);
    buf_add(&b, "", 1);
    assert_string_equal(b.p, want);
    buf_done(&b);
}

static void refused(struct str bytes, const char *why)
{
    struct seen s = reading(bytes);
    if (s.result != AGGREGATE_REFUSED || !strstr(s.f.text, why))
        fail_msg("result %d, \"%s\", expected \"%s\"", s.result, s.f.text, why);
    assert_int_equal(s.reports, 0);
    arena_done(&s.arena);
}

/* ---- samples ---- */

#define HEAD                                                                                                                     \
    "<report_metadata><org_name>big.test</org_name><email>r@big.test</email><report_id>id-1</report_id>"                         \
    "<date_range><begin>1700000000</begin><end>1700086399</end></date_range></report_metadata>"                                  \
    "<policy_published><domain>Shop.test</domain><adkim>r</adkim><p>reject</p><sp>none</sp><testing>y</testing></"               \
    "policy_published>"
#define ROW(ip, count)                                                                                                           \
    "<record><row><source_ip>" ip "</source_ip><count>" count                                                                    \
    "</count><policy_evaluated><disposition>quarantine</disposition><dkim>pass</dkim><spf>fail</spf>"                            \
    "<reason><type>forwarded</type></reason><reason><type>local_policy</type><comment>x</comment></reason></policy_evaluated>"   \
    "</row><identifiers><header_from>News.Shop.test</header_from></identifiers><auth_results>"                                   \
    "<dkim><domain>shop.test</domain><selector>S1</selector><result>Pass</result></dkim>"                                        \
    "<spf><domain>relay.test</domain><scope>mfrom</scope><result>softfail</result></spf></auth_results></record>"
#define REPORT "<?xml version=\"1.0\"?><feedback>" HEAD ROW("192.0.2.1", "12") ROW("2001:DB8:0::1", "30") "</feedback>"

static const char tls_report[] =
    "{\"organization-name\":\"Big\",\"date-range\":{\"start-datetime\":\"2016-04-01T00:00:00Z\",\"end-datetime\":"
    "\"2016-04-01T23:59:59+02:00\"},\"contact-info\":\"r@big.test\",\"report-id\":\"t-1\",\"policies\":[{\"policy\":{"
    "\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\"],\"policy-domain\":\"shop.test\",\"mx-host\":\"*.Shop.test\"},"
    "\"summary\":{\"total-successful-session-count\":5326,\"total-failure-session-count\":\"303\"},\"failure-details\":[{"
    "\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"2001:db8:abcd:12::1\",\"receiving-mx-hostname\":"
    "\"mx1.shop.test\",\"failed-session-count\":100},{\"result-type\":\"validation-failure\",\"failed-session-count\":3,"
    "\"failure-reason-code\":\"X509_V_ERR_PROXY\"}]}]}";

static void pack(struct str s, int bits, struct buf *b)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t most = deflateBound(&z, s.n);
    z.next_in = (Bytef *)(uintptr_t)s.p;
    z.avail_in = (uInt)s.n;
    z.next_out = (Bytef *)buf_reserve(b, most);
    z.avail_out = (uInt)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b->n += most - z.avail_out;
    deflateEnd(&z);
}
static void gzip(struct str s, struct buf *b) { pack(s, 15 + 16, b); }

/* A zip archive of `files` entries that all lie on the same bytes; method 0 or 8. flags: as in its directory. */
static void zip(struct str data, unsigned method, unsigned flags, unsigned files, struct buf *b)
{
    struct buf packed = {0};
    if (method == 8)
        pack(data, -15, &packed);
    else
        buf_add_str(&packed, data);
    buf_add(b, "PK\3\4\24\0", 6);
    buf_put_u16(b, (uint16_t)flags);
    buf_put_u16(b, (uint16_t)method);
    buf_add(b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0x", 21); /* sizes follow the data, as in a stream */
    buf_add_str(b, buf_str(&packed));
    size_t directory = b->n;
    for (unsigned i = 0; i < files; i++) {
        buf_add(b, "PK\1\2\24\0\24\0", 8);
        buf_put_u16(b, (uint16_t)flags);
        buf_put_u16(b, (uint16_t)method);
        buf_put_u64(b, 0);
        buf_put_u32(b, (uint32_t)packed.n);
        buf_put_u32(b, (uint32_t)data.n);
        buf_add(b, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 19);
    }
    size_t size = b->n - directory;
    buf_add(b, "PK\5\6\0\0\0\0", 8);
    buf_put_u16(b, (uint16_t)files);
    buf_put_u16(b, (uint16_t)files);
    buf_put_u32(b, (uint32_t)size);
    buf_put_u32(b, (uint32_t)directory);
    buf_add(b, "\0\0", 2);
    buf_done(&packed);
}

/* ---- DMARC ---- */

static void check_report(struct seen *s)
{
    if (s->result != AGGREGATE_READ)
        fail_msg("%s", s->f.text);
    assert_int_equal(s->reports, 1);
    is(s->last.domain, "shop.test");
    is(s->last.organisation, "big.test");
    is(s->last.id, "id-1");
    assert_int_equal(s->last.rows, 2);
    assert_int_equal(s->last.total, 42);
    arena_done(&s->arena);
}

static void a_dmarc_report_is_read_with_all_that_a_row_says(void **state)
{
    struct seen s = reading(STR(REPORT));
    (void)state;
    assert_int_equal(s.result, AGGREGATE_READ);
    assert_int_equal(s.last.begin_s, 1700000000);
    assert_int_equal(s.last.end_s, 1700086399);
    is(s.last.policy, "adkim=r; p=reject; sp=none; t=y");
    is(s.row[0].ip, "192.0.2.1");
    is(s.row[1].ip, "2001:db8::1");
    assert_int_equal(s.row[1].count, 30);
    is(s.row[0].disposition, "quarantine");
    assert_true(s.row[0].dkim && !s.row[0].spf);
    is(s.row[0].reason, "forwarded,local_policy");
    is(s.row[0].header_from, "news.shop.test");
    assert_int_equal(s.row[0].auths, 2);
    assert_true(s.auth[0].dkim);
    is(s.auth[0].selector, "s1");
    is(s.auth[0].result, "pass");
    check_report(&s);
}

static void what_does_not_change_a_count_is_forgiven(void **state)
{
    static const char *const forms[] = {
        "\xef\xbb\xbf \r\n<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">" HEAD ROW("192.0.2.1", " 12 ")
            ROW("x", "30") "</feedback>",
        "<d:feedback xmlns:d=\"x\">" HEAD ROW("192.0.2.1", "42") ROW("y", "0") "</d:feedback>",
        "<?xml version=\"1.0\"?><xs:schema xmlns:xs=\"x\"><feedback>" HEAD ROW("192.0.2.1", "42") ROW("y", "0") "</feedback>",
        "<feedback>" HEAD ROW("192.0.2.1", "42") ROW("y", "0") "</feedback>\n\n-- \nSent by our server <3",
        "<feedback><n>\xff\xfe\x01 caf\xe9</n>" HEAD ROW("192.0.2.1", "42") ROW("y", "0") "</feedback>",
        "<?xml version=\"1.0\" encoding=\"klingon\"?><feedback>" HEAD ROW("192.0.2.1", "42") ROW("y", "0") "</feedback>",
        "<feedback>" HEAD "<extension><record><row/></record></extension>" ROW("192.0.2.1", "42") ROW("y", "0") "</feedback>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct seen s = reading(str_of(forms[i]));
        check_report(&s);
    }
}

static void a_row_that_cannot_be_counted_is_left_out_and_told(void **state)
{
    struct seen s =
        reading(STR("<feedback>" HEAD ROW("192.0.2.1", "5") ROW("192.0.2.2", "many") ROW("192.0.2.3", "-1") "</feedback>"));
    (void)state;
    assert_int_equal(s.result, AGGREGATE_READ);
    assert_int_equal(s.last.rows, 1);
    assert_int_equal(s.last.left_out, 2);
    assert_int_equal(s.last.total, 5);
    arena_done(&s.arena);
    refused(STR("<feedback>" HEAD ROW("192.0.2.2", "") "</feedback>"), "how many messages");
}

static void what_is_no_report_is_told_from_a_broken_one(void **state)
{
    static const char *const none[] = {
        "hello", "<html><body>x</body></html>", "<!DOCTYPE html><p>x", "{\"a\":1}", "[1]", "From: a@b.test\n\nno report here\n",
        "<a><b>"};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct seen s = reading(str_of(none[i]));
        if (s.result != AGGREGATE_NONE || !strstr(s.f.text, "no report in it"))
            fail_msg("%s: %d %s", none[i], s.result, s.f.text);
        arena_done(&s.arena);
    }
    refused(STR(""), "empty");
    refused(STR("<feedback>" HEAD ROW("192.0.2.1", "5")), "line 1");
    refused(STR("<feedback>" HEAD "<record></row></record></feedback>"), "mismatched tag");
    refused(STR("<feedback><record/></feedback>"), "which domain");
    refused(STR("{\"policies\":[{\"policy\":{\"policy-domain\":\"-.-\"}}]}"), "none of its policies");
    refused(STR("{\"policies\":[0,{},{\"policy\":[]}]}"), "none of its policies");
    refused(STR("{\"policies\":[}"), "line 1");
}

/* ---- wrapped ---- */

static void packed_reports_are_read_whatever_they_are_called(void **state)
{
    struct buf gz = {0}, deflated = {0}, stored = {0}, twice = {0};
    (void)state;
    gzip(STR(REPORT), &gz);
    zip(STR(REPORT), 8, 8, 1, &deflated);
    zip(STR(REPORT), 0, 8, 1, &stored);
    gzip(buf_str(&deflated), &twice);
    const struct buf *all[] = {&gz, &deflated, &stored, &twice};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct seen s = read_named(buf_str(all[i]), "report.txt");
        check_report(&s);
    }
    gz.n -= 8; /* its checksum was lost: all of the report is there */
    struct seen s = reading(buf_str(&gz));
    check_report(&s);
    gz.n /= 2;
    refused(buf_str(&gz), "line 1");
    buf_done(&gz);
    buf_done(&deflated);
    buf_done(&stored);
    buf_done(&twice);
}

static void an_archive_that_lies_about_its_files_is_refused(void **state)
{
    struct buf b = {0};
    (void)state;
    zip(STR(REPORT), 8, 1, 1, &b);
    refused(buf_str(&b), "encrypted");
    b.n = 0;
    zip(STR(REPORT), 0, 8, 1, &b);
    size_t end = b.n;
    b.p[end - 22 - 47 + 10] = 99; /* how it is packed */
    refused(buf_str(&b), "deflate");
    b.p[end - 22 - 47 + 10] = 0;
    for (size_t cut = 0; cut < end; cut++) { /* every truncation, none of which crashes */
        struct seen s = reading(str_mem(b.p, cut));
        assert_int_not_equal(s.result, AGGREGATE_READ);
        arena_done(&s.arena);
    }
    memset(b.p + end - 22 - 47 + 20, 0xff, 4); /* the size */
    refused(buf_str(&b), "does not fit");
    memset(b.p + end - 6, 0xff, 4); /* where its directory is */
    refused(buf_str(&b), "does not fit");
    buf_done(&b);
}

static void mail_of(const char *type, const char *encoding, struct str body, struct buf *b)
{
    buf_addf(b,
             "From: r@big.test\r\nSubject: Report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=xx\r\n\r\n"
             "--xx\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html><p>Your report\r\n--xx\r\nContent-Type: %s\r\n%s\r\n",
             type, encoding);
    buf_add_str(b, body);
    buf_add_str(b, STR("\r\n--xx--\r\n"));
}

static void reports_are_found_in_mail_under_any_type_and_encoding(void **state)
{
    static const char *const types[] = {"application/gzip; name=a!shop.test!1!2.xml.gz", "text/plain",
                                        "application/octet-stream"};
    struct buf gz = {0}, text = {0}, mail = {0};
    (void)state;
    gzip(STR(REPORT), &gz);
    base64_encode(buf_str(&gz), &text);
    for (size_t i = 0; i < 3; i++) {
        mail.n = 0;
        mail_of(types[i], "Content-Transfer-Encoding: base64\r\n", buf_str(&text), &mail);
        struct seen s = reading(buf_str(&mail));
        check_report(&s);
        mail.n = 0; /* the header that says so is lost */
        mail_of(types[i], "", buf_str(&text), &mail);
        s = reading(buf_str(&mail));
        check_report(&s);
    }
    refused(STR("Content-Type: message/feedback-report\n\nFeedback-Type: auth-failure\n"), "goniec explain");
    mail.n = 0;
    mail_of("message/rfc822", "", STR("Subject: inner\r\nContent-Type: text/xml\r\n\r\n" REPORT), &mail);
    struct seen s = reading(buf_str(&mail));
    check_report(&s);
    buf_done(&gz);
    buf_done(&text);
    buf_done(&mail);
}

static void binary_that_was_sent_as_lines_of_text_is_mended(void **state)
{
    struct buf gz = {0}, text = {0}, quoted = {0}, mail = {0};
    (void)state;
    gzip(STR(REPORT), &gz);
    for (size_t i = 0; i < gz.n; i++) /* each LF has become CRLF */
        buf_add(&text, gz.p[i] == '\n' ? "\r\n" : &gz.p[i], gz.p[i] == '\n' ? 2 : 1);
    for (size_t i = 0; i < text.n; i++)
        buf_addf(&quoted, "=%02X%s", (unsigned char)text.p[i], i % 20 == 19 ? "=\r\n" : "");
    mail_of("application/gzip", "Content-Transfer-Encoding: quoted-printable\r\n", buf_str(&quoted), &mail);
    struct seen s = reading(buf_str(&mail));
    check_report(&s);
    buf_done(&gz);
    buf_done(&text);
    buf_done(&quoted);
    buf_done(&mail);
}

/* ---- bombs ---- */

static void a_document_type_and_with_it_every_entity_is_refused(void **state)
{
    (void)state;
    refused(STR("<!DOCTYPE feedback [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;\">]><feedback>&b;</feedback>"), "document type");
    refused(STR("<!DOCTYPE feedback SYSTEM \"file:///etc/passwd\"><feedback/>"), "document type");
    refused(STR("<!DOCTYPE f [<!ENTITY x SYSTEM \"http://127.0.0.1:1/\">]><feedback><report_metadata><org_name>&x;"),
            "document type");
    refused(STR("<feedback><report_metadata><org_name>&undefined;</org_name></report_metadata></feedback>"), "undefined entity");
}

static void what_unpacks_to_far_more_is_refused_before_it_is_large(void **state)
{
    struct buf zeros = {0}, gz = {0}, again = {0}, archive = {0};
    (void)state;
    memset(buf_reserve(&zeros, 64 * MIB), ' ', 64 * MIB);
    zeros.n = 64 * MIB;
    gzip(buf_str(&zeros), &gz);
    refused(buf_str(&gz), "a bomb");
    gzip(buf_str(&gz), &again); /* 64 MiB within 64 KiB within some hundred bytes */
    refused(buf_str(&again), "a bomb");
    zip(buf_str(&zeros), 8, 8, 1, &archive);
    refused(buf_str(&archive), "a bomb");
    archive.n = 0;
    zip(str_mem(zeros.p, 3 * MIB / 2), 0, 8, 32, &archive); /* entries that share their bytes */
    refused(buf_str(&archive), "larger than 32 MiB");
    refused(buf_str(&zeros), "larger than 32 MiB");
    buf_done(&zeros);
    buf_done(&gz);
    buf_done(&again);
    buf_done(&archive);
}

static void archives_within_archives_and_too_many_files_are_refused(void **state)
{
    struct buf a = {0}, b = {0};
    (void)state;
    gzip(STR(REPORT), &a);
    gzip(buf_str(&a), &b);
    a.n = 0;
    gzip(buf_str(&b), &a);
    refused(buf_str(&a), "archives lie within archives");
    b.n = 0;
    zip(STR("x"), 0, 0, 33, &b);
    refused(buf_str(&b), "33 files");
    buf_done(&a);
    buf_done(&b);
}

static void depth_rows_and_sizes_are_bounded(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_addf(&b, "<feedback>");
    for (int i = 0; i < 100000; i++)
        buf_addf(&b, "<a>");
    refused(buf_str(&b), "deep");
    b.n = 0;
    buf_addf(&b, "{\"policies\":");
    for (int i = 0; i < 100000; i++)
        buf_addf(&b, "[");
    refused(buf_str(&b), "deep");
    b.n = 0;
    buf_addf(&b, "<feedback>" HEAD);
    for (int i = 0; i <= AGGREGATE_ROWS_MAX; i++)
        buf_addf(&b, "<record/>");
    buf_addf(&b, "</feedback>");
    refused(buf_str(&b), "more than 100000 rows");
    b.n = 0;
    buf_addf(&b, "{\"policies\":[");
    while (b.n <= AGGREGATE_JSON_MAX)
        buf_addf(&b, "0,0,0,0,0,0,0,0,");
    buf_addf(&b, "0]}");
    refused(buf_str(&b), "more than 4 MiB");
    b.n = 0; /* one name of 16 MiB: looked at once */
    buf_addf(&b, "<feedback><");
    memset(buf_reserve(&b, 16 * MIB), 'a', 16 * MIB);
    b.n += 16 * MIB;
    refused(buf_str(&b), "line 1");
    buf_done(&b);
}

/* ---- TLS ---- */

static void a_tls_report_is_read_with_its_failures(void **state)
{
    struct seen s = reading(str_of(tls_report));
    (void)state;
    if (s.result != AGGREGATE_READ)
        fail_msg("%s", s.f.text);
    assert_int_equal(s.last.kind, AGGREGATE_TLS);
    is(s.last.domain, "shop.test");
    is(s.last.id, "t-1");
    assert_int_equal(s.last.begin_s, 1459468800);
    assert_int_equal(s.last.end_s, 1459468800 + 86399 - 7200);
    assert_int_equal(s.last.rows, 3);
    assert_int_equal(s.last.total, 5629);
    assert_int_equal(s.tls[0].ok, 5326);
    assert_int_equal(s.tls[0].failed, 303);
    is(s.tls[0].mx, "*.shop.test");
    is(s.tls[1].result, "certificate-expired");
    is(s.tls[1].sender_ip, "2001:db8:abcd:12::1");
    assert_int_equal(s.tls[1].failed, 100);
    is(s.tls[2].reason, "X509_V_ERR_PROXY");
    arena_done(&s.arena);
}

static void a_tls_report_on_several_domains_is_one_a_domain(void **state)
{
    struct seen s = reading(STR("{\"report-id\":\"x\",\"policies\":[{\"policy\":{\"policy-domain\":\"a.test\"},\"summary\":{"
                                "\"total-successful-session-count\":1}},{\"policy\":{\"policy-domain\":\"B.test.\"},\"summary\":{"
                                "\"total-successful-session-count\":2}},{\"policy\":{\"policy-domain\":\"a.test\"},\"summary\":{"
                                "\"total-successful-session-count\":4}}]}"));
    (void)state;
    assert_int_equal(s.result, AGGREGATE_READ);
    assert_int_equal(s.reports, 2);
    is(s.last.domain, "b.test");
    assert_int_equal(s.last.total, 2);
    arena_done(&s.arena);
}

static void a_tls_report_that_names_no_domain_has_that_of_its_mail_or_file(void **state)
{
    static const char bare[] =
        "{\"report-id\":\"x\",\"policies\":[{\"policy\":{\"policy-type\":\"no-policy-found\"},\"summary\":{"
        "\"total-successful-session-count\":7}}]}";
    struct buf mail = {0};
    (void)state;
    struct seen s = read_named(str_of(bare), "big.test!shop.test!1!2!3.json");
    is(s.last.domain, "shop.test");
    arena_done(&s.arena);
    s = reading(str_of(bare));
    is(s.last.domain, "");
    assert_int_equal(s.last.total, 7);
    arena_done(&s.arena);
    buf_addf(&mail,
             "TLS-Report-Domain: Shop.test\r\nTLS-Report-Submitter: big.test\r\nContent-Type: application/tlsrpt+json\r\n\r\n%s",
             bare);
    s = reading(buf_str(&mail));
    is(s.last.domain, "shop.test");
    arena_done(&s.arena);
    buf_done(&mail);
}

/* ---- kept ---- */

static bool fail_to_take(void *ctx, const struct aggregate_report *r, struct fault *f)
{
    (void)r;
    ++*(unsigned *)ctx;
    return fault_set(f, "the disk is full");
}

static void who_cannot_take_a_report_is_not_asked_twice(void **state)
{
    struct buf archive = {0}, mail = {0};
    struct fault f;
    (void)state;
    zip(STR(REPORT "<junk>\x01"), 8, 8, 3, &archive);
    mail_of("text/xml", "", STR(REPORT "\x01"), &mail);
    const struct str all[] = {STR(REPORT "<junk>\x01"), str_of(tls_report), buf_str(&archive), buf_str(&mail)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        unsigned asked = 0;
        assert_int_equal(aggregate_read(all[i], NULL, fail_to_take, &asked, &f), AGGREGATE_FAILED);
        assert_int_equal(asked, 1);
        assert_string_equal(f.text, "the disk is full");
    }
    buf_done(&archive);
    buf_done(&mail);
}

struct told {
    unsigned news, known, unwanted;
};

static void tell(void *ctx, const struct aggregate_report *r, bool kept_, bool news)
{
    struct told *t = ctx;
    (void)r;
    t->news += news;
    t->known += kept_ && !news;
    t->unwanted += !kept_;
}

static bool only_shop(void *ctx, struct str domain)
{
    (void)ctx;
    return str_eq(domain, STR("shop.test"));
}

static bool count_report(void *ctx, const struct store_report *r)
{
    *(uint64_t *)ctx += r->total;
    return true;
}

static void count_row(void *ctx, const struct store_report *r, struct str body)
{
    struct aggregate_auth auth[AGGREGATE_AUTH_MAX];
    struct dmarc_row d;
    struct tls_row t;
    if (r->kind == AGGREGATE_DMARC) {
        assert_true(dmarc_row_decode(body, auth, &d));
        is(d.auth[1].domain, "relay.test");
        *(uint64_t *)ctx += d.count;
    } else {
        assert_true(tls_row_decode(body, &t));
        *(uint64_t *)ctx += t.result.n ? 0 : t.ok + t.failed;
    }
    for (size_t n = 0; n < body.n; n++) { /* a damaged row is no row, whatever it lacks */
        body.n = n;
        assert_false(r->kind == AGGREGATE_DMARC ? dmarc_row_decode(body, auth, &d) : tls_row_decode(body, &t));
    }
}

static char folder[64];

static struct store *fresh_store(void)
{
    struct store *s;
    struct fault f;
    snprintf(folder, sizeof folder, "/tmp/goniec-aggregate-XXXXXX");
    assert_non_null(mkdtemp(folder));
    if (!store_open(&s, folder, true, &f))
        fail_msg("%s", f.text);
    return s;
}

static void drop_store(struct store **s)
{
    char command[100];
    store_close(s);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void the_same_report_counts_once_however_it_is_wrapped(void **state)
{
    struct store *s = fresh_store();
    struct told t = {0};
    struct aggregate_keeper k = {.store = s, .now_s = 1800000000, .told = tell, .ctx = &t};
    struct buf gz = {0};
    struct fault f;
    struct str shop = STR("shop.test"), other = STR("other.test");
    uint64_t total = 0, rows = 0, none = 0;
    (void)state;
    gzip(STR(REPORT), &gz);
    assert_int_equal(aggregate_keep(&k, STR(REPORT), NULL, &f), AGGREGATE_READ);
    assert_int_equal(aggregate_keep(&k, buf_str(&gz), NULL, &f), AGGREGATE_READ);
    assert_int_equal(aggregate_keep(&k, str_of(tls_report), NULL, &f), AGGREGATE_READ);
    assert_int_equal(t.news, 2);
    assert_int_equal(t.known, 1);
    store_reports(s, &shop, 0, count_report, &total);
    store_report_rows(s, &shop, 0, count_row, &rows);
    store_reports(s, &other, 0, count_report, &none);
    assert_int_equal(total, 42 + 5629);
    assert_int_equal(rows, 42 + 5629);
    assert_int_equal(none, 0);
    store_reports(s, NULL, 1700086400, count_report, &none); /* all ended before */
    assert_int_equal(none, 0);
    buf_done(&gz);
    drop_store(&s);
}

static void reports_on_domains_that_nobody_asked_for_are_not_kept(void **state)
{
    struct store *s = fresh_store();
    struct told t = {0};
    struct aggregate_keeper k = {s, 1800000000, only_shop, tell, &t};
    struct fault f;
    uint64_t total = 0;
    (void)state;
    assert_int_equal(
        aggregate_keep(&k,
                       STR("<feedback><policy_published><domain>bad.test</domain></policy_published>" ROW("", "9") "</feedback>"),
                       NULL, &f),
        AGGREGATE_READ);
    assert_int_equal(aggregate_keep(&k, STR(REPORT), NULL, &f), AGGREGATE_READ);
    assert_int_equal(t.unwanted, 1);
    store_reports(s, NULL, 0, count_report, &total);
    assert_int_equal(total, 42);
    drop_store(&s);
}

static void the_oldest_reports_go_when_there_are_too_many_rows(void **state)
{
    struct store *s = fresh_store();
    struct aggregate_keeper k = {.store = s, .now_s = 1800000000};
    struct fault f;
    uint64_t total = 0, rows = 0;
    (void)state;
    assert_int_equal(aggregate_keep(&k, STR(REPORT), NULL, &f), AGGREGATE_READ);
    assert_int_equal(aggregate_keep(&k, str_of(tls_report), NULL, &f), AGGREGATE_READ);
    assert_true(store_reports_forget(s, 0, 100, &f));
    store_reports(s, NULL, 0, count_report, &total);
    assert_int_equal(total, 42 + 5629);
    assert_true(store_reports_forget(s, 0, 5, &f)); /* room for the newest alone */
    total = 0;
    store_reports(s, NULL, 0, count_report, &total);
    store_report_rows(s, NULL, 0, count_row, &rows);
    assert_int_equal(total, 5629);
    assert_int_equal(rows, 5629);
    assert_true(store_reports_forget(s, 1800000001, 100, &f)); /* added before */
    total = 0;
    store_reports(s, NULL, 0, count_report, &total);
    assert_int_equal(total, 0);
    drop_store(&s);
}

/* ---- mailed ---- */

static void put_file(const char *name, struct str bytes)
{
    char path[200];
    snprintf(path, sizeof path, "%s/inbound/dmarc/%s", folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, out), bytes.n);
    fclose(out);
}

static bool has_file(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/inbound/dmarc/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void make_box(void)
{
    char path[100];
    snprintf(path, sizeof path, "%s/inbound", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/inbound/dmarc", folder);
    assert_int_equal(mkdir(path, 0700), 0);
}

#define DELIVERED "Return-Path: <r@big.test>\nDelivered-To: dmarc@bounces.shop.test\n"

static void mailed_reports_are_taken_each_once_and_only_for_the_domain_they_were_sent_to(void **state)
{
    struct store *s = fresh_store();
    struct fault f;
    uint64_t total = 0;
    (void)state;
    assert_int_equal(aggregate_gather(s, folder, 1800000000, &f), 0); /* nobody has written yet */
    make_box();
    put_file("a", STR(DELIVERED "Content-Type: text/xml\n\n" REPORT));
    put_file("b:1", STR(DELIVERED "Content-Type: text/xml\n\n" REPORT)); /* begun by an office that was killed */
    put_file("c",
             STR("Return-Path: <>\nDelivered-To: dmarc@bounces.other.test\nDelivered-To: dmarc@bounces.shop.test\n\n" REPORT));
    put_file("d", STR(DELIVERED "\nno report"));
    put_file("e:3", STR(DELIVERED "\nthe office died of it three times"));
    for (int i = 0; i < 5; i++)
        assert_int_equal(aggregate_gather(s, folder, 1800000000, &f), 1);
    assert_int_equal(aggregate_gather(s, folder, 1800000000, &f), 0);
    store_reports(s, NULL, 0, count_report, &total);
    assert_int_equal(total, 42);
    drop_store(&s);
}

static void a_mailed_report_waits_while_the_database_cannot_take_it(void **state)
{
    struct store *s = fresh_store(), *reader = NULL;
    struct fault f;
    uint64_t total = 0;
    (void)state;
    make_box();
    put_file("a", STR(DELIVERED "Content-Type: text/xml\n\n" REPORT));
    assert_true(store_open(&reader, folder, false, &f));
    assert_int_equal(aggregate_gather(reader, folder, 1800000000, &f), -1);
    assert_non_null(strstr(f.text, "cannot be written"));
    assert_true(has_file("a:0"));
    store_close(&reader);
    assert_int_equal(aggregate_gather(s, folder, 1800000000, &f), 1);
    assert_false(has_file("a:0"));
    store_reports(s, NULL, 0, count_report, &total);
    assert_int_equal(total, 42);
    drop_store(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dmarc_report_is_read_with_all_that_a_row_says),
        cmocka_unit_test(what_does_not_change_a_count_is_forgiven),
        cmocka_unit_test(a_row_that_cannot_be_counted_is_left_out_and_told),
        cmocka_unit_test(what_is_no_report_is_told_from_a_broken_one),
        cmocka_unit_test(packed_reports_are_read_whatever_they_are_called),
        cmocka_unit_test(an_archive_that_lies_about_its_files_is_refused),
        cmocka_unit_test(reports_are_found_in_mail_under_any_type_and_encoding),
        cmocka_unit_test(binary_that_was_sent_as_lines_of_text_is_mended),
        cmocka_unit_test(a_document_type_and_with_it_every_entity_is_refused),
        cmocka_unit_test(what_unpacks_to_far_more_is_refused_before_it_is_large),
        cmocka_unit_test(archives_within_archives_and_too_many_files_are_refused),
        cmocka_unit_test(depth_rows_and_sizes_are_bounded),
        cmocka_unit_test(a_tls_report_is_read_with_its_failures),
        cmocka_unit_test(a_tls_report_on_several_domains_is_one_a_domain),
        cmocka_unit_test(a_tls_report_that_names_no_domain_has_that_of_its_mail_or_file),
        cmocka_unit_test(who_cannot_take_a_report_is_not_asked_twice),
        cmocka_unit_test(the_same_report_counts_once_however_it_is_wrapped),
        cmocka_unit_test(reports_on_domains_that_nobody_asked_for_are_not_kept),
        cmocka_unit_test(the_oldest_reports_go_when_there_are_too_many_rows),
        cmocka_unit_test(mailed_reports_are_taken_each_once_and_only_for_the_domain_they_were_sent_to),
        cmocka_unit_test(a_mailed_report_waits_while_the_database_cannot_take_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
