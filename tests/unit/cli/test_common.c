/* common: a stranger's text can neither steer the terminal nor break the JSON it is printed in. */
#include "cli/common.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void safe(struct str s, size_t max, const char *want)
{
    struct buf b = {0};
    common_safe(s, max, &b);
    buf_add(&b, "", 1);
    assert_string_equal(b.p, want);
    buf_done(&b);
}

static void json(struct str s, const char *want)
{
    struct buf b = {0};
    common_json(s, &b);
    buf_add(&b, "", 1);
    assert_string_equal(b.p, want);
    buf_done(&b);
}

static void what_steers_a_terminal_is_shown_as_a_question_mark(void **state)
{
    (void)state;
    safe(STR("\x1b[2J\x1b]0;owned\x07"), 100, "?[2J?]0;owned?");
    safe(STR("a\rb\tc\x7f"), 100, "a?b?c?");
    safe(STR("a\nb"), 100, "a b");
    safe(STR("\xc2\x9b"
             "31m"),
         100, "?31m"); /* CSI as one C1 character */
    safe(STR("user\xe2\x80\xae"
             "gnp.exe"),
         100, "user?gnp.exe"); /* right-to-left override */
    safe(STR("a\0b"), 100, "a?b");
}

static void readable_text_of_any_language_stays(void **state)
{
    (void)state;
    safe(STR("zażółć gęślą jaźń, 你好, ёж"), 100, "zażółć gęślą jaźń, 你好, ёж");
    safe(STR("\xff\xfe"
             "a\xc5"),
         100, "??a?");
    safe(STR("abcdef"), 3, "abc");
}

static void json_strings_are_valid_whatever_is_in_them(void **state)
{
    (void)state;
    json(STR(""), "\"\"");
    json(STR("say \"hi\" \\ now"), "\"say \\\"hi\\\" \\\\ now\"");
    json(STR("a\r\n\tb\x1b\x7f"), "\"a\\u000d\\n\\u0009b\\u001b\\u007f\"");
    json(STR("a\0b"), "\"a\\u0000b\"");
    json(STR("gęś\xff"), "\"gęś\\ufffd\"");
}

static void an_unreachable_server_is_named(void **state)
{
    (void)state;
    struct common c = {.data = "/no/such/directory"};
    struct buf answer = {.max = 100};
    struct fault f;
    assert_false(common_control(&c, "ping", &answer, &f));
    assert_non_null(strstr(f.text, "/no/such/directory/run/engine.sock (is it running?)"));
    buf_done(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_steers_a_terminal_is_shown_as_a_question_mark),
        cmocka_unit_test(readable_text_of_any_language_stays),
        cmocka_unit_test(json_strings_are_valid_whatever_is_in_them),
        cmocka_unit_test(an_unreachable_server_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
