/* A broken invariant stops the process, in every build, and says where. */
#include "../mail/check.h"

#include "lib/must.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int calls;
static int counted(void) { return ++calls; }

static void what_holds_is_looked_at_once_and_goes_on(void **state)
{
    (void)state;
    calls = 0;
    must(counted() == 1);
    assert_int_equal(calls, 1);
}

static void what_does_not_hold_ends_the_process_with_its_place(void **state)
{
    int fd[2], status;
    char said[300] = "";
    (void)state;
    assert_int_equal(pipe(fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(fd[1], 2);
        must(1 + 1 == 3);
        _exit(0);
    }
    close(fd[1]);
    ssize_t n = 0, k;
    while ((k = read(fd[0], said + n, sizeof said - 1 - (size_t)n)) > 0)
        n += k;
    close(fd[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "test_must.c:"));
    assert_non_null(strstr(said, "1 + 1 == 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_holds_is_looked_at_once_and_goes_on),
        cmocka_unit_test(what_does_not_hold_ends_the_process_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
