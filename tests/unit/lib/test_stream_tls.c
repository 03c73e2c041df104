/* TLS on a stream: nothing in the clear survives its start, facts are told, and no end is taken for another. */
#include "random.h"
#include "side.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

enum { HANDSHAKE_MS = 10000 };

static struct tls_context *server, *lax, *strict;
static char *chain_pem, *key_pem;
static const struct tls_peer mx = {.name = "mx.test"}, other = {.name = "other.test"};

static int contexts_begin(void **state)
{
    (void)state;
    bool good = tls_self_signed("mx.test", 30, &chain_pem, &key_pem, NULL) &&
                tls_server_new(&server, str_of(chain_pem), str_of(key_pem), NULL) && tls_client_new(&lax, STR(""), NULL) &&
                tls_client_new(&strict, str_of(chain_pem), NULL);
    return good ? 0 : -1;
}

static int contexts_end(void **state)
{
    (void)state;
    tls_free(&server);
    tls_free(&lax);
    tls_free(&strict);
    free(chain_pem);
    free(key_pem);
    return 0;
}

/* Two sides on one connection, in the clear. */
static void pair_open(struct side *a, struct side *b)
{
    int fd[2];
    tcp_pair(fd);
    *a = *b = (struct side){0};
    assert_int_equal(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
    a->stream = stream_accept(loop, fd[0], &side_hooks, a, HOLD);
    b->stream = stream_accept(loop, fd[1], &side_hooks, b, HOLD);
}

static void pair_begin(struct side *a, struct side *b, struct tls_context *client, const struct tls_peer *peer)
{
    pair_open(a, b);
    assert_true(stream_start_tls(a->stream, server, NULL, HANDSHAKE_MS));
    assert_true(stream_start_tls(b->stream, client, peer, HANDSHAKE_MS));
}

/* a serves, b is its client; both are done with the handshake. */
static void pair_secure(struct side *a, struct side *b)
{
    pair_begin(a, b, lax, &mx);
    until(a->secured && b->secured);
}

static void pair_done(struct side *a, struct side *b)
{
    side_done(a);
    side_done(b);
}

/* ---- the handshake ---- */

static void a_finished_handshake_tells_its_facts_on_both_sides(void **state)
{
    struct side a, b;
    (void)state;
    pair_begin(&a, &b, strict, &mx);
    assert_null(stream_tls(a.stream));
    until(a.secured && b.secured);
    const struct tls_facts *fa = stream_tls(a.stream), *fb = stream_tls(b.stream);
    assert_string_equal(fa->version, "TLSv1.3");
    assert_string_equal(fb->version, "TLSv1.3");
    assert_string_equal(fa->cipher, fb->cipher);
    assert_false(fa->verified);
    assert_true(fb->verified);
    assert_int_equal(fb->problem, TLS_PROBLEM_NONE);
    turns();
    assert_int_equal(a.secured + b.secured, 2);
    pair_done(&a, &b);
}

/* What a client that expects the peer makes of the server's certificate. */
static struct tls_facts judged(struct tls_context *client, const struct tls_peer *peer, char shown[100])
{
    struct side a, b;
    pair_begin(&a, &b, client, peer);
    until(a.secured && b.secured);
    struct tls_facts f = *stream_tls(b.stream);
    stream_tls_shown(b.stream, shown, 100);
    pair_done(&a, &b);
    return f;
}

static void whatever_the_certificate_the_handshake_goes_on_and_the_facts_tell_what_is_wrong(void **state)
{
    struct tls_facts f;
    char shown[100];
    (void)state;
    f = judged(strict, &other, shown);
    assert_false(f.verified);
    assert_int_equal(f.problem, TLS_PROBLEM_NAME);
    assert_string_equal(shown, "mx.test");
    f = judged(lax, &mx, shown); /* by an issuer that the system does not know */
    assert_false(f.verified);
    assert_int_equal(f.problem, TLS_PROBLEM_UNTRUSTED);
}

/* The digest of the server's certificate (selector 0) or key (1) by SHA-256 or SHA-512. */
static struct tls_tlsa digest(uint8_t usage, uint8_t selector, uint8_t matching, uint8_t out[64])
{
    BIO *bio = BIO_new_mem_buf(chain_pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned char *der = NULL;
    int n = selector ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : i2d_X509(cert, &der);
    unsigned length;
    assert_true(n > 0);
    EVP_Digest(der, (size_t)n, out, &length, matching == 2 ? EVP_sha512() : EVP_sha256(), NULL);
    OPENSSL_free(der);
    X509_free(cert);
    BIO_free(bio);
    return (struct tls_tlsa){usage, selector, matching, (uint16_t)length, out};
}

static void tlsa_records_of_the_certificate_decide_and_not_its_name_or_issuer(void **state)
{
    uint8_t bytes[64], wrong[64] = {1};
    char shown[100];
    (void)state;
    for (uint8_t selector = 0; selector <= 1; selector++)
        for (uint8_t matching = 1; matching <= 2; matching++) {
            struct tls_tlsa t[2] = {digest(3, selector, matching, bytes), {3, 1, 1, 32, wrong}}; /* one of several is enough */
            struct tls_facts f = judged(lax, &(struct tls_peer){.name = "other.test", .tlsa = t, .tlsas = 2}, shown);
            assert_true(f.verified);
        }
    struct tls_tlsa no = {3, 1, 1, 32, wrong};
    struct tls_facts f = judged(strict, &(struct tls_peer){.name = "mx.test", .tlsa = &no, .tlsas = 1}, shown);
    assert_false(f.verified); /* a good chain makes up for nothing */
    assert_int_equal(f.problem, TLS_PROBLEM_TLSA);
}

/* The server's certificate with the first `from` in it changed to `to`, which is as long; the caller frees. */
static struct tls_tlsa whole(uint8_t usage, const char *from, const char *to, size_t n)
{
    BIO *bio = BIO_new_mem_buf(chain_pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned char *der = NULL;
    int length = i2d_X509(cert, &der);
    assert_true(length > 0);
    unsigned char *at = memmem(der, (size_t)length, from, n);
    assert_non_null(at);
    memcpy(at, to, n);
    X509_free(cert);
    BIO_free(bio);
    return (struct tls_tlsa){usage, 0, 0, (uint16_t)length, der};
}

static void a_whole_certificate_is_usable_when_its_key_can_be_understood(void **state)
{
    static const char key_kind[] = "\x2a\x86\x48\xce\x3d\x02\x01", curve[] = "\x2a\x86\x48\xce\x3d\x03\x01\x07",
                      strange_kind[] = "\x2a\x86\x48\xce\x3d\x02\x7f", strange_curve[] = "\x2a\x86\x48\xce\x3d\x03\x01\x7f";
    char shown[100];
    (void)state;
    for (uint8_t usage = 2; usage <= 3; usage++) {
        struct tls_tlsa good = whole(usage, curve, curve, sizeof curve - 1),
                        kind = whole(usage, key_kind, strange_kind, sizeof key_kind - 1),
                        other_curve = whole(usage, curve, strange_curve, sizeof curve - 1);
        assert_true(tls_tlsa_usable(&good));
        struct tls_facts f = judged(lax, &(struct tls_peer){.name = "mx.test", .tlsa = &good, .tlsas = 1}, shown);
        assert_true(f.verified || usage == 2); /* the leaf is no issuer */
        assert_false(tls_tlsa_usable(&kind));
        assert_false(tls_tlsa_usable(&other_curve));
        OPENSSL_free((void *)(uintptr_t)good.data);
        OPENSSL_free((void *)(uintptr_t)kind.data);
        OPENSSL_free((void *)(uintptr_t)other_curve.data);
    }
}

static void what_was_queued_before_the_start_is_written_in_the_clear(void **state)
{
    struct side s;
    struct buf got = {0};
    int peer = side_open(&s);
    (void)state;
    stream_write(s.stream, "220 Ready\r\n", 11);
    assert_true(stream_start_tls(s.stream, server, NULL, HANDSHAKE_MS));
    stream_write(s.stream, "", 0);
    until((peer_takes(peer, &got), got.n >= 11));
    assert_str(buf_str(&got), "220 Ready\r\n");
    side_over(&s, peer, &got);
}

static void a_peer_that_talks_no_tls_ends_the_handshake(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    assert_true(stream_start_tls(s.stream, server, NULL, HANDSHAKE_MS));
    turns();
    peer_says(peer, "EHLO there\r\nMAIL FROM:<>\r\n");
    until(s.ended);
    assert_int_equal(s.why, STREAM_TLS);
    assert_true(*s.detail);
    assert_int_equal(s.inputs + s.secured, 0);
    side_over(&s, peer, NULL);
    peer = side_open(&s);
    assert_true(stream_start_tls(s.stream, lax, &mx, HANDSHAKE_MS));
    turns();
    peer_says(peer, "\x16\x03\x03\xff\xff garbage in place of a server's hello");
    until(s.ended);
    assert_int_equal(s.why, STREAM_TLS);
    assert_int_equal(s.inputs + s.secured, 0);
    side_over(&s, peer, NULL);
}

static void a_peer_that_leaves_or_breaks_off_in_the_handshake_is_noticed(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    assert_true(stream_start_tls(s.stream, server, NULL, HANDSHAKE_MS));
    turns();
    close(peer);
    until(s.ended);
    assert_int_not_equal(s.why, STREAM_TIMEOUT);
    side_done(&s);
    peer = side_open(&s);
    assert_true(stream_start_tls(s.stream, lax, &mx, HANDSHAKE_MS));
    turns();
    peer_breaks(peer);
    until(s.ended);
    assert_int_equal(s.why, STREAM_RESET);
    side_done(&s);
}

static void a_silent_peer_is_a_time_out(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    assert_true(stream_start_tls(s.stream, server, NULL, 30));
    until(s.ended);
    assert_int_equal(s.why, STREAM_TIMEOUT);
    side_over(&s, peer, NULL);
}

/* ---- bytes in the clear ---- */

static size_t first_three(struct side *s, const char *p, size_t n)
{
    (void)s;
    (void)p;
    return n < 3 ? n : 3;
}

static size_t starts_tls(struct side *s, const char *p, size_t n)
{
    const char *end = memchr(p, '\n', n);
    assert_non_null(end);
    stream_write(s->stream, "220 Ready\r\n", 11);
    assert_true(stream_start_tls(s->stream, server, NULL, HANDSHAKE_MS));
    return (size_t)(end - p) + 1;
}

static size_t starts_tls_and_flushes(struct side *s, const char *p, size_t n)
{
    size_t took = starts_tls(s, p, n);
    stream_flush(s->stream); /* the handshake begins within the hook */
    return took;
}

static void plain_bytes_that_are_held_refuse_the_start(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    s.takes = first_three;
    peer_says(peer, "abcd");
    until(s.inputs == 1);
    assert_false(stream_start_tls(s.stream, server, NULL, HANDSHAKE_MS));
    assert_null(stream_tls(s.stream));
    s.takes = NULL;
    stream_resume(s.stream); /* still in the clear, as if nothing had been asked */
    assert_str(buf_str(&s.got), "abcd");
    side_over(&s, peer, NULL);
}

static void try_tls(struct side *s, enum hook h)
{
    if (h == DRAINED)
        assert_false(stream_start_tls(s->stream, server, NULL, HANDSHAKE_MS));
}

static void plain_bytes_that_are_held_refuse_the_start_from_within_a_hook_too(void **state)
{
    struct side s;
    int peer = side_open(&s);
    (void)state;
    s.takes = first_three;
    s.then = try_tls;
    peer_says(peer, "abcd");
    until(s.inputs == 1);
    stream_write(s.stream, "x", 1);
    until(s.drained);
    assert_int_equal(s.ended, 0);
    side_over(&s, peer, NULL);
}

static void bytes_behind_the_start_of_tls_end_the_connection(void **state)
{
    static size_t (*const ways[])(struct side *, const char *, size_t) = {starts_tls, starts_tls_and_flushes};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct side s;
        int peer = side_open(&s);
        s.takes = ways[i];
        peer_says(peer, "STARTTLS\r\nMAIL FROM:<injected@example.org>\r\n");
        until(s.ended);
        assert_int_equal(s.why, STREAM_TLS);
        assert_str(buf_str(&s.got), "STARTTLS\r\n");
        assert_int_equal(s.inputs, 1);
        assert_int_equal(s.secured, 0);
        side_done(&s);
        close(peer);
    }
}

static void tls_starts_from_within_input_and_from_what_was_held(void **state)
{
    struct side a, b;
    (void)state;
    pair_open(&a, &b);
    a.takes = starts_tls;
    stream_write(b.stream, "STARTTLS\r\n", 10);
    until(b.got.n == 11);
    a.takes = NULL;
    assert_true(stream_start_tls(b.stream, lax, &mx, HANDSHAKE_MS));
    stream_flush(b.stream);            /* the handshake begins: */
    stream_write(b.stream, "EHLO", 4); /* this is said when it is safe */
    assert_int_equal(stream_pending(b.stream), 4);
    until(a.secured && b.secured);
    until(a.got.n == 14);
    assert_str(buf_str(&a.got), "STARTTLS\r\nEHLO");
    pair_done(&a, &b);
}

static size_t header_then_tls(struct side *s, const char *p, size_t n)
{
    if (s->got.n)
        return n;
    assert_true(n > 6);
    assert_memory_equal(p, "PROXY\n", 6);
    stream_sip(s->stream, false);
    assert_true(stream_start_tls(s->stream, server, NULL, HANDSHAKE_MS));
    return 6;
}

static void a_header_and_the_first_bytes_of_tls_may_come_together(void **state)
{
    struct side a, b;
    (void)state;
    pair_open(&a, &b);
    stream_sip(a.stream, true);
    a.takes = header_then_tls;
    assert_int_equal(send(stream_fd(b.stream), "PROXY\n", 6, MSG_NOSIGNAL), 6);
    assert_true(stream_start_tls(b.stream, lax, &mx, HANDSHAKE_MS));
    stream_flush(b.stream); /* the client's hello is under way before the server looks */
    until(a.secured && b.secured);
    stream_write(b.stream, "hi", 2);
    until(a.got.n == 8);
    assert_str(buf_str(&a.got), "PROXY\nhi");
    pair_done(&a, &b);
}

/* ---- data ---- */

static void much_data_goes_both_ways_at_once(void **state)
{
    enum { ALL = 3000000 };
    struct side a, b;
    char *bytes = pattern(ALL);
    int small = 8192;
    (void)state;
    pair_secure(&a, &b);
    setsockopt(stream_fd(a.stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    for (size_t at = 0; at < ALL; at += 300000) { /* references and copies, small and large */
        stream_write_ref(a.stream, bytes + at, 299000);
        stream_write(a.stream, bytes + at + 299000, 1000);
        stream_write(b.stream, bytes + at, 300000);
    }
    until(a.got.n == ALL && b.got.n == ALL);
    assert_memory_equal(a.got.p, bytes, ALL);
    assert_memory_equal(b.got.p, bytes, ALL);
    until(a.drained && b.drained);
    pair_done(&a, &b);
    free(bytes);
}

static size_t something(struct side *s, const char *p, size_t n)
{
    (void)p;
    if (random_32() % 4 == 0)
        stream_pause(s->stream);
    return random_32() % 3 == 0 ? random_32() % (n + 1) : n;
}

/* Writes the next bytes, up to `all`, in pieces of any size. */
static void write_some(struct side *s, const char *bytes, size_t all, size_t *at)
{
    size_t n = random_32() >> (random_32() % 16 + 12);
    n = n < all - *at ? n : all - *at;
    if (random_32() % 2)
        stream_write(s->stream, bytes + *at, n);
    else
        stream_write_ref(s->stream, bytes + *at, n);
    *at += n;
    if (random_32() % 4 == 0)
        stream_flush(s->stream);
}

static void whatever_both_sides_write_take_and_pause_no_byte_is_lost_or_moved(void **state)
{
    enum { ALL = 1500000 };
    char *bytes = pattern(ALL);
    (void)state;
    for (int secure = 0; secure < 2; secure++) {
        struct side a, b;
        size_t wrote_a = 0, wrote_b = 0;
        if (secure)
            pair_secure(&a, &b);
        else
            pair_open(&a, &b);
        a.takes = b.takes = something;
        until((write_some(&a, bytes, ALL, &wrote_a), write_some(&b, bytes, ALL, &wrote_b), stream_resume(a.stream),
               stream_resume(b.stream), a.got.n == ALL && b.got.n == ALL));
        assert_memory_equal(a.got.p, bytes, ALL);
        assert_memory_equal(b.got.p, bytes, ALL);
        until(stream_pending(a.stream) + stream_pending(b.stream) == 0);
        pair_done(&a, &b);
    }
    free(bytes);
}

static size_t nothing_and_pause(struct side *s, const char *p, size_t n)
{
    (void)p;
    (void)n;
    stream_pause(s->stream);
    return 0;
}

static void a_paused_stream_holds_and_gives_all_before_the_end(void **state)
{
    struct side a, b;
    char *bytes = pattern(500000);
    (void)state;
    pair_secure(&a, &b);
    a.takes = nothing_and_pause;
    stream_write_ref(b.stream, bytes, 500000);
    until(a.inputs == 1);
    until(stream_pending(b.stream) == 0);
    side_close(&b, 5000);
    turns();
    assert_int_equal(a.inputs, 1);
    assert_int_equal(a.ended, 0);
    a.takes = NULL;
    stream_resume(a.stream);
    until(a.ended);
    assert_int_equal(a.why, STREAM_EOF);
    assert_int_equal(a.got.n, 500000);
    assert_memory_equal(a.got.p, bytes, 500000);
    pair_done(&a, &b);
    free(bytes);
}

/* ---- the end ---- */

static void a_close_says_so_and_bytes_come_before_it(void **state)
{
    struct side a, b;
    (void)state;
    pair_secure(&a, &b);
    stream_write(b.stream, "QUIT\r\n", 6);
    side_close(&b, 5000);
    until(a.ended);
    assert_str(buf_str(&a.got), "QUIT\r\n");
    assert_int_equal(a.why, STREAM_EOF);
    assert_non_null(stream_tls(a.stream)); /* the facts stay until it is closed */
    pair_done(&a, &b);
}

static void a_peer_that_just_goes_is_an_end_and_one_that_breaks_a_reset(void **state)
{
    struct side a, b;
    (void)state;
    pair_secure(&a, &b);
    shutdown(stream_fd(b.stream), SHUT_WR); /* without close_notify */
    until(a.ended);
    assert_int_equal(a.why, STREAM_EOF);
    pair_done(&a, &b);
    pair_secure(&a, &b);
    struct linger none = {1, 0};
    setsockopt(stream_fd(b.stream), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    int copy = stream_fd(b.stream);
    connect(copy, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)); /* resets */
    until(a.ended);
    assert_int_equal(a.why, STREAM_RESET);
    pair_done(&a, &b);
}

static void a_record_that_is_none_breaks_the_connection(void **state)
{
    struct side a, b;
    (void)state;
    pair_secure(&a, &b);
    peer_says(stream_fd(b.stream), "this is no record of TLS at all, and long enough to be looked at");
    until(a.ended);
    assert_int_equal(a.why, STREAM_TLS);
    assert_int_equal(a.inputs, 0);
    pair_done(&a, &b);
}

static void last_words_arrive_although_the_peer_has_sent_more_than_was_read(void **state)
{
    struct side a, b;
    char *bytes = pattern(200000);
    (void)state;
    pair_secure(&a, &b);
    turns();
    a.takes = nothing_and_pause;
    stream_write(b.stream, "x", 1);
    until(a.inputs == 1);
    stream_write_ref(b.stream, bytes, 200000);
    until(stream_pending(b.stream) == 0);
    turns();
    stream_write(a.stream, "421 Too much\r\n", 14);
    side_close(&a, 5000);
    until(b.ended);
    assert_str(buf_str(&b.got), "421 Too much\r\n");
    assert_int_equal(b.why, STREAM_EOF);
    pair_done(&a, &b);
    free(bytes);
}

static void closing_in_any_hook_is_the_last_that_the_owner_hears(void **state)
{
    static const enum hook in[] = {SECURED, INPUT, DRAINED, ENDED};
    (void)state;
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        for (int64_t linger_ms = 0; linger_ms <= 5000; linger_ms += 5000) {
            struct side a, b;
            pair_begin(&a, &b, lax, &mx);
            a.closes_in = in[i];
            a.linger_ms = linger_ms;
            until(a.gone || (a.secured && b.secured));
            if (in[i] == DRAINED)
                stream_write(a.stream, "220\r\n", 5);
            if (in[i] == INPUT)
                stream_write(b.stream, "QUIT\r\n", 6);
            if (in[i] == ENDED)
                side_close(&b, 0);
            until(a.gone && (b.gone || b.ended));
            turns();
            pair_done(&a, &b);
        }
}

static void a_stream_closed_in_the_handshake_calls_no_hook_when_it_ends(void **state)
{
    struct side a, b;
    (void)state;
    pair_open(&a, &b);
    assert_true(stream_start_tls(a.stream, server, NULL, HANDSHAKE_MS));
    turns();
    stream_write(a.stream, "421 Too slow\r\n", 14);
    side_close(&a, 5000);
    turns();
    assert_true(stream_start_tls(b.stream, lax, &mx, HANDSHAKE_MS));
    until(b.ended);
    assert_int_equal(b.secured, 1);
    assert_str(buf_str(&b.got), "421 Too slow\r\n"); /* in safety */
    assert_int_equal(a.secured, 0);
    pair_done(&a, &b);
}

static void a_stream_closed_before_its_handshake_began_says_its_last_words_and_goes(void **state)
{
    struct side s;
    struct buf got = {0};
    int peer = side_open(&s);
    (void)state;
    stream_write(s.stream, "220 Ready\r\n", 11);
    assert_true(stream_start_tls(s.stream, server, NULL, HANDSHAKE_MS));
    peer_says(peer, "unread");
    side_close(&s, 5000);
    until(!peer_takes(peer, &got));
    assert_str(buf_str(&got), "220 Ready\r\n");
    close(peer);
    buf_done(&got);
    side_done(&s);
}

int main(void)
{
#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, loop_begin, loop_end)
    const struct CMUnitTest tests[] = {
        TLS_TEST(a_finished_handshake_tells_its_facts_on_both_sides),
        TLS_TEST(whatever_the_certificate_the_handshake_goes_on_and_the_facts_tell_what_is_wrong),
        TLS_TEST(tlsa_records_of_the_certificate_decide_and_not_its_name_or_issuer),
        TLS_TEST(a_whole_certificate_is_usable_when_its_key_can_be_understood),
        TLS_TEST(what_was_queued_before_the_start_is_written_in_the_clear),
        TLS_TEST(a_peer_that_talks_no_tls_ends_the_handshake),
        TLS_TEST(a_peer_that_leaves_or_breaks_off_in_the_handshake_is_noticed),
        TLS_TEST(a_silent_peer_is_a_time_out),
        TLS_TEST(plain_bytes_that_are_held_refuse_the_start),
        TLS_TEST(plain_bytes_that_are_held_refuse_the_start_from_within_a_hook_too),
        TLS_TEST(bytes_behind_the_start_of_tls_end_the_connection),
        TLS_TEST(tls_starts_from_within_input_and_from_what_was_held),
        TLS_TEST(a_header_and_the_first_bytes_of_tls_may_come_together),
        TLS_TEST(much_data_goes_both_ways_at_once),
        TLS_TEST(whatever_both_sides_write_take_and_pause_no_byte_is_lost_or_moved),
        TLS_TEST(a_paused_stream_holds_and_gives_all_before_the_end),
        TLS_TEST(a_close_says_so_and_bytes_come_before_it),
        TLS_TEST(a_peer_that_just_goes_is_an_end_and_one_that_breaks_a_reset),
        TLS_TEST(a_record_that_is_none_breaks_the_connection),
        TLS_TEST(last_words_arrive_although_the_peer_has_sent_more_than_was_read),
        TLS_TEST(closing_in_any_hook_is_the_last_that_the_owner_hears),
        TLS_TEST(a_stream_closed_in_the_handshake_calls_no_hook_when_it_ends),
        TLS_TEST(a_stream_closed_before_its_handshake_began_says_its_last_words_and_goes),
    };
    return cmocka_run_group_tests(tests, contexts_begin, contexts_end);
}
