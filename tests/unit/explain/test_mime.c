#include "../mail/check.h"
#include "explain/mime.h"

static void quoted_printable_keeps_lines_short_and_text_whole(void **state)
{
    (void)state;
    struct buf b = {0};
    mime_quoted_printable(STR("a=b\r\n \xC5\x82 \r\n\r\nend "), &b);
    assert_str(buf_str(&b), "a=3Db\r\n =C5=82=20\r\n\r\nend=20\r\n");
    b.n = 0;
    char line[300];
    memset(line, '\xC5', sizeof line);
    mime_quoted_printable(str_mem(line, sizeof line), &b);
    struct str rest = buf_str(&b);
    size_t escapes = 0;
    while (rest.n > 0) {
        struct str row = str_split(&rest, '\n');
        assert_true(row.n <= 77); /* with its CR */
        escapes += row.n / 3;
    }
    assert_int_equal(escapes, sizeof line);
    buf_done(&b);
}

static void ascii_fields_stay_as_they_are(void **state)
{
    (void)state;
    struct buf b = {0};
    mime_text_field("Subject", STR("Not delivered: hello"), &b);
    assert_str(buf_str(&b), "Subject: Not delivered: hello\r\n");
    buf_done(&b);
}

static void other_text_becomes_encoded_words(void **state)
{
    (void)state;
    struct buf b = {0};
    mime_text_field("Subject", STR("\xC5\xBC\xC3\xB3\xC5\x82ty 1=2"), &b);
    assert_str(buf_str(&b), "Subject: =?UTF-8?Q?=C5=BC=C3=B3=C5=82ty_1=3D2?=\r\n");
    b.n = 0;
    char text[400];
    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\xC5\x82", 2);
    mime_text_field("Subject", str_mem(text, sizeof text), &b);
    struct str rest = buf_str(&b);
    size_t letters = 0;
    while (rest.n > 0) {
        struct str row = str_split(&rest, '\n');
        assert_true(row.n <= 77);
        for (size_t i = 0; i + 6 <= row.n; i++)
            letters += memcmp(row.p + i, "=C5=82", 6) == 0;
        assert_true(memmem(row.p, row.n, "?=\r", 3) != NULL); /* no code point is split between words */
    }
    assert_int_equal(letters, sizeof text / 2);
    buf_done(&b);
}

static void nothing_breaks_out_of_a_field(void **state)
{
    (void)state;
    struct buf b = {0};
    mime_field("Diagnostic-Code", STR("smtp; 550 a\r\nBcc: x\nend\x1B\x7F"), false, &b);
    assert_str(buf_str(&b), "Diagnostic-Code: smtp; 550 a?; Bcc: x; end??\r\n");
    b.n = 0;
    mime_field("F", STR("\xC5\xBC \xFF \xC2\x85"), false, &b);
    assert_str(buf_str(&b), "F: ? ? ?\r\n");
    b.n = 0;
    mime_field("F", STR("\xC5\xBC \xFF \xC2\x85"), true, &b);
    assert_str(buf_str(&b), "F: \xC5\xBC ? ?\r\n");
    buf_done(&b);
}

static void fields_are_folded(void **state)
{
    (void)state;
    struct buf b = {0};
    char text[3000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i < 2000 ? (i % 7 == 6 ? ' ' : 'x') : 'y'; /* words, then one of a thousand bytes */
    mime_field("Diagnostic-Code", str_mem(text, sizeof text), false, &b);
    struct str rest = buf_str(&b);
    bool first = true;
    while (rest.n > 0) {
        struct str row = str_split(&rest, '\n');
        assert_true(row.n <= 998);
        assert_true(first || row.p[0] == ' ');
        assert_true(row.n > 79 ? row.p[row.n - 2] == 'y' : true);
        first = false;
    }
    buf_done(&b);
}

static void clean_text_is_utf8_without_controls(void **state)
{
    (void)state;
    struct buf b = {0};
    mime_clean_utf8(STR("a\n\xC5\xBC\xFF\x1B\xC2\x9B"), true, &b);
    assert_str(buf_str(&b), "a\n\xC5\xBC\xEF\xBF\xBD??");
    b.n = 0;
    mime_clean_utf8(STR("a\nb"), false, &b);
    assert_str(buf_str(&b), "a?b");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_printable_keeps_lines_short_and_text_whole),
        cmocka_unit_test(ascii_fields_stay_as_they_are),
        cmocka_unit_test(other_text_becomes_encoded_words),
        cmocka_unit_test(nothing_breaks_out_of_a_field),
        cmocka_unit_test(fields_are_folded),
        cmocka_unit_test(clean_text_is_utf8_without_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
