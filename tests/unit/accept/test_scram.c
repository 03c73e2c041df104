/* The server's half of SCRAM-SHA-256 against a client's half written here from RFC 5802 and 7677. */
#include "../mail/check.h"

#include "accept/scram.h"
#include "lib/base64.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

static struct accounts *accounts;
static const uint8_t key_of_server[SECRET_BYTES] = {1, 2, 3};
static char path[] = "/tmp/goniec-scram-XXXXXX";

static int open_accounts(void **state)
{
    (void)state;
    struct buf b = {0};
    struct fault f;
    int fd = mkstemp(path);
    static const char *const logins[] = {"user", "a,b=c", "no-scram"};
    for (int i = 0; i < 3; i++) {
        buf_addf(&b, "%s\taccount\tkey\t", logins[i]);
        secret_encode_key(STR("pencil"), &b);
        if (i < 2) {
            buf_add_str(&b, STR(" "));
            secret_encode_scram(STR("pencil"), &b);
        }
        buf_add_str(&b, STR("\t\t0\tactive\n"));
    }
    bool good = write(fd, b.p, b.n) == (ssize_t)b.n && accounts_load(&accounts, path, &f);
    close(fd);
    buf_done(&b);
    unlink(path);
    return good ? 0 : -1;
}

static int close_accounts(void **state)
{
    (void)state;
    accounts_free(&accounts);
    return 0;
}

static void hmac(const void *key, const char *text, unsigned char out[32])
{
    unsigned n = 32;
    HMAC(EVP_sha256(), key, 32, (const unsigned char *)text, strlen(text), out, &n);
}

/* What a dialogue gives to sign, and the client's keys. */
struct client {
    char message[3000]; /* client-first-bare "," server-first "," client-final-without-proof */
    char final[1000];
    unsigned char salted[32];
};

/* Answers server-first as a client with that password. */
static void answer(struct client *c, const char *gs2, const char *bare, struct str server_first, const char *password)
{
    unsigned char key[32], stored[32], signature[32], proof[32];
    struct buf salt = {0}, header = {0}, b = {0};
    struct str rest = server_first, nonce = str_split(&rest, ','), s = str_split(&rest, ',');
    uint64_t rounds;
    assert_true(str_to_u64(str_mem(rest.p + 2, rest.n - 2), 1000000, &rounds));
    assert_true(base64_decode(str_mem(s.p + 2, s.n - 2), &salt));
    base64_encode(str_of(gs2), &header);
    PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (unsigned char *)salt.p, (int)salt.n, (int)rounds, EVP_sha256(), 32,
                      c->salted);
    hmac(c->salted, "Client Key", key);
    EVP_Digest(key, 32, stored, NULL, EVP_sha256(), NULL);
    int without = snprintf(c->final, sizeof c->final, "c=%.*s,r=%.*s", (int)header.n, header.p, (int)nonce.n - 2, nonce.p + 2);
    snprintf(c->message, sizeof c->message, "%s,%.*s,%s", bare, STR_ARGS(server_first), c->final);
    hmac(stored, c->message, signature);
    for (int i = 0; i < 32; i++)
        proof[i] = key[i] ^ signature[i];
    base64_encode(str_mem(proof, 32), &b);
    snprintf(c->final + without, sizeof c->final - (size_t)without, ",p=%.*s", (int)b.n, b.p);
    buf_done(&salt);
    buf_done(&header);
    buf_done(&b);
}

static bool dialogue(const char *gs2, const char *bare, const char *password, const char *login)
{
    struct scram s = {0};
    struct client c;
    struct buf first = {0}, out = {0}, expected = {0};
    char start[600];
    unsigned char key[32], signature[32];
    snprintf(start, sizeof start, "%s%s", gs2, bare);
    assert_true(scram_first(&s, str_of(start), accounts, key_of_server, &first));
    assert_str(s.login, login);
    answer(&c, gs2, bare, buf_str(&first), password);
    bool good = scram_final(&s, str_of(c.final), &out);
    if (good) { /* the server proves that it knows the account, too */
        hmac(c.salted, "Server Key", key);
        hmac(key, c.message, signature);
        buf_add_str(&expected, STR("v="));
        base64_encode(str_mem(signature, 32), &expected);
        assert_true(str_eq(buf_str(&out), buf_str(&expected)));
    }
    assert_true(good || out.n == 0);
    scram_done(&s);
    buf_done(&first);
    buf_done(&out);
    buf_done(&expected);
    return good;
}

static void the_right_password_is_proven_and_a_wrong_one_not(void **state)
{
    (void)state;
    assert_true(dialogue("n,,", "n=user,r=rOprNGfwEbeRWgbNEkqO", "pencil", "user"));
    assert_true(dialogue("y,,", "n=user,r=rOprNGfwEbeRWgbNEkqO", "pencil", "user"));
    assert_true(dialogue("n,a=user,", "n=user,r=rOprNGfwEbeRWgbNEkqO", "pencil", "user"));
    assert_true(dialogue("n,,", "n=a=2Cb=3Dc,r=rOprNGfwEbeRWgbNEkqO", "pencil", "a,b=c"));
    assert_false(dialogue("n,,", "n=user,r=rOprNGfwEbeRWgbNEkqO", "pencil ", "user"));
    assert_false(dialogue("n,,", "n=user,r=rOprNGfwEbeRWgbNEkqO", "", "user"));
}

static void unknown_logins_and_those_without_scram_look_like_wrong_passwords(void **state)
{
    (void)state;
    assert_false(dialogue("n,,", "n=nobody,r=rOprNGfwEbeRWgbNEkqO", "pencil", "nobody"));
    assert_false(dialogue("n,,", "n=no-scram,r=rOprNGfwEbeRWgbNEkqO", "pencil", "no-scram"));
}

/* Salt and rounds of server-first for a login. */
static void salt_at(const uint8_t key[SECRET_BYTES], const char *login, char *ret, size_t size)
{
    struct scram s = {0};
    struct buf first = {0};
    char start[600];
    snprintf(start, sizeof start, "n,,n=%s,r=abcdefgh", login);
    assert_true(scram_first(&s, str_of(start), accounts, key, &first));
    struct str rest = buf_str(&first);
    str_split(&rest, ',');
    snprintf(ret, size, "%.*s", STR_ARGS(rest));
    scram_done(&s);
    buf_done(&first);
}

static void salt_of(const char *login, char *ret, size_t size) { salt_at(key_of_server, login, ret, size); }

static void an_unknown_logins_salt_stays_the_same_and_has_the_usual_form(void **state)
{
    (void)state;
    char a[200], b[200], other[200], known[200];
    salt_of("nobody", a, sizeof a);
    salt_of("nobody", b, sizeof b);
    salt_of("nobody2", other, sizeof other);
    salt_of("user", known, sizeof known);
    assert_string_equal(a, b);
    assert_string_not_equal(a, other);
    assert_int_equal(strlen(a), strlen(known));
    assert_string_equal(a + strlen(a) - 7, ",i=4096");
    assert_string_equal(known + strlen(known) - 7, ",i=4096");
}

static void an_unknown_logins_salt_is_the_servers_secret(void **state)
{
    static const uint8_t other_server[SECRET_BYTES] = {1, 2, 4};
    char here[200], there[200];
    (void)state;
    salt_of("nobody", here, sizeof here);
    salt_at(other_server, "nobody", there, sizeof there);
    assert_string_not_equal(here, there);
    salt_of("user", here, sizeof here);
    salt_at(other_server, "user", there, sizeof there);
    assert_string_equal(here, there);
}

static void malformed_first_messages(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "n",
                                      "n,",
                                      "n,,",
                                      "n,,n=user",
                                      "n,,n=user,",
                                      "n,,n=user,r=",
                                      "n,,n=user,r=short",
                                      "n,,n=,r=abcdefgh",
                                      "n,,n=us=er,r=abcdefgh",
                                      "n,,n=user=,r=abcdefgh",
                                      "n,,n=user=2,r=abcdefgh",
                                      "n,,m=ext,n=user,r=abcdefgh",
                                      "n,a=other,n=user,r=abcdefgh",
                                      "n,other,n=user,r=abcdefgh",
                                      "p=tls-unique,,n=user,r=abcdefgh",
                                      "x,,n=user,r=abcdefgh",
                                      "n,,r=abcdefgh,n=user"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct scram s = {0};
        struct buf out = {0};
        if (scram_first(&s, str_of(bad[i]), accounts, key_of_server, &out))
            fail_msg("taken: %s", bad[i]);
        scram_done(&s);
        buf_done(&out);
    }
}

static void a_final_message_that_does_not_fit_the_first_proves_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        struct scram s = {0};
        struct client c;
        struct buf first = {0}, out = {0};
        assert_true(scram_first(&s, STR("n,,n=user,r=abcdefgh"), accounts, key_of_server, &first));
        answer(&c, i == 0 ? "y,," : "n,,", "n=user,r=abcdefgh", buf_str(&first), "pencil");
        char *proof = strstr(c.final, ",p=");
        if (i == 1) /* the proof cut short */
            proof[20] = '\0';
        if (i == 2)
            proof[3] ^= 1;
        if (i == 3)
            *proof = '\0';
        if (i == 4) /* another nonce */
            c.final[strlen("c=biws,r=") + 1] ^= 1;
        if (i == 5)
            strcat(c.final, ",x=y");
        if (i == 6)
            c.final[0] = '\0';
        assert_false(scram_final(&s, str_of(c.final), &out));
        scram_done(&s);
        buf_done(&first);
        buf_done(&out);
    }
}

static void a_final_message_without_a_first_proves_nothing(void **state)
{
    (void)state;
    struct scram s = {0};
    struct buf out = {0};
    assert_false(scram_final(&s, STR("c=biws,r=,p=AAAA"), &out));
    scram_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_password_is_proven_and_a_wrong_one_not),
        cmocka_unit_test(unknown_logins_and_those_without_scram_look_like_wrong_passwords),
        cmocka_unit_test(an_unknown_logins_salt_stays_the_same_and_has_the_usual_form),
        cmocka_unit_test(an_unknown_logins_salt_is_the_servers_secret),
        cmocka_unit_test(malformed_first_messages),
        cmocka_unit_test(a_final_message_that_does_not_fit_the_first_proves_nothing),
        cmocka_unit_test(a_final_message_without_a_first_proves_nothing),
    };
    return cmocka_run_group_tests(tests, open_accounts, close_accounts);
}
