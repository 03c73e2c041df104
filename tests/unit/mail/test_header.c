#include "check.h"
#include "mail/header.h"

static const char message[] = "Received: from a\r\n"
                              "\tby b; Thu\r\n"
                              "Subject:  hello\r\n"
                              " world \r\n"
                              "X-Empty:\r\n"
                              "From : a@b.pl\r\n"
                              "\r\n"
                              "Subject: not this\r\n";

static void fields_come_in_order(void **state)
{
    (void)state;
    struct header_scan s;
    struct header_field f;
    header_scan_init(&s, str_of(message), 0);
    assert_int_equal(header_next(&s, &f), HEADER_FIELD);
    assert_str(f.name, "Received");
    assert_str(f.value, "from a\r\n\tby b; Thu");
    assert_str(f.raw, "Received: from a\r\n\tby b; Thu\r\n");
    assert_int_equal(header_next(&s, &f), HEADER_FIELD);
    assert_str(f.value, "hello\r\n world");
    assert_int_equal(header_next(&s, &f), HEADER_FIELD);
    assert_str(f.name, "X-Empty");
    assert_str(f.value, "");
    assert_int_equal(header_next(&s, &f), HEADER_FIELD);
    assert_str(f.name, "From");
    assert_str(f.value, "a@b.pl");
    assert_int_equal(header_next(&s, &f), HEADER_END);
    assert_string_equal(message + s.at, "Subject: not this\r\n");
    assert_int_equal(header_next(&s, &f), HEADER_END);
    assert_string_equal(message + s.at, "Subject: not this\r\n");
    assert_int_equal(header_bytes(str_of(message)), s.at);
}

static void raw_fields_and_body_are_the_message(void **state)
{
    (void)state;
    struct header_scan s;
    struct header_field f;
    size_t at = 0;
    header_scan_init(&s, str_of(message), 0);
    while (header_next(&s, &f) == HEADER_FIELD) {
        assert_ptr_equal(f.raw.p, message + at);
        at += f.raw.n;
    }
    assert_int_equal(at + 2, s.at);
}

static void junk_is_told_apart(void **state)
{
    (void)state;
    struct header_scan s;
    struct header_field f;
    header_scan_init(&s, STR("From a@b Thu Jan 1\nSubject: x\n: nameless\n text\nbad name: y\ng\xC5\xBC: z\nTo: w"), 0);
    assert_int_equal(header_next(&s, &f), HEADER_JUNK);
    assert_str(f.raw, "From a@b Thu Jan 1\n");
    assert_int_equal(header_next(&s, &f), HEADER_FIELD);
    assert_int_equal(header_next(&s, &f), HEADER_JUNK);
    assert_str(f.raw, ": nameless\n text\n");
    assert_int_equal(header_next(&s, &f), HEADER_JUNK);
    assert_int_equal(header_next(&s, &f), HEADER_JUNK);
    assert_int_equal(header_next(&s, &f), HEADER_FIELD);
    assert_str(f.value, "w");
    assert_int_equal(header_next(&s, &f), HEADER_END);
}

static void messages_without_header_or_body(void **state)
{
    (void)state;
    struct header_scan s;
    struct header_field f;
    header_scan_init(&s, STR(""), 0);
    assert_int_equal(header_next(&s, &f), HEADER_END);
    assert_int_equal(s.at, 0);
    header_scan_init(&s, STR("\r\nbody"), 0);
    assert_int_equal(header_next(&s, &f), HEADER_END);
    assert_int_equal(s.at, 2);
    assert_int_equal(header_bytes(STR("A: b\r\n")), 6);
    assert_int_equal(header_bytes(STR("A: b")), 4);
    assert_int_equal(header_bytes((struct str){NULL, 0}), 0);
}

static void the_bound_holds(void **state)
{
    (void)state;
    struct header_scan s;
    struct header_field f;
    header_scan_init(&s, STR("A: 1\r\nB: 2\r\nC: 3\r\n\r\n"), 13);
    assert_int_equal(header_next(&s, &f), HEADER_FIELD);
    assert_int_equal(header_next(&s, &f), HEADER_FIELD);
    assert_int_equal(header_next(&s, &f), HEADER_BOUND);
    assert_int_equal(s.at, 12);
    assert_int_equal(header_next(&s, &f), HEADER_BOUND);
}

static void a_field_is_found_by_name(void **state)
{
    (void)state;
    struct header_field f;
    assert_true(header_find(str_of(message), STR("SUBJECT"), 0, &f));
    assert_str(f.value, "hello\r\n world");
    assert_false(header_find(str_of(message), STR("Cc"), 0, &f));
    assert_false(header_find(str_of(message), STR("From"), 30, &f));
}

static void unfolds(const char *value, size_t max, const char *expected)
{
    struct arena a = {0};
    assert_str(header_unfold(str_of(value), &a, max), expected);
    arena_done(&a);
}

static void values_on_one_line(void **state)
{
    (void)state;
    unfolds(" hello\r\n world ", 200, "hello world");
    unfolds("a\r\n\tb\n c", 200, "a b c");
    unfolds("a\x1B[0m\x01"
            "b",
            200, "a [0m b");
    unfolds("abcdef", 3, "abc");
    unfolds("ab\xC5\xBC", 3, "ab");
    unfolds("ab\xC5\xBC", 4, "ab\xC5\xBC");
    unfolds("ab\xC5\xBCz", 4, "ab\xC5\xBC");
    unfolds("", 10, "");
    unfolds("\r\n\r\n", 10, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_in_order), cmocka_unit_test(raw_fields_and_body_are_the_message),
        cmocka_unit_test(junk_is_told_apart),   cmocka_unit_test(messages_without_header_or_body),
        cmocka_unit_test(the_bound_holds),      cmocka_unit_test(a_field_is_found_by_name),
        cmocka_unit_test(values_on_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
