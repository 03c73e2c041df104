/* What becomes of a login and a password: verdicts, delays, blocks, and what is written down. The session is one of ours. */
#include "../mail/check.h"

#include "accept/inner.h"

#include <unistd.h>

struct session {
    struct accept *accept;
    enum login_verdict verdict;
    const struct credential *credential;
    int64_t delay_ms;
    unsigned held, answers;
    uint64_t address, network;
};

static struct {
    struct loop *loop;
    struct chore_pool *chores;
    struct accept_settings settings;
    struct accept accept;
    struct session session;
    char log[4096]; /* events' texts, one a line */
} w;

struct accept *session_accept(struct session *s) { return s->accept; }
uint64_t session_address_key(const struct session *s) { return s->address; }
uint64_t session_network_key(const struct session *s) { return s->network; }

struct str session_ip(const struct session *s)
{
    (void)s;
    return STR("192.0.2.1");
}

void session_hold(struct session *s) { s->held++; }

bool session_let_go(struct session *s)
{
    s->held--;
    return true;
}

void session_login(struct session *s, enum login_verdict v, const struct credential *c, int64_t delay_ms)
{
    s->verdict = v;
    s->credential = c;
    s->delay_ms = delay_ms;
    s->answers++;
}

static void on_event(void *ctx, const struct accept_event *e)
{
    (void)ctx;
    size_t n = strlen(w.log);
    snprintf(w.log + n, sizeof w.log - n, "%.*s: %.*s\n", STR_ARGS(e->login), STR_ARGS(e->text));
}

static const struct accept_hooks hooks = {.event = on_event};

/* Accounts: shop with a generated secret, jan (with_slow) with a chosen password, gone is suspended. */
static void load_accounts(bool with_slow)
{
    char path[] = "/tmp/goniec-password-XXXXXX";
    struct buf b = {0};
    struct fault f;
    int fd = mkstemp(path);
    buf_add_str(&b, STR("shop\tshop\tkey\t"));
    secret_encode_key(STR("secret"), &b);
    buf_add_str(&b, STR("\t\t0\tactive\ngone\tgone\tkey\t"));
    secret_encode_key(STR("secret"), &b);
    buf_add_str(&b, STR("\t\t0\tsuspended: spam\n"));
    if (with_slow) {
        buf_add_str(&b, STR("jan\tjan\targon2\t"));
        assert_true(secret_encode_argon2(STR("chosen"), &b, &f));
        buf_add_str(&b, STR("\t\t0\tactive\n"));
    }
    assert_int_equal(write(fd, b.p, b.n), b.n);
    close(fd);
    accounts_free(&w.settings.accounts);
    assert_true(accounts_load(&w.settings.accounts, path, &f));
    unlink(path);
    buf_done(&b);
}

static int begin(void **state)
{
    (void)state;
    struct fault f;
    memset(&w, 0, sizeof w);
    if (!loop_new(&w.loop, &f) || !chore_pool_new(&w.chores, 1, &f))
        return -1;
    w.settings = (struct accept_settings){.auth_failures_max = 4, .auth_block_ms = 60000};
    w.accept = (struct accept){
        .loop = w.loop, .chores = w.chores, .shared = accept_shared_new(), .settings = &w.settings, .hooks = &hooks};
    w.session = (struct session){.accept = &w.accept, .address = 11, .network = 12};
    load_accounts(false);
    return 0;
}

static int end(void **state)
{
    (void)state;
    chore_pool_free(&w.chores);
    accept_shared_free(&w.accept.shared);
    accounts_free(&w.settings.accounts);
    loop_free(&w.loop);
    return 0;
}

/* One guess, to its end; from an address of its own when there is one. */
static enum login_verdict guess(uint64_t address, const char *login, const char *password)
{
    unsigned before = w.session.answers;
    w.log[0] = '\0';
    w.session.address = address;
    password_check(&w.session, str_of(login), str_of(password));
    while (w.session.answers == before || w.session.held)
        loop_turn(w.loop, 100);
    assert_int_equal(w.session.answers, before + 1);
    return w.session.verdict;
}

static void right_and_wrong_passwords(void **state)
{
    (void)state;
    assert_int_equal(guess(1, "shop", "secret"), LOGIN_GOOD);
    assert_str(w.session.credential->account, "shop");
    assert_string_equal(w.log, "");
    assert_int_equal(guess(1, "shop", "Secret"), LOGIN_WRONG);
    assert_string_equal(w.log, "shop: wrong password\n");
    assert_int_equal(guess(1, "nobody", "secret"), LOGIN_WRONG);
    assert_string_equal(w.log, "nobody: unknown login\n");
    assert_int_equal(guess(1, "gone", "secret"), LOGIN_SUSPENDED);
    assert_int_equal(guess(1, "gone", "wrong"), LOGIN_WRONG); /* only the owner is told */
}

static void white_space_that_was_pasted_along_is_written_down_and_not_taken(void **state)
{
    (void)state;
    static const char *const passwords[] = {"secret ", "\tsecret", "secret\r\n", "secret\xC2\xA0", "\xC2\xA0 secret"};
    for (uint64_t i = 0; i < sizeof passwords / sizeof *passwords; i++) {
        assert_int_equal(guess(100 + i, "shop", passwords[i]), LOGIN_WRONG);
        assert_non_null(strstr(w.log, "white space around it"));
        assert_null(strstr(w.log, "secret"));
        guess(100 + i, "shop", "secret");
    }
    assert_int_equal(guess(1, "shop ", "secret"), LOGIN_WRONG);
    assert_non_null(strstr(w.log, "unknown login: it would be known without the white space"));
    assert_int_equal(guess(2, "shop", "sec ret"), LOGIN_WRONG);
    assert_string_equal(w.log, "shop: wrong password\n");
    assert_int_equal(guess(3, "shop", "  "), LOGIN_WRONG);
}

static void each_failure_waits_longer_and_then_the_address_is_blocked(void **state)
{
    (void)state;
    char login[20];
    int64_t before = 0;
    for (int i = 0; i < 4; i++) {
        snprintf(login, sizeof login, "user%d", i);
        assert_int_equal(guess(1, login, "x"), LOGIN_WRONG);
        assert_true(w.session.delay_ms > before);
        before = w.session.delay_ms;
    }
    assert_non_null(strstr(w.log, "the address is blocked"));
    assert_int_equal(guess(1, "shop", "secret"), LOGIN_BLOCKED);
    assert_int_equal(guess(2, "shop", "secret"), LOGIN_GOOD); /* from elsewhere it goes on */
}

static void an_account_is_blocked_wherever_the_guesses_come_from(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 4; i++)
        assert_int_equal(guess(i, "shop", "x"), LOGIN_WRONG);
    assert_non_null(strstr(w.log, "the account is blocked"));
    assert_int_equal(guess(9, "shop", "secret"), LOGIN_BLOCKED);
    for (uint64_t i = 1; i <= 4; i++) /* an unknown one all the same */
        assert_int_equal(guess(20 + i, "nobody", "x"), LOGIN_WRONG);
    assert_int_equal(guess(30, "nobody", "x"), LOGIN_BLOCKED);
}

static void guesses_from_elsewhere_do_not_lock_out_who_logged_in_from_here_before(void **state)
{
    (void)state;
    assert_int_equal(guess(9, "shop", "secret"), LOGIN_GOOD);
    for (uint64_t i = 1; i <= 16; i++)
        guess(1000 + i, "shop", "x");
    assert_int_equal(guess(8, "shop", "secret"), LOGIN_BLOCKED);
    assert_int_equal(guess(9, "shop", "secret"), LOGIN_GOOD);
    for (int i = 0; i < 4; i++) /* its own guesses count all the same */
        assert_int_equal(guess(9, "shop", "x"), LOGIN_WRONG);
    assert_int_equal(guess(9, "shop", "secret"), LOGIN_BLOCKED);
}

static void a_network_whose_addresses_take_turns_is_blocked(void **state)
{
    (void)state;
    char login[20];
    for (uint64_t i = 1; i <= 16; i++) {
        snprintf(login, sizeof login, "user%d", (int)i);
        assert_int_equal(guess(1000 + i, login, "x"), LOGIN_WRONG);
    }
    assert_non_null(strstr(w.log, "the network around the address is blocked"));
    assert_int_equal(guess(99, "shop", "secret"), LOGIN_BLOCKED);
}

static void a_login_of_ones_own_does_not_pay_for_guesses_at_others(void **state)
{
    (void)state;
    assert_int_equal(guess(1, "a", "x"), LOGIN_WRONG);
    assert_int_equal(guess(1, "b", "x"), LOGIN_WRONG);
    assert_int_equal(guess(1, "shop", "typo"), LOGIN_WRONG);
    assert_int_equal(guess(1, "shop", "secret"), LOGIN_GOOD); /* forgives the typo */
    assert_int_equal(guess(1, "c", "x"), LOGIN_WRONG);
    assert_int_equal(guess(1, "d", "x"), LOGIN_WRONG);
    assert_int_equal(guess(1, "shop", "secret"), LOGIN_BLOCKED);
}

static void wrong_guesses_cost_the_same_slow_hash_whatever_the_login(void **state)
{
    (void)state;
    load_accounts(true);
    static const char *const logins[] = {"jan", "shop", "nobody", "gone"};
    for (uint64_t i = 0; i < 4; i++) {
        w.session.address = 50 + i;
        password_check(&w.session, str_of(logins[i]), STR("wrong"));
        assert_int_equal(w.session.held, 1); /* the hash is at work */
        while (w.session.held)
            loop_turn(w.loop, 100);
        assert_int_equal(w.session.verdict, LOGIN_WRONG);
    }
    /* The first account's password at another login is as wrong as any. */
    assert_int_equal(guess(60, "nobody", "chosen"), LOGIN_WRONG);
    assert_int_equal(guess(61, "shop", "chosen"), LOGIN_WRONG);
}

static void a_chosen_password_is_hashed_once_and_then_remembered(void **state)
{
    (void)state;
    load_accounts(true);
    assert_int_equal(guess(1, "jan", "chosen "), LOGIN_WRONG);
    assert_non_null(strstr(w.log, "white space around it"));
    assert_int_equal(guess(1, "jan", "chosen"), LOGIN_GOOD);
    password_check(&w.session, STR("jan"), STR("chosen"));
    assert_int_equal(w.session.held, 0); /* at once */
    assert_int_equal(w.session.verdict, LOGIN_GOOD);
    password_check(&w.session, STR("jan"), STR("chosen2"));
    assert_int_equal(w.session.held, 1);
    while (w.session.held)
        loop_turn(w.loop, 100);
    assert_int_equal(w.session.verdict, LOGIN_WRONG);
}

static void proofs_are_counted_like_passwords(void **state)
{
    (void)state;
    password_proven(&w.session, STR("shop"), true);
    assert_int_equal(w.session.verdict, LOGIN_GOOD);
    for (int i = 0; i < 4; i++) {
        password_proven(&w.session, STR("shop"), false);
        assert_int_equal(w.session.verdict, LOGIN_WRONG);
        assert_true(w.session.delay_ms > 400);
    }
    password_proven(&w.session, STR("shop"), true);
    assert_int_equal(w.session.verdict, LOGIN_BLOCKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(right_and_wrong_passwords, begin, end),
        cmocka_unit_test_setup_teardown(white_space_that_was_pasted_along_is_written_down_and_not_taken, begin, end),
        cmocka_unit_test_setup_teardown(each_failure_waits_longer_and_then_the_address_is_blocked, begin, end),
        cmocka_unit_test_setup_teardown(an_account_is_blocked_wherever_the_guesses_come_from, begin, end),
        cmocka_unit_test_setup_teardown(guesses_from_elsewhere_do_not_lock_out_who_logged_in_from_here_before, begin, end),
        cmocka_unit_test_setup_teardown(a_network_whose_addresses_take_turns_is_blocked, begin, end),
        cmocka_unit_test_setup_teardown(a_login_of_ones_own_does_not_pay_for_guesses_at_others, begin, end),
        cmocka_unit_test_setup_teardown(wrong_guesses_cost_the_same_slow_hash_whatever_the_login, begin, end),
        cmocka_unit_test_setup_teardown(a_chosen_password_is_hashed_once_and_then_remembered, begin, end),
        cmocka_unit_test_setup_teardown(proofs_are_counted_like_passwords, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
