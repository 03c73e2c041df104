#include "check.h"
#include "mail/command.h"
#include "mail/envelope.h"

static struct path path;
static struct command_refusal why;

static bool mail(const char *z, unsigned flags) { return command_mail(str_of(z), flags, &path, &why); }
static bool rcpt(const char *z, unsigned flags) { return command_rcpt(str_of(z), flags, &path, &why); }

static void verbs_are_known_in_any_case(void **state)
{
    (void)state;
    for (unsigned v = VERB_HELO; v < VERB_OBSOLETE; v++) {
        char lower[20];
        snprintf(lower, sizeof lower, "%s x", verb_name((enum verb)v));
        assert_int_equal(command_parse(str_of(lower)).verb, v);
        for (char *p = lower; *p; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        assert_int_equal(command_parse(str_of(lower)).verb, v);
    }
    assert_int_equal(command_parse(STR("XYZZY")).verb, VERB_UNKNOWN);
    assert_int_equal(command_parse(STR("MAILX FROM:<>")).verb, VERB_UNKNOWN);
    assert_int_equal(command_parse(STR("")).verb, VERB_UNKNOWN);
    assert_int_equal(command_parse(STR("ETRN x")).verb, VERB_OBSOLETE);
}

static void other_protocols_are_recognised(void **state)
{
    (void)state;
    assert_int_equal(command_parse(STR("GET / HTTP/1.1")).verb, VERB_FOREIGN);
    assert_int_equal(command_parse(STR("POST /x HTTP/1.1")).verb, VERB_FOREIGN);
    assert_int_equal(command_parse(STR("Host: x")).verb, VERB_FOREIGN);
    assert_int_equal(command_parse(STR("SSH-2.0-OpenSSH_9")).verb, VERB_FOREIGN);
    assert_int_equal(command_parse(STR("\x16\x03\x01\x02")).verb, VERB_FOREIGN);
}

static void a_command_splits_in_verb_and_rest(void **state)
{
    (void)state;
    struct command c = command_parse(STR("MAIL  FROM:<a@b> \t "));
    assert_int_equal(c.verb, VERB_MAIL);
    assert_str(c.word, "MAIL");
    assert_str(c.rest, "FROM:<a@b>");
    assert_int_equal(command_parse(STR("QUIT   ")).verb, VERB_QUIT);
    c = command_parse(STR("THISVERBISMUCHTOOLONGTOBEANYTHINGATALL"));
    assert_int_equal(c.word.n, 32);
}

static void senders(void **state)
{
    (void)state;
    assert_true(mail("FROM:<a@b.pl>", 0));
    assert_str(path.mailbox.text, "a@b.pl");
    assert_int_equal(path.params, 0);
    assert_true(mail("from:<a@b.pl>", 0));
    assert_true(mail("FROM:<>", 0));
    assert_str(path.mailbox.text, "");
    assert_non_null(path.mailbox.text.p);
    assert_true(mail("FROM:<@x.pl,@y.pl:a@b.pl>", 0)); /* a source route is ignored */
    assert_str(path.mailbox.text, "a@b.pl");
    assert_true(mail("FROM:<\"a>b\\\"\"@b.pl>", 0));
    assert_str(path.mailbox.local, "\"a>b\\\"\"");
}

static void malformed_senders(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "FROM",
                         "FROM:",
                         "FROM:a@b.pl",
                         "FROM:<a@b.pl",
                         "FROM:a@b.pl>",
                         "FROM:<a>",
                         "FROM:<a@b>x",
                         "FROM:<a@b>>",
                         "FROM:<<a@b>>",
                         "TO:<a@b.pl>",
                         "FROM:<postmaster>",
                         "FROM: <>",
                         "FROM:< a@b.pl>",
                         "FROM:<a@b.pl >",
                         "FROM:<@x:a@b.pl",
                         "FROM:<@x a@b>",
                         "FROM:<x:a@b.pl>",
                         "FROM:<@:a@b.pl>",
                         "FROM:<@x,y:a@b.pl>",
                         "FROM:<@x,:a@b.pl>",
                         "FROM:<a@b.pl>SIZE=1"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(mail(bad[i], 0));
        assert_int_equal(why.code, 501);
        assert_int_equal(why.enhanced.class, 5);
    }
    assert_false(mail("FROM:<a..b@x.pl>", 0));
    assert_int_equal(why.enhanced.subject, 1);
    assert_int_equal(why.enhanced.detail, 7);
    assert_false(rcpt("TO:<a..b@x.pl>", 0));
    assert_int_equal(why.enhanced.detail, 3);
}

static void space_after_the_colon_by_leave(void **state)
{
    (void)state;
    assert_false(mail("FROM: <a@b.pl>", 0));
    assert_true(mail("FROM: <a@b.pl> SIZE=10", PATH_LAX_SPACE));
    assert_true(rcpt("TO:  <a@b.pl>", PATH_LAX_SPACE));
    assert_false(mail("FROM : <a@b.pl>", PATH_LAX_SPACE));
}

static void recipients(void **state)
{
    (void)state;
    assert_true(rcpt("TO:<a@[IPv6:::1]> NOTIFY=NEVER", 0));
    assert_true(path.mailbox.literal);
    assert_true(rcpt("TO:<Postmaster>", 0));
    assert_str(path.mailbox.text, "Postmaster");
    assert_str(path.mailbox.domain, "");
    assert_true(rcpt("TO:<@relay.pl:a@b.pl>", 0));
    assert_false(rcpt("TO:<>", 0));
    assert_false(rcpt("TO:<someone>", 0));
}

static void parameters(void **state)
{
    (void)state;
    assert_true(mail("FROM:<a@b.pl> SIZE=1000 body=8BITMIME  SMTPUTF8\tRET=HDRS", 0));
    assert_int_equal(path.params, 4);
    assert_str(path_param(&path, STR("size"))->value, "1000");
    assert_str(path_param(&path, STR("BODY"))->value, "8BITMIME");
    assert_false(path_param(&path, STR("SMTPUTF8"))->has_value);
    assert_null(path_param(&path, STR("ENVID")));
    const char *bad[] = {"FROM:<a@b.pl> SIZE=", "FROM:<a@b.pl> =1",    "FROM:<a@b.pl> SIZE=1=2", "FROM:<a@b.pl> SIZE=1 size=2",
                         "FROM:<a@b.pl> -X=1",  "FROM:<a@b.pl> A_B=1", "FROM:<a@b.pl> X=a\x01!"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mail(bad[i], 0));
    char many[400] = "FROM:<a@b.pl>";
    for (int i = 0; i < PARAMS_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), " P%d=x", i);
    assert_true(mail(many, 0));
    strcat(many, " ONEMORE=x");
    assert_false(mail(many, 0));
}

static void utf8_addresses_need_smtputf8(void **state)
{
    (void)state;
    assert_true(mail("FROM:<\xC5\xBC@b.pl> SMTPUTF8", PATH_UTF8));
    assert_false(mail("FROM:<\xC5\xBC@b.pl>", PATH_UTF8));
    assert_int_equal(why.code, 553);
    assert_int_equal(why.enhanced.subject, 6);
    assert_int_equal(why.enhanced.detail, 7);
    assert_false(mail("FROM:<\xC5\xBC@b.pl> SMTPUTF8", 0));
    assert_true(rcpt("TO:<\xC5\xBC@b.pl>", PATH_UTF8));
    assert_false(rcpt("TO:<\xC5\xBC@b.pl>", 0));
    assert_int_equal(why.code, 553);
    assert_false(rcpt("TO:<\xC5@b.pl>", PATH_UTF8));
}

static void chunk_sizes(void **state)
{
    (void)state;
    uint64_t size;
    bool last;
    assert_true(command_bdat(STR("1000"), &size, &last, &why));
    assert_int_equal(size, 1000);
    assert_false(last);
    assert_true(command_bdat(STR("0 last"), &size, &last, &why));
    assert_true(last);
    assert_true(command_bdat(STR("9223372036854775807"), &size, &last, &why));
    const char *bad[] = {"",
                         "LAST",
                         "-1",
                         "5 LASTX",
                         "5 LAST x",
                         "5LAST",
                         "0x10",
                         "9223372036854775808",
                         "18446744073709551616",
                         "000000000000000000000001",
                         "+5",
                         "5.0"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(command_bdat(str_of(bad[i]), &size, &last, &why));
}

static void host_names_of_clients(void **state)
{
    (void)state;
    struct str name;
    assert_true(command_helo(STR("[192.0.2.1]"), &name, &why));
    assert_true(command_helo(STR("my_pc"), &name, &why));
    assert_str(name, "my_pc");
    assert_false(command_helo(STR(""), &name, &why));
    assert_false(command_helo(STR("a b"), &name, &why));
    assert_false(command_helo(STR("a\x1B"), &name, &why));
    assert_false(command_helo(STR("g\xC4\x99"), &name, &why));
    char big[257];
    memset(big, 'x', sizeof big);
    assert_true(command_helo(str_mem(big, 255), &name, &why));
    assert_false(command_helo(str_mem(big, 256), &name, &why));
}

static void authentication(void **state)
{
    (void)state;
    struct str mechanism, initial;
    assert_true(command_auth(STR("PLAIN AGEAYg=="), &mechanism, &initial, &why));
    assert_str(mechanism, "PLAIN");
    assert_str(initial, "AGEAYg==");
    assert_true(command_auth(STR("LOGIN"), &mechanism, &initial, &why));
    assert_null(initial.p);
    assert_true(command_auth(STR("PLAIN ="), &mechanism, &initial, &why));
    assert_non_null(initial.p);
    assert_int_equal(initial.n, 0);
    assert_false(command_auth(STR(""), &mechanism, &initial, &why));
    assert_false(command_auth(STR("PLAIN a b"), &mechanism, &initial, &why));
}

static void notify_stands_for_itself(void **state)
{
    (void)state;
    uint8_t bits;
    assert_true(notify_parse(STR("NEVER"), &bits));
    assert_int_equal(bits, NOTIFY_NEVER);
    assert_true(notify_parse(STR("success,Failure,DELAY"), &bits));
    assert_int_equal(bits, NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY);
    assert_false(notify_parse(STR("NEVER,SUCCESS"), &bits));
    assert_false(notify_parse(STR(""), &bits));
    assert_false(notify_parse(STR("SUCCESS,"), &bits));
    assert_false(notify_parse(STR("SUCCESS, DELAY"), &bits));
    assert_false(notify_parse(STR("SOMETIMES"), &bits));
}

static void ids_and_original_recipients(void **state)
{
    (void)state;
    char big[600];
    memset(big, 'x', sizeof big);
    assert_true(envid_valid(STR("QQ314159+20a")));
    assert_false(envid_valid(STR("a+2x")));
    assert_false(envid_valid(STR("")));
    assert_true(envid_valid(str_mem(big, 100)));
    assert_false(envid_valid(str_mem(big, 101)));
    assert_true(orcpt_valid(STR("rfc822;a+2Bb@x.pl"), false));
    assert_false(orcpt_valid(STR("rfc822;a+b@x.pl"), false));
    assert_false(orcpt_valid(STR("rfc822;a+00@x.pl"), false));
    assert_false(orcpt_valid(STR("a@x.pl"), false));
    assert_false(orcpt_valid(STR(";a@x.pl"), false));
    assert_false(orcpt_valid(STR("rfc822;"), false));
    assert_true(orcpt_valid(STR("utf-8;\\x{17C}@x.pl"), false));
    assert_true(orcpt_valid(STR("utf-8;\xC5\xBC@x.pl"), true));
    assert_false(orcpt_valid(STR("utf-8;\xC5\xBC@x.pl"), false));
    memcpy(big, "rfc822;", 7);
    assert_true(orcpt_valid(str_mem(big, 500), false));
    assert_false(orcpt_valid(str_mem(big, 501), false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verbs_are_known_in_any_case),
        cmocka_unit_test(other_protocols_are_recognised),
        cmocka_unit_test(a_command_splits_in_verb_and_rest),
        cmocka_unit_test(senders),
        cmocka_unit_test(malformed_senders),
        cmocka_unit_test(space_after_the_colon_by_leave),
        cmocka_unit_test(recipients),
        cmocka_unit_test(parameters),
        cmocka_unit_test(utf8_addresses_need_smtputf8),
        cmocka_unit_test(chunk_sizes),
        cmocka_unit_test(host_names_of_clients),
        cmocka_unit_test(authentication),
        cmocka_unit_test(notify_stands_for_itself),
        cmocka_unit_test(ids_and_original_recipients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
