#include "../mail/check.h"
#include "explain/dsn.h"
#include "lib/arena.h"

static struct rcpt rcpts[] = {{{"a@x.pl", 6}, {"x.pl", 4}, {"", 0}, 0},
                              {{"b@x.pl", 6}, {"x.pl", 4}, {"", 0}, NOTIFY_NEVER},
                              {{"c@x.pl", 6}, {"x.pl", 4}, {"", 0}, NOTIFY_SUCCESS},
                              {{"d@x.pl", 6}, {"x.pl", 4}, {"", 0}, NOTIFY_FAILURE | NOTIFY_DELAY | NOTIFY_SUCCESS}};
static struct outcome_rcpt parts[4];

static struct envelope envelope(void) { return (struct envelope){.sender = STR("s@y.pl"), .rcpts = 4, .rcpt = rcpts}; }

static struct outcome all(enum outcome_status status)
{
    for (uint32_t i = 0; i < 4; i++)
        parts[i] = (struct outcome_rcpt){.rcpt = i, .status = status};
    return (struct outcome){.rcpts = 4, .rcpt = parts};
}

/* The wanted recipients as a text of their letters. */
static void wanted(const struct envelope *e, enum outcome_status status, enum dsn_kind kind, const char *expected)
{
    struct outcome o = all(status);
    uint32_t which[4];
    char got[5] = "";
    uint32_t n = dsn_wanted(e, &o, kind, which);
    for (uint32_t i = 0; i < n; i++)
        got[i] = rcpts[parts[which[i]].rcpt].address.p[0];
    assert_string_equal(got, expected);
}

static void who_is_told_follows_notify(void **state)
{
    (void)state;
    struct envelope e = envelope();
    wanted(&e, OUTCOME_FAILED, DSN_FAILED, "ad");
    wanted(&e, OUTCOME_DEFERRED, DSN_DELAYED, "d");
    wanted(&e, OUTCOME_DELIVERED, DSN_DELIVERED, "cd");
    wanted(&e, OUTCOME_DELIVERED, DSN_RELAYED, "cd");
}

static void only_the_matching_status_is_told(void **state)
{
    (void)state;
    struct envelope e = envelope();
    wanted(&e, OUTCOME_DEFERRED, DSN_FAILED, "");
    wanted(&e, OUTCOME_DROPPED, DSN_FAILED, "");
    wanted(&e, OUTCOME_FAILED, DSN_DELIVERED, "");
    wanted(&e, OUTCOME_FAILED, DSN_NONE, "");
}

static void nobody_is_told_about_a_notification(void **state)
{
    (void)state;
    struct envelope e = envelope();
    e.sender = STR("");
    wanted(&e, OUTCOME_FAILED, DSN_FAILED, "");
    e = envelope();
    e.dsn = DSN_FAILED;
    wanted(&e, OUTCOME_FAILED, DSN_FAILED, "");
}

static void an_index_out_of_range_is_passed_over(void **state)
{
    (void)state;
    struct envelope e = envelope();
    e.rcpts = 1;
    wanted(&e, OUTCOME_FAILED, DSN_FAILED, "a");
}

static struct buf written(struct envelope *e, struct str content, struct str reply_text)
{
    struct outcome o = all(OUTCOME_FAILED);
    struct buf b = {0};
    uint32_t which[4];
    parts[0].reply = (struct reply){550, {5, 1, 1}, reply_text};
    parts[0].verdict = (struct verdict){STR("user-unknown"), WHOSE_RECIPIENT, true, 95};
    struct dsn_request r = {.kind = DSN_FAILED,
                            .envelope = e,
                            .content = content,
                            .hostname = STR("h.pl"),
                            .id = id_new(1000),
                            .outcome = &o,
                            .lang = "en",
                            .quote_max = 1 << 20};
    dsn_write(&r, which, dsn_wanted(e, &o, DSN_FAILED, which), &b);
    return b;
}

/* How often does a line begin so? */
static unsigned lines_with(const struct buf *b, const char *start)
{
    struct str rest = buf_str(b);
    unsigned n = 0;
    while (rest.n > 0)
        n += str_starts_nocase(str_split(&rest, '\n'), str_of(start));
    return n;
}

static void a_hostile_reply_forges_nothing(void **state)
{
    (void)state;
    struct envelope e = envelope();
    struct buf b =
        written(&e, STR("A: b\r\n\r\nx\r\n"), STR("no\r\nAction: delivered\n\nFinal-Recipient: rfc822; v@x.pl\n.\n--=_"));
    assert_int_equal(lines_with(&b, "Action:"), 2); /* ours, for a and d */
    assert_int_equal(lines_with(&b, "Final-Recipient:"), 2);
    assert_int_equal(lines_with(&b, "."), 0);
    buf_done(&b);
}

static void a_hostile_message_id_and_subject_forge_nothing(void **state)
{
    (void)state;
    struct envelope e = envelope();
    e.message_id = STR("<a@b>\r\nBcc: evil@x.pl\r\n");
    e.subject = STR("hi\r\nBcc: evil@x.pl");
    e.envid = STR("a+0D+0ABcc:+20evil");
    struct buf b = written(&e, STR("A: b\r\n\r\nx\r\n"), STR("no"));
    assert_int_equal(lines_with(&b, "Bcc"), 0);
    assert_int_equal(lines_with(&b, "In-Reply-To"), 0);
    buf_done(&b);
}

static void a_hostile_host_name_forges_nothing(void **state)
{
    (void)state;
    struct envelope e = envelope();
    struct outcome o = all(OUTCOME_FAILED);
    struct buf b = {0};
    uint32_t which[4];
    o.host = STR("mx\r\nAction: delivered\r\n.x.pl");
    o.ip = STR("192.0.2.1");
    parts[0].reply = (struct reply){.code = 550, .text = STR("no")};
    struct dsn_request r = {.kind = DSN_FAILED,
                            .envelope = &e,
                            .content = STR(""),
                            .hostname = STR("h.pl"),
                            .id = id_new(1000),
                            .outcome = &o,
                            .lang = "pl"};
    dsn_write(&r, which, dsn_wanted(&e, &o, DSN_FAILED, which), &b);
    assert_int_equal(lines_with(&b, "Action:"), 2);
    buf_done(&b);
}

static void the_longest_reply_stays_in_bounds(void **state)
{
    (void)state;
    static char text[REPLY_TEXT_MAX];
    struct envelope e = envelope();
    memset(text, '\x9C', sizeof text);
    struct buf b = written(&e, STR("A: b\r\n\r\nx\r\n"), str_mem(text, sizeof text));
    assert_true(b.n < 40000);
    struct str rest = buf_str(&b);
    while (rest.n > 0)
        assert_true(str_split(&rest, '\n').n <= 999);
    buf_done(&b);
}

static void a_message_of_8_bit_bytes_comes_back_as_its_header_in_7_bits(void **state)
{
    static const char *const contents[] = {"A: b\r\nSubject: x\r\n\r\nza\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87\r\n",
                                           "A: b\r\nSubject: za\xbf\xf3\xb3\xe6\r\n\r\nbody\r\n"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct envelope e = envelope();
        e.ret = RET_FULL;
        struct buf b = written(&e, str_of(contents[i]), STR("no"));
        for (size_t k = 0; k < b.n; k++)
            assert_true((unsigned char)b.p[k] < 0x80);
        assert_int_equal(lines_with(&b, "Content-Type: text/rfc822-headers"), 1);
        assert_int_equal(lines_with(&b, "A: b"), 1);
        assert_int_equal(lines_with(&b, "Subject: za=BF=F3=B3=E6"), i);
        assert_int_equal(lines_with(&b, "za=C5") + lines_with(&b, "body"), 0);
        buf_done(&b);
    }
    struct envelope e = envelope();
    struct buf b = written(&e, STR("A: b\r\n\r\nbody\r\n"), STR("no"));
    assert_int_equal(lines_with(&b, "Content-Type: message/rfc822\r"), 1);
    assert_int_equal(lines_with(&b, "body"), 1);
    buf_done(&b);
}

static void odd_content_is_quoted_or_left_out(void **state)
{
    (void)state;
    const char *contents[] = {"", "\r\n", "no header at all", "A: b", "A: b\r\n", "\r\nbody", "junk\r\nA: b\r\n\r\nx"};
    for (unsigned i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        for (int ret = RET_UNSET; ret <= RET_HDRS; ret++) {
            struct envelope e = envelope();
            e.ret = (enum dsn_return)ret;
            struct buf b = written(&e, str_of(contents[i]), STR("no"));
            assert_memory_equal(b.p + b.n - 4, "--\r\n", 4);
            buf_done(&b);
        }
    }
}

static void a_great_number_of_recipients_is_told_briefly(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct arena a = {0};
    struct envelope e = {.sender = STR("s@y.pl"), .rcpts = MANY, .rcpt = arena_alloc(&a, MANY * sizeof(struct rcpt))};
    struct outcome o = {.rcpts = MANY, .rcpt = arena_alloc(&a, MANY * sizeof(struct outcome_rcpt))};
    uint32_t *which = arena_alloc(&a, MANY * sizeof *which);
    struct buf b = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        e.rcpt[i] = (struct rcpt){STR("someone@x.pl"), STR("x.pl"), STR(""), 0};
        o.rcpt[i] = (struct outcome_rcpt){.rcpt = i, .status = OUTCOME_FAILED};
    }
    struct dsn_request r = {.kind = DSN_FAILED,
                            .envelope = &e,
                            .content = STR(""),
                            .hostname = STR("h.pl"),
                            .id = id_new(1000),
                            .outcome = &o,
                            .lang = "en,pl"};
    uint32_t n = dsn_wanted(&e, &o, DSN_FAILED, which);
    assert_int_equal(n, MANY);
    dsn_write(&r, which, n, &b);
    assert_int_equal(lines_with(&b, "Final-Recipient:"), MANY); /* programs are told of all */
    assert_int_equal(lines_with(&b, "<someone@x.pl>"), 200);    /* people of a hundred, in each language */
    buf_done(&b);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_told_follows_notify),
        cmocka_unit_test(only_the_matching_status_is_told),
        cmocka_unit_test(nobody_is_told_about_a_notification),
        cmocka_unit_test(an_index_out_of_range_is_passed_over),
        cmocka_unit_test(a_hostile_reply_forges_nothing),
        cmocka_unit_test(a_hostile_message_id_and_subject_forge_nothing),
        cmocka_unit_test(a_hostile_host_name_forges_nothing),
        cmocka_unit_test(the_longest_reply_stays_in_bounds),
        cmocka_unit_test(a_message_of_8_bit_bytes_comes_back_as_its_header_in_7_bits),
        cmocka_unit_test(odd_content_is_quoted_or_left_out),
        cmocka_unit_test(a_great_number_of_recipients_is_told_briefly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
