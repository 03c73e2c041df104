/* Bounces and what is none, as mails in mails/, one a behaviour; and what mails could do to us. */
#include "../mail/check.h"
#include "bounce/bounce.h"

#include "lib/file.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;

static struct buf bytes_of(const char *name)
{
    struct buf b = {0};
    struct fault f;
    char path[200];
    snprintf(path, sizeof path, "mails/%s.eml", name);
    if (!file_read(path, &b, &f) || b.n == 0)
        fail_msg("no %s", path);
    return b;
}

static struct bounce mail_read(const char *name)
{
    struct buf b = bytes_of(name);
    struct bounce m;
    if (!bounce_read(buf_str(&b), &arena, &m))
        fail_msg("%s was not taken for a mail", name);
    buf_done(&b);
    return m;
}

static void is_text(const char *name, struct str got, const char *want)
{
    if (!str_eq(got, str_of(want)))
        fail_msg("%s: \"%.*s\", not \"%s\"", name, STR_ARGS(got), want);
}

/* The recipient at that place: its address, code (0: none) and enhanced code ("": none). */
static void recipient(const char *name, const struct bounce *m, uint32_t at, const char *address, int code, const char *status)
{
    char got[12];
    if (at >= m->rcpts)
        fail_msg("%s: only %u recipients", name, m->rcpts);
    is_text(name, m->rcpt[at].address, address);
    enhanced_text(m->rcpt[at].status, got);
    if (m->rcpt[at].code != code || strcmp(got, status) != 0)
        fail_msg("%s: %s has %d %s, not %d %s: %.*s", name, address, m->rcpt[at].code, got, code, status,
                 STR_ARGS(m->rcpt[at].said));
}

static struct bounce one(const char *name, enum bounce_kind kind, uint32_t rcpts)
{
    struct bounce m = mail_read(name);
    if (m.kind != kind || m.rcpts != rcpts)
        fail_msg("%s: %s with %u recipients, not %s with %u", name, bounce_kind_name(m.kind), m.rcpts, bounce_kind_name(kind),
                 rcpts);
    return m;
}

static void failed(const char *name, const char *address, int code, const char *status)
{
    struct bounce m = one(name, BOUNCE_FAILED, 1);
    recipient(name, &m, 0, address, code, status);
    arena_done(&arena);
}

static void a_report_tells_of_each_recipient_and_of_the_original(void **state)
{
    (void)state;
    struct bounce m = one("report-of-two", BOUNCE_FAILED, 2);
    recipient("two", &m, 0, "info@firm.example", 550, "5.1.1");
    recipient("two", &m, 1, "ola@receiver.example", 452, "4.2.2");
    is_text("final", m.rcpt[0].final, "jan@receiver.example");
    is_text("remote", m.rcpt[0].remote_mta, "mx.receiver.example");
    assert_int_equal(m.rcpt[0].action, BOUNCE_ACTION_FAILED);
    assert_int_equal(m.rcpt[1].action, BOUNCE_ACTION_DELAYED);
    assert_false(m.rcpt[1].why.permanent);
    is_text("cause", str_of(m.rcpt[0].why.cause->name), "user-unknown");
    is_text("reporting", m.reporting_mta, "mx.sender.example");
    is_text("envelope id", m.envelope_id, "story-17");
    is_text("message id", m.message_id, "17.1@sender.example");
    is_text("to", m.reported_to, "ala@sender.example");
    assert_int_equal(m.fields, 1);
    is_text("field", m.field[0].name, "X-Campaign");
    is_text("field", m.field[0].value, "spring");
    arena_done(&arena);
}

static void a_report_need_not_follow_the_form(void **state)
{
    (void)state;
    struct bounce m = one("report-without-blank-lines", BOUNCE_FAILED, 2);
    recipient("blank", &m, 0, "one@receiver.example", 0, "5.2.2");
    recipient("blank", &m, 1, "two@receiver.example", 550, "5.7.1");
    arena_done(&arena);
    failed("report-in-the-text", "jan@receiver.example", 554, "5.4.7");
    failed("report-utf8-address", "za\u017c\u00f3\u0142\u0107@receiver.example", 0, "5.6.7");
    failed("report-broken-boundary", "jan@receiver.example", 550, "5.1.1");
}

static void servers_that_write_letters_are_understood(void **state)
{
    (void)state;
    struct bounce m = one("qmail", BOUNCE_FAILED, 2);
    recipient("qmail", &m, 0, "jan@receiver.example", 550, "5.1.1");
    recipient("qmail", &m, 1, "ola@other.example", 0, "5.1.2");
    assert_int_equal(m.rcpt[0].phase, PHASE_RCPT);
    is_text("message id", m.message_id, "3.3@sender.example");
    m = one("sendmail-transcript", BOUNCE_FAILED, 2);
    recipient("sendmail", &m, 0, "jan@receiver.example", 550, "5.7.1");
    recipient("sendmail", &m, 1, "ola@receiver.example", 551, "5.1.6");
    m = one("reason-before-recipients", BOUNCE_FAILED, 2);
    recipient("before", &m, 0, "jan@receiver.example", 550, "5.1.1");
    recipient("before", &m, 1, "ola@receiver.example", 550, "5.1.1");
    arena_done(&arena);
    failed("exim", "jan@receiver.example", 552, "5.7.0");
    failed("old-sendmail", "jan@receiver.example", 550, "");
    failed("local-names", "screenname@Receiver.example", 0, "");
    failed("exchange-x400", "jan@receiver.example", 0, "");
    failed("bounce-of-an-absence-note", "jan@receiver.example", 550, "5.1.1");
    failed("names-nobody", "jan@receiver.example", 0, "");
}

static void charset_encoding_and_markup_do_not_matter(void **state)
{
    (void)state;
    struct bounce m = one("polish-html", BOUNCE_FAILED, 1);
    recipient("html", &m, 0, "jan@receiver.example", 550, "5.2.2");
    assert_non_null(memmem(m.rcpt[0].said.p, m.rcpt[0].said.n, "pe\u0142na <kwota>", strlen("pe\u0142na <kwota>")));
    m = one("base64-latin1", BOUNCE_FAILED, 1);
    recipient("base64", &m, 0, "jan@receiver.example", 550, "5.1.1");
    assert_non_null(memmem(m.rcpt[0].said.p, m.rcpt[0].said.n, "Empf\u00e4nger", strlen("Empf\u00e4nger")));
    arena_done(&arena);
}

static void capital_letters_are_the_same_words(void **state)
{
    (void)state;
    failed("capitals", "jan@receiver.example", 550, "5.1.1");
}

static void a_number_of_the_sentence_is_no_code(void **state)
{
    (void)state;
    failed("numbers-that-are-no-codes", "jan@receiver.example", 0, "");
}

static void a_forwarded_bounce_is_one(void **state)
{
    (void)state;
    failed("forwarded-bounce", "jan@receiver.example", 550, "5.1.1");
    failed("quoted-bounce", "jan@receiver.example", 550, "5.1.1");
}

static void a_mailbox_file_is_read_whole(void **state)
{
    (void)state;
    struct bounce m = one("mailbox-of-two", BOUNCE_FAILED, 2);
    recipient("mailbox", &m, 0, "jan@receiver.example", 550, "5.1.1");
    recipient("mailbox", &m, 1, "ola@receiver.example", 552, "5.2.2");
    arena_done(&arena);
}

static void a_cloud_notice_is_read_within_its_string(void **state)
{
    (void)state;
    struct bounce m = one("cloud-bounce", BOUNCE_FAILED, 2);
    recipient("cloud", &m, 0, "jan@receiver.example", 550, "5.1.1");
    recipient("cloud", &m, 1, "ola@receiver.example", 552, "5.2.2");
    is_text("id", m.message_id, "0101-77");
    m = one("cloud-complaint", BOUNCE_COMPLAINT, 1);
    is_text("type", m.feedback_type, "abuse");
    arena_done(&arena);
}

static void delays_successes_and_complaints_are_no_bounces(void **state)
{
    (void)state;
    struct bounce m = one("delay-notice", BOUNCE_DELAYED, 1);
    recipient("delay", &m, 0, "jan@receiver.example", 450, "4.2.1");
    assert_false(m.rcpt[0].why.permanent);
    m = one("report-of-success", BOUNCE_DELIVERED, 2);
    assert_int_equal(m.rcpt[1].action, BOUNCE_ACTION_RELAYED);
    assert_null(m.rcpt[0].why.cause);
    m = one("complaint", BOUNCE_COMPLAINT, 2);
    is_text("type", m.feedback_type, "fraud");
    is_text("who", m.rcpt[0].address, "jan@provider.example");
    is_text("id", m.message_id, "44@sender.example");
    is_text("field", m.field[0].name, "Feedback-ID");
    m = one("complaint-without-form", BOUNCE_COMPLAINT, 1);
    is_text("who", m.rcpt[0].address, "jan@provider.example");
    arena_done(&arena);
}

static void automatic_answers_are_no_bounces(void **state)
{
    static const char *const names[] = {"vacation-header", "vacation-polish", "read-receipt"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bounce m = one(names[i], BOUNCE_AUTOREPLY, 1);
        is_text(names[i], m.rcpt[0].address, "jan@receiver.example");
    }
    arena_done(&arena);
}

static void ordinary_mail_may_speak_of_errors(void **state)
{
    (void)state;
    one("ordinary-mail-about-errors", BOUNCE_NONE, 0);
    one("list-post-about-bounces", BOUNCE_NONE, 0);
    one("mail-about-a-vacation", BOUNCE_NONE, 0);
    arena_done(&arena);
}

/* The mail with another end of line. */
static struct str with_line_ends(const struct buf *b, const char *end, struct buf *out)
{
    out->n = 0;
    for (size_t i = 0; i < b->n; i++)
        buf_add(out, b->p[i] == '\n' ? end : b->p + i, b->p[i] == '\n' ? strlen(end) : 1);
    return buf_str(out);
}

static void line_ends_do_not_matter(void **state)
{
    static const char *const ends[] = {"\r\n", "\r"};
    static const char *const names[] = {"report-of-two", "qmail", "polish-html", "mailbox-of-two", "forwarded-bounce"};
    struct buf other = {0};
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        struct buf b = bytes_of(names[i / 2]);
        struct bounce want, got;
        assert_true(bounce_read(buf_str(&b), &arena, &want));
        assert_true(bounce_read(with_line_ends(&b, ends[i % 2], &other), &arena, &got));
        assert_int_equal(got.rcpts, want.rcpts);
        for (uint32_t r = 0; r < want.rcpts; r++)
            assert_true(str_eq(got.rcpt[r].address, want.rcpt[r].address) && got.rcpt[r].code == want.rcpt[r].code);
        buf_done(&b);
    }
    buf_done(&other);
    arena_done(&arena);
}

static void what_is_no_mail_is_refused(void **state)
{
    struct bounce m;
    (void)state;
    assert_false(bounce_read(STR(""), &arena, &m));
    assert_false(bounce_read(STR("\n\n\n"), &arena, &m));
    assert_false(bounce_read(STR("just some words\nand more of them\n"), &arena, &m));
    arena_done(&arena);
}

static void repeat(struct buf *b, const char *text, size_t times)
{
    while (times-- > 0)
        buf_add_str(b, str_of(text));
}

/* A mail that is made of `text` many times, after a header and before an end: it must be read, and not for long. */
static struct bounce grown(const char *head, const char *text, size_t times)
{
    struct buf b = {0};
    struct bounce m;
    buf_add_str(&b, str_of(head));
    repeat(&b, text, times);
    assert_true(bounce_read(buf_str(&b), &arena, &m));
    buf_done(&b);
    return m;
}

static void everything_a_mail_can_grow_has_a_bound(void **state)
{
    static const char bounce[] = "From: MAILER-DAEMON@a.example\nSubject: failure notice\n";
    (void)state;
    struct buf many = {0};
    buf_add_str(&many, STR("From: MAILER-DAEMON@a.example\nSubject: failure notice\n\n"));
    for (unsigned i = 0; i < 4000; i++)
        buf_addf(&many, "<r%u@b.example>:\n550 5.1.1 no such user\n\n", i);
    struct bounce m;
    assert_true(bounce_read(buf_str(&many), &arena, &m));
    assert_int_equal(m.rcpts, BOUNCE_RCPTS_MAX);
    buf_done(&many);
    grown("From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n",
          "--b\nContent-Type: message/rfc822\n\nFrom: x@y.example\n\n", 20000);
    grown("From: a@b.example\n", "Content-Type: message/rfc822\n\n", 40000);
    grown(bounce, "\n\n<a@b.example>: 550 no\n", 100000);
    grown(bounce, "@", 1200000);
    grown(bounce, "Content-Type: text/html\n\n<!-- < & <a href=\"mailto:", 30000);
    grown(bounce, "X-A: b\n", 200000);
    arena_done(&arena);
}

static void deep_multiparts_end(void **state)
{
    struct buf b = {0};
    struct bounce m;
    (void)state;
    buf_add_str(&b, STR("From: a@b.example\n"));
    for (unsigned i = 0; i < 6000; i++)
        buf_addf(&b, "Content-Type: multipart/mixed; boundary=b%u\n\n--b%u\n", i, i);
    assert_true(bounce_read(buf_str(&b), &arena, &m));
    assert_int_equal(m.kind, BOUNCE_NONE);
    buf_done(&b);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_tells_of_each_recipient_and_of_the_original),
        cmocka_unit_test(a_report_need_not_follow_the_form),
        cmocka_unit_test(servers_that_write_letters_are_understood),
        cmocka_unit_test(charset_encoding_and_markup_do_not_matter),
        cmocka_unit_test(capital_letters_are_the_same_words),
        cmocka_unit_test(a_number_of_the_sentence_is_no_code),
        cmocka_unit_test(a_forwarded_bounce_is_one),
        cmocka_unit_test(a_mailbox_file_is_read_whole),
        cmocka_unit_test(a_cloud_notice_is_read_within_its_string),
        cmocka_unit_test(delays_successes_and_complaints_are_no_bounces),
        cmocka_unit_test(automatic_answers_are_no_bounces),
        cmocka_unit_test(ordinary_mail_may_speak_of_errors),
        cmocka_unit_test(line_ends_do_not_matter),
        cmocka_unit_test(what_is_no_mail_is_refused),
        cmocka_unit_test(everything_a_mail_can_grow_has_a_bound),
        cmocka_unit_test(deep_multiparts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
