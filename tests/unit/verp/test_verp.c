/* verp: an address of ours is known again in any case of letters; every other one is refused, and says why. */
#include "lib/file.h"
#include "lib/must.h"
#include "mail/mailbox.h"
#include "verp/paths.h"
#include "verp/verp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t NOW_MS = 1780000000000, DAY_MS = 86400000;
enum { NOW_S = 1780000000, DAY_S = 86400 };

static char folder[64];

static char *at(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void add_path(const char *domain, const char *account, bool use, int64_t at_s)
{
    struct paths p;
    struct fault f;
    assert_true(paths_read(&p, folder, &f));
    paths_use(&p, str_of(domain), str_of(account), use, at_s);
    assert_true(paths_write(&p, folder, at_s, &f));
    paths_done(&p);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/goniec-verp-XXXXXX");
    must(mkdtemp(folder));
    add_path("shop.test", "shop", true, NOW_S);
    add_path("other.test", "", true, NOW_S);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(at("return-paths"));
    unlink(at("return-path-keys"));
    rmdir(folder);
    return 0;
}

static struct verp *load(int64_t now_s)
{
    struct verp *v = NULL;
    struct fault f = {0};
    if (!verp_load(&v, folder, now_s, true, &f))
        fail_msg("%s", f.text);
    return v;
}

static enum verp_use judge(const struct verp *v, const char *address, int64_t now_ms, struct verp_token *ret)
{
    struct str domain = str_of(address), local = str_split(&domain, '@');
    return verp_read(v, local, domain, now_ms, 30 * DAY_MS, ret);
}

static void an_address_of_ours_tells_its_message_and_recipient(void **state)
{
    struct verp *v = load(NOW_S);
    const uint32_t places[] = {0, 1, 31, 32, 999, 99999, VERP_RCPTS_MAX - 1};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct verp_token t = {id_new(NOW_MS), places[i]}, back = {.rcpt = 7};
        char address[VERP_ADDRESS];
        struct mailbox m;
        const char *why;
        assert_true(verp_address(v, t, STR("bounces.shop.test"), address));
        assert_true(mailbox_parse(str_of(address), false, &m, &why));
        assert_int_equal(m.local.n, VERP_LOCAL);
        assert_int_equal(judge(v, address, NOW_MS, &back), VERP_RETURN);
        assert_true(id_eq(back.message, t.message) && back.rcpt == t.rcpt);
        for (char *p = address; *p != '@'; p++)
            *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
        back.rcpt = 7;
        assert_int_equal(judge(v, address, NOW_MS, &back), VERP_RETURN);
        assert_true(id_eq(back.message, t.message) && back.rcpt == t.rcpt);
    }
    verp_free(&v);
}

static void a_changed_character_anywhere_or_another_domain_is_a_forgery(void **state)
{
    struct verp *v = load(NOW_S);
    struct verp_token t = {id_new(NOW_MS), 3}, back;
    char address[VERP_ADDRESS], other[VERP_ADDRESS];
    (void)state;
    assert_true(verp_address(v, t, STR("bounces.shop.test"), address));
    for (size_t i = 0; i < VERP_LOCAL; i++) {
        memcpy(other, address, sizeof other);
        other[i] = other[i] == '0' ? '1' : '0';
        assert_int_not_equal(judge(v, other, NOW_MS, &back), VERP_RETURN);
        if (i > 2 && address[i] != '-')
            assert_int_equal(judge(v, other, NOW_MS, &back), VERP_FORGED);
    }
    snprintf(other, sizeof other, "%.*s@bounces.other.test", VERP_LOCAL, address);
    assert_int_equal(judge(v, other, NOW_MS, &back), VERP_FORGED);
    verp_free(&v);
}

static void what_is_cut_short_or_longer_or_names_nobody_is_no_address(void **state)
{
    struct verp *v = load(NOW_S);
    struct verp_token t = {id_new(NOW_MS), 3}, back;
    char address[VERP_ADDRESS], other[VERP_ADDRESS];
    (void)state;
    assert_true(verp_address(v, t, STR("bounces.shop.test"), address));
    for (int n = 0; n < VERP_LOCAL; n++) {
        snprintf(other, sizeof other, "%.*s@bounces.shop.test", n, address);
        assert_int_equal(judge(v, other, NOW_MS, &back), VERP_NOBODY);
    }
    snprintf(other, sizeof other, "%.*sx@bounces.shop.test", VERP_LOCAL, address);
    assert_int_equal(judge(v, other, NOW_MS, &back), VERP_NOBODY);
    assert_int_equal(judge(v, "jan@bounces.shop.test", NOW_MS, &back), VERP_NOBODY);
    assert_int_equal(judge(v, "dmarc@bounces.strange.test", NOW_MS, &back), VERP_NOBODY);
    assert_int_equal(judge(v, "dmarc@shop.test", NOW_MS, &back), VERP_NOBODY);
    assert_int_equal(judge(v, "DMARC@bounces.shop.test", NOW_MS, &back), VERP_DMARC);
    assert_int_equal(judge(v, "tls-reports@bounces.shop.test", NOW_MS, &back), VERP_TLS_REPORTS);
    assert_int_equal(judge(v, "fbl@bounces.shop.test", NOW_MS, &back), VERP_COMPLAINTS);
    assert_int_equal(judge(v, "Postmaster@bounces.shop.test", NOW_MS, &back), VERP_POSTMASTER);
    verp_free(&v);
}

static void an_address_is_taken_for_a_while_only(void **state)
{
    struct verp *v = load(NOW_S);
    struct verp_token t = {id_new(NOW_MS), 3}, back;
    char address[VERP_ADDRESS];
    (void)state;
    assert_true(verp_address(v, t, STR("bounces.shop.test"), address));
    assert_int_equal(judge(v, address, NOW_MS + 30 * DAY_MS, &back), VERP_RETURN);
    assert_int_equal(judge(v, address, NOW_MS + 30 * DAY_MS + 1, &back), VERP_OLD);
    assert_int_equal(judge(v, address, NOW_MS - DAY_MS, &back), VERP_RETURN); /* a clock that was put back */
    verp_free(&v);
}

static void a_new_key_takes_over_and_the_old_one_is_known_until_nothing_of_its_comes_back(void **state)
{
    struct verp *v = load(NOW_S), *later, *latest;
    struct verp_token t = {id_new(NOW_MS), 3}, back;
    char address[VERP_ADDRESS], fresh[VERP_ADDRESS];
    struct stat st;
    (void)state;
    assert_true(verp_address(v, t, STR("bounces.shop.test"), address));
    later = load(NOW_S + 91 * DAY_S);
    assert_int_equal(judge(later, address, NOW_MS, &back), VERP_RETURN);
    assert_true(verp_address(later, t, STR("bounces.shop.test"), fresh));
    assert_string_not_equal(address, fresh);
    assert_int_equal(judge(v, fresh, NOW_MS, &back), VERP_FORGED); /* who has not read the new key yet */
    for (int i = 2; i < 40; i++) {
        latest = load(NOW_S + i * 91 * DAY_S);
        verp_free(&latest);
    }
    latest = load(NOW_S + 40 * 91 * DAY_S);
    assert_int_equal(judge(latest, address, NOW_MS, &back), VERP_FORGED);
    assert_true(stat(at("return-path-keys"), &st) == 0 && (st.st_mode & 07777) == 0600);
    verp_free(&v);
    verp_free(&later);
    verp_free(&latest);
}

static void what_a_key_sealed_until_it_was_followed_is_taken_however_old_the_key(void **state)
{
    int64_t year_s = 365 * DAY_S;
    struct verp *v = load(NOW_S), *next;
    struct verp_token t = {id_new((NOW_S + year_s) * 1000), 3}, back;
    char address[VERP_ADDRESS];
    (void)state;
    assert_true(verp_address(v, t, STR("bounces.shop.test"), address)); /* an engine that runs for a year */
    next = load(NOW_S + year_s);
    assert_int_equal(judge(next, address, (NOW_S + year_s) * 1000, &back), VERP_RETURN);
    verp_free(&next);
    next = load(NOW_S + year_s + 100 * DAY_S); /* a third key; both others are kept for a while */
    assert_int_equal(judge(next, address, (NOW_S + year_s) * 1000 + 20 * DAY_MS, &back), VERP_RETURN);
    verp_free(&next);
    next = load(NOW_S + 2 * year_s);
    assert_int_equal(judge(next, address, (NOW_S + year_s) * 1000, &back), VERP_FORGED);
    verp_free(&next);
    verp_free(&v);
}

static void another_servers_key_seals_nothing_for_this_one(void **state)
{
    struct verp *v = load(NOW_S), *other;
    struct verp_token t = {id_new(NOW_MS), 3}, back;
    char address[VERP_ADDRESS];
    (void)state;
    unlink(at("return-path-keys"));
    other = load(NOW_S);
    assert_true(verp_address(other, t, STR("bounces.shop.test"), address));
    assert_int_equal(judge(v, address, NOW_MS, &back), VERP_FORGED);
    verp_free(&v);
    verp_free(&other);
}

static void a_return_path_serves_its_account_the_domains_below_and_no_other(void **state)
{
    struct verp *v = load(NOW_S);
    struct arena a = {0};
    struct str path;
    (void)state;
    assert_true(verp_path_for(v, STR("shop.test"), STR("shop"), &a, &path));
    assert_true(str_eq(path, STR("bounces.shop.test")));
    assert_true(verp_path_for(v, STR("deep.below.shop.test"), STR("shop"), &a, &path));
    assert_true(verp_path_for(v, STR("shop.test"), STR(""), &a, &path));
    assert_false(verp_path_for(v, STR("shop.test"), STR("thief"), &a, &path));
    assert_true(verp_path_for(v, STR("other.test"), STR("anybody"), &a, &path));
    assert_false(verp_path_for(v, STR("notshop.test"), STR("shop"), &a, &path));
    assert_false(verp_path_for(v, STR("test"), STR(""), &a, &path));
    assert_true(verp_hosts(v, STR("bounces.shop.test")));
    assert_false(verp_hosts(v, STR("shop.test")) || verp_hosts(NULL, STR("bounces.shop.test")));
    arena_done(&a);
    verp_free(&v);
}

static void a_domain_whose_use_ended_gives_out_none_and_takes_what_is_under_way(void **state)
{
    struct verp *v = load(NOW_S), *later;
    struct verp_token t = {id_new(NOW_MS), 3}, back;
    struct arena a = {0};
    struct str path;
    char address[VERP_ADDRESS];
    (void)state;
    assert_true(verp_address(v, t, STR("bounces.shop.test"), address));
    add_path("shop.test", "shop", false, NOW_S + DAY_S);
    later = load(NOW_S + 20 * DAY_S);
    assert_false(verp_path_for(later, STR("shop.test"), STR("shop"), &a, &path));
    assert_int_equal(judge(later, address, NOW_MS, &back), VERP_RETURN);
    verp_free(&later);
    later = load(NOW_S + 62 * DAY_S);
    assert_int_equal(judge(later, address, NOW_MS, &back), VERP_NOBODY);
    verp_free(&later);
    verp_free(&v);
}

static void an_address_of_ours_is_found_in_a_text(void **state)
{
    struct verp *v = load(NOW_S);
    struct verp_token t = {id_new(NOW_MS), 3}, back = {.rcpt = 0};
    char address[VERP_ADDRESS], text[2000];
    (void)state;
    assert_true(verp_address(v, t, STR("bounces.shop.test"), address));
    snprintf(text, sizeof text, "To: a@b\r\nReturn-Path: <b0-x@bounces.shop.test>\r\nOriginal-Mail-From: <%s>\r\n", address);
    assert_true(verp_find(v, str_of(text), &back) && back.rcpt == 3 && id_eq(back.message, t.message));
    snprintf(text, sizeof text, "It came from %s.", address);
    assert_true(verp_find(v, str_of(text), &back));
    address[VERP_LOCAL - 1] = address[VERP_LOCAL - 1] == '0' ? '1' : '0';
    snprintf(text, sizeof text, "Original-Mail-From: <%s>\r\n@", address);
    assert_false(verp_find(v, str_of(text), &back));
    verp_free(&v);
}

static void damaged_files_are_told_with_their_line(void **state)
{
    struct verp *v = NULL;
    struct fault f = {0};
    (void)state;
    assert_true(file_replace(at("return-paths"), STR("shop.test\t\t1\t0\nbad\n"), 0600, &f));
    assert_false(verp_load(&v, folder, NOW_S, true, &f));
    assert_non_null(strstr(f.text, "return-paths:2: "));
    assert_true(file_replace(at("return-paths"), STR("shop.test\t\t1\t0\n"), 0600, &f));
    assert_true(file_replace(at("return-path-keys"), STR("0\tabc\t5\n"), 0600, &f));
    assert_false(verp_load(&v, folder, NOW_S, true, &f));
    assert_non_null(strstr(f.text, "return-path-keys:1: "));
    assert_null(v);
}

static void a_server_without_return_paths_makes_no_key(void **state)
{
    struct verp *v;
    struct verp_token t = {id_new(NOW_MS), 3};
    char address[VERP_ADDRESS];
    (void)state;
    unlink(at("return-paths"));
    v = load(NOW_S);
    assert_int_not_equal(access(at("return-path-keys"), F_OK), 0);
    assert_false(verp_address(v, t, STR("bounces.shop.test"), address));
    verp_free(&v);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_address_of_ours_tells_its_message_and_recipient),
        TEST(a_changed_character_anywhere_or_another_domain_is_a_forgery),
        TEST(what_is_cut_short_or_longer_or_names_nobody_is_no_address),
        TEST(an_address_is_taken_for_a_while_only),
        TEST(a_new_key_takes_over_and_the_old_one_is_known_until_nothing_of_its_comes_back),
        TEST(what_a_key_sealed_until_it_was_followed_is_taken_however_old_the_key),
        TEST(another_servers_key_seals_nothing_for_this_one),
        TEST(a_return_path_serves_its_account_the_domains_below_and_no_other),
        TEST(a_domain_whose_use_ended_gives_out_none_and_takes_what_is_under_way),
        TEST(an_address_of_ours_is_found_in_a_text),
        TEST(damaged_files_are_told_with_their_line),
        TEST(a_server_without_return_paths_makes_no_key),
    };
    return cmocka_run_group_tests_name("verp", tests, NULL, NULL);
}
