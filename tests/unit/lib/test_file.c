/* Small files are read whole, or not at all. */
#include "../mail/check.h"

#include "lib/file.h"

#include <fcntl.h>
#include <unistd.h>

static char path[] = "/tmp/goniec-file-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    close(mkstemp(path));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static void holds(size_t n) { assert_int_equal(truncate(path, (off_t)n), 0); }

static void a_file_up_to_the_bound_is_read_and_one_byte_more_is_too_many(void **state)
{
    static const size_t bounds[] = {1, 100, 65535, 65536, 65537, 200000};
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        struct buf b = {.max = bounds[i]};
        struct fault f;
        holds(bounds[i]);
        assert_true(file_read(path, &b, &f));
        assert_int_equal(b.n, bounds[i]);
        b.n = 0;
        holds(bounds[i] + 1);
        assert_false(file_read(path, &b, &f));
        assert_non_null(strstr(f.text, path));
        assert_non_null(strstr(f.text, "too large"));
        buf_done(&b);
    }
}

static void a_file_without_a_bound_is_read_whole(void **state)
{
    struct buf b = {0};
    struct fault f;
    (void)state;
    holds(1000000);
    assert_true(file_read(path, &b, &f));
    assert_int_equal(b.n, 1000000);
    buf_done(&b);
}

static void a_missing_file_is_empty_and_one_that_cannot_be_read_is_told(void **state)
{
    struct buf b = {0};
    struct fault f;
    (void)state;
    assert_true(file_read("/tmp/goniec-no-such-file", &b, &f));
    assert_int_equal(b.n, 0);
    assert_false(file_read("/tmp", &b, &f));
    assert_string_equal(f.text, "cannot read /tmp: Is a directory");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_up_to_the_bound_is_read_and_one_byte_more_is_too_many),
        cmocka_unit_test(a_file_without_a_bound_is_read_whole),
        cmocka_unit_test(a_missing_file_is_empty_and_one_that_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
