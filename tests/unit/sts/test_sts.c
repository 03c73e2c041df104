/* MTA-STS: records, policies, which hosts they list, and the list of what is known. */
#include "../mail/check.h"

#include "sts/sts.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_record_has_its_version_first_and_one_id(void **state)
{
    static const struct {
        const char *text;
        enum sts_record what;
        const char *id;
    } cases[] = {{"v=STSv1; id=20160831085700Z;", STS_GOOD, "20160831085700Z"},
                 {"v=STSv1;id=a", STS_GOOD, "a"},
                 {"v=STSv1 ; future=x y; id=1 ; ", STS_GOOD, "1"},
                 {"v=STSv1; id=12345678901234567890123456789012;", STS_GOOD, "12345678901234567890123456789012"},
                 {"v=STSv1; id=123456789012345678901234567890123;", STS_BAD, ""},
                 {"v=STSv1; id=;", STS_BAD, ""},
                 {"v=STSv1; id=a-b;", STS_BAD, ""},
                 {"v=STSv1; id=a; id=b;", STS_BAD, ""},
                 {"v=STSv1;", STS_BAD, ""},
                 {"v=STSv1; nonsense; id=1;", STS_BAD, ""},
                 {"v=STSv1", STS_OTHER, ""},
                 {"v=STSv2; id=1;", STS_OTHER, ""},
                 {"v=stsv1; id=1;", STS_OTHER, ""},
                 {" v=STSv1; id=1;", STS_OTHER, ""},
                 {"id=1; v=STSv1;", STS_OTHER, ""},
                 {"v=spf1 -all", STS_OTHER, ""},
                 {"", STS_OTHER, ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str id = {"", 0};
        assert_int_equal(sts_record_parse(str_of(cases[i].text), &id), cases[i].what);
        assert_str(id, cases[i].id);
    }
}

/* What is wrong with the text; "" nothing. */
static struct sts_policy parse(struct arena *a, const char *text, char why[100])
{
    struct sts_policy p = {0};
    why[0] = '\0';
    sts_policy_parse(str_of(text), a, &p, why);
    return p;
}

static void a_policy_is_read_with_any_line_ends_order_and_unknown_fields(void **state)
{
    struct arena a = {0};
    char why[100];
    (void)state;
    struct sts_policy p =
        parse(&a, "version: STSv1\r\nmode: enforce\r\nmx: Mail.Example.PL\r\nmx: *.example.net\r\nmax_age: 604800\r\n", why);
    assert_string_equal(why, "");
    assert_int_equal(p.mode, STS_ENFORCE);
    assert_int_equal(p.max_age_s, 604800);
    assert_str(p.mx, "mail.example.pl *.example.net ");
    p = parse(&a, "mx:a.pl\nmax_age:\t5 \nfuture: yes: no\nmode:testing\n\nversion:STSv1", why);
    assert_string_equal(why, "");
    assert_int_equal(p.mode, STS_TESTING);
    assert_int_equal(p.max_age_s, 5);
    p = parse(&a, "version: STSv1\nmode: none\nmode: enforce\nmax_age: 1\nmax_age: x\n", why);
    assert_string_equal(why, ""); /* of a field that stands twice the first counts; none needs no mx */
    assert_int_equal(p.mode, STS_NONE);
    p = parse(&a, "version: STSv1\nmode: none\nmax_age: 9999999999\n", why);
    assert_int_equal(p.max_age_s, STS_AGE_MAX_S);
    arena_done(&a);
}

static void a_policy_that_lacks_something_or_is_malformed_is_none(void **state)
{
    static const char *const cases[][2] = {
        {"", "it has no version"},
        {"version: STSv2\nmode: none\nmax_age: 1\n", "its version is not STSv1"},
        {"version: STSv1\nmax_age: 1\n", "it has no mode"},
        {"version: STSv1\nmode: strict\nmax_age: 1\n", "its mode is not enforce, testing or none"},
        {"version: STSv1\nmode: none\n", "it has no max_age"},
        {"version: STSv1\nmode: none\nmax_age: -1\n", "its max_age is no number of seconds"},
        {"version: STSv1\nmode: none\nmax_age: 10000000000\n", "its max_age is no number of seconds"},
        {"version: STSv1\nmode: enforce\nmax_age: 1\n", "it names no mail host"},
        {"version: STSv1\nmode: enforce\nmx: a..b\nmax_age: 1\n", "it names a mail host that can be none"},
        {"version: STSv1\nmode: enforce\nmx: mx.*.pl\nmax_age: 1\n", "it names a mail host that can be none"},
        {"version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1\n", "it names a mail host that can be none"},
        {"version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n", "it names a mail host that can be none"},
        {"<html>\n", "a line of it has no colon"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        char why[100];
        parse(&a, cases[i][0], why);
        assert_string_equal(why, cases[i][1]);
        arena_done(&a);
    }
}

static void a_policy_has_a_largest_size(void **state)
{
    struct buf b = {0};
    struct arena a = {0};
    struct sts_policy p;
    char why[100];
    (void)state;
    buf_add_str(&b, STR("version: STSv1\nmode: none\nmax_age: 1\nfiller: "));
    while (b.n < STS_POLICY_MAX)
        buf_add(&b, "x", 1);
    assert_true(sts_policy_parse(buf_str(&b), &a, &p, why));
    buf_add(&b, "x", 1);
    assert_false(sts_policy_parse(buf_str(&b), &a, &p, why));
    buf_done(&b);
    arena_done(&a);
}

static void a_wildcard_stands_for_one_label(void **state)
{
    const struct str mx = STR("mail.example.pl *.example.net ");
    (void)state;
    assert_true(sts_lists(mx, STR("mail.example.pl")));
    assert_true(sts_lists(mx, STR("a.example.net")));
    assert_false(sts_lists(mx, STR("a.b.example.net")));
    assert_false(sts_lists(mx, STR("example.net")));
    assert_false(sts_lists(mx, STR(".example.net")));
    assert_false(sts_lists(mx, STR("xmail.example.pl")));
    assert_false(sts_lists(mx, STR("example.pl")));
    assert_false(sts_lists(STR(""), STR("example.pl")));
}

/* ---- the list ---- */

static char folder[] = "/tmp/goniec-sts-XXXXXX", path[100];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/mta-sts", mkdtemp(folder));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static const struct sts_entry sample[] = {
    {STR("z.test"), STR("7"), STS_ENFORCE, 1000, 2000, STR("mx.z.test *.z.test "), STR(""), 0},
    {STR("a.test"), STR(""), STS_NONE, 0, 0, STR(""), STR("8"), 1300},
    {STR("m.test"), STR("9"), STS_TESTING, 1000, 5000, STR("m.test "), STR("10"), 1400},
};

static void what_is_written_is_read_and_found_by_domain(void **state)
{
    struct sts_list *l;
    struct fault f;
    size_t n;
    (void)state;
    assert_true(sts_list_load(&l, path, &f)); /* there is none yet */
    assert_null(sts_list_find(l, STR("z.test")));
    sts_list_free(&l);
    assert_true(sts_list_write(path, sample, 3, &f));
    assert_true(sts_list_load(&l, path, &f));
    sts_list_entries(l, &n);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct sts_entry *e = sts_list_find(l, sample[i].domain), *s = &sample[i];
        assert_non_null(e);
        assert_true(str_eq(e->id, s->id) && str_eq(e->mx, s->mx) && str_eq(e->failed_id, s->failed_id));
        assert_true(e->mode == s->mode && e->fetched_s == s->fetched_s && e->expires_s == s->expires_s);
        assert_true(e->failed_until_s == s->failed_until_s);
    }
    assert_null(sts_list_find(l, STR("b.test")));
    sts_list_free(&l);
}

static void a_list_that_is_cut_or_changed_is_damaged_or_harmless(void **state)
{
    struct sts_list *l;
    struct fault f;
    char text[1000];
    (void)state;
    assert_true(sts_list_write(path, sample, 3, &f));
    FILE *in = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text, in);
    fclose(in);
    for (size_t cut = 1; cut < n; cut++)
        if (text[cut - 1] != '\n')
            assert_false(sts_list_parse(&l, str_mem(text, cut), &f));
    for (size_t i = 0; i < n; i++) {
        text[i] ^= 1;
        if (sts_list_parse(&l, str_mem(text, n), &f))
            sts_list_free(&l);
        text[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_its_version_first_and_one_id),
        cmocka_unit_test(a_policy_is_read_with_any_line_ends_order_and_unknown_fields),
        cmocka_unit_test(a_policy_that_lacks_something_or_is_malformed_is_none),
        cmocka_unit_test(a_policy_has_a_largest_size),
        cmocka_unit_test(a_wildcard_stands_for_one_label),
        cmocka_unit_test(what_is_written_is_read_and_found_by_domain),
        cmocka_unit_test(a_list_that_is_cut_or_changed_is_damaged_or_harmless),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
