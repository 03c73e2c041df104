/* TLS reports: whom they go to, and what their JSON says. */
#include "../mail/check.h"

#include "api/tls_report.h"

#include <string.h>

static void a_record_names_whom_reports_go_to(void **state)
{
    static const struct {
        const char *text, *rua; /* each address followed by a space; NULL: it is none */
    } cases[] = {{"v=TLSRPTv1; rua=mailto:a@b.test", "a@b.test "},
                 {"v=TLSRPTv1;rua=mailto:a@b.test,MAILTO:c@d.test ;", "a@b.test c@d.test "},
                 {"v=TLSRPTv1; future=1; rua=https://b.test/v1, mailto:a%2Bx@b.test?subject=y", "a+x@b.test "},
                 {"v=TLSRPTv1; rua=https://b.test/v1", ""},
                 {"v=TLSRPTv1; rua=mailto:nobody,mailto:@b.test,mailto:a@b.test%0D%0ABcc:x@y.test,mailto:", ""},
                 {"v=TLSRPTv1; rua=mailto:1@b.test,mailto:2@b.test,mailto:3@b.test,mailto:4@b.test,mailto:5@b.test",
                  "1@b.test 2@b.test 3@b.test 4@b.test "},
                 {"v=TLSRPTv1; rua=mailto:a@b.test; rua=mailto:c@d.test", "a@b.test "},
                 {"v=TLSRPTv1;", NULL},
                 {"v=TLSRPTv2; rua=mailto:a@b.test", NULL},
                 {"v=spf1 -all", NULL},
                 {"", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        struct str rua[RUA_MAX];
        struct buf all = {0};
        unsigned n;
        bool good = tls_report_record(str_of(cases[i].text), &a, rua, &n);
        assert_int_equal(good, cases[i].rua != NULL);
        for (unsigned k = 0; good && k < n; k++)
            buf_addf(&all, "%.*s ", STR_ARGS(rua[k]));
        if (good)
            assert_str(buf_str(&all), cases[i].rua);
        buf_done(&all);
        arena_done(&a);
    }
}

static void policies_stand_apart_and_their_sessions_are_summed(void **state)
{
    static const char records[] = "3 1 1 ab\n2 0 1 cd";
    const struct store_tls rows[] = {
        {.session = {STR("mx.test"), STR("192.0.2.1"), BY_NOBODY, FLAW_NONE, STR("")}, .source_ip = STR("192.0.2.9"), .n = 7},
        {.session = {STR("mx.test"), STR("192.0.2.1"), BY_NOBODY, FLAW_NOT_OFFERED, STR("")},
         .source_ip = STR("192.0.2.9"),
         .n = 2},
        {.session = {STR("mx.test"), STR(""), BY_DANE, FLAW_TLSA_UNKNOWN, STR("")}, .n = 1},
        {.session = {STR("mx.test"), STR("192.0.2.1"), BY_DANE, FLAW_TLSA, STR(records)}, .n = 3},
    };
    const struct tls_report r = {.domain = STR("dest.test"),
                                 .hostname = STR("us.test"),
                                 .from = STR("tls\"@us.test"),
                                 .day = 20000,
                                 .id = "ID",
                                 .row = rows,
                                 .rows = 4};
    struct buf b = {0};
    (void)state;
    tls_report_json(&r, &b);
    assert_str(
        buf_str(&b),
        "{\"organization-name\":\"us.test\",\"date-range\":{\"start-datetime\":\"2024-10-04T00:00:00Z\",\"end-datetime\":"
        "\"2024-10-04T23:59:59Z\"},\"contact-info\":\"tls\\u0022@us.test\",\"report-id\":\"ID\",\"policies\":["
        "{\"policy\":{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"dest.test\"},\"summary\":"
        "{\"total-successful-session-count\":7,\"total-failure-session-count\":2},\"failure-details\":[{\"result-type\":"
        "\"starttls-not-supported\",\"sending-mta-ip\":\"192.0.2.9\",\"receiving-mx-hostname\":\"mx.test\",\"receiving-ip\":"
        "\"192.0.2.1\",\"failed-session-count\":2}]},"
        "{\"policy\":{\"policy-type\":\"tlsa\",\"policy-domain\":\"dest.test\"},\"summary\":"
        "{\"total-successful-session-count\":0,\"total-failure-session-count\":1},\"failure-details\":[{\"result-type\":"
        "\"dnssec-invalid\",\"receiving-mx-hostname\":\"mx.test\",\"failed-session-count\":1}]},"
        "{\"policy\":{\"policy-type\":\"tlsa\",\"policy-string\":[\"3 1 1 ab\",\"2 0 1 cd\"],\"policy-domain\":\"dest.test\"},"
        "\"summary\":{\"total-successful-session-count\":0,\"total-failure-session-count\":3},\"failure-details\":[{\"result-"
        "type\":"
        "\"validation-failure\",\"receiving-mx-hostname\":\"mx.test\",\"receiving-ip\":\"192.0.2.1\",\"failure-reason-code\":"
        "\"tlsa-mismatch\",\"failed-session-count\":3}]}]}\n");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_names_whom_reports_go_to),
        cmocka_unit_test(policies_stand_apart_and_their_sessions_are_summed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
