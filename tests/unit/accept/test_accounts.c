/* The accounts snapshot: what a line says, what a bad one costs, and the secrets in it. */
#include "../mail/check.h"

#include "accept/accounts.h"
#include "lib/buf.h"

#include <unistd.h>

static char path[] = "/tmp/goniec-accounts-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(struct str text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    fclose(f);
}

static struct accounts *load(struct str text)
{
    struct accounts *a = NULL;
    struct fault f;
    write_file(text);
    if (!accounts_load(&a, path, &f))
        fail_msg("%s", f.text);
    return a;
}

static void a_missing_file_is_an_empty_snapshot(void **state)
{
    (void)state;
    struct accounts *a = NULL;
    struct fault f;
    assert_true(accounts_load(&a, "/nonexistent/accounts", &f));
    assert_null(accounts_find(a, STR("x")));
    assert_null(accounts_slow(a));
    assert_null(accounts_find(NULL, STR("x")));
    accounts_free(&a);
    assert_null(a);
}

static void a_generated_secret_is_right_and_its_neighbours_wrong(void **state)
{
    (void)state;
    struct buf b = {0};
    char secret[33];
    secret_generate(secret);
    buf_add_str(&b, STR("# accounts\n\nshop\tshop-account\tkey\t"));
    secret_encode_key(str_of(secret), &b);
    buf_add_str(&b, STR(" "));
    secret_encode_scram(str_of(secret), &b);
    buf_add_str(&b, STR("\tnewsletter\t7\tactive\tpl\n"));
    struct accounts *a = load(buf_str(&b));
    const struct credential *c = accounts_find(a, STR("shop"));
    assert_non_null(c);
    assert_str(c->account, "shop-account");
    assert_str(c->stream, "newsletter");
    assert_int_equal(c->sessions_max, 7);
    assert_str(c->language, "pl");
    assert_int_equal(c->status, ACCOUNT_ACTIVE);
    assert_int_equal(c->scram_iterations, 4096);
    assert_int_equal(c->scram_salt.n, 16);
    assert_true(credential_check(c, str_of(secret)));
    assert_false(credential_check(c, str_mem(secret, 31)));
    assert_false(credential_check(c, STR("")));
    secret[5] ^= 1;
    assert_false(credential_check(c, str_of(secret)));
    assert_null(accounts_find(a, STR("Shop"))); /* an exact match */
    assert_null(accounts_find(a, STR("shop ")));
    assert_null(accounts_slow(a));
    accounts_free(&a);
    buf_done(&b);
}

static void generated_secrets_differ_and_have_160_bits(void **state)
{
    (void)state;
    char a[33], b[33];
    secret_generate(a);
    secret_generate(b);
    assert_int_equal(strlen(a), 32); /* 32 letters of 5 bits */
    assert_string_not_equal(a, b);
}

static void a_chosen_password_goes_through_the_slow_hash(void **state)
{
    (void)state;
    struct buf b = {0};
    struct fault f;
    buf_add_str(&b, STR("jan\tjan\targon2\t"));
    assert_true(secret_encode_argon2(STR("za\xC5\xBC\xC3\xB3\xC5\x82\xC4\x87"), &b, &f));
    buf_add_str(&b, STR("\t\t0\tsuspended: unpaid bills\n"));
    struct accounts *a = load(buf_str(&b));
    const struct credential *c = accounts_find(a, STR("jan"));
    assert_true(c == accounts_slow(a));
    assert_true(credential_check(c, STR("za\xC5\xBC\xC3\xB3\xC5\x82\xC4\x87")));
    assert_false(credential_check(c, STR("zazolc")));
    assert_str(c->stream, "transactional");
    assert_int_equal(c->status, ACCOUNT_SUSPENDED);
    assert_str(c->reason, "unpaid bills");
    accounts_free(&a);
    buf_done(&b);
}

static void many_logins_are_all_found(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 20000; i++)
        buf_addf(&b, "user%d\taccount\tkey\tkey$%032d$%064d\t\t%d\tactive\n", i, i, i, i);
    struct accounts *a = load(buf_str(&b)), *more = accounts_ref(a);
    accounts_free(&a);
    for (int i = 0; i < 20000; i++) {
        char login[20];
        snprintf(login, sizeof login, "user%d", i);
        const struct credential *c = accounts_find(more, str_of(login));
        assert_non_null(c);
        assert_int_equal(c->sessions_max, i);
    }
    assert_null(accounts_find(more, STR("user20000")));
    accounts_free(&more);
    buf_done(&b);
}

#define KEY "key$00000000000000000000000000000000$0000000000000000000000000000000000000000000000000000000000000000"
#define SCRAM " scram-sha-256$4096$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void a_bad_line_is_told_with_its_place_and_nothing_is_loaded(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x\tx\tkey\t" KEY "\t\t0\n",
        "\tx\tkey\t" KEY "\t\t0\tactive\n",
        "x\t\tkey\t" KEY "\t\t0\tactive\n",
        "x\tx\tkey\tkey$00$00\t\t0\tactive\n",
        "x\tx\tkey\tkey$0g000000000000000000000000000000$00\t\t0\tactive\n",
        "x\tx\tkey\t\t\t0\tactive\n",
        "x\tx\tplain\tsecret\t\t0\tactive\n",
        "x\tx\targon2\tsecret\t\t0\tactive\n",
        "x\tx\tkey\t" KEY "\t\tmany\tactive\n",
        "x\tx\tkey\t" KEY "\t\t-1\tactive\n",
        "x\tx\tkey\t" KEY "\t\t0\tasleep\n",
        "x\tx\tkey\t" KEY " scram-sha-1$4096$AAAA$AAAA$AAAA\t\t0\tactive\n",
        "x\tx\tkey\t" KEY " scram-sha-256$0$AAAA$AAAA$AAAA\t\t0\tactive\n",
        "x\tx\tkey\t" KEY " scram-sha-256$4096$AAAA$AAAA$AAAA\t\t0\tactive\n",
        "x\tx\tkey\t" KEY " scram-sha-256$4096$!\t\t0\tactive\n",
    };
    struct accounts *a = load(STR("x\tx\tkey\t" KEY SCRAM "\t\t0\tactive")); /* good, and without its newline */
    assert_non_null(accounts_find(a, STR("x")));
    accounts_free(&a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b = {0};
        struct fault f;
        buf_addf(&b, "ok\tok\tkey\t" KEY "\t\t0\tactive\n%s", bad[i]);
        write_file(buf_str(&b));
        if (accounts_load(&a, path, &f))
            fail_msg("loaded: %s", bad[i]);
        assert_non_null(strstr(f.text, path));
        assert_non_null(strstr(f.text, ":2: "));
        assert_null(a);
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_is_an_empty_snapshot),
        cmocka_unit_test(a_generated_secret_is_right_and_its_neighbours_wrong),
        cmocka_unit_test(generated_secrets_differ_and_have_160_bits),
        cmocka_unit_test(a_chosen_password_goes_through_the_slow_hash),
        cmocka_unit_test(many_logins_are_all_found),
        cmocka_unit_test(a_bad_line_is_told_with_its_place_and_nothing_is_loaded),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
