/* settings: what a file says, and how a bad one is refused. */
#include "settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct settings *parse(const char *text)
{
    struct settings *s = NULL;
    struct fault     f = {0};
    if (!settings_parse(&s, "t.conf", str_of(text), &f))
        fail_msg("refused: %s", f.text);
    return s;
}

static void refused(const char *text, const char *want)
{
    struct settings *s = NULL;
    struct fault     f = {0};
    assert_false(settings_parse(&s, "t.conf", str_of(text), &f));
    assert_null(s);
    if (!strstr(f.text, want))
        fail_msg("said \"%s\", expected \"%s\" in it", f.text, want);
}

static void assert_text(struct str s, const char *want)
{
    assert_int_equal(s.n, strlen(want));
    assert_memory_equal(s.p, want, s.n);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    struct settings *s = parse("");
    assert_true(s->workers >= 1);
    assert_int_equal(s->accept.sessions_per_account_max, 50);
    assert_int_equal(s->accept.message_bytes_max, 50 * 1024 * 1024);
    assert_int_equal(s->deliver.body_timeout_ms, 600000);
    assert_int_equal(s->schedule.lifetime_s, 5 * 86400);
    assert_int_equal(s->schedule.rules, 1);
    assert_int_equal(s->schedule.rule[0].limits.connections, 20);
    assert_int_equal(s->route.rules, 0);
    assert_int_equal(s->listeners, 0);
    settings_free(&s);
}

static void one_option_leaves_its_neighbours_alone(void **state)
{
    (void)state;
    struct settings *s = parse("deliver { port = 2525 }");
    assert_int_equal(s->route.port, 2525);
    assert_int_equal(s->route.cache_max, 100000);
    settings_free(&s);
}

static void values_lists_and_sections_are_read(void **state)
{
    (void)state;
    struct settings *s = parse("hostname = \"Mail.Example.PL\"\nworkers = 3\n"
                               "trusted_networks = {\"127.0.0.0/8\", \"2001:db8::/32\"}\nhosted_domains = {\"zażółć.pl\", \"example.pl\"}\n");
    assert_text(s->hostname, "mail.example.pl");
    assert_int_equal(s->workers, 3);
    assert_int_equal(s->accept.trusted_n, 2);
    assert_int_equal(s->accept.hosted_n, 2);
    assert_text(s->accept.hosted[0], "example.pl");
    assert_text(s->accept.hosted[1], "xn--za-6ja4f8n1l.pl");
    settings_free(&s);
}

static void sections_reach_the_rooms(void **state)
{
    (void)state;
    struct settings *s = parse("accept { message_bytes_max = 10M command_timeout = 90s }\n"
                               "listen \"mx\" { door = mx address = {\"127.0.0.1:2525\", \"[::1]:2525\"} }\n"
                               "route \"*\" { to = \"smtp:127.0.0.1:2600\" tls = none }\n"
                               "route \"shop.pl\" { to = \"lmtp:unix:/run/lmtp\" }\n"
                               "route \"box.pl\" { to = \"maildir:/srv/%d/%u\" }\n"
                               "route \"v6.pl\" { to = \"smtp:[::1]:26\" }\n"
                               "lane \"wp.pl\" { connections = 4 messages_per_s = 2.5 }\n");
    assert_int_equal(s->accept.message_bytes_max, 10 * 1024 * 1024);
    assert_int_equal(s->accept.command_timeout_ms, 90000);
    assert_int_equal(s->listeners, 2);
    assert_int_equal(s->listener[1].door, DOOR_MX);
    assert_int_equal(s->route.rules, 4);
    assert_int_equal(s->route.rule[0].tls, TLS_NONE);
    assert_int_equal(s->route.rule[0].port, 2600);
    assert_int_equal(s->route.rule[1].kind, ROUTE_LMTP);
    assert_text(s->route.rule[1].host, "unix:/run/lmtp");
    assert_int_equal(s->route.rule[2].kind, ROUTE_MAILDIR);
    assert_text(s->route.rule[3].host, "::1");
    assert_int_equal(s->route.rule[3].port, 26);
    assert_int_equal(s->schedule.rules, 2);
    assert_int_equal(s->schedule.rule[0].limits.connections, 4);
    settings_free(&s);
}

static void a_bad_value_is_refused_with_file_and_line(void **state)
{
    (void)state;
    refused("workers = 2\n\naccept {\n  errors_max = many\n}\n", "t.conf:4: errors_max = \"many\": expected a whole number");
    refused("accept { command_timeout = 5 }\n", "t.conf:1: command_timeout = \"5\": expected a time such as");
    refused("accept { recipients_max = 5 }\n", "out of bounds");
    refused("trusted_networks = {\"10.0.0.1/8\"}\n", "host bits");
    refused("\nlisten \"x\" { door = back }\n", "t.conf:2: door = \"back\"");
    refused("listen \"x\" { address = {\"nowhere\"} }\n", "address \"nowhere\"");
    refused("route \"*\" { to = \"ftp:host\" }\n", "t.conf:1: to = \"ftp:host\"");
    refused("route \"*\" { tls = maybe }\n", "tls = \"maybe\"");
    refused("\n\nroute \"*\" { tls = none }\n", "says not where to");
    refused("hostname = \"not a name\"\n", "t.conf:1: hostname");
}

static void an_unknown_option_or_broken_syntax_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("workers = 2\nwrokers = 3\n", "t.conf:2");
    refused("workers = = 2\n", "t.conf:1");
}

static void options_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    refused("log { segment_bytes = 8M }\n", "accept.message_bytes_max");
    refused("tls { certificate = \"/x.pem\" }\n", "set both or none");
}

static void packed_settings_come_back_the_same(void **state)
{
    (void)state;
    static const char text[] = "workers = 5\nhostname = \"a.pl\"\n";
    struct settings  *s = parse(text), *t = NULL;
    struct buf        b = {0};
    struct fault      f;
    s->tls_chain_pem = STR("CHAIN");
    s->tls_key_pem = STR("KEY");
    settings_pack("t.conf", STR(text), s, &b);
    assert_true(settings_unpack(&t, buf_str(&b), &f));
    assert_int_equal(t->workers, 5);
    assert_text(t->tls_chain_pem, "CHAIN");
    assert_text(t->tls_key_pem, "KEY");
    settings_free(&t);
    assert_false(settings_unpack(&t, str_mem(b.p, b.n - 1), &f));
    buf_done(&b);
    settings_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(one_option_leaves_its_neighbours_alone),
        cmocka_unit_test(values_lists_and_sections_are_read),
        cmocka_unit_test(sections_reach_the_rooms),
        cmocka_unit_test(a_bad_value_is_refused_with_file_and_line),
        cmocka_unit_test(an_unknown_option_or_broken_syntax_is_refused_with_its_line),
        cmocka_unit_test(options_that_contradict_each_other_are_refused),
        cmocka_unit_test(packed_settings_come_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
