/* The doors themselves, on a loop of the test's: what happens when there are no files for more connections, and at the bounds. */
#include "../mail/check.h"

#include "accept/accept.h"
#include "lib/loop.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 8 };

static struct {
    struct loop *loop;
    struct accept_shared *shared;
    struct accept_settings settings;
    struct accept *accept;
    int listener, client[CLIENTS];
    struct sockaddr_in address;
    unsigned bounds_hit;
} w;

static void on_event(void *ctx, const struct accept_event *e)
{
    (void)ctx;
    w.bounds_hit += e->kind == ACCEPT_BOUND_HIT;
}

static const struct accept_hooks hooks = {.event = on_event};

static int begin(void **state)
{
    (void)state;
    struct fault f;
    socklen_t len = sizeof w.address;
    memset(&w, 0, sizeof w);
    w.settings = (struct accept_settings){.hostname = STR("mail.test"),
                                          .sessions_max = 100,
                                          .sessions_per_ip_max = 100,
                                          .message_bytes_max = 100000,
                                          .recipients_max = 100,
                                          .errors_max = 10,
                                          .command_timeout_ms = 60000};
    w.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    w.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    w.shared = accept_shared_new();
    return bind(w.listener, (struct sockaddr *)&w.address, sizeof w.address) == 0 && listen(w.listener, 100) == 0 &&
                   getsockname(w.listener, (struct sockaddr *)&w.address, &len) == 0 && loop_new(&w.loop, &f) &&
                   accept_open(&w.accept, w.loop, NULL, w.shared, &w.settings, &hooks, NULL, &f) &&
                   accept_listen(w.accept, w.listener, DOOR_MX, &f)
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS; i++)
        if (w.client[i])
            close(w.client[i]);
    accept_close(&w.accept);
    close(w.listener);
    loop_free(&w.loop);
    accept_shared_free(&w.shared);
    return 0;
}

static void connect_clients(int n)
{
    for (int i = 0; i < n; i++) {
        w.client[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(w.client[i], (struct sockaddr *)&w.address, sizeof w.address), 0);
    }
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Turns the loop until a reply line has come, and returns its code. */
static int code_of(int fd)
{
    char line[512];
    size_t n = 0;
    for (int64_t until = now_ms() + 10000; now_ms() < until;) {
        loop_turn(w.loop, 10);
        ssize_t got = recv(fd, line + n, sizeof line - 1 - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
        if (n && memchr(line, '\n', n)) {
            line[n] = '\0';
            return atoi(line);
        }
    }
    return 0;
}

static int highest_file(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void without_files_for_more_connections_it_waits_at_rest_and_goes_on(void **state)
{
    (void)state;
    struct rlimit all, few;
    unsigned turns = 0;
    connect_clients(CLIENTS);
    getrlimit(RLIMIT_NOFILE, &all);
    few = (struct rlimit){(rlim_t)highest_file(), all.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int64_t until = now_ms() + 350; now_ms() < until; turns++)
        loop_turn(w.loop, 1000);
    setrlimit(RLIMIT_NOFILE, &all);
    assert_true(turns < 20);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(code_of(w.client[i]), 220);
}

static void beyond_the_bound_a_client_is_told_to_come_later(void **state)
{
    (void)state;
    w.settings.sessions_per_ip_max = 3;
    connect_clients(5);
    int greeted = 0, refused = 0;
    for (int i = 0; i < 5; i++) {
        int code = code_of(w.client[i]);
        greeted += code == 220;
        refused += code == 421;
    }
    assert_int_equal(greeted, 3);
    assert_int_equal(refused, 2);
    assert_int_equal(w.bounds_hit, 2);
}

static void at_a_drain_idle_sessions_are_told_and_the_door_is_shut(void **state)
{
    (void)state;
    connect_clients(2);
    assert_int_equal(code_of(w.client[0]), 220);
    assert_int_equal(code_of(w.client[1]), 220);
    accept_drain(w.accept);
    assert_int_equal(code_of(w.client[0]), 421);
    assert_int_equal(code_of(w.client[1]), 421);
    struct accept_stats stats;
    accept_stats(w.accept, &stats);
    assert_int_equal(stats.sessions, 0);
    assert_int_equal(stats.connections, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_files_for_more_connections_it_waits_at_rest_and_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(beyond_the_bound_a_client_is_told_to_come_later, begin, end),
        cmocka_unit_test_setup_teardown(at_a_drain_idle_sessions_are_told_and_the_door_is_shut, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
