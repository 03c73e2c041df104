/* What is done to a message's header, and that nothing else is. */
#include "../mail/check.h"

#include "prepare/prepare.h"

static const struct prepare_settings settings = {.hostname = {"mail.test", 9}, .hops_max = 100, .header_bytes_max = 16384};

struct done {
    struct content *content;
    struct envelope envelope;
    struct arena arena;
    struct prepare_refusal why;
    bool good;
    struct str text; /* of the message, NUL-free, behind the trace header */
};

static struct done prepare(struct str message, bool submission)
{
    static struct rcpt rcpt;
    struct done d = {.content = content_new(message.n)};
    rcpt = (struct rcpt){.address = STR("b@dest.test")};
    memcpy(d.content->bytes + d.content->start, message.p, message.n);
    d.content->n = message.n;
    d.envelope = (struct envelope){.accepted_ms = 1700000000000,
                                   .helo = STR("client.test"),
                                   .client_ip = STR("192.0.2.1"),
                                   .protocol = STR("ESMTP"),
                                   .rcpts = 1,
                                   .rcpt = &rcpt};
    d.good = prepare_message(&d.content, &d.envelope, &d.arena, submission, &settings, &d.why);
    d.text = content_str(d.content);
    if (!d.good)
        return d;
    assert_true(str_starts_nocase(d.text, STR("Received: from client.test ([192.0.2.1])\r\n\tby mail.test with ESMTP id ")));
    assert_int_equal(d.envelope.content_bytes, d.text.n);
    for (int lines = 0; lines < 4; lines++) /* its folds end with the date's line */
        str_split(&d.text, '\n');
    return d;
}

static void give_up(struct done *d)
{
    content_free(&d->content);
    arena_done(&d->arena);
}

static void expect(const char *message, bool submission, const char *after)
{
    struct done d = prepare(str_of(message), submission);
    assert_true(d.good);
    assert_str(d.text, after);
    give_up(&d);
}

static void what_is_whole_passes_byte_for_byte(void **state)
{
    (void)state;
    static const char whole[] =
        "Date: d\r\nMessage-ID: <1@x>\r\nSubject:  odd \r\n\tfold\r\n\r\nbody\r\n\r\nBcc: in the body\r\n";
    expect(whole, true, whole);
    expect(whole, false, whole);
}

static void what_is_missing_is_added_to_submissions_alone(void **state)
{
    (void)state;
    expect("Subject: x\r\n\r\nb\r\n", false, "Subject: x\r\n\r\nb\r\n");
    struct done d = prepare(STR("Subject: x\r\n\r\nb\r\n"), true);
    struct str date = str_split(&d.text, '\n'), id = str_split(&d.text, '\n');
    assert_str(date, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r");
    assert_true(str_starts_nocase(id, STR("Message-ID: <")) && id.n > 20);
    assert_str(d.text, "Subject: x\r\n\r\nb\r\n");
    assert_str(d.envelope.subject, "x");
    assert_true(d.envelope.message_id.n > 12 && d.envelope.message_id.p[0] == '<');
    give_up(&d);
}

static void hidden_recipients_are_taken_out_however_many(void **state)
{
    (void)state;
    char message[8192] = "Bcc: first@x\r\n";
    for (int i = 0; i < 100; i++)
        strcat(message, i % 3 == 0   ? "BCC : a@x,\r\n b@x\r\n"
                        : i % 3 == 1 ? "bcc: c@x\r\nReturn-Path: <r@x>\r\n"
                                     : "X: kept\r\n");
    strcat(message, "Date: d\r\nMessage-ID: <1@x>\r\nBcc: last@x\r\n\r\nBcc: body\r\n");
    struct done d = prepare(str_of(message), true);
    char after[4096] = "";
    for (int i = 0; i < 33; i++)
        strcat(after, "X: kept\r\n");
    strcat(after, "Date: d\r\nMessage-ID: <1@x>\r\n\r\nBcc: body\r\n");
    assert_str(d.text, after);
    give_up(&d);
    expect("Bcc: a@x\r\n\r\nb\r\n", false, "Bcc: a@x\r\n\r\nb\r\n");
}

static void a_body_without_a_header_does_not_become_one(void **state)
{
    (void)state;
    expect("hello there\r\nBcc: text\r\n", false, "\r\nhello there\r\nBcc: text\r\n");
    struct done d = prepare(STR("hello there\r\nSubject: text\r\nBcc: text\r\n"), true);
    str_split(&d.text, '\n');
    str_split(&d.text, '\n');
    assert_str(d.text, "\r\nhello there\r\nSubject: text\r\nBcc: text\r\n");
    assert_str(d.envelope.subject, "");
    give_up(&d);
}

static void a_mailbox_files_first_line_is_taken_out_of_submissions(void **state)
{
    (void)state;
    expect("From me@x Mon Jan  1 00:00:00 2024\r\nDate: d\r\nMessage-ID: <1@x>\r\n\r\nFrom here on\r\n", true,
           "Date: d\r\nMessage-ID: <1@x>\r\n\r\nFrom here on\r\n");
}

static void a_message_in_a_loop_is_refused_at_the_hundred_and_first_hop(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 100; i++)
        buf_add_str(&b, STR("Received: x\r\n"));
    struct done d = prepare(buf_str(&b), true);
    assert_true(d.good);
    give_up(&d);
    buf_add_str(&b, STR("received: x\r\n\r\nb\r\n"));
    d = prepare(buf_str(&b), true);
    assert_true(!d.good && d.why.code == 554 && d.why.enhanced.subject == 4 && d.why.enhanced.detail == 6);
    assert_true(str_eq(d.text, buf_str(&b)));
    give_up(&d);
    buf_done(&b);
}

static void a_header_over_the_bound_is_refused_and_a_long_body_is_not(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add_str(&b, STR("Subject: x\r\n\r\n"));
    for (int i = 0; i < 4000; i++)
        buf_add_str(&b, STR("X-Line: y\r\n"));
    struct done d = prepare(buf_str(&b), false);
    assert_true(d.good);
    give_up(&d);
    d = prepare(str_mem(b.p + 14, b.n - 14), false);
    assert_true(!d.good && d.why.code == 552);
    give_up(&d);
    buf_done(&b);
}

/* The trace header of a message by that envelope. */
static void expect_trace(struct envelope e, const char *expected)
{
    struct content *c = content_new(0);
    struct arena a = {0};
    struct prepare_refusal why;
    char text[600], id[ID_TEXT + 1];
    id_text(e.id, id);
    snprintf(text, sizeof text, expected, id);
    e.accepted_ms = 1700000000000;
    assert_true(prepare_message(&c, &e, &a, false, &settings, &why));
    assert_str(content_str(c), text);
    content_free(&c);
    arena_done(&a);
}

static void the_trace_header_has_the_clauses_of_rfc_5321_4_4(void **state)
{
    (void)state;
    struct rcpt two[2] = {{.address = STR("b@dest.test")}, {.address = STR("c@dest.test")}};
    struct envelope e = {
        .helo = STR("client.test"), .client_ip = STR("192.0.2.1"), .protocol = STR("ESMTPSA"), .rcpts = 1, .rcpt = two};
    expect_trace(e, "Received: from client.test ([192.0.2.1])\r\n\tby mail.test with ESMTPSA id %s\r\n\tfor <b@dest.test>;\r\n"
                    "\tTue, 14 Nov 2023 22:13:20 +0000\r\n");
    e.rcpts = 2; /* naming one would tell it to the other */
    expect_trace(e, "Received: from client.test ([192.0.2.1])\r\n\tby mail.test with ESMTPSA id %s;\r\n"
                    "\tTue, 14 Nov 2023 22:13:20 +0000\r\n");
    e.client_ip = STR("2001:db8::1");
    e.helo = STR("[IPv6:2001:db8::1]");
    e.protocol = STR("UTF8SMTPS");
    e.tls_cipher = STR("TLS_AES_256_GCM_SHA384");
    expect_trace(e, "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n\tby mail.test with UTF8SMTPS id %s\r\n"
                    "\ttls TLS_AES_256_GCM_SHA384;\r\n"
                    "\tTue, 14 Nov 2023 22:13:20 +0000\r\n");
    e.tls_cipher = STR("");
    e.client_ip = STR("local");
    e.helo = STR("x");
    expect_trace(e, "Received: from x (local)\r\n\tby mail.test with UTF8SMTPS id %s;\r\n\tTue, 14 Nov 2023 22:13:20 +0000\r\n");
}

static void a_clients_name_does_not_bend_the_trace_header(void **state)
{
    (void)state;
    struct envelope e = {.helo = STR("a(b;c)<d>\"\\,@%"), .client_ip = STR("192.0.2.1"), .protocol = STR("SMTP")};
    expect_trace(e, "Received: from a?b?c??d?????? ([192.0.2.1])\r\n\tby mail.test with SMTP id %s;\r\n"
                    "\tTue, 14 Nov 2023 22:13:20 +0000\r\n");
}

static void two_from_fields_are_refused_to_accounts_and_pass_for_others(void **state)
{
    (void)state;
    static const char twice[] = "From: a@x\r\nDate: d\r\nMessage-ID: <1@x>\r\nfrom : b@x\r\n\r\nFrom: c@x\r\n";
    expect(twice, true, twice); /* a trusted network relays what others wrote */
    expect(twice, false, twice);
    struct content *c = content_new(sizeof twice);
    struct arena a = {0};
    struct prepare_refusal why;
    struct envelope e = {.account = STR("shop"), .protocol = STR("ESMTPSA")};
    memcpy(c->bytes + c->start, twice, sizeof twice - 1);
    c->n = sizeof twice - 1;
    assert_false(prepare_message(&c, &e, &a, true, &settings, &why));
    assert_true(why.code == 554 && why.enhanced.subject == 6);
    assert_str(content_str(c), twice);
    content_free(&c);
    arena_done(&a);
}

static void results_that_claim_to_be_ours_are_taken_out(void **state)
{
    (void)state;
    static const char before[] =
        "Authentication-Results: mail.test; spf=pass\r\nSubject: s\r\nauthentication-results :\r\n (c (d) \\)) "
        "MAIL.Test 1;\r\n\tdkim=pass\r\nAuthentication-Results: \"mail.test\";none\r\n"
        "Authentication-Results: mail.test.other; spf=pass\r\nAuthentication-Results: other; x=mail.test\r\n\r\n"
        "Authentication-Results: mail.test; in the body\r\n";
    static const char after[] =
        "Subject: s\r\nAuthentication-Results: mail.test.other; spf=pass\r\nAuthentication-Results: other; "
        "x=mail.test\r\n\r\nAuthentication-Results: mail.test; in the body\r\n";
    expect(before, false, after);
    expect("Date: d\r\nMessage-ID: <1@x>\r\nAuthentication-Results: mail.test; spf=pass\r\n\r\n", true,
           "Date: d\r\nMessage-ID: <1@x>\r\nAuthentication-Results: mail.test; spf=pass\r\n\r\n"); /* a filter hands it back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_whole_passes_byte_for_byte),
        cmocka_unit_test(what_is_missing_is_added_to_submissions_alone),
        cmocka_unit_test(hidden_recipients_are_taken_out_however_many),
        cmocka_unit_test(a_body_without_a_header_does_not_become_one),
        cmocka_unit_test(a_mailbox_files_first_line_is_taken_out_of_submissions),
        cmocka_unit_test(a_message_in_a_loop_is_refused_at_the_hundred_and_first_hop),
        cmocka_unit_test(a_header_over_the_bound_is_refused_and_a_long_body_is_not),
        cmocka_unit_test(the_trace_header_has_the_clauses_of_rfc_5321_4_4),
        cmocka_unit_test(a_clients_name_does_not_bend_the_trace_header),
        cmocka_unit_test(two_from_fields_are_refused_to_accounts_and_pass_for_others),
        cmocka_unit_test(results_that_claim_to_be_ours_are_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
