/* words: encoded words become readable, and what only looks like one stays as it is. */
#include "mail/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect(const char *text, const char *want)
{
    struct buf b = {0};
    words_decode(str_of(text), &b);
    buf_add(&b, "", 1);
    assert_string_equal(b.p, want);
    buf_done(&b);
}

static void encoded_words_become_utf8(void **state)
{
    (void)state;
    expect("=?UTF-8?B?WmHFvMOzxYLEhw==?=", "Zażółć");
    expect("=?utf-8?q?Za=C5=BC=C3=B3=C5=82=C4=87_g=C4=99=C5=9Bl=C4=85?=", "Zażółć gęślą");
    expect("=?ISO-8859-2?Q?Za=BF=F3=B3=E6?=", "Zażółć");
    expect("=?windows-1250?B?WmG/87Pm?=", "Zażółć");
    expect("=?utf-8*pl?B?xZs=?=", "ś");
    expect("Re: =?utf-8?B?xZs=?= end", "Re: ś end");
}

static void white_space_between_two_words_goes_and_elsewhere_stays(void **state)
{
    (void)state;
    expect("=?utf-8?B?xZs=?=  =?utf-8?B?xZs=?=", "śś");
    expect("a =?utf-8?B?xZs=?= b =?utf-8?B?xZs=?= ", "a ś b ś ");
    expect("=?utf-8?B?xZs=?= =?utf-8?B?xZ", "ś =?utf-8?B?xZ");
}

static void what_is_not_whole_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "plain",
        " two  words ",
        "=?utf-8?B?xZ",
        "=?utf-8?X?abc?=",
        "=?utf-8?B?!!!?=",
        "=?utf-8?Q?=C?=",
        "=?utf-8?Q?a b?=",
        "=?nosuchcharset?Q?abc?=",
        "=?utf-8?Q?=FF=FE?=",
        "=??Q?abc?=",
        "a=b=?c?=",
        "=?=?=?",
        "=?utf-8?Q?=?=",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect(texts[i], texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_words_become_utf8),
        cmocka_unit_test(white_space_between_two_words_goes_and_elsewhere_stays),
        cmocka_unit_test(what_is_not_whole_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
