#include "check.h"
#include "mail/reply.h"

/* Feeds text in pieces of `step` bytes and returns the first status that is not MORE; *used: bytes taken. */
static enum reply_status feed(struct reply_parser *p, struct str s, size_t step, struct reply *r, size_t *used)
{
    *used = 0;
    while (*used < s.n) {
        size_t n = s.n - *used < step ? s.n - *used : step, taken = 0;
        enum reply_status status = reply_feed(p, s.p + *used, n, &taken, r);
        *used += taken;
        if (status != REPLY_MORE)
            return status;
        assert_int_equal(taken, n);
    }
    return REPLY_MORE;
}

static void expect(const char *wire, int code, const char *enhanced, const char *text)
{
    for (size_t step = 1; step < 40; step++) {
        struct reply_parser p = {0};
        struct reply r;
        size_t used;
        char e[12];
        assert_int_equal(feed(&p, str_of(wire), step, &r, &used), REPLY_DONE);
        assert_int_equal(used, strlen(wire));
        assert_int_equal(r.code, code);
        enhanced_text(r.enhanced, e);
        assert_string_equal(e, enhanced);
        assert_str(r.text, text);
        reply_parser_done(&p);
    }
}

static void replies_are_read_in_any_chunks(void **state)
{
    (void)state;
    expect("250 OK\r\n", 250, "", "OK");
    expect("250\r\n", 250, "", "");
    expect("250 \r\n", 250, "", "");
    expect("250-first\r\n250-second\r\n250 third\r\n", 250, "", "first\nsecond\nthird");
    expect("550 5.1.1 No such user\r\n", 550, "5.1.1", "No such user");
    expect("550 5.7.2\r\n", 550, "5.7.2", "");
    expect("550-5.1.1 The account\r\n550-5.1.1 does not exist.\r\n550 5.1.1 gsmtp\r\n", 550, "5.1.1",
           "The account\ndoes not exist.\ngsmtp");
    expect("250 bare\n", 250, "", "bare");
    expect("250-a\n250 b\n", 250, "", "a\nb");
    expect("250\ttab\r\n", 250, "", "tab");
    expect("550no space\r\n", 550, "", "no space");
    expect("550-\r\n550 \r\n", 550, "", "");
}

static void enhanced_code_of_another_class_is_text(void **state)
{
    (void)state;
    expect("550 4.7.1 odd\r\n", 550, "", "4.7.1 odd");
    expect("451 4.7.500 slow down\r\n", 451, "4.7.500", "slow down");
    expect("550 5.1.1000 no code\r\n", 550, "", "5.1.1000 no code");
    expect("550 5.1. no code\r\n", 550, "", "5.1. no code");
    expect("550 5.1.1x no code\r\n", 550, "", "5.1.1x no code");
    expect("550 5.1.1: colon\r\n", 550, "5.1.1", ": colon");
    expect("550-hello\r\n550 5.2.2 full\r\n", 550, "5.2.2", "hello\nfull");
    expect("550-5.2.2 full\r\n550 5.7.1 other\r\n", 550, "5.2.2", "full\n5.7.1 other");
}

static void control_bytes_become_harmless(void **state)
{
    (void)state;
    expect("550 \x1B[31mred\x07\r\n", 550, "", "?[31mred?");
    expect("550 a\rb\r\n", 550, "", "a?b");
    expect("550 za\xBF\xF3\xB3\xE6\r\n", 550, "", "za\xBF\xF3\xB3\xE6"); /* ISO-8859-2 stays as evidence */
}

static void what_is_no_reply_is_bad(void **state)
{
    (void)state;
    const char *wires[] = {"hello\r\n",          "\r\n",     "25\r\n", "2500 x\r\n", "199 x\r\n", "600 x\r\n",
                           "250-a\r\n251 b\r\n", "abc def\n"};
    for (unsigned i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        struct reply_parser p = {0};
        struct reply r;
        size_t used;
        assert_int_equal(feed(&p, str_of(wires[i]), 3, &r, &used), REPLY_BAD);
        assert_int_equal(r.code, 0);
        reply_parser_done(&p);
    }
}

static void bad_input_is_quoted(void **state)
{
    (void)state;
    struct reply_parser p = {0};
    struct reply r;
    size_t used;
    assert_int_equal(feed(&p, STR("HTTP/1.1 400\x1B Bad\r\n"), 100, &r, &used), REPLY_BAD);
    assert_str(r.text, "HTTP/1.1 400? Bad");
    reply_parser_done(&p);
}

static void pipelined_replies_come_one_by_one(void **state)
{
    (void)state;
    struct reply_parser p = {0};
    struct reply r;
    struct str s = STR("250 a\r\n550-b\r\n550 c\r\n354 d\r\n");
    const int codes[] = {250, 550, 354};
    const char *texts[] = {"a", "b\nc", "d"};
    for (unsigned i = 0; i < 3; i++) {
        size_t taken;
        assert_int_equal(reply_feed(&p, s.p, s.n, &taken, &r), REPLY_DONE);
        assert_int_equal(r.code, codes[i]);
        assert_str(r.text, texts[i]);
        s = str_mem(s.p + taken, s.n - taken);
    }
    assert_int_equal(s.n, 0);
    reply_parser_done(&p);
}

static void a_wide_line_is_cut(void **state)
{
    (void)state;
    struct reply_parser p = {0};
    struct reply r;
    static char wire[100000];
    size_t taken;
    memset(wire, 'x', sizeof wire);
    memcpy(wire, "550 ", 4);
    memcpy(wire + sizeof wire - 2, "\r\n", 2);
    assert_int_equal(reply_feed(&p, wire, sizeof wire, &taken, &r), REPLY_DONE);
    assert_int_equal(r.code, 550);
    assert_int_equal(r.text.n, REPLY_LINE_MAX - 4);
    assert_true(p.line.cap <= 2 * REPLY_LINE_MAX);
    reply_parser_done(&p);
}

static void endless_replies_end_as_bad(void **state)
{
    (void)state;
    struct reply_parser p = {0};
    struct reply r;
    size_t taken;
    unsigned lines = 0;
    while (reply_feed(&p, "250-more\r\n", 10, &taken, &r) == REPLY_MORE)
        lines++;
    assert_int_equal(lines, REPLY_LINES_MAX);
    assert_true(r.text.n <= REPLY_TEXT_MAX);
    static char x[1 << 16];
    memset(x, 'x', sizeof x);
    size_t bytes = 0;
    while (reply_feed(&p, x, sizeof x, &taken, &r) == REPLY_MORE)
        bytes += sizeof x;
    assert_true(bytes <= (size_t)REPLY_LINE_MAX * REPLY_LINES_MAX + sizeof x);
    reply_parser_done(&p);
}

static void long_text_is_cut_at_its_bound(void **state)
{
    (void)state;
    struct reply_parser p = {0};
    struct reply r;
    size_t taken;
    char line[1010];
    memset(line, 'y', sizeof line);
    memcpy(line, "250-", 4);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 20; i++)
        assert_int_equal(reply_feed(&p, line, sizeof line, &taken, &r), REPLY_MORE);
    assert_int_equal(reply_feed(&p, "250 end\r\n", 9, &taken, &r), REPLY_DONE);
    assert_int_equal(r.text.n, REPLY_TEXT_MAX);
    reply_parser_done(&p);
}

static void enhanced_codes_as_text(void **state)
{
    (void)state;
    char text[12];
    enhanced_text((struct enhanced){5, 1, 10}, text);
    assert_string_equal(text, "5.1.10");
    enhanced_text((struct enhanced){4, 999, 999}, text);
    assert_string_equal(text, "4.999.999");
    enhanced_text((struct enhanced){2, 0, 0}, text);
    assert_string_equal(text, "2.0.0");
    enhanced_text((struct enhanced){0}, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read_in_any_chunks),
        cmocka_unit_test(enhanced_code_of_another_class_is_text),
        cmocka_unit_test(control_bytes_become_harmless),
        cmocka_unit_test(what_is_no_reply_is_bad),
        cmocka_unit_test(bad_input_is_quoted),
        cmocka_unit_test(pipelined_replies_come_one_by_one),
        cmocka_unit_test(a_wide_line_is_cut),
        cmocka_unit_test(endless_replies_end_as_bad),
        cmocka_unit_test(long_text_is_cut_at_its_bound),
        cmocka_unit_test(enhanced_codes_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
