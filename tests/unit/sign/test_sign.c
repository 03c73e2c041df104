/* Signing behind its door: what is made here is good in the eyes of our verification, and covers what it should. */
#include "lib/fault.h"
#include "lib/file.h"
#include "sign/index.h"
#include "sign/key.h"
#include "sign/sign.h"
#include "verify/dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1700000000 };

static char folder[64];
static struct domains *all;

static void add_key(struct key_index *x, const char *domain, const char *account, const char *selector, bool ed25519,
                    int64_t used_s, int64_t retired_s)
{
    struct fault f;
    char path[800];
    struct key_row r = {str_of(domain), str_of(account), str_of(selector), ed25519, NOW, NOW, used_s, retired_s};
    key_index_path(folder, &r, path);
    assert_true(key_index_folder(folder, r.domain, &f));
    assert_true(key_make(path, ed25519, &f));
    key_index_add(x, &r);
}

static int make_keys(void **state)
{
    struct key_index x;
    struct fault f;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/goniec-sign-%ld", (long)getpid());
    assert_true(key_index_open(&x, folder, true, &f));
    add_key(&x, "example.test", "", "r", false, NOW, 0);
    add_key(&x, "example.test", "", "e", true, NOW, 0);
    add_key(&x, "example.test", "", "next", true, 0, 0);
    add_key(&x, "example.test", "", "old", true, NOW, NOW);
    add_key(&x, "shop.test", "shop", "s", true, NOW, 0);
    assert_true(key_index_write(&x, folder, &f));
    key_index_done(&x);
    assert_true(domains_load(&all, folder, &f));
    return 0;
}

static int remove_keys(void **state)
{
    char command[100];
    (void)state;
    domains_free(&all);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* ---- a DNS that has our keys ---- */

static enum dns_result ask(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    struct key_index x;
    struct fault f;
    struct str domain = name, selector = str_split(&domain, '.');
    (void)ctx;
    if (type != DNS_TXT || !key_index_open(&x, folder, false, &f))
        return DNS_TROUBLE;
    str_split(&domain, '.'); /* _domainkey */
    for (size_t i = 0; i < x.n; i++) {
        struct key_row *r = &x.row[i];
        char path[800];
        struct buf b = {0};
        if (!str_eq(r->domain, domain) || !str_eq(r->selector, selector))
            continue;
        buf_addf(&b, "v=DKIM1; k=%s; p=", r->ed25519 ? "ed25519" : "rsa");
        key_index_path(folder, r, path);
        assert_true(key_public(path, &b, &f));
        ret->record = arena_alloc(a, sizeof *ret->record);
        ret->record[0].text = arena_str(a, buf_str(&b));
        ret->n = 1;
        buf_done(&b);
    }
    key_index_done(&x);
    return ret->n ? DNS_FOUND : DNS_NO_NAME;
}
static const struct verify_dns dns = {ask, NULL};

static struct content *message(const char *text)
{
    size_t n = strlen(text);
    struct content *c = content_new(n);
    memcpy(c->bytes + c->start, text, n);
    c->n = n;
    return c;
}

/* The message signed with the domain's keys; how many signatures it has. */
static struct content *signed_message(const char *text, const char *domain)
{
    struct sign_with with = {0};
    struct content *c = message(text);
    assert_true(sign_with_domain(&with, all, str_of(domain), STR("")));
    sign_message(&c, &with, NOW);
    return c;
}

static unsigned passing(struct str text)
{
    struct arena a = {0};
    struct view v;
    struct dkim_answer *list;
    view_make(&v, text, &a);
    unsigned n = dkim_verify(&v, &dns, NOW + 10, &a, &list), good = 0;
    for (unsigned i = 0; i < n; i++)
        good += list[i].result == AUTH_PASS && !list[i].partial;
    arena_done(&a);
    return good;
}

#define HEAD "From: Ala <ala@example.test>\r\nTo: b@dest.test\r\nSubject: x\r\n"

static void messages_of_every_shape_are_signed_with_both_keys(void **state)
{
    static const char *const all_shapes[] = {
        HEAD "\r\nbody\r\n",
        HEAD "\r\n",
        HEAD "",
        HEAD "\r\nno newline at the end",
        HEAD "\r\n\r\n\r\n \t\r\n\r\n",
        HEAD "\r\ntrailing  \t \r\n\truns \t of   blanks\r\n\r\n\r\n",
        HEAD "X: folded\r\n\tover\r\n  lines\r\n\r\n.\r\n..\r\n",
        "from : Ala <ala@example.test>\r\nSUBJECT:   folded\r\n \r\n\t here  \r\n\r\nx\r\n",
        "From: \"Za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87\" <ala@example.test>\r\nSubject: "
        "g\xc4\x99\xc5\x9bl\xc4\x85\r\n\r\nja\xc5\xba\xc5\x84\r\n",
        HEAD "Subject: twice\r\nTo: c@dest.test\r\nTo: d@dest.test\r\nList-Id: <l.example.test>\r\n\r\nx\r\n",
        "From: a@example.test\r\na line that is no field\r\n\r\nx\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof all_shapes / sizeof *all_shapes; i++) {
        struct content *c = signed_message(all_shapes[i], "example.test");
        assert_int_equal(passing(content_str(c)), 2);
        assert_true(c->n > strlen(all_shapes[i]));
        assert_memory_equal(c->bytes + c->start + c->n - strlen(all_shapes[i]), all_shapes[i], strlen(all_shapes[i]));
        content_free(&c);
    }
}

static void a_long_body_and_more_fields_than_are_signed_hold(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_str(&b, STR(HEAD));
    for (int i = 0; i < 100; i++)
        buf_addf(&b, "To: r%d@dest.test\r\n", i);
    buf_add_str(&b, STR("\r\n"));
    for (int i = 0; i < 200000; i++)
        buf_addf(&b, "%c%s", 'a' + i % 26, i % 7 ? "" : "  ");
    buf_add(&b, "\r\n", 3);
    struct content *c = signed_message(b.p, "example.test");
    assert_int_equal(passing(content_str(c)), 2);
    content_free(&c);
    buf_done(&b);
}

/* Puts a line before or behind the header and looks whether the signatures still hold. */
static unsigned passing_with(const char *before, const char *text)
{
    struct content *c = signed_message(text, "example.test");
    c = content_prepend(c, str_of(before));
    unsigned n = passing(content_str(c));
    content_free(&c);
    return n;
}

static void no_second_field_of_those_that_people_see_can_be_added(void **state)
{
    static const char *const added[] = {"From: x@evil.test\r\n", "Subject: x\r\n",      "Date: x\r\n",
                                        "To: x@evil.test\r\n",   "Cc: x@evil.test\r\n", "Reply-To: x@evil.test\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        assert_int_equal(passing_with(added[i], HEAD "\r\nx\r\n"), 0);
    assert_int_equal(
        passing_with("List-Unsubscribe: <https://evil.test/>\r\n", HEAD "List-Unsubscribe: <https://example.test/>\r\n\r\nx\r\n"),
        0);
    assert_int_equal(passing_with("Content-Type: text/html\r\n", HEAD "Content-Type: text/plain\r\n\r\nx\r\n"), 0);
}

static void what_the_way_adds_breaks_nothing(void **state)
{
    (void)state;
    assert_int_equal(passing_with("Received: by x\r\nReturn-Path: <a@example.test>\r\nX-Spam: no\r\n", HEAD "\r\nx\r\n"), 2);
    assert_int_equal(passing_with("List-Id: <l.example.test>\r\n", HEAD "\r\nx\r\n"), 2);
}

static void any_change_to_the_body_is_seen(void **state)
{
    (void)state;
    struct content *c = signed_message(HEAD "\r\nbody\r\n", "example.test");
    c->bytes[c->start + c->n - 3] = 'X';
    assert_int_equal(passing(content_str(c)), 0);
    content_free(&c);
}

static void signatures_are_folded_have_no_length_and_no_expiry(void **state)
{
    (void)state;
    struct content *c = signed_message(HEAD "List-Id: <x>\r\n\r\nbody\r\n", "example.test");
    struct str rest = content_str(c);
    assert_true(str_starts_nocase(rest, STR("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.test; s=r;")));
    assert_null(memmem(rest.p, rest.n, " l=", 3));
    assert_null(memmem(rest.p, rest.n, " x=", 3));
    assert_non_null(memmem(rest.p, rest.n, "t=1700000000;", 13));
    while (rest.p && !str_starts_nocase(rest, STR("From"))) {
        struct str line = str_split(&rest, '\n');
        assert_true(line.n <= 79 && line.p[line.n - 1] == '\r');
    }
    content_free(&c);
}

static void a_second_signature_stands_beside_one_that_is_there(void **state)
{
    struct sign_with with = {0};
    (void)state;
    struct content *c = signed_message(HEAD "\r\nbody\r\n", "example.test");
    assert_true(sign_with_domain(&with, all, STR("example.test"), STR("")));
    sign_message(&c, &with, NOW + 1);
    assert_int_equal(passing(content_str(c)), 4);
    content_free(&c);
}

static unsigned keys_of(const char *domain, const char *account)
{
    struct sign_with with = {0};
    bool known = sign_with_domain(&with, all, str_of(domain), str_of(account));
    assert_int_equal(known, with.n > 0);
    return with.n;
}

static void the_domain_or_its_nearest_parent_decides_and_belongs_to_its_account(void **state)
{
    (void)state;
    assert_int_equal(keys_of("example.test", "any"), 2); /* neither one that is not used yet nor one that is no more */
    assert_int_equal(keys_of("a.b.example.test", ""), 2);
    assert_int_equal(keys_of("notexample.test", ""), 0);
    assert_int_equal(keys_of("test", ""), 0);
    assert_int_equal(keys_of("", ""), 0);
    assert_int_equal(keys_of("shop.test", "shop"), 1);
    assert_int_equal(keys_of("shop.test", ""), 1);
    assert_int_equal(keys_of("mail.shop.test", "other"), 0);
}

static void the_same_keys_sign_once(void **state)
{
    struct sign_with with = {0};
    (void)state;
    sign_with_domain(&with, all, STR("example.test"), STR(""));
    sign_with_domain(&with, all, STR("example.test"), STR(""));
    assert_int_equal(with.n, 2);
    sign_with_domain(&with, all, STR("shop.test"), STR(""));
    assert_int_equal(with.n, 3);
}

static void keys_are_for_their_owner_alone(void **state)
{
    struct stat st;
    char path[200];
    (void)state;
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(path, sizeof path, "%s/example.test", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(path, sizeof path, "%s/example.test/r.pem", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_bad_index_or_key_is_named(void **state)
{
    static const char *const bad[] = {"one\ttwo\n", "d.test\t\ts\tdsa\t1\t1\t1\t0\n", "d.test\t\ts\trsa\tx\t1\t1\t0\n",
                                      "../x\t\ts\trsa\t1\t1\t1\t0\n", "d.test\t\tnone\trsa\t1\t1\t1\t0\n"};
    char path[100], other[90];
    struct fault f;
    struct domains *d = NULL;
    (void)state;
    snprintf(other, sizeof other, "%s/other", folder);
    assert_int_equal(mkdir(other, 0700), 0);
    snprintf(path, sizeof path, "%s/index", other);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(file_replace(path, str_of(bad[i]), 0600, &f));
        assert_false(domains_load(&d, other, &f));
        assert_non_null(strstr(f.text, i < 4 ? "index:1: the line" : "d.test/none.pem"));
    }
    assert_true(domains_load(&d, "/nonexistent/keys", &f)); /* none are none */
    domains_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_shape_are_signed_with_both_keys),
        cmocka_unit_test(a_long_body_and_more_fields_than_are_signed_hold),
        cmocka_unit_test(no_second_field_of_those_that_people_see_can_be_added),
        cmocka_unit_test(what_the_way_adds_breaks_nothing),
        cmocka_unit_test(any_change_to_the_body_is_seen),
        cmocka_unit_test(signatures_are_folded_have_no_length_and_no_expiry),
        cmocka_unit_test(a_second_signature_stands_beside_one_that_is_there),
        cmocka_unit_test(the_domain_or_its_nearest_parent_decides_and_belongs_to_its_account),
        cmocka_unit_test(the_same_keys_sign_once),
        cmocka_unit_test(keys_are_for_their_owner_alone),
        cmocka_unit_test(a_bad_index_or_key_is_named),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
