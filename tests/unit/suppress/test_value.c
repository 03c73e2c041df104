/* What may stand in a list, in which form, and for which reasons. */
#include "../mail/check.h"

#include "suppress/suppress.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void becomes(const char *text, const char *normal, bool is_domain)
{
    struct suppress_value v;
    const char *why = "";
    if (!suppress_value_parse(str_of(text), &arena, &v, &why))
        fail_msg("%s is refused: %s", text, why);
    assert_str(v.text, normal);
    assert_int_equal(v.is_domain, is_domain);
}

static void one_mailbox_has_one_form_however_it_is_written(void **state)
{
    (void)state;
    becomes("Jan.Kowalski@Dest.TEST", "jan.kowalski@dest.test", false);
    becomes("\"Jan\"@dest.test", "jan@dest.test", false);
    becomes("\"j\\an\"@dest.test", "jan@dest.test", false);
    becomes("jan@ŻÓŁĆ.test", "jan@xn--kda4b0koi.test", false);
    becomes("jan@[127.0.0.1]", "jan@[127.0.0.1]", false);
}

static void quotes_that_are_needed_stay(void **state)
{
    (void)state;
    becomes("\"Jan Kowalski\"@dest.test", "\"jan kowalski\"@dest.test", false);
    becomes("\"a@b\"@dest.test", "\"a@b\"@dest.test", false);
    becomes("\"\"@dest.test", "\"\"@dest.test", false);
    becomes("\".a\"@dest.test", "\".a\"@dest.test", false);
    becomes("\"\\\"a\\\"\"@dest.test", "\"\\\"a\\\"\"@dest.test", false);
}

static void a_domain_is_written_with_or_without_its_at(void **state)
{
    (void)state;
    becomes("Dest.TEST", "dest.test", true);
    becomes("@dest.test.", "dest.test", true);
    becomes("żółć.test", "xn--kda4b0koi.test", true);
}

static void what_is_neither_is_refused_with_a_reason(void **state)
{
    static const char *const bad[] = {"", "@", "dest", "a@", "@a@b", "a b@dest.test", "a@b@dest.test", "-.test", "[127.0.0.1]"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct suppress_value v;
        const char *why = NULL;
        if (suppress_value_parse(str_of(bad[i]), &arena, &v, &why))
            fail_msg("\"%s\" is taken", bad[i]);
        assert_true(why && *why);
    }
}

static void reasons_are_known_by_their_names_and_by_those_of_other_services(void **state)
{
    (void)state;
    for (enum suppress_reason r = SUPPRESS_HARDBOUNCE; r <= SUPPRESS_OTHER; r++) {
        enum suppress_reason again;
        assert_true(suppress_reason_parse(str_of(suppress_reason_name(r)), &again) && again == r);
    }
    enum suppress_reason r;
    assert_true(suppress_reason_parse(STR(" Spam_Report "), &r) && r == SUPPRESS_COMPLAINT);
    assert_true(suppress_reason_parse(STR("group-unsubscribe"), &r) && r == SUPPRESS_UNSUBSCRIBE);
    assert_false(suppress_reason_parse(STR("550 5.1.1 no such user"), &r));
    assert_false(suppress_reason_parse(STR(""), &r));
}

static void where_anybody_has_a_mailbox_is_known(void **state)
{
    static const char *const yes[] = {"126.com", "gmail.com", "outlook.com", "wp.pl",
                                      "onet.pl", "o2.pl",     "interia.pl",  "zoho.com"};
    static const char *const no[] = {"", "wp.p", "wp.pl.test", "gmail.co", "dest.test", "a.gmail.com"};
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(suppress_is_freemail(str_of(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(suppress_is_freemail(str_of(no[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(one_mailbox_has_one_form_however_it_is_written, release),
        cmocka_unit_test_teardown(quotes_that_are_needed_stay, release),
        cmocka_unit_test_teardown(a_domain_is_written_with_or_without_its_at, release),
        cmocka_unit_test_teardown(what_is_neither_is_refused_with_a_reason, release),
        cmocka_unit_test(reasons_are_known_by_their_names_and_by_those_of_other_services),
        cmocka_unit_test(where_anybody_has_a_mailbox_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
