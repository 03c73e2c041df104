/* What all workers count together, with time as a parameter. */
#include "../mail/check.h"

#include "accept/shared.h"
#include "lib/net.h"

#include <pthread.h>

static uint64_t key_of(const char *ip, uint64_t (*key)(const struct sockaddr *sa))
{
    struct sockaddr_storage sa;
    socklen_t len;
    assert_true(net_parse_ip(str_of(ip), 25, &sa, &len));
    return key((struct sockaddr *)&sa);
}

static uint64_t address(const char *ip) { return key_of(ip, shared_key_address); }
static uint64_t network(const char *ip) { return key_of(ip, shared_key_network); }

static void addresses_count_whole_and_ipv6_by_its_64(void **state)
{
    (void)state;
    assert_true(address("192.0.2.1") != address("192.0.2.2"));
    assert_true(address("192.0.2.1") == address("::ffff:192.0.2.1"));
    assert_true(address("2001:db8:0:1::1") == address("2001:db8:0:1:ffff::2"));
    assert_true(address("2001:db8:0:1::1") != address("2001:db8:0:2::1"));
    assert_true(network("192.0.2.1") == network("192.0.2.254"));
    assert_true(network("192.0.2.1") == network("::ffff:192.0.2.9"));
    assert_true(network("192.0.2.1") != network("192.0.3.1"));
    assert_true(network("2001:db8:0:1::1") == network("2001:db8:0:2::1"));
    assert_true(network("2001:db8::1") != network("2001:db9::1"));
}

static void a_login_chosen_to_look_like_an_address_has_a_key_of_its_own(void **state)
{
    (void)state;
    struct str bytes = STR("\xC0\x00\x02\x01");
    assert_true(address("192.0.2.1") != shared_key_text(SHARED_LOGIN, bytes));
    assert_true(network("192.0.2.1") != shared_key_text(SHARED_LOGIN, str_mem(bytes.p, 3)));
    assert_true(shared_key_text(SHARED_ACCOUNT, STR("shop")) != shared_key_text(SHARED_LOGIN, STR("shop")));
}

static void sessions_are_counted_up_to_their_bound_and_given_back(void **state)
{
    (void)state;
    struct accept_shared *s = accept_shared_new();
    uint64_t key = address("192.0.2.1");
    assert_false(shared_enter(s, key, 0));
    for (int i = 0; i < 3; i++)
        assert_true(shared_enter(s, key, 3));
    assert_false(shared_enter(s, key, 3));
    assert_true(shared_enter(s, address("192.0.2.2"), 3));
    shared_leave(s, key);
    assert_true(shared_enter(s, key, 3));
    for (int i = 0; i < 3; i++)
        shared_leave(s, key);
    shared_leave(s, address("192.0.2.2"));
    assert_true(shared_enter(s, key, 1));
    accept_shared_free(&s);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *come_and_go(void *ctx)
{
    struct accept_shared *s = ctx;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t key = 1 + i % 97;
        if (shared_enter(s, key, THREADS))
            shared_leave(s, key);
        else
            return s;
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    (void)state;
    struct accept_shared *s = accept_shared_new();
    pthread_t t[THREADS];
    void *refused;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, come_and_go, s);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], &refused);
        assert_null(refused);
    }
    for (uint64_t key = 1; key <= 97; key++) {
        assert_true(shared_enter(s, key, 1)); /* all have left */
        shared_leave(s, key);
    }
    accept_shared_free(&s);
}

static void failures_block_for_a_while(void **state)
{
    (void)state;
    struct accept_shared *s = accept_shared_new();
    for (uint32_t i = 1; i <= 3; i++) {
        assert_false(shared_blocked(s, 7, 1000));
        assert_int_equal(shared_failed(s, 7, 3, 60000, 1000), i);
    }
    assert_true(shared_blocked(s, 7, 1000));
    assert_true(shared_blocked(s, 7, 60999));
    assert_false(shared_blocked(s, 7, 61000));
    assert_false(shared_blocked(s, 8, 1000));
    accept_shared_free(&s);
}

static void failures_long_ago_do_not_count(void **state)
{
    (void)state;
    struct accept_shared *s = accept_shared_new();
    assert_int_equal(shared_failed(s, 7, 3, 60000, 1000), 1);
    assert_int_equal(shared_failed(s, 7, 3, 60000, 61000), 2);
    assert_int_equal(shared_failed(s, 7, 3, 60000, 61001), 1);
    accept_shared_free(&s);
}

static void what_is_forgiven_is_no_more_than_asked_and_nothing_while_blocked(void **state)
{
    (void)state;
    struct accept_shared *s = accept_shared_new();
    for (int i = 0; i < 5; i++)
        shared_failed(s, 7, 10, 60000, 1000);
    assert_int_equal(shared_forgive(s, 7, 2, 1000), 2);
    assert_int_equal(shared_failed(s, 7, 10, 60000, 1000), 4);
    assert_int_equal(shared_forgive(s, 7, UINT32_MAX, 1000), 4);
    assert_int_equal(shared_forgive(s, 7, UINT32_MAX, 1000), 0);
    assert_int_equal(shared_failed(s, 7, 1, 60000, 1000), 1);
    assert_int_equal(shared_forgive(s, 7, UINT32_MAX, 1000), 0);
    assert_true(shared_blocked(s, 7, 1000));
    accept_shared_free(&s);
}

static void a_login_is_known_where_it_was_seen(void **state)
{
    (void)state;
    struct accept_shared *s = accept_shared_new();
    uint64_t login = shared_key_text(SHARED_LOGIN, STR("shop"));
    assert_false(shared_known(s, login, address("192.0.2.1")));
    shared_seen(s, login, address("192.0.2.1"));
    assert_true(shared_known(s, login, address("192.0.2.1")));
    assert_false(shared_known(s, login, address("192.0.2.2")));
    assert_false(shared_known(s, address("192.0.2.1"), login));
    assert_false(shared_known(s, shared_key_text(SHARED_LOGIN, STR("shop2")), address("192.0.2.1")));
    accept_shared_free(&s);
}

static void a_flood_of_other_failures_takes_no_memory_and_makes_room_from_the_oldest(void **state)
{
    (void)state;
    struct accept_shared *s = accept_shared_new();
    for (uint64_t key = 1; key <= 1000000; key++)
        assert_int_equal(shared_failed(s, key, 3, 60000, (int64_t)key), 1);
    shared_failed(s, 1000000, 2, 60000, 1000001);
    assert_true(shared_blocked(s, 1000000, 1000002)); /* the newest is still known */
    accept_shared_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_count_whole_and_ipv6_by_its_64),
        cmocka_unit_test(a_login_chosen_to_look_like_an_address_has_a_key_of_its_own),
        cmocka_unit_test(sessions_are_counted_up_to_their_bound_and_given_back),
        cmocka_unit_test(threads_count_together),
        cmocka_unit_test(failures_block_for_a_while),
        cmocka_unit_test(failures_long_ago_do_not_count),
        cmocka_unit_test(what_is_forgiven_is_no_more_than_asked_and_nothing_while_blocked),
        cmocka_unit_test(a_login_is_known_where_it_was_seen),
        cmocka_unit_test(a_flood_of_other_failures_takes_no_memory_and_makes_room_from_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
