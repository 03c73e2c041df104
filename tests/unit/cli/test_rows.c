/* Tables that people bring, as rows of known fields. */
#include "../mail/check.h"

#include "cli/rows.h"

static struct arena arena;
static struct rows rows;
static struct str field[FIELDS];
static const char *why;

static int release(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void begin(const char *text)
{
    struct fault f;
    if (!rows_open(&rows, "t", str_of(text), &f))
        fail_msg("%s", f.text);
}

static void next_is(enum row expected, unsigned line)
{
    enum row got = rows_next(&rows, &arena, field, &why);
    if (got != expected)
        fail_msg("expected %d, got %d: %s", expected, got, got == ROW_BAD ? why : "");
    if (expected != ROW_END)
        assert_int_equal(rows.line, line);
}

static void columns_are_found_by_name_in_any_order_case_and_spelling(void **state)
{
    (void)state;
    begin("Created_At,Name,E-Mail, REASON \n2024-05-31,Jan,jan@dest.test, spam \r\n,,b@dest.test\n");
    next_is(ROW_GOOD, 2);
    assert_str(field[FIELD_CREATED], "2024-05-31");
    assert_str(field[FIELD_VALUE], "jan@dest.test");
    assert_str(field[FIELD_REASON], "spam");
    next_is(ROW_GOOD, 3);
    assert_str(field[FIELD_VALUE], "b@dest.test");
    assert_str(field[FIELD_REASON], "");
    next_is(ROW_END, 0);
    next_is(ROW_END, 0);
}

static void quoted_fields_hold_separators_quotes_and_lines_which_are_counted(void **state)
{
    (void)state;
    begin("email,text\n\"a,b@dest.test\",\"one \"\"two\"\"\r\nthree\"\r\n\nc@dest.test,x\"y\n");
    next_is(ROW_GOOD, 2);
    assert_str(field[FIELD_VALUE], "a,b@dest.test");
    assert_str(field[FIELD_TEXT], "one \"two\"\r\nthree");
    next_is(ROW_GOOD, 5);
    assert_str(field[FIELD_TEXT], "x\"y");
    next_is(ROW_END, 0);
}

static void a_quote_that_does_not_end_spoils_its_own_line_only(void **state)
{
    (void)state;
    begin("email\n\"a@dest.test\nb@dest.test\n\"c\"d@dest.test\ne@dest.test");
    next_is(ROW_BAD, 2);
    next_is(ROW_GOOD, 3);
    assert_str(field[FIELD_VALUE], "b@dest.test");
    next_is(ROW_BAD, 4);
    next_is(ROW_GOOD, 5);
    assert_str(field[FIELD_VALUE], "e@dest.test");
    next_is(ROW_END, 0);
}

static void semicolons_and_tabs_separate_too_and_a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    begin("\xef\xbb\xbf"
          "Adres;Powód;Data dodania\na@dest.test;spam, spam;2024-01-02\n");
    next_is(ROW_GOOD, 2);
    assert_str(field[FIELD_REASON], "spam, spam");
    assert_str(field[FIELD_CREATED], "2024-01-02");
    begin("reason\temail\nbounce\ta@dest.test\n");
    next_is(ROW_GOOD, 2);
    assert_str(field[FIELD_VALUE], "a@dest.test");
}

static void a_list_without_a_header_is_addresses_and_reasons(void **state)
{
    (void)state;
    begin("a@dest.test\nb@dest.test,abuse\n");
    next_is(ROW_GOOD, 1);
    assert_str(field[FIELD_VALUE], "a@dest.test");
    begin("a@dest.test,abuse\n");
    next_is(ROW_GOOD, 1);
    assert_str(field[FIELD_REASON], "abuse");
    begin("");
    next_is(ROW_END, 0);
    struct fault f;
    assert_false(rows_open(&rows, "list.csv", STR("name,phone\nJan,1\n"), &f));
    assert_non_null(strstr(f.text, "list.csv:1: "));
}

static void json_lines_are_read_with_their_escapes_and_what_is_nested_is_passed_over(void **state)
{
    (void)state;
    begin("{\"x\":{\"email\":\"no@dest.test\",\"y\":[\"}\",1]},\"email\":\"jan\\u0040dest.test\",\"text\":"
          "\"\\\"\\u0105\\ud83d\\ude00\\n\","
          "\"created\":1700000000,\"automatic\":true,\"by\":null}\r\n  {}\n");
    next_is(ROW_GOOD, 1);
    assert_str(field[FIELD_VALUE], "jan@dest.test");
    assert_str(field[FIELD_TEXT], "\"\xc4\x85\xf0\x9f\x98\x80\n");
    assert_str(field[FIELD_CREATED], "1700000000");
    assert_str(field[FIELD_AUTOMATIC], "true");
    assert_str(field[FIELD_BY], "");
    next_is(ROW_GOOD, 2);
    next_is(ROW_END, 0);
}

static void malformed_json_is_one_bad_line_each(void **state)
{
    static const char *const bad[] = {"{",
                                      "{\"email\"}",
                                      "{\"email\":}",
                                      "{\"email\":\"a}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{\"a\":\"\\udc00\"}",
                                      "{\"a\":[}",
                                      "{\"a\":1}{\"b\":2}",
                                      "{,}",
                                      "[]"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[100];
        snprintf(text, sizeof text, "{\"email\":\"a@dest.test\"}\n%s\n{\"email\":\"b@dest.test\"}\n", bad[i]);
        begin(text);
        next_is(ROW_GOOD, 1);
        enum row got = rows_next(&rows, &arena, field, &why);
        if (got != ROW_BAD)
            fail_msg("%s is taken", bad[i]);
        next_is(ROW_GOOD, 3);
        assert_str(field[FIELD_VALUE], "b@dest.test");
    }
}

#define CASE(name) cmocka_unit_test_teardown(name, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(columns_are_found_by_name_in_any_order_case_and_spelling),
        CASE(quoted_fields_hold_separators_quotes_and_lines_which_are_counted),
        CASE(a_quote_that_does_not_end_spoils_its_own_line_only),
        CASE(semicolons_and_tabs_separate_too_and_a_byte_order_mark_is_passed_over),
        CASE(a_list_without_a_header_is_addresses_and_reasons),
        CASE(json_lines_are_read_with_their_escapes_and_what_is_nested_is_passed_over),
        CASE(malformed_json_is_one_bad_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
