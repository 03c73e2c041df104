/* RFC 4648 section 4, and nothing that only looks like it. */
#include "../mail/check.h"

#include "lib/base64.h"

static void the_vectors_of_the_rfc_go_both_ways(void **state)
{
    static const char *const pair[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct buf b = {0};
        assert_true(base64_encode(str_of(pair[i][0]), &b));
        assert_str(buf_str(&b), pair[i][1]);
        assert_true(base64_decode(str_of(pair[i][1]), &b)); /* appends */
        assert_str(str_mem(b.p + strlen(pair[i][1]), b.n - strlen(pair[i][1])), pair[i][0]);
        buf_done(&b);
    }
}

static void every_byte_value_at_every_place_comes_back(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 7; n++)
        for (size_t at = 0; at < n; at++)
            for (int v = 0; v < 256; v++) {
                char raw[7] = {0};
                struct buf text = {0}, back = {0};
                raw[at] = (char)v;
                assert_true(base64_encode(str_mem(raw, n), &text));
                assert_int_equal(text.n, (n + 2) / 3 * 4);
                assert_true(base64_decode(buf_str(&text), &back));
                assert_int_equal(back.n, n);
                assert_memory_equal(back.p, raw, n);
                buf_done(&text);
                buf_done(&back);
            }
}

static void what_the_rfc_does_not_allow_is_refused_and_nothing_appended(void **state)
{
    static const char *const bad[] = {"Z",        "Zg",      "Zg=",  "=",     "==",       "===",  "====",     "Z===",
                                      "Zg==Zg==", "Zg=g",    "=Zg=", "Zm9v=", "Zm9v====", "Zm9 ", "Zm9v\r\n", "Zm9v\n",
                                      "Zm-_",     "Zm9\x80", "Zh==", "Zv==",  "Zm9=",     "Zm8*", "Zm9v Zm9v"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b = {0};
        buf_add_str(&b, STR("kept"));
        if (base64_decode(str_of(bad[i]), &b))
            fail_msg("\"%s\" was taken", bad[i]);
        assert_str(buf_str(&b), "kept");
        buf_done(&b);
    }
    struct buf b = {0};
    assert_false(base64_decode(STR("Zm9\0"), &b));
    buf_done(&b);
}

static void a_bound_is_on_what_is_appended(void **state)
{
    struct buf b = {.max = 4};
    (void)state;
    assert_true(base64_decode(STR("Zm9vYg=="), &b));
    assert_str(buf_str(&b), "foob");
    assert_false(base64_decode(STR("Zg=="), &b));
    assert_false(base64_encode(STR("f"), &b));
    assert_str(buf_str(&b), "foob");
    b.n = 0;
    assert_true(base64_encode(STR("foo"), &b));
    assert_str(buf_str(&b), "Zm9v");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc_go_both_ways),
        cmocka_unit_test(every_byte_value_at_every_place_comes_back),
        cmocka_unit_test(what_the_rfc_does_not_allow_is_refused_and_nothing_appended),
        cmocka_unit_test(a_bound_is_on_what_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
