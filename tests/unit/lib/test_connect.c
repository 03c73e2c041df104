/* Connecting: what becomes of it is told from a fresh stack, once. */
#include "side.h"

#include "lib/net.h"

static void side_connect(struct side *s, const struct sockaddr_in *to, int64_t timeout_ms)
{
    *s = (struct side){0};
    s->stream = stream_connect(loop, (const struct sockaddr *)to, sizeof *to, NULL, 0, timeout_ms, &side_hooks, s, HOLD);
    assert_int_equal(s->connected + s->ended, 0);
}

static void a_connection_is_told_and_carries_bytes_both_ways(void **state)
{
    struct sockaddr_in at;
    struct sockaddr_storage own, peers;
    struct side s;
    struct buf got = {0};
    char ip[NET_TEXT];
    int door = listen_on(&at, 8);
    (void)state;
    side_connect(&s, &at, 10000);
    stream_write(s.stream, "early", 5); /* waits for the connection */
    until(s.connected);
    int peer = accept(door, NULL, NULL);
    peer_says(peer, "220 hi\r\n");
    until(s.got.n == 8);
    until(peer_has(peer, &got, "early"));
    stream_peer(s.stream, &peers);
    stream_local(s.stream, &own);
    net_text((struct sockaddr *)&peers, ip);
    assert_string_equal(ip, "127.0.0.1");
    assert_int_equal(net_port((struct sockaddr *)&peers), ntohs(at.sin_port));
    net_text((struct sockaddr *)&own, ip);
    assert_string_equal(ip, "127.0.0.1");
    assert_null(stream_tls(s.stream));
    assert_int_equal(s.connected, 1);
    side_done(&s);
    close(peer);
    close(door);
    buf_done(&got);
}

static void a_source_address_is_where_it_comes_from(void **state)
{
    struct sockaddr_in at, from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 6)};
    socklen_t len = sizeof from;
    struct side s = {0};
    int door = listen_on(&at, 8);
    (void)state;
    s.stream = stream_connect(loop, (struct sockaddr *)&at, sizeof at, (struct sockaddr *)&from, sizeof from, 10000, &side_hooks,
                              &s, HOLD);
    until(s.connected);
    int peer = accept(door, (struct sockaddr *)&from, &len);
    assert_int_equal(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK + 6);
    side_done(&s);
    close(peer);
    close(door);
}

static void a_closed_door_refuses(void **state)
{
    struct sockaddr_in at;
    struct side s;
    (void)state;
    close(listen_on(&at, 8));
    side_connect(&s, &at, 10000);
    until(s.ended);
    assert_int_equal(s.why, STREAM_REFUSED);
    assert_string_equal(s.detail, "ECONNREFUSED");
    assert_int_equal(s.connected, 0);
    side_done(&s);
}

static void what_cannot_even_be_tried_is_told_later_too(void **state)
{
    struct sockaddr_in at, foreign = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)}; /* 192.0.2.1 is nobody's */
    struct sockaddr none = {.sa_family = AF_MAX - 1};
    struct side s = {0}, t = {0};
    int door = listen_on(&at, 8);
    (void)state;
    s.stream = stream_connect(loop, (struct sockaddr *)&at, sizeof at, (struct sockaddr *)&foreign, sizeof foreign, 10000,
                              &side_hooks, &s, HOLD);
    t.stream = stream_connect(loop, &none, sizeof none, NULL, 0, 10000, &side_hooks, &t, HOLD);
    assert_int_equal(s.ended + t.ended, 0);
    until(s.ended && t.ended);
    assert_int_equal(s.why, STREAM_REFUSED);
    assert_int_equal(t.why, STREAM_REFUSED);
    assert_true(*s.detail && *t.detail);
    side_done(&s);
    side_done(&t);
    close(door);
}

/* A listener whose queue is full lets new connections wait. */
static void no_answer_in_time_is_a_time_out(void **state)
{
    struct sockaddr_in at;
    struct side s;
    int door = listen_on(&at, 0), fill[8];
    (void)state;
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fill[i], (struct sockaddr *)&at, sizeof at);
    }
    int64_t began = clock_now_ms();
    side_connect(&s, &at, 60);
    until(s.ended);
    assert_int_equal(s.why, STREAM_TIMEOUT);
    assert_true(clock_now_ms() - began >= 59);
    assert_int_equal(s.connected, 0);
    side_done(&s);
    for (int i = 0; i < 8; i++)
        close(fill[i]);
    close(door);
}

static void a_connection_may_be_given_up_before_and_when_it_is_made(void **state)
{
    struct sockaddr_in at;
    struct side s;
    int door = listen_on(&at, 8);
    (void)state;
    side_connect(&s, &at, 10000);
    side_close(&s, 5000); /* nothing to linger for */
    turns();
    side_done(&s);
    for (int64_t linger_ms = 0; linger_ms <= 5000; linger_ms += 5000) {
        side_connect(&s, &at, 10000);
        s.closes_in = CONNECTED;
        s.linger_ms = linger_ms;
        until(s.gone);
        turns();
        side_done(&s);
    }
    close(listen_on(&at, 8));
    side_connect(&s, &at, 10000);
    s.closes_in = ENDED;
    until(s.gone);
    turns();
    side_done(&s);
    close(door);
}

static void a_failure_that_is_under_way_is_not_told_to_who_has_closed(void **state)
{
    struct sockaddr none = {.sa_family = AF_MAX - 1};
    struct side s = {0};
    (void)state;
    s.stream = stream_connect(loop, &none, sizeof none, NULL, 0, 10000, &side_hooks, &s, HOLD);
    side_close(&s, 0);
    turns();
    assert_int_equal(s.ended, 0);
    side_done(&s);
}

int main(void)
{
#define CONNECT_TEST(name) cmocka_unit_test_setup_teardown(name, loop_begin, loop_end)
    const struct CMUnitTest tests[] = {
        CONNECT_TEST(a_connection_is_told_and_carries_bytes_both_ways),
        CONNECT_TEST(a_source_address_is_where_it_comes_from),
        CONNECT_TEST(a_closed_door_refuses),
        CONNECT_TEST(what_cannot_even_be_tried_is_told_later_too),
        CONNECT_TEST(no_answer_in_time_is_a_time_out),
        CONNECT_TEST(a_connection_may_be_given_up_before_and_when_it_is_made),
        CONNECT_TEST(a_failure_that_is_under_way_is_not_told_to_who_has_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
