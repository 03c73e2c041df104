/* A stream in the clear: what is written arrives, what arrives is offered, and its end is told once. */
#include "side.h"

/* ---- output ---- */

static void copies_and_references_arrive_in_their_order_through_a_slow_peer(void **state)
{
    enum { LARGE = 3000000, ROUNDS = 40 };
    struct side s;
    struct buf want = {0}, got = {0};
    char *bytes = pattern(LARGE);
    int peer = side_open(&s), small = 4096;
    (void)state;
    setsockopt(stream_fd(s.stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t at = i * 1000, n = i == 20 ? LARGE - at : i * 997 % 5000;
        if (i % 3)
            stream_write_ref(s.stream, bytes + at, n);
        else
            stream_write(s.stream, bytes + at, n);
        buf_add(&want, bytes + at, n);
        if (i % 7 == 6)
            loop_turn(loop, 0);
    }
    assert_true(stream_pending(s.stream) > 0);
    until((peer_takes(peer, &got), got.n == want.n));
    assert_memory_equal(got.p, want.p, want.n);
    until(s.drained);
    assert_int_equal(stream_pending(s.stream), 0);
    side_over(&s, peer, NULL);
    buf_done(&want);
    buf_done(&got);
    free(bytes);
}

static void small_writes_leave_together_at_the_end_of_the_turn(void **state)
{
    struct side s;
    struct buf got = {0};
    int peer = side_open(&s);
    (void)state;
    stream_write(s.stream, "250-", 4);
    stream_write(s.stream, "hello", 5);
    stream_write(s.stream, "", 0);
    stream_write_ref(s.stream, "\r\n", 2);
    assert_int_equal(stream_pending(s.stream), 11);
    assert_true(peer_has(peer, &got, ""));
    loop_turn(loop, 0);
    until(peer_has(peer, &got, "250-hello\r\n"));
    assert_int_equal(s.drained, 1);
    turns();
    assert_int_equal(s.drained, 1);
    side_over(&s, peer, &got);
}

static void a_flush_and_a_large_copy_leave_at_once(void **state)
{
    struct side s;
    struct buf got = {0};
    char *bytes = pattern(70000);
    int peer = side_open(&s);
    (void)state;
    stream_write(s.stream, "now", 3);
    stream_flush(s.stream);
    assert_int_equal(stream_pending(s.stream), 0);
    assert_true(peer_has(peer, &got, "now"));
    stream_write(s.stream, bytes, 70000);
    assert_true(stream_pending(s.stream) < 70000);
    until((peer_takes(peer, &got), got.n == 70003));
    side_over(&s, peer, &got);
    free(bytes);
}

static void write_more(struct side *s, enum hook h)
{
    if (h == DRAINED && s->drained < 5)
        stream_write(s->stream, "more ", 5);
}

static void a_drained_owner_may_write_on(void **state)
{
    struct side s;
    struct buf got = {0};
    int peer = side_open(&s);
    (void)state;
    s.then = write_more;
    stream_write(s.stream, "first ", 6);
    until(s.drained == 5);
    until(peer_has(peer, &got, "first more more more more "));
    side_over(&s, peer, &got);
}

/* ---- input ---- */

static size_t lines_only(struct side *s, const char *p, size_t n)
{
    const char *end = memrchr(p, '\n', n);
    (void)s;
    return end ? (size_t)(end - p) + 1 : 0;
}

static void bytes_that_the_owner_leaves_are_offered_again_with_what_comes(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    s.takes = lines_only;
    peer_says(peer, "EH");
    until(s.inputs == 1);
    peer_says(peer, "LO a\r\nMA");
    until(s.inputs == 2);
    assert_int_equal(s.offered, 10);
    assert_str(buf_str(&s.got), "EHLO a\r\n");
    turns();
    assert_int_equal(s.inputs, 2); /* nothing has come: nothing is offered */
    peer_says(peer, "IL\r\n");
    until(s.inputs == 3);
    assert_str(buf_str(&s.got), "EHLO a\r\nMAIL\r\n");
    side_over(&s, peer, NULL);
}

static size_t nothing(struct side *s, const char *p, size_t n)
{
    (void)s;
    (void)p;
    (void)n;
    return 0;
}

static size_t one_and_pause(struct side *s, const char *p, size_t n)
{
    (void)p;
    (void)n;
    stream_pause(s->stream);
    return 1;
}

static void a_paused_stream_offers_nothing_and_resumed_what_was_kept_and_what_came(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    s.takes = one_and_pause;
    peer_says(peer, "abc");
    until(s.inputs == 1);
    peer_says(peer, "def");
    turns();
    assert_int_equal(s.inputs, 1);
    stream_resume(s.stream); /* the owner takes one of "bc" and pauses again */
    assert_int_equal(s.inputs, 2);
    assert_str(buf_str(&s.got), "ab");
    s.takes = NULL;
    stream_resume(s.stream);
    until(s.got.n == 6);
    assert_str(buf_str(&s.got), "abcdef");
    side_over(&s, peer, NULL);
}

/* Sends on, as far as the kernel takes it. */
static void push(int peer, const char *bytes, size_t all, size_t *sent)
{
    ssize_t n;
    while (*sent < all && (n = send(peer, bytes + *sent, all - *sent, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
        *sent += (size_t)n;
}

static void an_owner_that_takes_nothing_stops_the_reading_at_its_bound(void **state)
{
    enum { ALL = 4000000 };
    struct side s;
    char *bytes = pattern(ALL);
    int peer = side_open(&s), small = 65536;
    size_t sent = 0;
    (void)state;
    setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(stream_fd(s.stream), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    s.takes = nothing;
    for (int i = 0; i < 50; i++) {
        push(peer, bytes, ALL, &sent);
        loop_turn(loop, 0);
    }
    assert_true(s.offered >= HOLD && s.offered <= 256 * 1024);
    assert_true(sent < ALL);
    s.takes = NULL;
    stream_resume(s.stream);
    until((push(peer, bytes, ALL, &sent), s.got.n == ALL));
    assert_memory_equal(s.got.p, bytes, ALL);
    side_over(&s, peer, NULL);
    free(bytes);
}

static void a_peer_that_floods_leaves_another_its_turn(void **state)
{
    enum { ALL = 6000000 };
    struct side flooded, other;
    char *bytes = pattern(ALL);
    int flood = side_open(&flooded), quiet = side_open(&other), large = 8000000;
    size_t sent = 0, before = 0;
    (void)state;
    setsockopt(flood, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    setsockopt(stream_fd(flooded.stream), SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    push(flood, bytes, ALL, &sent);
    peer_says(quiet, "x");
    until((before = flooded.got.n, other.got.n == 1));
    assert_true(before <= 3 * 1024 * 1024);
    until((push(flood, bytes, ALL, &sent), flooded.got.n == ALL));
    assert_memory_equal(flooded.got.p, bytes, ALL);
    side_done(&flooded);
    side_done(&other);
    close(flood);
    close(quiet);
    free(bytes);
}

/* ---- sipping ---- */

static size_t four_then_no_sip(struct side *s, const char *p, size_t n)
{
    (void)p;
    if (n < 4)
        return 0;
    stream_sip(s->stream, false);
    stream_pause(s->stream);
    return 4;
}

static void what_is_left_while_sipping_stays_in_the_kernel(void **state)
{
    struct side s;
    char rest[10];
    int peer = side_open(&s);
    (void)state;
    s.takes = four_then_no_sip;
    stream_sip(s.stream, true);
    peer_says(peer, "HE");
    until(s.inputs == 1);
    peer_says(peer, "ADtail");
    until(s.got.n == 4);
    assert_str(buf_str(&s.got), "HEAD");
    assert_int_equal(recv(stream_fd(s.stream), rest, sizeof rest, MSG_PEEK), 4);
    s.takes = NULL;
    stream_resume(s.stream);
    until(s.got.n == 8);
    assert_str(buf_str(&s.got), "HEADtail");
    side_over(&s, peer, NULL);
}

static void a_peer_that_leaves_in_the_middle_of_what_is_sipped_is_noticed(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    s.takes = four_then_no_sip;
    stream_sip(s.stream, true);
    peer_says(peer, "HE");
    until(s.inputs == 1);
    close(peer);
    until(s.ended);
    assert_int_equal(s.why, STREAM_EOF);
    side_done(&s);
}

static void a_stream_closed_while_sipping_offers_nothing_more(void **state)
{
    struct side s;
    struct buf got = {0};
    int peer = side_open(&s);
    (void)state;
    stream_sip(s.stream, true);
    s.closes_in = INPUT;
    s.linger_ms = 5000;
    peer_says(peer, "not a header");
    until(s.gone);
    turns();
    send(peer, "and more", 8, MSG_NOSIGNAL);
    turns();
    until(!peer_takes(peer, &got));
    close(peer);
    turns();
    assert_int_equal(s.inputs, 1);
    side_done(&s);
    buf_done(&got);
}

/* ---- the end ---- */

static void bytes_come_before_the_end_that_came_with_them(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    peer_says(peer, "QUIT\r\n");
    close(peer);
    until(s.ended);
    assert_str(buf_str(&s.got), "QUIT\r\n");
    assert_int_equal(s.why, STREAM_EOF);
    turns();
    assert_int_equal(s.ended, 1);
    stream_write(s.stream, "x", 1); /* nobody hears it */
    stream_write_ref(s.stream, "x", 1);
    assert_int_equal(stream_pending(s.stream), 0);
    turns();
    side_done(&s);
}

static void a_paused_stream_gives_its_bytes_before_the_end(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    s.takes = one_and_pause;
    peer_says(peer, "abc");
    until(s.inputs == 1);
    peer_says(peer, "def");
    close(peer);
    turns();
    assert_int_equal(s.ended, 0);
    s.takes = NULL;
    stream_resume(s.stream);
    until(s.ended);
    assert_str(buf_str(&s.got), "abcdef");
    assert_int_equal(s.why, STREAM_EOF);
    side_done(&s);
}

static void a_reset_is_told_to_who_reads_and_to_who_writes(void **state)
{
    struct side s;
    char *bytes = pattern(5000000);
    int peer = side_open(&s);
    (void)state;
    peer_breaks(peer);
    until(s.ended);
    assert_int_equal(s.why, STREAM_RESET);
    assert_string_equal(s.detail, "ECONNRESET");
    side_done(&s);
    peer = side_open(&s);
    stream_write_ref(s.stream, bytes, 5000000);
    turns();
    peer_breaks(peer);
    until(s.ended);
    assert_int_equal(s.why, STREAM_RESET);
    side_done(&s);
    free(bytes);
}

static void closing_in_any_hook_is_the_last_that_the_owner_hears(void **state)
{
    static const enum hook in[] = {INPUT, DRAINED, ENDED};
    (void)state;
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        for (int64_t linger_ms = 0; linger_ms < 2; linger_ms++) {
            struct side s;
            struct buf got = {0};
            int peer = side_open(&s);
            s.closes_in = in[i];
            s.linger_ms = linger_ms * 5000;
            if (in[i] != INPUT)
                stream_write(s.stream, "220\r\n", 5);
            if (in[i] != DRAINED)
                peer_says(peer, "QUIT\r\n");
            if (in[i] == ENDED)
                shutdown(peer, SHUT_WR);
            until(s.gone);
            until(!peer_takes(peer, &got)); /* the connection is closed, long before the linger time */
            close(peer);
            turns();
            buf_done(&got);
            side_done(&s);
        }
}

static void close_the_other(struct side *s, enum hook h)
{
    (void)h;
    if (!s->other->gone)
        side_close(s->other, 0);
}

static void one_stream_may_be_closed_from_the_hook_of_another(void **state)
{
    struct side s[2];
    int peer[2] = {side_open(&s[0]), side_open(&s[1])};
    (void)state;
    for (int i = 0; i < 2; i++) {
        s[i].other = &s[1 - i];
        s[i].then = close_the_other;
        stream_write(s[i].stream, "x", 1);
    }
    turns();
    assert_int_equal(s[0].drained + s[1].drained, 1);
    assert_int_equal(s[0].gone + s[1].gone, 1);
    for (int i = 0; i < 2; i++) {
        side_done(&s[i]);
        close(peer[i]);
    }
}

/* ---- lingering ---- */

static void last_words_arrive_after_the_close_although_the_peer_is_slow(void **state)
{
    enum { LARGE = 3000000 };
    struct side s;
    struct buf got = {0};
    char *bytes = pattern(LARGE), *lent = pattern(LARGE);
    int peer = side_open(&s), small = 8192;
    (void)state;
    setsockopt(stream_fd(s.stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    stream_write(s.stream, "first", 5);
    stream_write_ref(s.stream, lent, LARGE);
    stream_write(s.stream, "last", 4);
    side_close(&s, 10000);
    assert_null(s.stream);
    memset(lent, 'x', LARGE); /* what was lent is the owner's again */
    free(lent);
    until(!peer_takes(peer, &got));
    assert_int_equal(errno, 0);
    assert_int_equal(got.n, LARGE + 9);
    assert_memory_equal(got.p, "first", 5);
    assert_memory_equal(got.p + 5, bytes, LARGE);
    assert_memory_equal(got.p + 5 + LARGE, "last", 4);
    close(peer);
    buf_done(&got);
    free(bytes);
    side_done(&s);
}

static void what_the_peer_has_sent_unread_does_not_turn_the_last_words_into_a_reset(void **state)
{
    struct side s;
    struct buf got = {0};
    char *bytes = pattern(100000);
    int peer = side_open(&s);
    (void)state;
    s.takes = one_and_pause;
    peer_says(peer, "xy");
    until(s.inputs == 1);
    assert_int_equal(send(peer, bytes, 100000, MSG_DONTWAIT), 100000);
    until(s.inputs == 1);
    turns();
    stream_write(s.stream, "421 Too much\r\n", 14);
    side_close(&s, 5000);
    until(!peer_takes(peer, &got));
    assert_int_equal(errno, 0);
    assert_str(buf_str(&got), "421 Too much\r\n");
    close(peer);
    buf_done(&got);
    free(bytes);
    side_done(&s);
}

static size_t answer(struct side *s, const char *p, size_t n)
{
    (void)p;
    stream_write(s->stream, "221 Bye\r\n", 9);
    return n;
}

static void a_peer_that_said_its_last_word_and_shut_its_side_still_gets_its_answer(void **state)
{
    struct side s;
    struct buf got = {0};
    int peer = side_open(&s);
    (void)state;
    s.takes = answer;
    s.closes_in = INPUT;
    s.linger_ms = 5000;
    peer_says(peer, "QUIT\r\n");
    shutdown(peer, SHUT_WR);
    until(!peer_takes(peer, &got));
    assert_int_equal(errno, 0);
    assert_str(buf_str(&got), "221 Bye\r\n");
    close(peer);
    buf_done(&got);
    side_done(&s);
}

static size_t close_the_second_and_look(struct side *s, const char *p, size_t n)
{
    side_close(s->other, 5000);
    assert_memory_equal(p, "first", 5); /* what is offered is not overwritten by what the other's peer has sent */
    return n;
}

static void closing_another_stream_leaves_the_bytes_that_are_offered_alone(void **state)
{
    struct side s, other;
    int peer = side_open(&s), others = side_open(&other);
    (void)state;
    other.takes = one_and_pause;
    peer_says(others, "second");
    until(other.inputs == 1);
    peer_says(others, "SECOND");
    turns();
    s.other = &other;
    s.takes = close_the_second_and_look;
    peer_says(peer, "first");
    until(s.got.n == 5);
    turns();
    side_done(&s);
    side_done(&other);
    close(peer);
    close(others);
}

static void lingering_ends_in_time_when_the_peer_does_not_read(void **state)
{
    enum { LARGE = 20000000 };
    struct side s;
    struct buf got = {0};
    char *bytes = pattern(LARGE);
    int peer = side_open(&s);
    (void)state;
    stream_write_ref(s.stream, bytes, LARGE);
    side_close(&s, 50);
    int64_t end = loop_now_ms(loop) + 100;
    until(loop_now_ms(loop) > end);
    until(!peer_takes(peer, &got));
    assert_true(got.n < LARGE);
    close(peer);
    buf_done(&got);
    free(bytes);
    side_done(&s);
}

static void a_lingering_stream_goes_when_its_peer_has_gone(void **state)
{
    struct side s;
    char *bytes = pattern(20000000);
    int peer = side_open(&s);
    (void)state;
    stream_write_ref(s.stream, bytes, 20000000);
    side_close(&s, 3600000);
    turns();
    peer_breaks(peer);
    turns(); /* what would be left is a leak */
    free(bytes);
    side_done(&s);
}

int main(void)
{
#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, loop_begin, loop_end)
    const struct CMUnitTest tests[] = {
        STREAM_TEST(copies_and_references_arrive_in_their_order_through_a_slow_peer),
        STREAM_TEST(small_writes_leave_together_at_the_end_of_the_turn),
        STREAM_TEST(a_flush_and_a_large_copy_leave_at_once),
        STREAM_TEST(a_drained_owner_may_write_on),
        STREAM_TEST(bytes_that_the_owner_leaves_are_offered_again_with_what_comes),
        STREAM_TEST(a_paused_stream_offers_nothing_and_resumed_what_was_kept_and_what_came),
        STREAM_TEST(an_owner_that_takes_nothing_stops_the_reading_at_its_bound),
        STREAM_TEST(a_peer_that_floods_leaves_another_its_turn),
        STREAM_TEST(what_is_left_while_sipping_stays_in_the_kernel),
        STREAM_TEST(a_peer_that_leaves_in_the_middle_of_what_is_sipped_is_noticed),
        STREAM_TEST(a_stream_closed_while_sipping_offers_nothing_more),
        STREAM_TEST(bytes_come_before_the_end_that_came_with_them),
        STREAM_TEST(a_paused_stream_gives_its_bytes_before_the_end),
        STREAM_TEST(a_reset_is_told_to_who_reads_and_to_who_writes),
        STREAM_TEST(closing_in_any_hook_is_the_last_that_the_owner_hears),
        STREAM_TEST(one_stream_may_be_closed_from_the_hook_of_another),
        STREAM_TEST(last_words_arrive_after_the_close_although_the_peer_is_slow),
        STREAM_TEST(what_the_peer_has_sent_unread_does_not_turn_the_last_words_into_a_reset),
        STREAM_TEST(a_peer_that_said_its_last_word_and_shut_its_side_still_gets_its_answer),
        STREAM_TEST(closing_another_stream_leaves_the_bytes_that_are_offered_alone),
        STREAM_TEST(lingering_ends_in_time_when_the_peer_does_not_read),
        STREAM_TEST(a_lingering_stream_goes_when_its_peer_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
