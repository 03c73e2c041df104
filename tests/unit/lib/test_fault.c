/* A fault is one sentence that grows context on its way up. */
#include "../mail/check.h"

#include "lib/fault.h"

#include <errno.h>

static void a_fault_is_a_sentence_without_errno(void **state)
{
    struct fault f = {.code = 7};
    (void)state;
    assert_false(fault_set(&f, "line %d: %s", 3, "no such option"));
    assert_string_equal(f.text, "line 3: no such option");
    assert_int_equal(f.code, 0);
}

static void an_errno_is_described_and_kept_through_wrapping(void **state)
{
    struct fault f;
    (void)state;
    assert_false(fault_errno(&f, ENOSPC, "cannot write %s", "seg-1"));
    assert_string_equal(f.text, "cannot write seg-1: No space left on device");
    assert_false(fault_wrap(&f, "log %d", 2));
    assert_false(fault_wrap(&f, "engine"));
    assert_string_equal(f.text, "engine: log 2: cannot write seg-1: No space left on device");
    assert_int_equal(f.code, ENOSPC);
}

static void a_long_text_is_cut_at_its_room(void **state)
{
    struct fault f;
    char lng[3000];
    (void)state;
    memset(lng, 'a', sizeof lng - 1);
    lng[sizeof lng - 1] = '\0';
    fault_set(&f, "%s", lng);
    assert_int_equal(strlen(f.text), sizeof f.text - 1);
    fault_errno(&f, EIO, "%s", lng);
    assert_int_equal(strlen(f.text), sizeof f.text - 1);
    fault_set(&f, "inner");
    fault_wrap(&f, "%s", lng);
    assert_int_equal(strlen(f.text), sizeof f.text - 1);
    fault_set(&f, "%s", lng);
    fault_wrap(&f, "outer");
    assert_int_equal(strlen(f.text), sizeof f.text - 1);
    assert_memory_equal(f.text, "outer: aaa", 10);
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    assert_false(fault_set(NULL, "x"));
    assert_false(fault_errno(NULL, EIO, "x"));
    assert_false(fault_wrap(NULL, "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_a_sentence_without_errno),
        cmocka_unit_test(an_errno_is_described_and_kept_through_wrapping),
        cmocka_unit_test(a_long_text_is_cut_at_its_room),
        cmocka_unit_test(nobody_has_to_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
