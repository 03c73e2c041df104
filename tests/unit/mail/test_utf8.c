#include "check.h"
#include "mail/utf8.h"

static void every_scalar_goes_out_and_comes_back(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10FFFF; point++) {
        if (point >= 0xD800 && point <= 0xDFFF)
            continue;
        char bytes[UTF8_BYTES_MAX];
        struct str s = str_mem(bytes, utf8_put(point, bytes));
        assert_true(utf8_valid(s));
        assert_int_equal(utf8_take(&s), point);
        assert_int_equal(s.n, 0);
    }
}

static void malformed_sequences_are_refused(void **state)
{
    (void)state;
    assert_false(utf8_valid(STR("\x80")));     /* a continuation alone */
    assert_false(utf8_valid(STR("\xC0\xAF"))); /* overlong "/" */
    assert_false(utf8_valid(STR("\xC1\xBF")));
    assert_false(utf8_valid(STR("\xE0\x80\xAF")));
    assert_false(utf8_valid(STR("\xF0\x80\x80\xAF")));
    assert_false(utf8_valid(STR("\xED\xA0\x80")));     /* a surrogate */
    assert_false(utf8_valid(STR("\xF4\x90\x80\x80"))); /* past U+10FFFF */
    assert_false(utf8_valid(STR("\xF5\x80\x80\x80")));
    assert_false(utf8_valid(STR("\xC5"))); /* cut */
    assert_false(utf8_valid(STR("\xE2\x82")));
    assert_false(utf8_valid(STR("\xC5z")));
    assert_true(utf8_valid(STR("za\xC5\xBC\xC3\xB3\xC5\x82\xC4\x87")));
    assert_true(utf8_valid(STR("")));
}

static void a_bad_byte_is_stepped_over_alone(void **state)
{
    (void)state;
    struct str s = STR("\xC5z");
    assert_int_equal(utf8_take(&s), UTF8_BAD);
    assert_int_equal(utf8_take(&s), 'z');
    assert_int_equal(s.n, 0);
}

static void need_is_seen(void **state)
{
    (void)state;
    assert_false(utf8_needed(STR("plain")));
    assert_true(utf8_needed(STR("g\xC4\x85ska")));
    assert_false(utf8_needed(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_goes_out_and_comes_back),
        cmocka_unit_test(malformed_sequences_are_refused),
        cmocka_unit_test(a_bad_byte_is_stepped_over_alone),
        cmocka_unit_test(need_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
