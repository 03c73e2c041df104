#include "check.h"
#include "mail/mailbox.h"

static bool parse(struct str s, bool utf8_ok)
{
    struct mailbox m;
    const char *why = NULL;
    bool ok = mailbox_parse(s, utf8_ok, &m, &why);
    assert_true(ok == (why == NULL));
    if (ok)
        assert_true(m.local.n + 1 + m.domain.n == s.n);
    return ok;
}

static bool good(const char *z) { return parse(str_of(z), true); }

static void parts_are_as_written(void **state)
{
    (void)state;
    struct mailbox m;
    const char *why;
    assert_true(mailbox_parse(STR("Jan.Kowalski+x@Example.PL"), false, &m, &why));
    assert_str(m.text, "Jan.Kowalski+x@Example.PL");
    assert_str(m.local, "Jan.Kowalski+x");
    assert_str(m.domain, "Example.PL");
    assert_false(m.literal || m.utf8);
    assert_true(mailbox_parse(STR("\"a@b\\\" c\"@x.pl"), false, &m, &why));
    assert_str(m.local, "\"a@b\\\" c\"");
    assert_str(m.domain, "x.pl");
    assert_true(mailbox_parse(STR("a@[192.0.2.1]"), false, &m, &why));
    assert_str(m.domain, "[192.0.2.1]");
    assert_true(m.literal);
}

static void local_parts(void **state)
{
    (void)state;
    assert_true(good("a!#$%&'*+-/=?^_`{|}~b@x.pl"));
    assert_true(good("\"\"@x.pl"));
    assert_true(good("\" \"@x.pl"));
    assert_true(good("\"\\\\\"@x.pl"));
    assert_false(good(".a@x.pl"));
    assert_false(good("a.@x.pl"));
    assert_false(good("a..b@x.pl"));
    assert_false(good("a b@x.pl"));
    assert_false(good("a\tb@x.pl"));
    assert_false(good("\"a\"b@x.pl"));
    assert_false(good("\"a@x.pl"));
    assert_false(good("\"a\\\"@x.pl"));
    assert_false(good("a(comment)@x.pl"));
    assert_false(good("@x.pl"));
    assert_false(good("a@b@x.pl"));
    assert_false(good("a"));
    assert_false(good(""));
    assert_false(good("\"a\rb\"@x.pl"));
    assert_false(good("\"a\x01\"@x.pl"));
    assert_false(parse(str_mem("a\0b@x.pl", 8), true));
    assert_false(parse(str_mem("\"a\0\"@x.pl", 9), true));
}

static void domains(void **state)
{
    (void)state;
    assert_true(good("a@localhost"));
    assert_true(good("a@1-2.3x"));
    assert_true(good("a@xn--bck1b9a5dre4c.com"));
    assert_false(good("a@"));
    assert_false(good("a@x..pl"));
    assert_false(good("a@.pl"));
    assert_false(good("a@x.pl."));
    assert_false(good("a@-x.pl"));
    assert_false(good("a@x-.pl"));
    assert_false(good("a@x_y.pl"));
    assert_false(good("a@x.pl "));
    assert_false(good("a@x.pl\r\nRCPT TO:<b@x.pl>"));
}

static void address_literals(void **state)
{
    (void)state;
    assert_true(good("a@[127.0.0.1]"));
    assert_true(good("a@[IPv6:::1]"));
    assert_true(good("a@[ipv6:2001:db8::192.0.2.1]"));
    assert_true(good("a@[IPv6:1:2:3:4:5:6:7:8]"));
    assert_true(good("a@[IPv6:1:2:3:4:5:6:192.0.2.1]"));
    assert_true(good("a@[IPv6:1::]"));
    assert_false(good("a@[IPv6:1:2:3:4:5:6:7]"));
    assert_false(good("a@[IPv6:1:2:3:4:5:6:7:8:9]"));
    assert_false(good("a@[IPv6:1:2:3:4::5:6:7:8]"));
    assert_false(good("a@[IPv6:1::2::3]"));
    assert_false(good("a@[IPv6::1:2]"));
    assert_false(good("a@[IPv6:12345::]"));
    assert_false(good("a@[IPv6:fe80::1%eth0]"));
    assert_false(good("a@[IPv6:192.0.2.1::1]"));
    assert_false(good("a@[2001:db8::1]"));
    assert_false(good("a@[256.0.0.1]"));
    assert_false(good("a@[1.2.3]"));
    assert_false(good("a@[1.2.3.4.5]"));
    assert_false(good("a@[1.2.3.0004]"));
    assert_false(good("a@[x-tag:anything]"));
    assert_false(good("a@[]"));
    assert_false(good("a@["));
    assert_false(good("a@[1.2.3.4"));
    assert_false(good("a@[1.2.3.4]x"));
}

static void limits_of_4_5_3_1(void **state)
{
    (void)state;
    char text[400];
    char *label = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"; /* 63 */
    snprintf(text, sizeof text, "%sx@x.pl", label);
    assert_true(good(text)); /* 64 bytes */
    snprintf(text, sizeof text, "%sxy@x.pl", label);
    assert_false(good(text));
    snprintf(text, sizeof text, "a@%s.pl", label);
    assert_true(good(text));
    snprintf(text, sizeof text, "a@%sh.pl", label);
    assert_false(good(text));
    snprintf(text, sizeof text, "abcde@%s.%s.%s.%.56s", label, label, label, label);
    assert_int_equal(strlen(text), 254);
    assert_true(good(text));
    snprintf(text, sizeof text, "abcdef@%s.%s.%s.%.56s", label, label, label, label);
    assert_false(good(text));
}

static void utf8_needs_leave(void **state)
{
    (void)state;
    struct mailbox m;
    const char *why;
    struct str s = STR("\xC5\xBC\xC3\xB3\xC5\x82\xC4\x87@g\xC4\x99\xC5\x9Bla.pl");
    assert_true(mailbox_parse(s, true, &m, &why));
    assert_true(m.utf8);
    assert_false(mailbox_parse(s, false, &m, &why));
    assert_true(good("\"\xC5\xBC \xC3\xB3\"@x.pl"));
    assert_true(good("a@\xE4\xBE\x8B\xE5\xAD\x90.xn--fiqs8s"));
    assert_false(good("\xFF@x.pl"));
    assert_false(good("a\xC0\xAE@x.pl"));     /* an overlong dot */
    assert_false(good("a\xC2\x85@x.pl"));     /* NEL */
    assert_false(good("a\xE2\x80\xA8@x.pl")); /* line separator */
    assert_false(good("a@x\xE2\x80\xA9y.pl"));
    assert_false(good("a\xED\xA0\x80@x.pl"));
}

static void ascii_is(const char *domain, const char *expected)
{
    struct arena a = {0};
    struct str ret;
    const char *why = NULL;
    bool ok = domain_ascii(str_of(domain), &a, &ret, &why);
    assert_true(ok == (expected != NULL));
    if (expected)
        assert_str(ret, expected);
    else
        assert_non_null(why);
    arena_done(&a);
}

static void domains_as_dns_needs_them(void **state)
{
    (void)state;
    ascii_is("Example.PL", "example.pl");
    ascii_is("example.pl.", "example.pl");
    ascii_is("g\xC4\x99\xC5\x9Bla.pl", "xn--gla-sra44a.pl");
    ascii_is("G\xC4\x98\xC5\x9ALA.pl", "xn--gla-sra44a.pl");
    ascii_is("stra\xC3\x9F"
             "e.de",
             "xn--strae-oqa.de"); /* IDNA 2008 keeps the sharp s */
    ascii_is("\xE4\xBE\x8B\xE3\x80\x82\xE4\xBE\x8B", "xn--fsq.xn--fsq");
    ascii_is("[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]");
    ascii_is("[1.2.3.4]", "[1.2.3.4]");
    ascii_is("[1.2.3]", NULL);
    ascii_is("a\xE2\x98\x83\xFF.pl", NULL);
    ascii_is("x..pl", NULL);
    ascii_is("", NULL);
    ascii_is(".", NULL);
    ascii_is("-x.pl", NULL);
}

static void a_label_too_long_as_a_label(void **state)
{
    (void)state;
    char name[256] = "";
    for (int i = 0; i < 100; i++)
        strcat(name, i % 2 ? "\xC4\x99" : "\xE4\xBE");
    ascii_is(name, NULL);
    name[0] = '\0';
    for (int i = 0; i < 70; i++)
        strcat(name, "\xC4\x99");
    assert_true(domain_valid(str_of(name), true)); /* only its A-label shows that it is too long */
    ascii_is(name, NULL);
}

static void host_names(void **state)
{
    (void)state;
    assert_true(domain_valid(STR("mx1.example.pl"), false));
    assert_true(domain_valid(STR("localhost"), false));
    assert_false(domain_valid(STR(""), false));
    assert_false(domain_valid(STR("mx_1.example.pl"), false));
    assert_false(domain_valid(STR("a b"), false));
    assert_false(domain_valid(STR("g\xC4\x99\xC5\x9Bla.pl"), false));
    assert_true(domain_valid(STR("g\xC4\x99\xC5\x9Bla.pl"), true));
    assert_false(domain_valid(STR("[1.2.3.4]"), true));
}

/* Every row of the list whose verdict the grammar gives; top-level-domain rows are policy. */
static void isemail_corpus(void **state)
{
    (void)state;
    FILE *f = corpus_open("address-isemail/expected.tsv");
    if (!f)
        skip();
    char line[8192], bytes[4096];
    unsigned wrong = 0, cases = 0;
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        struct str rest = str_of(line), field[7];
        for (int i = 0; i < 7; i++)
            field[i] = str_split(&rest, '\t');
        if (memmem(field[4].p, field[4].n, "_TLD", 4))
            continue;
        bool ok = parse(str_mem(bytes, unhex(field[2], bytes)), true), expected = str_eq(field[5], STR("1"));
        if (ok != expected)
            print_message("%.*s: %.*s should be %s\n", STR_ARGS(field[0]), STR_ARGS(field[1]), expected ? "accepted" : "refused");
        wrong += ok != expected;
        cases++;
    }
    fclose(f);
    assert_true(cases > 50);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_as_written),
        cmocka_unit_test(local_parts),
        cmocka_unit_test(domains),
        cmocka_unit_test(address_literals),
        cmocka_unit_test(limits_of_4_5_3_1),
        cmocka_unit_test(utf8_needs_leave),
        cmocka_unit_test(domains_as_dns_needs_them),
        cmocka_unit_test(a_label_too_long_as_a_label),
        cmocka_unit_test(host_names),
        cmocka_unit_test(isemail_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
