#include "check.h"
#include "mail/id.h"

static void text_and_back(void **state)
{
    (void)state;
    char text[ID_TEXT + 1];
    for (int64_t ms = 0; ms < 1000; ms++) {
        struct id id = id_new(1767225600000 + ms * 7), back;
        id_text(id, text);
        assert_int_equal(strlen(text), ID_TEXT);
        assert_true(id_parse(str_of(text), &back));
        assert_true(id_eq(id, back));
        assert_int_equal(id_wall_ms(back), 1767225600000 + ms * 7);
    }
}

static void known_texts(void **state)
{
    (void)state;
    struct id id;
    char text[ID_TEXT + 1];
    memset(id.b, 0xFF, sizeof id.b);
    id_text(id, text);
    assert_string_equal(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    memset(id.b, 0, sizeof id.b);
    id.b[15] = 33;
    id_text(id, text);
    assert_string_equal(text, "00000000000000000000000011");
    assert_true(id_parse(STR("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &id));
    assert_int_equal(id_wall_ms(id), 1469922850259);
}

static void ids_of_one_millisecond_ascend(void **state)
{
    (void)state;
    struct id last = id_new(1767225600000);
    for (int i = 0; i < 200000; i++) {
        struct id next = id_new(1767225600000);
        assert_true(memcmp(next.b, last.b, sizeof next.b) > 0);
        last = next;
    }
    assert_int_equal(id_wall_ms(last), 1767225600000);
}

static void text_sorts_as_time(void **state)
{
    (void)state;
    char early[ID_TEXT + 1], late[ID_TEXT + 1];
    id_text(id_new(1000), early);
    id_text(id_new(1001), late);
    assert_true(strcmp(early, late) < 0);
}

static void lower_case_is_read(void **state)
{
    (void)state;
    struct id a, b;
    assert_true(id_parse(STR("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &a));
    assert_true(id_parse(STR("01arz3ndektsv4rrffq69g5fav"), &b));
    assert_true(id_eq(a, b));
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    struct id id;
    assert_false(id_parse(STR(""), &id));
    assert_false(id_parse(STR("01ARZ3NDEKTSV4RRFFQ69G5FA"), &id));
    assert_false(id_parse(STR("01ARZ3NDEKTSV4RRFFQ69G5FAVX"), &id));
    assert_false(id_parse(STR("01ARZ3NDEKTSV4RRFFQ69G5FAU"), &id)); /* no U */
    assert_false(id_parse(STR("81ARZ3NDEKTSV4RRFFQ69G5FAV"), &id)); /* more than 128 bits */
    assert_false(id_parse(STR("01ARZ3NDEKTSV4RRFFQ69G5F-V"), &id));
    assert_false(id_parse(str_mem("01ARZ3NDEKTSV4RRFFQ69G5F\0V", 26), &id));
}

static void the_first_of_a_time_parts_what_is_earlier_from_what_is_not(void **state)
{
    struct id first = id_first(1780000000000), before = id_new(1779999999999), then = id_new(1780000000000);
    (void)state;
    assert_true(memcmp(before.b, first.b, sizeof first.b) < 0 && memcmp(first.b, then.b, sizeof first.b) <= 0);
    assert_int_equal(id_wall_ms(id_first(-5)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_back),
        cmocka_unit_test(known_texts),
        cmocka_unit_test(the_first_of_a_time_parts_what_is_earlier_from_what_is_not),
        cmocka_unit_test(ids_of_one_millisecond_ascend),
        cmocka_unit_test(text_sorts_as_time),
        cmocka_unit_test(lower_case_is_read),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
