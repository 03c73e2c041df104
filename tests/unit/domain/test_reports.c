/* Many reports as one picture: whose each address is, what became of its mail, and what its owner is advised to do. */
#include "domain/reports_show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct store *store;
static struct key_index keys = {.lock = -1};

static int open_store(void **state)
{
    struct fault f;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/goniec-reports-XXXXXX");
    assert_non_null(mkdtemp(folder));
    if (!store_open(&store, folder, true, &f))
        fail_msg("%s", f.text);
    key_index_add(&keys, &(struct key_row){STR("shop.test"), STR(""), STR("g1r"), false, 1, 1, 1, 0});
    return 0;
}

static int close_store(void **state)
{
    char command[100];
    (void)state;
    store_close(&store);
    key_index_done(&keys);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* One row: where from, how many, what the receiver did, aligned SPF and DKIM, an exception, and what was proven beside. */
struct row {
    const char *ip;
    unsigned count;
    const char *fate, *spf, *dkim, *reason, *sealed_by, *selector;
};

static void add_xml(const char *rule, int day, const struct row *row, size_t n)
{
    struct aggregate_keeper k = {.store = store, .now_s = 1800000000};
    struct buf b = {0};
    struct fault f;
    buf_addf(&b,
             "<feedback><report_metadata><org_name>big.test</org_name><report_id>%d</report_id><date_range><begin>%d</begin>"
             "<end>%d</end></date_range></report_metadata><policy_published><domain>shop.test</domain><p>%s</p>"
             "</policy_published>",
             day, day * 86400, day * 86400 + 86399, rule);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b,
                 "<record><row><source_ip>%s</source_ip><count>%u</count><policy_evaluated><disposition>%s</"
                 "disposition><dkim>%s</dkim>"
                 "<spf>%s</spf><reason><type>%s</type></reason></policy_evaluated></row><auth_results><dkim><domain>%s</domain>"
                 "<selector>%s</selector><result>pass</result></dkim></auth_results></record>",
                 row[i].ip, row[i].count, row[i].fate, row[i].dkim, row[i].spf, row[i].reason, row[i].sealed_by, row[i].selector);
    buf_addf(&b, "</feedback>");
    if (aggregate_keep(&k, buf_str(&b), NULL, &f) != AGGREGATE_READ)
        fail_msg("%s", f.text);
    buf_done(&b);
}

static void add_mixed(const char *rule)
{
    const struct row rows[] = {
        {"192.0.2.1", 100, "none", "pass", "pass", "", "shop.test", "g1r"},   /* our seal, our address in SPF */
        {"192.0.2.9", 7, "none", "fail", "fail", "", "x", "x"},               /* our address, unproven */
        {"198.51.100.5", 20, "none", "fail", "pass", "", "shop.test", "g1r"}, /* our seal from elsewhere */
        {"198.51.100.6", 3, "none", "fail", "fail", "mailing_list", "l.test", "x"},
        {"203.0.113.1", 50, "none", "pass", "pass", "", "crm.test", "k1"},       /* another service */
        {"203.0.113.66", 4, "quarantine", "fail", "fail", "", "spam.test", "x"}, /* a stranger with a seal of its own */
        {"203.0.113.67", 2, "reject", "fail", "fail", "", "shop.test", "k9"},    /* a seal of ours that is no proof */
    };
    add_xml(rule, 19000, rows, sizeof rows / sizeof *rows);
}

static struct reports_sum *sum_since(int64_t since_s, struct arena *a)
{
    struct us us = {{"192.0.2.9", NULL}, &keys};
    struct reports_sum *s = arena_alloc(a, sizeof *s);
    struct fault f;
    if (!reports_sum(store, STR("shop.test"), since_s, &us, a, s, &f))
        fail_msg("%s", f.text);
    return s;
}

static const struct source_sum *source(const struct reports_sum *s, const char *ip)
{
    for (size_t i = 0; i < s->sources; i++)
        if (str_eq(s->source[i].ip, str_of(ip)))
            return &s->source[i];
    fail_msg("no %s", ip);
    return NULL;
}

static void each_address_is_ours_a_forwarders_a_services_or_a_strangers(void **state)
{
    struct arena a = {0};
    (void)state;
    add_mixed("none");
    struct reports_sum *s = sum_since(0, &a);
    assert_int_equal(source(s, "192.0.2.1")->whose, ORIGIN_OURS);
    assert_int_equal(source(s, "192.0.2.9")->whose, ORIGIN_OURS);
    assert_int_equal(source(s, "198.51.100.5")->whose, ORIGIN_FORWARDED);
    assert_int_equal(source(s, "198.51.100.6")->whose, ORIGIN_FORWARDED);
    assert_int_equal(source(s, "203.0.113.1")->whose, ORIGIN_SERVICE);
    assert_int_equal(source(s, "203.0.113.66")->whose, ORIGIN_STRANGER);
    assert_int_equal(source(s, "203.0.113.67")->whose, ORIGIN_STRANGER);
    assert_true(str_eq(source(s, "203.0.113.1")->name[0], STR("crm.test")));
    assert_int_equal(source(s, "192.0.2.1")->names, 0); /* its own domain is no news */
    assert_int_equal(s->all.messages, 186);
    assert_int_equal(s->all.proven, 170);
    assert_int_equal(s->all.fate[FATE_QUARANTINED], 4);
    assert_int_equal(s->all.fate[FATE_REJECTED], 2);
    assert_int_equal(s->of[ORIGIN_OURS].messages, 107);
    assert_true(str_eq(s->source[0].ip, STR("192.0.2.1"))); /* most messages first */
    arena_done(&a);
}

static void days_add_up_and_since_leaves_earlier_ones_out(void **state)
{
    struct arena a = {0};
    const struct row row = {"192.0.2.1", 11, "none", "pass", "pass", "", "shop.test", "g1r"};
    (void)state;
    add_mixed("none");
    add_xml("reject", 19001, &row, 1);
    struct reports_sum *s = sum_since(0, &a);
    assert_int_equal(s->dmarc.reports, 2);
    assert_int_equal(source(s, "192.0.2.1")->tally.messages, 111);
    assert_int_equal(s->dmarc.reporters, 1);
    assert_int_equal(s->dmarc.reporter[0].reports, 2);
    assert_true(str_eq(reports_rule(s->policy), STR("reject"))); /* the newest */
    assert_int_equal(sum_since(19001 * 86400, &a)->all.messages, 11);
    assert_int_equal(sum_since(19002 * 86400, &a)->dmarc.reports, 0);
    arena_done(&a);
}

/* ---- in words ---- */

static void shows(const struct reports_sum *s, enum lang l, const char *const *want, const char *const *absent)
{
    struct buf b = {0};
    reports_show(s, l, &b);
    buf_add(&b, "", 1);
    for (char *p = b.p; (p = strchr(p, '\n'));) /* as one line: where it is broken does not matter */
        for (*p = ' '; p[1] == ' ';)
            memmove(p, p + 1, strlen(p));
    for (; *want; want++)
        if (!strstr(b.p, *want))
            fail_msg("\"%s\" is not in\n%s", *want, b.p);
    for (; absent && *absent; absent++)
        if (strstr(b.p, *absent))
            fail_msg("\"%s\" is in\n%s", *absent, b.p);
    buf_done(&b);
}

static void advice_follows_from_what_is_seen(void **state)
{
    struct arena a = {0};
    (void)state;
    add_mixed("none");
    struct reports_sum *s = sum_since(0, &a);
    const char *const english[] = {"170 (91%)",
                                   "p=none: receivers only report",
                                   "goniec domain check",
                                   "those lists should rewrite",
                                   "take it out of the SPF record",
                                   "p=quarantine, and after",
                                   NULL};
    const char *const polish[] = {"tylko raportują", "goniec domain check pokaże", "zaostrz rekord DMARC", NULL};
    shows(s, LANG_EN, english, (const char *const[]){"All mail is proven", NULL});
    shows(s, LANG_PL, polish, NULL);
    arena_done(&a);
}

static void strangers_under_a_strict_rule_need_nothing(void **state)
{
    struct arena a = {0};
    (void)state;
    add_mixed("reject");
    shows(sum_since(0, &a), LANG_EN,
          (const char *const[]){"p=reject: receivers refuse", "receivers keep this mail from people", NULL},
          (const char *const[]){"make the DMARC record stricter", NULL});
    arena_done(&a);
}

static void a_domain_whose_mail_is_all_proven_may_be_stricter(void **state)
{
    struct arena a = {0};
    const struct row row = {"192.0.2.1", 11, "none", "pass", "pass", "", "shop.test", "g1r"};
    (void)state;
    add_xml("none", 19001, &row, 1);
    shows(sum_since(0, &a), LANG_EN, (const char *const[]){"11 (100%)", "All mail is proven", "what to do: nothing", NULL}, NULL);
    arena_done(&a);
}

static void a_reporters_words_cannot_steer_the_terminal(void **state)
{
    struct arena a = {0};
    const struct row row = {"192.0.2.7", 1, "none", "fail", "fail", "", "e\xe2\x80\xaevil\x1b[2J.test", "x"};
    (void)state;
    add_xml("none", 19001, &row, 1);
    struct buf b = {0};
    struct reports_sum *s = sum_since(0, &a);
    reports_show(s, LANG_EN, &b);
    assert_null(memchr(b.p, 0x1b, b.n));
    assert_null(memmem(b.p, b.n, "\xe2\x80\xae", 3));
    b.n = 0;
    reports_show_json(s, LANG_EN, &b);
    assert_null(memchr(b.p, 0x1b, b.n));
    buf_done(&b);
    arena_done(&a);
}

static void every_kind_of_tls_failure_has_its_meaning_and_advice(void **state)
{
    static const char *const kinds[] = {"starttls-not-supported", "certificate-host-mismatch",
                                        "certificate-expired",    "certificate-not-trusted",
                                        "validation-failure",     "tlsa-invalid",
                                        "dnssec-invalid",         "dane-required",
                                        "sts-policy-fetch-error", "sts-policy-invalid",
                                        "sts-webpki-invalid",     "of-a-later-standard"};
    struct aggregate_keeper k = {.store = store, .now_s = 1800000000};
    struct arena a = {0};
    struct buf b = {0};
    struct fault f;
    (void)state;
    buf_addf(
        &b,
        "{\"organization-name\":\"Big\",\"report-id\":\"t\",\"policies\":[{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":"
        "\"shop.test\"},\"summary\":{\"total-successful-session-count\":90,\"total-failure-session-count\":12},"
        "\"failure-details\":[{}");
    for (size_t i = 0; i < 12; i++)
        buf_addf(&b, ",{\"result-type\":\"%s\",\"failed-session-count\":%zu,\"receiving-mx-hostname\":\"mx%zu.shop.test\"}",
                 kinds[i], 100 - i, i);
    buf_addf(&b, "]}]}");
    assert_int_equal(aggregate_keep(&k, buf_str(&b), NULL, &f), AGGREGATE_READ);
    struct reports_sum *s = sum_since(0, &a);
    assert_int_equal(s->ok, 90);
    assert_int_equal(s->failed, 12);
    assert_int_equal(s->failures, 12);
    const char *const want[] = {
        "certificate-expired: connections 98, at mx2.shop.test the certificate has expired -> what to do: renew it",
        "of-a-later-standard: connections 89, at mx11.shop.test a failure of another kind", "sts (102): MTA-STS: the domain asks",
        NULL};
    shows(s, LANG_EN, want, NULL);
    b.n = 0;
    reports_show_json(s, LANG_PL, &b);
    assert_non_null(memmem(b.p, b.n, "certyfikat wygasł", 18));
    buf_done(&b);
    arena_done(&a);
}

#define TEST(x) cmocka_unit_test_setup_teardown(x, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_address_is_ours_a_forwarders_a_services_or_a_strangers),
        TEST(days_add_up_and_since_leaves_earlier_ones_out),
        TEST(advice_follows_from_what_is_seen),
        TEST(strangers_under_a_strict_rule_need_nothing),
        TEST(a_domain_whose_mail_is_all_proven_may_be_stricter),
        TEST(a_reporters_words_cannot_steer_the_terminal),
        TEST(every_kind_of_tls_failure_has_its_meaning_and_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
