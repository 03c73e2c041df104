/* A buffer grows up to its bound and not a byte further. */
#include "../mail/check.h"

#include "lib/buf.h"

static void appends_follow_each_other_through_every_growth(void **state)
{
    struct buf b = {0};
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        char c = (char)(i * 7);
        assert_true(buf_add(&b, &c, 1));
    }
    assert_int_equal(b.n, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(b.p[i], (char)(i * 7));
    buf_done(&b);
    assert_null(b.p);
    assert_int_equal(b.n + b.cap, 0);
}

static void nothing_may_be_appended_to_an_empty_buffer(void **state)
{
    struct buf b = {0};
    (void)state;
    assert_true(buf_add(&b, NULL, 0));
    assert_true(buf_add_str(&b, (struct str){NULL, 0}));
    assert_non_null(buf_reserve(&b, 0));
    assert_int_equal(b.n, 0);
    buf_drop(&b, 0);
    buf_done(&b);
    buf_drop(&b, 0);
}

static void a_bound_holds_to_the_byte_and_what_would_pass_it_changes_nothing(void **state)
{
    struct buf b = {.max = 10};
    (void)state;
    assert_true(buf_add_str(&b, STR("12345678")));
    assert_false(buf_add_str(&b, STR("9ab")));
    assert_str(buf_str(&b), "12345678");
    assert_true(buf_add_str(&b, STR("9a")));
    assert_false(buf_add_str(&b, STR("b")));
    assert_null(buf_reserve(&b, 1));
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_non_null(buf_reserve(&b, 0));
    assert_str(buf_str(&b), "123456789a");
    buf_done(&b);
    assert_int_equal(b.max, 10);
    assert_null(buf_reserve(&b, 11));
}

static void a_text_is_formatted_whole_where_it_fits_and_where_it_must_grow(void **state)
{
    struct buf b = {0};
    char want[600];
    (void)state;
    for (int n = 0; n < 600; n++) { /* at every distance from the end of the room */
        memset(want, 'x', sizeof want);
        assert_true(buf_addf(&b, "%.*s", n, want));
        assert_int_equal(b.n, n);
        assert_memory_equal(b.p, want, (size_t)n);
        b.n = 0;
        if (n % 50 == 49)
            buf_done(&b);
    }
    assert_true(buf_addf(&b, "%s=%d", "a", 1));
    assert_true(buf_addf(&b, ";%s=%d", "b", 22));
    assert_str(buf_str(&b), "a=1;b=22");
    buf_done(&b);
}

static void a_formatted_text_may_fill_the_bound_and_not_pass_it(void **state)
{
    (void)state;
    for (size_t max = 1; max < 200; max++) {
        struct buf b = {.max = max};
        char text[256];
        memset(text, 'y', sizeof text);
        assert_false(buf_addf(&b, "%.*s", (int)max + 1, text));
        assert_int_equal(b.n, 0);
        assert_true(buf_addf(&b, "%.*s", (int)max, text));
        assert_int_equal(b.n, max);
        assert_false(buf_addf(&b, "%c", 'z'));
        assert_true(buf_addf(&b, "%s", ""));
        assert_int_equal(b.n, max);
        assert_memory_equal(b.p, text, max);
        buf_done(&b);
    }
}

static void the_front_can_be_dropped(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_str(&b, STR("abcdef"));
    buf_drop(&b, 0);
    buf_drop(&b, 2);
    assert_str(buf_str(&b), "cdef");
    buf_drop(&b, 4);
    assert_int_equal(b.n, 0);
    buf_done(&b);
}

static void numbers_are_little_endian_and_come_back(void **state)
{
    struct buf b = {0};
    bool ok = true;
    (void)state;
    assert_true(buf_put_u8(&b, 0xfe) && buf_put_u16(&b, 0xfedc) && buf_put_u32(&b, 0xfedcba98) &&
                buf_put_u64(&b, 0xfedcba9876543210) && buf_put_str(&b, STR("hej")) && buf_put_str(&b, STR("")));
    assert_memory_equal(b.p, "\xfe\xdc\xfe\x98\xba\xdc\xfe\x10\x32\x54\x76\x98\xba\xdc\xfe\3\0\0\0hej\0\0\0\0", b.n);
    struct str s = buf_str(&b);
    assert_int_equal(str_take_u8(&s, &ok), 0xfe);
    assert_int_equal(str_take_u16(&s, &ok), 0xfedc);
    assert_int_equal(str_take_u32(&s, &ok), 0xfedcba98);
    assert_true(str_take_u64(&s, &ok) == 0xfedcba9876543210);
    assert_str(str_take_str(&s, &ok), "hej");
    assert_str(str_take_str(&s, &ok), "");
    assert_true(ok);
    assert_int_equal(s.n, 0);
    buf_done(&b);
}

static void a_short_view_is_told_at_the_end_of_a_row_of_takes(void **state)
{
    (void)state;
    for (size_t n = 0; n < 8; n++) {
        struct str s = str_mem("\1\1\1\1\1\1\1\1", n);
        bool ok = true;
        assert_true(str_take_u64(&s, &ok) == 0);
        assert_false(ok);
        str_take_u8(&s, &ok);
        assert_false(ok);
    }
    struct str s = STR("\4\0\0\0abc"), none = {NULL, 0};
    bool ok = true;
    assert_int_equal(str_take_str(&s, &ok).n, 0);
    assert_false(ok);
    ok = true;
    assert_null(str_take_str(&none, &ok).p);
    assert_false(ok);
    s = STR("\xff\xff\xff\xff");
    ok = true;
    assert_int_equal(str_take_str(&s, &ok).n, 0);
    assert_false(ok);
}

static void a_length_is_not_written_without_its_bytes(void **state)
{
    struct buf b = {.max = 6};
    (void)state;
    assert_false(buf_put_str(&b, STR("abc")));
    assert_int_equal(b.n, 0);
    assert_true(buf_put_str(&b, STR("ab")));
    assert_false(buf_put_u8(&b, 1));
    assert_int_equal(b.n, 6);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_follow_each_other_through_every_growth),
        cmocka_unit_test(nothing_may_be_appended_to_an_empty_buffer),
        cmocka_unit_test(a_bound_holds_to_the_byte_and_what_would_pass_it_changes_nothing),
        cmocka_unit_test(a_text_is_formatted_whole_where_it_fits_and_where_it_must_grow),
        cmocka_unit_test(a_formatted_text_may_fill_the_bound_and_not_pass_it),
        cmocka_unit_test(the_front_can_be_dropped),
        cmocka_unit_test(numbers_are_little_endian_and_come_back),
        cmocka_unit_test(a_short_view_is_told_at_the_end_of_a_row_of_takes),
        cmocka_unit_test(a_length_is_not_written_without_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
