/* settings: what a file says, and how a bad one is refused. */
#include "settings/settings.h"

#include "lib/tls.h"
#include "settings/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct settings *parse(const char *text)
{
    struct settings *s = NULL;
    struct fault f = {0};
    if (!settings_parse(&s, "t.conf", str_of(text), &f))
        fail_msg("refused: %s", f.text);
    return s;
}

static void refused(const char *text, const char *want)
{
    struct settings *s = NULL;
    struct fault f = {0};
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

static uint64_t memory_of(const char *text)
{
    struct settings *s = parse(text);
    uint64_t n = s->accept.memory_max;
    settings_free(&s);
    return n;
}

static void memory_for_mail_on_its_way_in_is_a_share_of_the_machines(void **state)
{
    (void)state;
    uint64_t mb = 1024 * 1024, all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t share = all / 8 / 64;
    assert_int_equal(memory_of("workers = 64\naccept { message_bytes_max = 64K }"), share < 512 * mb ? share : 512 * mb);
    assert_in_range(memory_of("workers = 1"), 100 * mb, 512 * mb);
    assert_int_equal(memory_of("workers = 64\naccept { message_bytes_max = 900M }\nlog { segment_bytes = 1G }"), 1800 * mb);
    assert_int_equal(memory_of("accept { memory_max = 60M }"), 60 * mb);
}

static void values_lists_and_sections_are_read(void **state)
{
    (void)state;
    struct settings *s =
        parse("hostname = \"Mail.Example.PL\"\nworkers = 3\n"
              "trusted_networks = {\"127.0.0.0/8\", \"2001:db8::/32\"}\nhosted_domains = {\"zażółć.pl\", \"example.pl\"}\n");
    assert_text(s->hostname, "mail.example.pl");
    assert_int_equal(s->workers, 3);
    assert_int_equal(s->accept.trusted_n, 2);
    assert_int_equal(s->accept.hosted_n, 2);
    assert_text(s->accept.hosted[0], "example.pl");
    assert_text(s->accept.hosted[1], "xn--za-6ja4f8n1l.pl");
    settings_free(&s);
}

static void an_expiry_is_never_or_one_to_six_months(void **state)
{
    (void)state;
    struct settings *s = parse("");
    assert_true(s->suppress_automatic && !s->suppress_server_wide);
    assert_int_equal(s->suppress_failures, 1);
    assert_int_equal(s->suppress_expires_s, 0);
    settings_free(&s);
    s = parse("suppression { automatic = no failures = 3 expires = 60d server_wide = yes }");
    assert_true(!s->suppress_automatic && s->suppress_server_wide);
    assert_int_equal(s->suppress_failures, 3);
    assert_int_equal(s->suppress_expires_s, 60 * 86400);
    settings_free(&s);
    s = parse("suppression { expires = never }");
    assert_int_equal(s->suppress_expires_s, 0);
    settings_free(&s);
    refused("suppression {\n expires = 29d\n}", "t.conf:2");
    refused("suppression {\n expires = 0s\n}", "out of bounds");
    refused("suppression {\n failures = 4\n}", "at most 3");
}

static void what_comes_back_is_taken_no_longer_than_its_story_is_kept(void **state)
{
    (void)state;
    struct settings *s = parse("");
    assert_true(s->return_path && s->suppress_complaints && s->accept.return_age_s == s->keep_stories_s);
    settings_free(&s);
    s = parse("keep_stories = 90d\nreturn_path { use = no }");
    assert_true(!s->return_path && s->accept.return_age_s == 30 * 86400);
    settings_free(&s);
    s = parse("return_path { accepted_for = 5d }");
    assert_int_equal(s->accept.return_age_s, 5 * 86400);
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
    assert_int_equal(s->route.rule[0].tls, SECURE_NEVER);
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
    refused("listen \"x\" { address = {\"nowhere\"} }\n", "t.conf:1: address = \"nowhere\": expected IP:port");
    refused("route \"*\" { to = \"ftp:host\" }\n", "t.conf:1: to = \"ftp:host\"");
    refused("route \"*\" { tls = maybe }\n", "tls = \"maybe\"");
    refused("\n\nroute \"*\" { tls = none }\n", "says not where to");
    refused("hostname = \"not a name\"\n", "t.conf:1: hostname");
}

static void an_unknown_option_is_refused_with_its_line_and_what_was_meant(void **state)
{
    (void)state;
    refused("workers = 2\nwrokers = 3\n", "t.conf:2: there is no option \"wrokers\" at the top level: did you mean workers?");
    refused("accept {\n  mesage_bytes_max = 5M\n}\n",
            "t.conf:2: there is no option \"mesage_bytes_max\" in section accept: did you mean message_bytes_max?");
    refused("lane \"*\" {\n\n conections = 4 }\n",
            "t.conf:3: there is no option \"conections\" in section lane: did you mean connections?");
    refused("acept { errors_max = 3 }\n", "t.conf:1: there is no option \"acept\" at the top level: did you mean accept?");
    refused("colour = red\n", "t.conf:1: there is no option \"colour\" at the top level");
}

static void broken_syntax_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("workers = = 2\n", "t.conf:1: unexpected token '='");
    refused("\naccept {\n errors_max = 3\n", "t.conf:2: the brace that opens here is never closed");
    refused("hosted_domains = {\"a.pl\"\nworkers = 2\n", "t.conf:1: the brace that opens here is never closed");
    refused("workers = 2\n}\n", "t.conf:2: this brace closes nothing");
    refused("\nhostname = \"open\n\n", "t.conf:2: the string that begins here is never closed");
    refused("/* } */ # { \" '\n/* open\n", "t.conf:2: the comment that begins here is never closed");
    refused("hostname \"a.pl\"\n", "t.conf:1: missing equal sign after option 'hostname'");
    refused("listen { door = mx }\n", "t.conf:1: missing title for section 'listen'");
    refused("\x01\x02 = 3\n", "t.conf:1: there is no option \"?\"");
}

static void what_looks_like_braces_and_is_none_is_let_be(void **state)
{
    (void)state;
    struct settings *s = parse("# { not open\n// \"neither\nhostname = 'a.pl' /* { */\nsource { ehlo = \"}\\\"{\" }\n");
    assert_text(s->source.ehlo, "}\"{");
    settings_free(&s);
}

static void a_nul_byte_does_not_hide_the_rest_of_the_file(void **state)
{
    (void)state;
    struct settings *s = NULL;
    struct fault f = {0};
    assert_false(settings_parse(&s, "t.conf", STR("workers = 2\n\0workers = 3\n"), &f));
    assert_non_null(strstr(f.text, "t.conf:2: there is a NUL byte"));
}

static void options_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    refused("\nlog { segment_bytes = 8M }\n", "t.conf:2: accept.message_bytes_max");
    refused("log { segment_bytes = 67108865 }\n", "t.conf:1: log.segment_bytes must be a whole number of megabytes");
    refused("accept {\n memory_max = 49M }\n", "t.conf:2: accept.memory_max must be at least accept.message_bytes_max");
    refused("tls {\n  certificate = \"/x.pem\" }\n", "t.conf:2: tls.certificate and tls.key go together: set both or none");
    refused("tls {\n\n  key = \"/x.pem\" }\n", "t.conf:3: tls.certificate and tls.key");
    refused("\narc_seal = yes\nverify_incoming = no\n", "t.conf:2: arc_seal seals what was found: it needs verify_incoming = yes");
}

static void what_stands_twice_is_refused(void **state)
{
    (void)state;
    refused("listen \"a\" { address = {\"127.0.0.1:25\"} }\nlisten \"b\" { address = {\"[::1]:25\", \"127.0.0.1:25\"} }\n",
            "t.conf:2: listen \"b\": the address 127.0.0.1:25 stands in the file twice");
    refused("listen \"a\" { address = {\"[::1]:25\", \"[0:0::1]:25\"} }\n", "stands in the file twice");
    refused("route \"x.pl\" { to = \"smtp:a\" }\nroute \"x.pl\" { to = \"smtp:b\" }\n", "t.conf:2: there is a section ");
}

/* ---- every option of the table ---- */

static void parse_or_refuse(const struct option *o, const char *value, const char *want)
{
    char text[400];
    const char *titled =
        strcmp(o->section, "lane") == 0 || strcmp(o->section, "listen") == 0 || strcmp(o->section, "route") == 0 ? "\"x\"" : "";
    if (*o->section)
        snprintf(text, sizeof text, "%s %s { %s = \"%s\" }\n", o->section, titled, o->name, value);
    else
        snprintf(text, sizeof text, "%s = \"%s\"\n", o->name, value);
    refused(text, want);
}

static const char *unit_of(enum option_kind k) { return k == OPTION_TIME_MS ? "ms" : k == OPTION_TIME_S ? "s" : ""; }

static void each_number_has_its_bounds_and_its_units(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_rows[i];
        char value[40], why[200];
        uint64_t room = 0;
        struct arena a = {0};
        if (o->kind < OPTION_COUNT || o->kind > OPTION_TIME_S)
            continue;
        snprintf(value, sizeof value, "%llu%s", (unsigned long long)o->min, unit_of(o->kind));
        assert_true(option_read(o, str_of(value), &a, &room, why));
        assert_int_equal(room, o->min);
        snprintf(value, sizeof value, "%llu%s", (unsigned long long)o->max, unit_of(o->kind));
        assert_true(option_read(o, str_of(value), &a, &room, why));
        if (o->max < UINT64_MAX) {
            snprintf(value, sizeof value, "%llu%s", (unsigned long long)o->max + 1, unit_of(o->kind));
            parse_or_refuse(o, value, "out of bounds: at least ");
        }
        if (o->min > 0) {
            snprintf(value, sizeof value, "%llu%s", (unsigned long long)o->min - 1, unit_of(o->kind));
            parse_or_refuse(o, value, "out of bounds: at least ");
        }
        static const char *const bad[] = {
            "", "-1", " 5", "5 m", "5.5m", "0x10", "99999999999999999999999", "18446744073709551615G", "m"};
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
            parse_or_refuse(o, bad[k], option_form(o->kind));
        arena_done(&a);
    }
}

static void each_other_kind_says_what_it_expects(void **state)
{
    (void)state;
    static const struct {
        enum option_kind kind;
        const char *bad[6];
    } rows[] = {
        {OPTION_FLAG, {"", "maybe", "1", "Yes"}},
        {OPTION_RATE, {"", "-1", "inf", "nan", "1e3", "1000001"}},
        {OPTION_NETWORKS, {"", "10.0.0.1/8", "10.0.0.0/33", "nowhere", "::/129"}},
        {OPTION_DOMAINS, {"", "a..b", "-.pl", "a b"}},
        {OPTION_HOSTNAME, {"", "not a name", "a/b"}},
        {OPTION_LANGUAGE, {"", "de", "PL"}},
        {OPTION_IP, {"1.2.3", "1.2.3.4:25", "host"}},
        {OPTION_DOOR, {"", "back", "MX"}},
        {OPTION_ADDRESS, {"", "25", "127.0.0.1", "127.0.0.1:99999", "host:25", "unix:/run/x"}},
        {OPTION_TARGET, {"", "smtp:", "ftp:host", "smtp:host:0", "smtp:unix:/x", "maildir:relative"}},
        {OPTION_TLS, {"", "maybe", "Required"}},
        {OPTION_ENFORCE, {"", "yes", "Enforce", "reject"}},
    };
    unsigned seen = 0;
    for (size_t t = 0; t < option_table_count; t++)
        for (size_t i = 0; i < option_tables[t].n; i++)
            for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
                if (rows[k].kind == option_tables[t].rows[i].kind) {
                    seen |= 1u << k;
                    for (size_t n = 0; n < 6 && rows[k].bad[n]; n++)
                        parse_or_refuse(&option_tables[t].rows[i], rows[k].bad[n], option_tables[t].rows[i].name);
                }
    assert_int_equal(seen, (1u << sizeof rows / sizeof *rows) - 1);
}

static void each_default_is_a_value_that_the_option_takes(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    settings_print_defaults(out);
    fclose(out);
    struct settings *s = parse(text), *plain = parse("");
    assert_int_equal(s->accept.message_bytes_max, plain->accept.message_bytes_max);
    assert_int_equal(s->schedule.rule[0].limits.connections, plain->schedule.rule[0].limits.connections);
    for (size_t i = 0; i < option_count; i++)
        if (!strstr(text, option_rows[i].sentence))
            fail_msg("%s is not printed", option_rows[i].name);
    settings_free(&plain);
    settings_free(&s);
    free(text);
}

/* ---- keys ---- */

static void put_file(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(path, mode), 0);
}

static void load_refused(const char *path, const char *want)
{
    struct fault f = {0};
    assert_false(settings_check(path, &f));
    if (!strstr(f.text, want))
        fail_msg("said \"%s\", expected \"%s\" in it", f.text, want);
}

static void a_key_that_cannot_be_used_is_refused_with_the_line_that_names_it(void **state)
{
    (void)state;
    char folder[] = "/tmp/goniec-settings-XXXXXX", conf[80], pem[80], key[80], text[400];
    char *chain_pem = NULL, *key_pem = NULL, *other_pem = NULL, *other_key = NULL;
    struct fault f;
    assert_non_null(mkdtemp(folder));
    snprintf(conf, sizeof conf, "%s/goniec.conf", folder);
    snprintf(pem, sizeof pem, "%s/mail.pem", folder);
    snprintf(key, sizeof key, "%s/mail.key", folder);
    snprintf(text, sizeof text, "tls {\n  certificate = \"%s\"\n  key = \"%s\"\n}\n", pem, key);
    put_file(conf, text, 0644);
    load_refused(conf, "goniec.conf:2: tls.certificate: cannot open");
    assert_true(tls_self_signed("mail.test", 1, &chain_pem, &key_pem, &f) &&
                tls_self_signed("mail.test", 1, &other_pem, &other_key, &f));
    put_file(pem, chain_pem, 0644);
    load_refused(conf, "goniec.conf:3: tls.key: cannot open");
    put_file(key, "no key at all\n", 0600);
    load_refused(conf, "goniec.conf:3: tls.certificate and tls.key cannot be used");
    put_file(key, other_key, 0600);
    load_refused(conf, "goniec.conf:3: tls.certificate and tls.key cannot be used");
    put_file(key, key_pem, 0600);
    assert_true(settings_check(conf, &f));
    put_file(pem, "", 0644);
    load_refused(conf, "cannot be used");
    unlink(conf), unlink(pem), unlink(key), rmdir(folder);
    free(chain_pem), free(key_pem), free(other_pem), free(other_key);
}

static void packed_settings_come_back_the_same(void **state)
{
    (void)state;
    static const char text[] = "workers = 5\nhostname = \"a.pl\"\n";
    struct settings *s = parse(text), *t = NULL;
    struct buf b = {0};
    struct fault f;
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
        cmocka_unit_test(memory_for_mail_on_its_way_in_is_a_share_of_the_machines),
        cmocka_unit_test(values_lists_and_sections_are_read),
        cmocka_unit_test(sections_reach_the_rooms),
        cmocka_unit_test(an_expiry_is_never_or_one_to_six_months),
        cmocka_unit_test(what_comes_back_is_taken_no_longer_than_its_story_is_kept),
        cmocka_unit_test(a_bad_value_is_refused_with_file_and_line),
        cmocka_unit_test(an_unknown_option_is_refused_with_its_line_and_what_was_meant),
        cmocka_unit_test(broken_syntax_is_refused_with_its_line),
        cmocka_unit_test(what_looks_like_braces_and_is_none_is_let_be),
        cmocka_unit_test(a_nul_byte_does_not_hide_the_rest_of_the_file),
        cmocka_unit_test(options_that_contradict_each_other_are_refused),
        cmocka_unit_test(what_stands_twice_is_refused),
        cmocka_unit_test(each_number_has_its_bounds_and_its_units),
        cmocka_unit_test(each_other_kind_says_what_it_expects),
        cmocka_unit_test(each_default_is_a_value_that_the_option_takes),
        cmocka_unit_test(a_key_that_cannot_be_used_is_refused_with_the_line_that_names_it),
        cmocka_unit_test(packed_settings_come_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
