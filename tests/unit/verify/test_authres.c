/* Whose results a field claims to be, and what strangers may put into ours. */
#include "../mail/check.h"

#include "verify/authres.h"

static bool claims(const char *value, const char *ours) { return authres_claims(str_of(value), str_of(ours)); }

static void our_name_is_seen_however_it_is_written(void **state)
{
    static const char *const ours[] = {
        "mx.example.pl; spf=pass",        "MX.Example.PL; spf=pass",
        "mx.example.pl 1; spf=pass",      "mx.example.pl/1; spf=pass",
        "mx.example.pl(1); none",         "(a (b\\) c) d)\r\n\t(e)\r\n mx.example.pl\r\n\t; dkim=pass",
        "mx.example.pl.; spf=pass",       "mx.example.pl",
        "\"mx.example.pl\" 1; dkim=pass", "\"mx.exam\\ple.pl\"; dkim=pass",
        "\"mx.example.pl.\"; dkim=pass"};
    static const char *const others[] = {"mx.example.pl.other.test; spf=pass",
                                         "example.pl; spf=pass",
                                         "xmx.example.pl; spf=pass",
                                         "(mx.example.pl) other.test; none",
                                         "mx.example.pl..; none",
                                         "\"\"; none",
                                         ""};
    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (!claims(ours[i], "mx.example.pl"))
            fail_msg("passed over: %s", ours[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (claims(others[i], "mx.example.pl"))
            fail_msg("taken for ours: %s", others[i]);
    assert_true(claims("mx.\u017c\u00f3\u0142w.test; spf=pass", "mx.xn--w-uga1v8h.test"));
    assert_true(claims("\"mx.\u017c\u00f3\u0142w.test\"; spf=pass", "mx.xn--w-uga1v8h.test"));
    assert_false(claims("mx.\xc5; spf=pass", "mx.xn--w-uga1v8h.test"));
}

static void results_are_what_stands_behind_the_name(void **state)
{
    (void)state;
    assert_true(str_eq(authres_results(STR("\"a\\\";b\" 1; spf=pass; none ")), STR("spf=pass; none")));
    assert_true(str_eq(authres_results(STR("a.test")), STR("")));
}

/* As long as DKIM lets them be, and each byte one that needs an escape. */
static void no_line_grows_beyond_what_mail_may_have_whatever_strangers_write(void **state)
{
    char quotes[4000];
    (void)state;
    memset(quotes, '"', sizeof quotes);
    struct str much = str_mem(quotes, sizeof quotes);
    struct dkim_answer d = {.result = AUTH_PERMERROR, .domain = much, .selector = much, .algorithm = much};
    d.reason = STR("it names more signed fields than are looked at");
    struct verified v = {.dkim = &d, .dkims = 1, .author = {"", 0}};
    struct buf results = {0}, field = {0};
    authres_write(&v, much, much, &results);
    authres_field(STR("mx.example.pl"), buf_str(&results), &field);
    for (struct str rest = buf_str(&field); rest.n;) {
        struct str line = str_split(&rest, '\n');
        if (line.n > 999) /* with its CR */
            fail_msg("%zu bytes: %.*s", line.n - 1, STR_ARGS(line));
    }
    buf_done(&results);
    buf_done(&field);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_name_is_seen_however_it_is_written),
        cmocka_unit_test(results_are_what_stands_behind_the_name),
        cmocka_unit_test(no_line_grows_beyond_what_mail_may_have_whatever_strangers_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
