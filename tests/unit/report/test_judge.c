#include "../mail/check.h"
#include "explain/explain.h"
#include "report/report.h"

/* What is made of a receiver's reply, as the engine would. */
static enum report_life judged(enum phase phase, const char *line, const char *host)
{
    struct explain_input in = {.text = str_of(line), .phase = phase};
    struct explanation e = explain(&in);
    struct outcome_rcpt r = {.status = e.code / 100 == 5 ? OUTCOME_FAILED : OUTCOME_DEFERRED,
                             .phase = phase,
                             .reply = {e.code, e.enhanced, str_of(line)},
                             .verdict = explain_verdict(&e)};
    struct outcome o = {.host = str_of(host), .rcpts = 1, .rcpt = &r};
    return report_judge(&o, &r);
}

static void only_what_a_receiver_says_of_this_recipient_for_good_makes_it_dead(void **state)
{
    static const char mx[] = "mx.test", dead[] = "550 5.1.1 <a@b.test>: Recipient address rejected: User unknown";
    (void)state;
    assert_int_equal(judged(PHASE_RCPT, dead, mx), REPORT_DEAD);
    assert_int_equal(judged(PHASE_BODY, dead, mx), REPORT_DEAD);
    assert_int_not_equal(judged(PHASE_MAIL, dead, mx), REPORT_DEAD);
    assert_int_equal(judged(PHASE_RCPT, dead, ""), REPORT_NOT_SAID);
    assert_int_equal(judged(PHASE_RCPT, "450 4.1.1 <a@b.test>: Recipient address rejected: User unknown", mx), REPORT_FOR_NOW);
    assert_int_equal(judged(PHASE_RCPT, "550 no", mx), REPORT_UNSURE);
}

static void what_is_said_of_others_or_of_a_living_recipient_is_told_apart(void **state)
{
    static const struct {
        const char *line;
        enum report_life life;
    } cases[] = {
        {"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", REPORT_NOT_ABOUT_IT},
        {"550 5.1.1 sender is blacklisted", REPORT_NOT_ABOUT_IT},
        {"554 5.7.1 message looks like spam", REPORT_NOT_ABOUT_IT},
        {"450 4.2.0 Greylisted", REPORT_NOT_ABOUT_IT},
        {"552 5.2.2 mailbox full", REPORT_NOT_DEAD},
        {"550 5.1.6 User has moved to x@y.test", REPORT_NOT_DEAD},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(judged(PHASE_RCPT, cases[i].line, "mx.test"), cases[i].life);
}

static void a_delivery_and_an_unknown_cause_are_no_deaths(void **state)
{
    struct outcome_rcpt taken = {.status = OUTCOME_DELIVERED, .reply = {.code = 250}};
    struct outcome_rcpt odd = {.status = OUTCOME_FAILED, .verdict = {.cause = STR("of-another-version"), .action = ACTION_STOP}};
    struct outcome o = {.host = STR("mx.test")};
    (void)state;
    assert_int_equal(report_judge(&o, &taken), REPORT_TOOK_MAIL);
    assert_int_equal(report_judge(&o, &odd), REPORT_NOT_ABOUT_IT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_a_receiver_says_of_this_recipient_for_good_makes_it_dead),
        cmocka_unit_test(what_is_said_of_others_or_of_a_living_recipient_is_told_apart),
        cmocka_unit_test(a_delivery_and_an_unknown_cause_are_no_deaths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
