/* nearest: a slip of the finger is recognised, another word is not. */
#include "lib/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const names[] = {"why", "queue", "account", "workers", "hostname", "hosted_domains"};

static const char *find(const char *word) { return nearest(str_of(word), names, sizeof names / sizeof *names); }

static void one_slip_is_recognised(void **state)
{
    (void)state;
    assert_string_equal(find("wrokers"), "workers");
    assert_string_equal(find("quue"), "queue");
    assert_string_equal(find("acount"), "account");
    assert_string_equal(find("accounts"), "account");
    assert_string_equal(find("hosted_domain"), "hosted_domains");
    assert_string_equal(find("whi"), "why");
}

static void another_word_is_near_to_nothing(void **state)
{
    (void)state;
    assert_null(find("colour"));
    assert_null(find(""));
    assert_null(find("x"));
    assert_null(find("a word that is far longer than any name can be in a table"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slip_is_recognised),
        cmocka_unit_test(another_word_is_near_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
