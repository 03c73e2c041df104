#include "../mail/check.h"
#include "explain/explain.h"

static struct explanation ask(enum phase phase, const struct reply *r, struct str note)
{
    struct explain_input in = {.text = r->text, .code = r->code, .enhanced = r->enhanced, .phase = phase, .note = note};
    return explain(&in);
}

static struct explanation reply_at(enum phase phase, const char *line)
{
    struct reply r = {.code = atoi(line)};
    struct str text = str_of(strlen(line) > 4 ? line + 4 : "");
    enhanced_take(&text, r.code, &r.enhanced);
    r.text = text;
    return ask(phase, &r, STR(""));
}

static void is(enum phase phase, const char *line, const char *cause)
{
    struct explanation v = reply_at(phase, line);
    if (strcmp(v.cause->name, cause) != 0)
        fail_msg("\"%s\": expected %s, got %s by %s", line, cause, v.cause->name, v.rule);
    assert_int_equal(v.permanent, line[0] == '5');
}

static void words_win_over_a_code_that_misleads(void **state)
{
    (void)state;
    is(PHASE_RCPT, "550 5.1.1 sender is blacklisted", "sender-refused");
    is(PHASE_RCPT, "550 5.1.1 your IP 192.0.2.1 is blacklisted, see http://bl.example", "ip-listed");
    is(PHASE_RCPT, "550 5.2.1 Mailbox unavailable. Your IP address 192.0.2.1 is blacklisted", "ip-listed");
    is(PHASE_RCPT, "552 5.1.1 5.2.2 mailbox is full", "mailbox-full");
    is(PHASE_RCPT, "550 5.1.0 blocked by SPF", "sender-auth-failed");
    is(PHASE_RCPT, "450 4.2.0 Greylisted, see http://postgrey.example", "greylisted");
    is(PHASE_BODY, "550 5.7.0 Virus detected in message", "virus");
    is(PHASE_RCPT, "550 5.7.1 <x@y.pl>: Relay access denied", "relay-denied");
    is(PHASE_RCPT, "550 5.4.1 Recipient address rejected: Access denied.", "user-unknown");
    is(PHASE_BANNER, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "ip-listed");
    is(PHASE_BODY, "554 5.7.1 Message contains a URL listed in multi.surbl.org", "domain-listed");
    is(PHASE_MAIL, "450 4.7.1 Client host rejected: cannot find your reverse hostname", "no-reverse-dns");
    is(PHASE_BODY,
       "554 5.7.1 Nie przyjmiemy tej wiadomo\xC5\x9B"
       "ci, poniewa\xC5\xBC jest to SPAM",
       "spam-content");
}

static void enhanced_codes_are_understood(void **state)
{
    (void)state;
    is(PHASE_RCPT, "550 5.1.1 <x@y.pl>", "user-unknown");
    is(PHASE_RCPT, "552 5.2.2 sorry", "mailbox-full");
    is(PHASE_RCPT, "556 5.1.10 no mail", "null-mx");
    is(PHASE_BODY, "552 5.3.4 no", "message-too-large");
    is(PHASE_MAIL, "550 5.7.23 no", "sender-auth-failed");
    is(PHASE_MAIL, "550 5.7.25 no", "no-reverse-dns");
    is(PHASE_MAIL, "550 5.6.7 no", "smtputf8-unsupported");
    is(PHASE_BODY, "451 4.3.2 later", "receiver-overloaded");
    is(PHASE_BODY, "554 5.4.6 no", "mail-loop");
    is(PHASE_RCPT, "550 5.7.1 no", "policy"); /* never a dead address on the code alone */
    is(PHASE_RCPT, "550 5.7.133 no", "policy");
}

static void bare_codes_by_phase(void **state)
{
    (void)state;
    is(PHASE_RCPT, "550 no", "user-unknown");
    is(PHASE_MAIL, "550 no", "sender-refused");
    is(PHASE_BODY, "550 no", "policy");
    is(PHASE_RCPT, "450 later", "greylisted");
    is(PHASE_RCPT, "552 no", "mailbox-full");
    is(PHASE_BODY, "552 no", "message-too-large");
    is(PHASE_NONE, "535 no", "auth-failed");
    is(PHASE_NONE, "599", "unknown");
    is(PHASE_LOCAL, "451 4.3.0 The mailbox cannot be written: No space left on device", "local-error");
    is(PHASE_LOCAL, "550 5.1.3 The address cannot be a mailbox here", "address-syntax");
    assert_true(reply_at(PHASE_RCPT, "550 no").confidence <= 40);
}

static void before_rcpt_the_recipient_is_not_to_blame(void **state)
{
    (void)state;
    is(PHASE_MAIL, "550 5.1.1 user unknown", "sender-refused");
    is(PHASE_AUTH, "535 5.7.8 account is disabled", "auth-failed");
    is(PHASE_BANNER, "554 no such user", "reputation");
    is(PHASE_RCPT, "550 5.1.1 user unknown", "user-unknown");
    is(PHASE_BODY, "550 5.1.1 user unknown", "user-unknown"); /* LMTP, or a receiver that checks late */
}

static void confidence_grows_with_agreement(void **state)
{
    (void)state;
    uint8_t both = reply_at(PHASE_RCPT, "550 5.1.1 no such user").confidence;
    uint8_t words = reply_at(PHASE_RCPT, "550 no such user").confidence;
    uint8_t status = reply_at(PHASE_RCPT, "550 5.1.1 x").confidence;
    uint8_t code = reply_at(PHASE_RCPT, "550 x").confidence;
    uint8_t against = reply_at(PHASE_RCPT, "550 5.1.1 ip blacklisted").confidence;
    assert_true(both > words && words > status && status > code && against < words);
}

static void every_code_of_the_standards_has_a_cause(void **state)
{
    (void)state;
    static const int codes[] = {420, 421, 422, 431, 432, 441, 442, 446, 447, 449, 450, 451, 452, 454, 455, 500, 501, 502,
                                503, 504, 521, 523, 524, 525, 530, 534, 535, 538, 550, 551, 552, 553, 554, 555, 556};
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct reply r = {.code = codes[i], .text = STR("")};
        assert_non_null(ask(PHASE_NONE, &r, STR("")).cause);
    }
}

static void without_a_reply_the_note_decides(void **state)
{
    (void)state;
    static const struct {
        enum phase phase;
        const char *note, *cause;
    } cases[] = {
        {PHASE_CONNECT, "connection refused", "connection-refused"},
        {PHASE_CONNECT, "Connection timed out", "timeout"},
        {PHASE_CONNECT, "something", "host-unreachable"},
        {PHASE_BODY, "the server closed the connection", "connection-lost"},
        {PHASE_RCPT, "no reply within 300 s: timed out", "timeout"},
        {PHASE_TLS, "certificate verify failed", "tls-failed"},
        {PHASE_DNS, "SERVFAIL", "dns-failure"},
        {PHASE_LOCAL, "disk full", "local-error"},
        {PHASE_RCPT, "", "connection-lost"},
        {PHASE_CONNECT, "mx.x.pl [192.0.2.1]: cannot connect: Connection refused", "connection-refused"},
        {PHASE_BODY, "nothing came for too long", "timeout"},
        {PHASE_EHLO, "what the server said is no SMTP reply", "protocol-error"},
        {PHASE_BODY, "this server stopped in the middle of the attempt", "interrupted"},
        {PHASE_AUTH, "the server offers no way of logging in that is known here", "auth-failed"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply none = {0};
        struct explanation v = ask(cases[i].phase, &none, str_of(cases[i].note));
        assert_string_equal(v.cause->name, cases[i].cause);
        assert_false(v.permanent);
    }
}

static bool throttles(const char *line)
{
    struct reply r = {.code = atoi(line), .text = str_of(line + 4)};
    enhanced_take(&r.text, r.code, &r.enhanced);
    enum action a = ask(PHASE_MAIL, &r, STR("")).action;
    return a == ACTION_SLOW_DOWN || a == ACTION_PAUSE_LANE;
}

static void overload_and_pace_slow_the_lane_down(void **state)
{
    (void)state;
    assert_true(throttles("421 4.7.0 try again later"));
    assert_true(throttles("450 4.2.1 user is receiving mail too quickly"));
    assert_true(throttles("421 too many concurrent connections"));
    assert_true(throttles("451 4.7.650 rate limited due to IP reputation"));
    assert_true(throttles("451 4.3.2 server busy"));
    assert_true(throttles("550 5.4.5 daily sending limit exceeded"));
    assert_false(throttles("450 4.7.1 greylisted"));
    assert_false(throttles("550 5.1.1 user unknown"));
    assert_false(throttles("554 5.7.1 blocked using zen.spamhaus.org"));
    assert_false(throttles("452 4.2.2 mailbox full"));
}

static void every_cause_is_told_in_both_languages(void **state)
{
    (void)state;
    unsigned n = 0;
    for (const struct cause *c; (c = cause_at(n)); n++) {
        const char *texts[] = {c->sender_en.what, c->sender_pl.what, c->sender_en.advice, c->sender_pl.advice};
        assert_ptr_equal(cause_find(str_of(c->name)), c);
        for (unsigned i = 0; i < 4; i++) {
            size_t length = strlen(texts[i]);
            assert_true(length > 20 && texts[i][length - 1] == '.');
        }
        for (const char *p = c->name; *p; p++)
            assert_true((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-');
        assert_true(strlen(whose_text(c->whose, "pl")) > 3 && strlen(whose_text(c->whose, "en")) > 3);
    }
    assert_true(n >= 40);
    assert_null(cause_find(STR("nonsense")));
}

static void causes_that_other_rooms_name_exist(void **state)
{
    (void)state;
    static const char *const names[] = {"domain-not-found", "null-mx",          "no-mail-host",     "dns-failure",
                                        "loop-to-self",     "expired",          "host-unreachable", "suppressed",
                                        "limit-exceeded",   "account-suspended"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(cause_find(str_of(names[i])));
}

static void long_and_odd_texts_are_bounded(void **state)
{
    (void)state;
    static char big[100000];
    struct reply r = {.code = 550, .text = str_mem(big, sizeof big)};
    memset(big, 'x', sizeof big);
    assert_string_equal(ask(PHASE_RCPT, &r, STR("")).cause->name, "user-unknown");
    memset(big, 0, sizeof big);
    assert_string_equal(ask(PHASE_RCPT, &r, STR("")).cause->name, "user-unknown");
}

/* A verdict sure enough to act upon must not be given for an address that is alive: the share of such rows in the corpus. */
static void corpus_shows_few_false_dead_addresses(void **state)
{
    (void)state;
    FILE *f = corpus_open("smtp-replies/expected.tsv");
    if (!f)
        skip();
    char row[16384];
    unsigned alive = 0, wrong = 0;
    assert_non_null(fgets(row, sizeof row, f));
    while (fgets(row, sizeof row, f)) {
        struct str rest = str_of(row), field[7];
        for (int i = 0; i < 7; i++)
            field[i] = str_split(&rest, '\t');
        bool dead = str_eq(field[6], STR("recipient_unknown")) || str_eq(field[6], STR("recipient_inactive")) ||
                    str_eq(field[6], STR("domain_unknown")) || str_eq(field[6], STR("moved"));
        char line[5000];
        snprintf(line, sizeof line, "%.*s", STR_ARGS(field[2]));
        struct explanation v = reply_at(PHASE_NONE, line);
        alive += !dead;
        wrong += !dead && v.permanent && v.confidence >= 80 && v.whose == WHOSE_RECIPIENT &&
                 strcmp(v.cause->name, "mailbox-full") != 0 && strcmp(v.cause->name, "recipient-blocked-sender") != 0;
    }
    fclose(f);
    print_message("%u of %u living addresses would be taken for dead\n", wrong, alive);
    assert_true(alive > 100 && wrong * 100 <= alive * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_win_over_a_code_that_misleads),
        cmocka_unit_test(enhanced_codes_are_understood),
        cmocka_unit_test(bare_codes_by_phase),
        cmocka_unit_test(before_rcpt_the_recipient_is_not_to_blame),
        cmocka_unit_test(confidence_grows_with_agreement),
        cmocka_unit_test(every_code_of_the_standards_has_a_cause),
        cmocka_unit_test(without_a_reply_the_note_decides),
        cmocka_unit_test(overload_and_pace_slow_the_lane_down),
        cmocka_unit_test(every_cause_is_told_in_both_languages),
        cmocka_unit_test(causes_that_other_rooms_name_exist),
        cmocka_unit_test(long_and_odd_texts_are_bounded),
        cmocka_unit_test(corpus_shows_few_false_dead_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
