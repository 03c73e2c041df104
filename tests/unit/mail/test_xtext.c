#include "check.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

typedef bool convert_fn(struct str s, struct buf *b);

static void gives(convert_fn *fn, const char *in, const char *out)
{
    struct buf b = {0};
    assert_true(fn(str_of(in), &b));
    assert_str(buf_str(&b), out);
    buf_done(&b);
}

static void refuses(convert_fn *fn, struct str in)
{
    struct buf b = {0};
    assert_false(fn(in, &b));
    buf_done(&b);
}

static void xtext_escapes_its_own_escape(void **state)
{
    (void)state;
    gives(xtext_encode, "a+b=c d@x.pl", "a+2Bb+3Dc+20d@x.pl");
    gives(xtext_decode, "a+2Bb+3Dc+20d@x.pl", "a+b=c d@x.pl");
    gives(xtext_encode, "\x7F\xC5", "+7F+C5");
}

static void every_byte_but_nul_survives(void **state)
{
    (void)state;
    char all[255];
    struct buf encoded = {0}, back = {0};
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    assert_true(xtext_encode(str_mem(all, sizeof all), &encoded));
    assert_true(xtext_valid(buf_str(&encoded)));
    assert_true(xtext_decode(buf_str(&encoded), &back));
    assert_true(str_eq(buf_str(&back), str_mem(all, sizeof all)));
    buf_done(&encoded);
    buf_done(&back);
}

static void malformed_xtext(void **state)
{
    (void)state;
    const char *bad[] = {"+", "+2", "+2b", "+G0", "+00", "a b", "a=b", "\xC5", "a\x01", "++41"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refuses(xtext_decode, str_of(bad[i]));
        assert_false(xtext_valid(str_of(bad[i])));
    }
    refuses(xtext_decode, str_mem("a\0", 2));
}

static void utf8_addresses_in_ascii(void **state)
{
    (void)state;
    gives(utf8_addr_xtext, "\xC5\xBC+a=b\\@x.pl", "\\x{17C}\\x{2B}a\\x{3D}b\\x{5C}@x.pl");
    gives(utf8_addr_unitext, "\xC5\xBC+a=b\\@x.pl", "\xC5\xBC\\x{2B}a\\x{3D}b\\x{5C}@x.pl");
    gives(utf8_addr_decode, "\\x{17C}\\x{2B}a\\x{3D}b\\x{5C}@x.pl", "\xC5\xBC+a=b\\@x.pl");
    gives(utf8_addr_decode, "\xC5\xBC\\x{20}\\x{1F600}", "\xC5\xBC \xF0\x9F\x98\x80");
    gives(utf8_addr_xtext, "\xF4\x8F\xBF\xBF", "\\x{10FFFF}");
    refuses(utf8_addr_xtext, STR("\xC5"));
    refuses(utf8_addr_xtext, STR("a\r\nb"));
    refuses(utf8_addr_unitext, STR("a\xC2\x85"));
}

static void malformed_utf8_addresses(void **state)
{
    (void)state;
    const char *bad[] = {"\\",        "\\x",     "\\x{",    "\\x{}",   "\\x{4}",       "\\x{41", "\\x{110000}",
                         "\\x{D800}", "\\x{0D}", "\\x{00}", "\\x{85}", "\\x{0000041}", "a+b",    "a=b",
                         "a b",       "\xC5",    "\\y{41}", "\\x{4G}", "\\x{2028}"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuses(utf8_addr_decode, str_of(bad[i]));
}

static void every_address_character_survives(void **state)
{
    (void)state;
    for (uint32_t point = 0x20; point <= 0x10FFFF; point += point < 0x3000 ? 1 : 97) {
        if ((point >= 0x7F && point <= 0x9F) || point == 0x2028 || point == 0x2029 || (point >= 0xD800 && point <= 0xDFFF))
            continue;
        char bytes[UTF8_BYTES_MAX];
        struct str s = str_mem(bytes, utf8_put(point, bytes));
        struct buf x = {0}, u = {0}, back = {0};
        assert_true(utf8_addr_xtext(s, &x) && utf8_addr_unitext(s, &u));
        assert_false(utf8_needed(buf_str(&x)));
        assert_true(utf8_addr_decode(buf_str(&x), &back) && str_eq(buf_str(&back), s));
        back.n = 0;
        assert_true(utf8_addr_decode(buf_str(&u), &back) && str_eq(buf_str(&back), s));
        buf_done(&x);
        buf_done(&u);
        buf_done(&back);
    }
}

static void original_recipients_by_type(void **state)
{
    (void)state;
    struct str type;
    struct buf b = {0};
    assert_true(orcpt_decode(STR("rfc822;a+2Bb@x.pl"), &type, &b));
    assert_str(type, "rfc822");
    assert_str(buf_str(&b), "a+b@x.pl");
    b.n = 0;
    assert_true(orcpt_decode(STR("UTF-8;\\x{17C}@x.pl"), &type, &b));
    assert_str(buf_str(&b), "\xC5\xBC@x.pl");
    b.n = 0;
    assert_true(orcpt_decode(STR("x400;a;b"), &type, &b));
    assert_str(buf_str(&b), "a;b");
    assert_false(orcpt_decode(STR("a@x.pl"), &type, &b));
    assert_false(orcpt_decode(STR("r f;a"), &type, &b));
    buf_done(&b);
}

static void the_bound_of_the_buffer_holds(void **state)
{
    (void)state;
    struct buf b = {.max = 4};
    assert_false(xtext_encode(STR("abc+"), &b));
    b.n = 0;
    assert_false(xtext_decode(STR("abcde"), &b));
    b.n = 0;
    assert_true(xtext_decode(STR("a+2Bcd"), &b));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xtext_escapes_its_own_escape),
        cmocka_unit_test(every_byte_but_nul_survives),
        cmocka_unit_test(malformed_xtext),
        cmocka_unit_test(utf8_addresses_in_ascii),
        cmocka_unit_test(malformed_utf8_addresses),
        cmocka_unit_test(every_address_character_survives),
        cmocka_unit_test(original_recipients_by_type),
        cmocka_unit_test(the_bound_of_the_buffer_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
