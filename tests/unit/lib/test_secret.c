/* A secret is made once, stays, and is nobody else's. */
#include "../mail/check.h"

#include "lib/secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/goniec-secret-XXXXXX";
static char path[60];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/key", mkdtemp(folder));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void it_is_made_once_and_for_its_owner_alone(void **state)
{
    uint8_t first[SECRET_BYTES] = {0}, again[SECRET_BYTES] = {0}, none[SECRET_BYTES] = {0};
    struct stat st;
    struct fault f;
    (void)state;
    mode_t before = umask(0);
    assert_true(secret_keep(path, first, &f));
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_memory_not_equal(first, none, SECRET_BYTES);
    assert_true(secret_keep(path, again, &f));
    assert_memory_equal(first, again, SECRET_BYTES);
    assert_int_equal(unlink(path), 0);
    assert_true(secret_keep(path, again, &f));
    assert_memory_not_equal(first, again, SECRET_BYTES);
}

static void one_of_another_size_is_refused_and_left_alone(void **state)
{
    uint8_t got[SECRET_BYTES];
    struct stat st;
    struct fault f;
    (void)state;
    for (int size = SECRET_BYTES - 1; size <= SECRET_BYTES + 1; size += 2) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(ftruncate(fd, size), 0);
        close(fd);
        assert_false(secret_keep(path, got, &f));
        assert_non_null(strstr(f.text, path));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, size);
    }
}

static void one_that_cannot_be_made_is_told(void **state)
{
    uint8_t got[SECRET_BYTES];
    struct fault f;
    (void)state;
    assert_false(secret_keep("/no/where/key", got, &f));
    assert_non_null(strstr(f.text, "/no/where/key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_once_and_for_its_owner_alone),
        cmocka_unit_test(one_of_another_size_is_refused_and_left_alone),
        cmocka_unit_test(one_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
