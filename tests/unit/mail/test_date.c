#include "check.h"
#include "mail/date.h"

#include <time.h>

static void known_dates(void **state)
{
    (void)state;
    char text[DATE_TEXT];
    date_rfc5322(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 +0000");
    date_rfc5322(951782400000, text);
    assert_string_equal(text, "Tue, 29 Feb 2000 00:00:00 +0000");
    date_rfc3339(1767225599999, text);
    assert_string_equal(text, "2025-12-31T23:59:59.999Z");
}

static void agrees_with_the_system_calendar(void **state)
{
    (void)state;
    for (int64_t s = 0; s < 253402300800; s += 86400 * 13 + 3607) {
        time_t t = (time_t)s;
        struct tm tm;
        char ours[DATE_TEXT], theirs[64];
        gmtime_r(&t, &tm);
        strftime(theirs, sizeof theirs, "%a, %d %b %Y %H:%M:%S +0000", &tm);
        date_rfc5322(s * 1000, ours);
        assert_string_equal(ours, theirs);
        strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.042Z", &tm);
        date_rfc3339(s * 1000 + 42, ours);
        assert_string_equal(ours, theirs);
    }
}

static void far_dates_are_clamped(void **state)
{
    (void)state;
    char text[DATE_TEXT];
    date_rfc3339(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    date_rfc3339(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates),
        cmocka_unit_test(agrees_with_the_system_calendar),
        cmocka_unit_test(far_dates_are_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
