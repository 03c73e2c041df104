#include "check.h"
#include "mail/envelope.h"

static struct rcpt two[] = {{{"a@x.pl", 6}, {"x.pl", 4}, {"rfc822;a@x.pl", 13}, NOTIFY_SUCCESS | NOTIFY_DELAY},
                            {{"\"b c\"@y.pl", 10}, {"y.pl", 4}, {"", 0}, 0}};
static uint32_t parents[] = {3, 0, 70000};
static struct envelope sample(void)
{
    return (struct envelope){.id = id_new(1767225600000),
                             .accepted_ms = 1767225600123,
                             .sender = STR("s@z.pl"),
                             .envid = STR("E+20D"),
                             .ret = RET_HDRS,
                             .body = BODY_8BITMIME,
                             .smtputf8 = true,
                             .by_dsn_aware = true,
                             .has_8bit = true,
                             .requiretls = true,
                             .account = STR("shop"),
                             .credential = STR("shop-1"),
                             .stream = STR("transactional"),
                             .client_ip = STR("192.0.2.1"),
                             .helo = STR("pc"),
                             .protocol = STR("ESMTPSA"),
                             .subject = STR("=?UTF-8?Q?x?="),
                             .message_id = STR("<1@z.pl>"),
                             .checked = STR("spf=pass"),
                             .content_bytes = 12345,
                             .return_path = STR("bounces.z.pl"),
                             .dsn = DSN_FAILED,
                             .parent = id_new(1767225500000),
                             .parent_rcpts = 3,
                             .parent_rcpt = parents,
                             .rcpts = 2,
                             .rcpt = two};
}

static void same(const struct envelope *a, const struct envelope *b)
{
    assert_true(id_eq(a->id, b->id) && id_eq(a->parent, b->parent));
    assert_int_equal(a->accepted_ms, b->accepted_ms);
    assert_true(str_eq(a->sender, b->sender) && str_eq(a->envid, b->envid) && str_eq(a->account, b->account));
    assert_true(str_eq(a->credential, b->credential) && str_eq(a->stream, b->stream) && str_eq(a->client_ip, b->client_ip));
    assert_true(str_eq(a->helo, b->helo) && str_eq(a->protocol, b->protocol) && str_eq(a->subject, b->subject));
    assert_true(str_eq(a->message_id, b->message_id) && str_eq(a->return_path, b->return_path));
    assert_true(str_eq(a->checked, b->checked));
    assert_true(a->ret == b->ret && a->body == b->body && a->dsn == b->dsn);
    assert_true(a->requiretls == b->requiretls && a->tls_optional == b->tls_optional);
    assert_true(a->smtputf8 == b->smtputf8 && a->by_dsn_aware == b->by_dsn_aware && a->has_8bit == b->has_8bit);
    assert_int_equal(a->content_bytes, b->content_bytes);
    assert_int_equal(a->parent_rcpts, b->parent_rcpts);
    for (uint32_t i = 0; i < a->parent_rcpts; i++)
        assert_int_equal(a->parent_rcpt[i], b->parent_rcpt[i]);
    assert_int_equal(a->rcpts, b->rcpts);
    for (uint32_t i = 0; i < a->rcpts; i++) {
        assert_true(str_eq(a->rcpt[i].address, b->rcpt[i].address) && str_eq(a->rcpt[i].domain, b->rcpt[i].domain));
        assert_true(str_eq(a->rcpt[i].orcpt, b->rcpt[i].orcpt) && a->rcpt[i].notify == b->rcpt[i].notify);
    }
}

static void comes_back_whole(void **state)
{
    (void)state;
    struct envelope e = sample(), back, empty = {0};
    struct buf b = {0};
    struct arena a = {0};
    struct str rest;
    envelope_encode(&e, &b);
    buf_add_str(&b, STR("what follows"));
    assert_true(envelope_decode(buf_str(&b), &a, &back, &rest));
    same(&e, &back);
    assert_str(rest, "what follows");
    b.n = 0;
    envelope_encode(&empty, &b);
    assert_true(envelope_decode(buf_str(&b), &a, &back, &rest));
    same(&empty, &back);
    buf_done(&b);
    arena_done(&a);
}

static void what_was_written_before_there_were_return_paths_has_none(void **state)
{
    (void)state;
    struct envelope e = sample(), back;
    struct buf b = {0};
    struct arena a = {0};
    struct str rest;
    e.return_path = e.checked = STR("");
    envelope_encode(&e, &b);
    uint32_t length;
    memcpy(&length, b.p + 1, sizeof length);
    length -= 4 + 4; /* the lengths of it and of what came later still */
    memcpy(b.p + 1, &length, sizeof length);
    b.n -= 4 + 4;
    assert_true(envelope_decode(buf_str(&b), &a, &back, &rest) && rest.n == 0);
    same(&e, &back);
    buf_done(&b);
    arena_done(&a);
}

static void a_cut_encoding_is_refused(void **state)
{
    (void)state;
    struct envelope e = sample(), back;
    struct buf b = {0};
    struct str rest;
    envelope_encode(&e, &b);
    for (size_t n = 0; n < b.n; n++) {
        struct arena a = {0};
        char *cut = malloc(n + 1); /* of its own, so that the sanitizer sees a read past it */
        memcpy(cut, b.p, n);
        assert_false(envelope_decode(str_mem(cut, n), &a, &back, &rest));
        free(cut);
        arena_done(&a);
    }
    buf_done(&b);
}

static void a_changed_byte_does_no_harm(void **state)
{
    (void)state;
    struct envelope e = sample(), back;
    struct buf b = {0};
    struct str rest;
    unsigned refused = 0;
    envelope_encode(&e, &b);
    for (size_t i = 0; i < b.n; i++) {
        struct arena a = {0};
        b.p[i] = (char)(b.p[i] ^ 0xFF);
        refused += !envelope_decode(buf_str(&b), &a, &back, &rest);
        b.p[i] = (char)(b.p[i] ^ 0xFF);
        assert_true(a.heap_bytes < 100000); /* a forged count costs no memory */
        arena_done(&a);
    }
    assert_true(refused > 20);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_whole),
        cmocka_unit_test(what_was_written_before_there_were_return_paths_has_none),
        cmocka_unit_test(a_cut_encoding_is_refused),
        cmocka_unit_test(a_changed_byte_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
