/* Views are compared, trimmed, split and counted without looking past their ends. */
#include "../mail/check.h"

static void views_are_equal_by_their_bytes(void **state)
{
    (void)state;
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_int_equal(str_of(NULL).n, 0);
    assert_str(str_mem("abcdef", 3), "abc");
}

static void only_ascii_letters_have_case(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            char x = (char)a, y = (char)b;
            bool letters = (a | 32) >= 'a' && (a | 32) <= 'z' && (a | 32) == (b | 32);
            assert_int_equal(str_eq_nocase(str_mem(&x, 1), str_mem(&y, 1)), a == b || letters);
        }
    assert_true(str_eq_nocase(STR("STARTtls"), STR("startTLS")));
    assert_false(str_eq_nocase(STR("starttl"), STR("starttls")));
}

static void a_prefix_is_found_without_case_and_not_past_the_end(void **state)
{
    (void)state;
    assert_true(str_starts_nocase(STR("Mail From:<>"), STR("MAIL FROM:")));
    assert_false(str_starts_nocase(str_mem("MAIL FROM:", 9), STR("MAIL FROM:")));
    assert_true(str_starts_nocase(STR("x"), STR("")));
    assert_true(str_starts_nocase((struct str){NULL, 0}, STR("")));
    assert_false(str_starts_nocase((struct str){NULL, 0}, STR("x")));
}

static void space_and_tab_are_trimmed_and_nothing_else(void **state)
{
    (void)state;
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR("\ra\n")), "\ra\n");
    assert_str(str_trim(STR(" \t ")), "");
    assert_int_equal(str_trim((struct str){NULL, 0}).n, 0);
}

static void a_split_yields_every_part_the_empty_ones_too(void **state)
{
    struct str rest = STR(",a,,b,");
    static const char *const want[] = {"", "a", "", "b", ""};
    size_t n = 0;
    (void)state;
    while (rest.p) {
        assert_true(n < 5);
        assert_str(str_split(&rest, ','), want[n++]);
    }
    assert_int_equal(n, 5);
    assert_int_equal(str_split(&rest, ',').n, 0);
    assert_null(rest.p);
    rest = STR("whole");
    assert_str(str_split(&rest, ','), "whole");
    assert_null(rest.p);
}

static void a_number_is_the_whole_text_and_within_its_bound(void **state)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1a", "0x1", "1.0", "18446744073709551616", "99999999999999999999999"};
    uint64_t v = 77;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (str_to_u64(str_of(bad[i]), UINT64_MAX, &v))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_false(str_to_u64(STR("1\0"), UINT64_MAX, &v));
    assert_true(v == 77);
    assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &v) && v == UINT64_MAX);
    assert_true(str_to_u64(STR("000"), 0, &v) && v == 0);
    assert_false(str_to_u64(STR("1"), 0, &v));
    for (uint64_t max = 0; max < 300; max++)
        for (uint64_t n = 0; n < 330; n++) {
            char text[8];
            snprintf(text, sizeof text, "%u", (unsigned)n);
            assert_int_equal(str_to_u64(str_of(text), max, &v), n <= max);
            assert_true(n > max || v == n);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_are_equal_by_their_bytes),
        cmocka_unit_test(only_ascii_letters_have_case),
        cmocka_unit_test(a_prefix_is_found_without_case_and_not_past_the_end),
        cmocka_unit_test(space_and_tab_are_trimmed_and_nothing_else),
        cmocka_unit_test(a_split_yields_every_part_the_empty_ones_too),
        cmocka_unit_test(a_number_is_the_whole_text_and_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
