/* Whose domain people see: one, or none. */
#include "../mail/check.h"

#include "verify/author.h"
#include "verify/dmarc.h"

#include <stdio.h>

static void judge(const char *message, const char *want)
{
    struct arena a = {0};
    struct view v;
    struct str seen = {"", 0}, same = {"", 0};
    const char *wrong = author_of(str_of(message), &a, &seen);
    view_make(&v, str_of(message), &a);
    const char *again = dmarc_author(&v, &a, &same);
    if ((wrong == NULL) != (want != NULL) || (want && !str_eq(seen, str_of(want))))
        fail_msg("%s: \"%.*s\" (%s)", message, STR_ARGS(seen), wrong ? wrong : "");
    if ((again == NULL) != (wrong == NULL) || !str_eq(seen, same) || (wrong && strcmp(wrong, again) != 0))
        fail_msg("%s: signing and verifying do not see the same", message);
    arena_done(&a);
}

static void from_is(const char *from, const char *want)
{
    char text[400];
    snprintf(text, sizeof text, "To: x@y.test\r\nFrom: %s\r\n\r\nFrom: z@body.test\r\n", from);
    judge(text, want);
}

static void the_domain_is_that_of_the_address_not_of_what_is_written_around_it(void **state)
{
    (void)state;
    from_is("a@Example.Test", "example.test");
    from_is("<a@example.test>", "example.test");
    from_is("\"x@evil.test, y\" <a@example.test>", "example.test");
    from_is("x@evil.test <a@example.test>", "example.test");
    from_is("<a@example.test> x@evil.test", "example.test");
    from_is("(b@evil.test (nested)) a@example.test (c@evil.test)", "example.test");
    from_is("a@exam(x@evil.test)ple.test", "example.test");
    from_is("<@relay.test,@b.test:a@example.test>", "example.test");
    from_is("\"a@b\\\"<c@evil.test>\"@example.test", "example.test");
    from_is("a\r\n\t@example.test", "example.test");
    from_is("a@Sub_domain.my_shop.test", "sub_domain.my_shop.test");
    from_is("a@_.\xc5\xbc.test", NULL);
    from_is("a@x..y_z.test", NULL);
    from_is("Ala <ala@\xc5\xbc\xc3\xb3\xc5\x82w.test>", "xn--w-uga1v8h.test");
}

static void several_addresses_of_one_domain_are_one_author(void **state)
{
    (void)state;
    from_is("a@one.test, b@ONE.test", "one.test");
    from_is("Group: a@one.test, b@one.test;", "one.test");
    from_is("a@one.test,, <b@one.test>,", "one.test");
}

static void several_domains_are_none(void **state)
{
    (void)state;
    from_is("a@one.test, b@two.test", NULL);
    from_is("a@one.test, b@sub.one.test", NULL);
    from_is("Group: a@one.test, b@two.test;", NULL);
    from_is("One: a@one.test; Two: b@two.test;", NULL);
}

static void what_is_no_address_is_none(void **state)
{
    (void)state;
    from_is("nobody", NULL);
    from_is("a@", NULL);
    from_is("@", NULL);
    from_is("a@[192.0.2.1]", NULL);
    from_is("a@exam_ple..test", NULL);
    from_is("a@one.test, nobody", NULL);
    from_is("Empty:;", NULL);
    from_is("<>", NULL);
    from_is("", NULL);
}

static void what_does_not_end_is_none(void **state)
{
    (void)state;
    from_is("\"open <a@example.test>", NULL);
    from_is("\"open a@example.test", NULL);
    from_is("(open <a@example.test>", NULL);
    from_is("a@example.test (open", NULL);
    from_is("a@example.test, (open", NULL);
    from_is("a@example.test \"open\\", NULL);
}

static void a_message_shows_an_author_in_one_from_field_of_its_header(void **state)
{
    (void)state;
    judge("From: a@one.test\n\nbody\n", "one.test");
    judge("FROM : a@one.test\r\n\r\n", "one.test");
    judge("From: a@one.test\r\nFrom: a@one.test\r\n\r\n", NULL);
    judge("To: a@one.test\r\n\r\nFrom: a@one.test\r\n", NULL);
    judge("", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_domain_is_that_of_the_address_not_of_what_is_written_around_it),
        cmocka_unit_test(several_addresses_of_one_domain_are_one_author),
        cmocka_unit_test(several_domains_are_none),
        cmocka_unit_test(what_is_no_address_is_none),
        cmocka_unit_test(what_does_not_end_is_none),
        cmocka_unit_test(a_message_shows_an_author_in_one_from_field_of_its_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
