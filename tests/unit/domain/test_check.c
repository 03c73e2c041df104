/* What DNS says beside what it should: right, missing, wrong in each way that people get it wrong, and what is their own to
 * choose. */
#include "domain/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* DNS of one test: rows of name, type and text. */
struct zone_row {
    const char *name;
    enum dns_type type;
    const char *text;
};
struct zone {
    const struct zone_row *row;
    size_t n;
    bool dead;
};

static enum dns_result ask(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    const struct zone *z = ctx;
    *ret = (struct dns_answer){0};
    if (z->dead)
        return DNS_TROUBLE;
    ret->record = arena_alloc(a, z->n * sizeof *ret->record);
    for (size_t i = 0; i < z->n; i++) {
        if (!str_eq_nocase(str_of(z->row[i].name), name) || z->row[i].type != type)
            continue;
        struct dns_record *r = &ret->record[ret->n++];
        if (type == DNS_A)
            memcpy(r->address, z->row[i].text, 4);
        else
            r->text = str_of(z->row[i].text);
    }
    return ret->n ? DNS_FOUND : DNS_NO_DATA;
}

#define KEY "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
#define NAME "s._domainkey.shop.test"

static const struct sender us = {{"shop.test", 9}, {"mail.goniec.test", 16}, {NULL, NULL}, ""};
static const struct record dkim = {RECORD_DKIM, DNS_TXT, {NAME, sizeof NAME - 1}, {"v=DKIM1; k=rsa; p=" KEY, 18 + sizeof KEY - 1},
                                   0,           NULL};
static const struct record spf = {RECORD_SPF, DNS_TXT, {"shop.test", 9}, {"v=spf1 a:mail.goniec.test ~all", 30}, 0, NULL};
static const struct record dmarc = {RECORD_DMARC, DNS_TXT, {"_dmarc.shop.test", 16}, {"v=DMARC1; p=none", 16}, 0, NULL};
static const struct record mx = {RECORD_RETURN_MX, DNS_MX, {"bounces.shop.test", 17}, {"mail.goniec.test", 16}, 10, NULL};
static const struct record tls = {
    RECORD_TLS_REPORTS, DNS_TXT, {"_smtp._tls.shop.test", 20}, {"v=TLSRPTv1; rua=mailto:a@b.test", 31}, 0, NULL};

static void expect(const struct record *r, const struct zone_row *row, size_t n, enum check_state state, enum check_why why,
                   const char *detail)
{
    struct zone z = {row, n, false};
    struct verify_dns dns = {.ask = ask, .ctx = &z};
    struct arena a = {0};
    struct checked c;
    check_record(&us, r, &dns, &a, &c);
    if (c.state != state || c.why != why || (detail && !str_eq(c.detail, str_of(detail))))
        fail_msg("%.*s: state %d why %d \"%.*s\", expected %d %d \"%s\"", STR_ARGS(r->name), c.state, c.why, STR_ARGS(c.detail),
                 state, why, detail ? detail : "");
    arena_done(&a);
}

#define ONE(record, text, state, why, detail)                                                                                    \
    do {                                                                                                                         \
        char name_[100];                                                                                                         \
        snprintf(name_, sizeof name_, "%.*s", STR_ARGS((record)->name));                                                         \
        expect(record, &(struct zone_row){name_, (record)->type, text}, 1, state, why, detail);                                  \
    } while (0)

static void a_key_is_right_however_it_is_written(void **state)
{
    (void)state;
    ONE(&dkim, "v=DKIM1; k=rsa; p=" KEY, CHECK_RIGHT, WHY_NONE, NULL);
    ONE(&dkim, "k=rsa;p=" KEY ";", CHECK_RIGHT, WHY_NONE, NULL);
    ONE(&dkim, "v=DKIM1; p=MIIBIjANBgkqhkiG9w0BAQEFAA \t OCAQ8AMIIBCgKCAQEA; t=y", CHECK_RIGHT, WHY_NONE, NULL); /* split */
    expect(&dkim, &(struct zone_row){"S._DomainKey.SHOP.test", DNS_TXT, "v=DKIM1; k=rsa; p=" KEY}, 1, CHECK_RIGHT, WHY_NONE,
           NULL);
}

static void a_wrong_key_is_told_by_what_is_wrong_with_it(void **state)
{
    (void)state;
    ONE(&dkim, "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG", CHECK_DIFFERENT, WHY_CUT, "16/44");
    ONE(&dkim, "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiGx", CHECK_DIFFERENT, WHY_KEY, "17");
    ONE(&dkim, "v=DKIM1; k=rsa; p=miibijanbgkqhkig9w0baqefaaocaq8amiibcgkcaqea", CHECK_DIFFERENT, WHY_KEY, "1"); /* lower case */
    ONE(&dkim, "v=DKIM1; k=rsa; p=" KEY "AAAA", CHECK_DIFFERENT, WHY_KEY, "45");
    ONE(&dkim, "v=DKIM1; k=ed25519; p=" KEY, CHECK_DIFFERENT, WHY_KIND, "k=ed25519");
    ONE(&dkim, "v=DKIM1; k=rsa; p=", CHECK_DIFFERENT, WHY_REVOKED, NULL);
    ONE(&dkim, "\"v=DKIM1; k=rsa; \" \"p=" KEY "\"", CHECK_DIFFERENT, WHY_QUOTES, NULL);
    ONE(&dkim, "v=DKIM1\\; k=rsa\\; p=" KEY, CHECK_DIFFERENT, WHY_QUOTES, NULL);
    ONE(&dkim, "v=DKIM1; k=rsa", CHECK_DIFFERENT, WHY_BROKEN, "p=");
    ONE(&dkim, "hello", CHECK_DIFFERENT, WHY_BROKEN, "p=");
}

static void records_of_other_purposes_at_the_name_do_not_count(void **state)
{
    const struct zone_row rows[] = {{"shop.test", DNS_TXT, "google-site-verification=x"},
                                    {"shop.test", DNS_TXT, "V=SPF1 a:mail.goniec.test ~all"},
                                    {"mail.goniec.test", DNS_A, "\300\0\2\1"},
                                    {"shop.test", DNS_TXT, "v=spf10 nothing"}};
    (void)state;
    expect(&spf, rows, 4, CHECK_RIGHT, WHY_NONE, NULL);
    expect(&spf, rows, 1, CHECK_MISSING, WHY_NONE, NULL);
}

static void two_records_where_one_is_allowed_are_told(void **state)
{
    const struct zone_row rows[] = {{"shop.test", DNS_TXT, "v=spf1 a:mail.goniec.test ~all"},
                                    {"shop.test", DNS_TXT, "v=spf1 include:other.test ~all"},
                                    {"_dmarc.shop.test", DNS_TXT, "v=DMARC1; p=none"},
                                    {"_dmarc.shop.test", DNS_TXT, "v=DMARC1; p=reject"},
                                    {NAME, DNS_TXT, "v=DKIM1; k=rsa; p=" KEY},
                                    {NAME, DNS_TXT, "v=DKIM1; k=rsa; p=" KEY}};
    (void)state;
    expect(&spf, rows, 6, CHECK_DIFFERENT, WHY_SEVERAL, "2");
    expect(&dmarc, rows, 6, CHECK_DIFFERENT, WHY_SEVERAL, "2");
    expect(&dkim, rows, 6, CHECK_DIFFERENT, WHY_SEVERAL, "2");
}

static void an_spf_record_of_ones_own_is_right_when_it_lets_this_server_pass(void **state)
{
    static const struct {
        const char *text;
        enum check_state state;
    } rows[] = {{"v=spf1 ip4:192.0.2.0/24 -all", CHECK_RIGHT},
                {"v=spf1 include:spf.shop.test -all", CHECK_RIGHT},
                {"v=spf1 ip4:198.51.100.1 -all", CHECK_DIFFERENT},
                {"v=spf1 -ip4:192.0.2.1 +all", CHECK_DIFFERENT},
                {"v=spf1 broken:x -all", CHECK_DIFFERENT}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct zone_row zone[] = {{"shop.test", DNS_TXT, rows[i].text},
                                        {"spf.shop.test", DNS_TXT, "v=spf1 a:mail.goniec.test -all"},
                                        {"mail.goniec.test", DNS_A, "\300\0\2\1"}};
        bool right = rows[i].state == CHECK_RIGHT;
        expect(&spf, zone, 3, rows[i].state, right ? WHY_NONE : WHY_SOURCES, right ? NULL : "a:mail.goniec.test");
    }
}

static void a_stricter_policy_is_right_and_one_without_p_is_not(void **state)
{
    (void)state;
    ONE(&dmarc, "v=DMARC1; p=reject; sp=none; adkim=s", CHECK_RIGHT, WHY_NONE, NULL);
    ONE(&dmarc, "V=dmarc1; p=none", CHECK_DIFFERENT, WHY_BROKEN, "v=DMARC1"); /* to a receiver it is none */
    ONE(&dmarc, "v=DMARC1; rua=mailto:a@b.test", CHECK_DIFFERENT, WHY_BROKEN, "p=");
    ONE(&tls, "v=TLSRPTv1; rua=https://b.test/", CHECK_RIGHT, WHY_NONE, NULL);
    ONE(&tls, "v=TLSRPTv1;", CHECK_DIFFERENT, WHY_BROKEN, "rua=");
}

static void a_name_that_leads_elsewhere_is_someone_elses(void **state)
{
    const struct zone_row both[] = {{"bounces.shop.test", DNS_MX, "mail.goniec.test"},
                                    {"bounces.shop.test", DNS_MX, "mx.other.test"}};
    (void)state;
    ONE(&mx, "MAIL.goniec.test", CHECK_RIGHT, WHY_NONE, NULL);
    ONE(&mx, "mx.other.test", CHECK_OTHERS, WHY_ELSEWHERE, "mx.other.test");
    expect(&mx, both, 2, CHECK_OTHERS, WHY_ELSEWHERE, "mx.other.test");
    expect(&mx, both, 0, CHECK_MISSING, WHY_NONE, NULL);
}

static void a_name_that_has_the_domain_twice_is_found(void **state)
{
    const struct zone_row rows[] = {{"_dmarc.shop.test.shop.test", DNS_TXT, "v=DMARC1; p=none"},
                                    {"shop.test.shop.test", DNS_TXT, "unrelated"},
                                    {"bounces.shop.test.shop.test", DNS_MX, "mail.goniec.test"}};
    const struct zone_row bare = {"shop.test.shop.test", DNS_TXT, "v=spf1 a:mail.goniec.test ~all"};
    (void)state;
    expect(&dmarc, rows, 3, CHECK_MISSING, WHY_DOUBLED, "_dmarc");
    expect(&mx, rows, 3, CHECK_MISSING, WHY_DOUBLED, "bounces");
    expect(&spf, rows, 3, CHECK_MISSING, WHY_NONE, NULL);
    expect(&spf, &bare, 1, CHECK_MISSING, WHY_DOUBLED, "@");
}

static void no_answer_is_not_taken_for_no_record(void **state)
{
    struct zone z = {NULL, 0, true};
    struct verify_dns dns = {.ask = ask, .ctx = &z};
    struct arena a = {0};
    struct checked c;
    (void)state;
    check_record(&us, &dkim, &dns, &a, &c);
    assert_int_equal(c.state, CHECK_NO_ANSWER);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_right_however_it_is_written),
        cmocka_unit_test(a_wrong_key_is_told_by_what_is_wrong_with_it),
        cmocka_unit_test(records_of_other_purposes_at_the_name_do_not_count),
        cmocka_unit_test(two_records_where_one_is_allowed_are_told),
        cmocka_unit_test(an_spf_record_of_ones_own_is_right_when_it_lets_this_server_pass),
        cmocka_unit_test(a_stricter_policy_is_right_and_one_without_p_is_not),
        cmocka_unit_test(a_name_that_leads_elsewhere_is_someone_elses),
        cmocka_unit_test(a_name_that_has_the_domain_twice_is_found),
        cmocka_unit_test(no_answer_is_not_taken_for_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
