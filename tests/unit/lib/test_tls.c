/* Contexts come from good PEM only, and never ask anybody anything. */
#include "../mail/check.h"

#include "lib/buf.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

static char *chain, *key, *other_chain, *other_key;

static int begin(void **state)
{
    (void)state;
    return tls_self_signed("mx.test", 30, &chain, &key, NULL) && tls_self_signed("other.test", 30, &other_chain, &other_key, NULL)
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    free(chain);
    free(key);
    free(other_chain);
    free(other_key);
    return 0;
}

/* A server's context cannot be made of these, and the fault says what of. */
static void refused(struct str chain_pem, struct str key_pem, const char *about)
{
    struct tls_context *t = NULL;
    struct fault f = {0};
    assert_false(tls_server_new(&t, chain_pem, key_pem, &f));
    assert_null(t);
    if (!strstr(f.text, about))
        fail_msg("\"%s\" does not tell of the %s", f.text, about);
    assert_int_equal(ERR_peek_error(), 0); /* nothing is left for the next connection to trip over */
}

static X509 *certificate(const char *pem)
{
    BIO *b = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(b, NULL, NULL, NULL);
    BIO_free(b);
    assert_non_null(cert);
    return cert;
}

static void a_self_signed_certificate_names_its_host_and_its_days(void **state)
{
    X509 *cert = certificate(chain), *other = certificate(other_chain);
    (void)state;
    assert_int_equal(X509_check_host(cert, "mx.test", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(cert, "other.test", 0, 0, NULL), 0);
    time_t soon = time(NULL) + 29 * 86400, late = time(NULL) + 31 * 86400;
    assert_true(X509_cmp_current_time(X509_get0_notBefore(cert)) < 0);
    assert_true(X509_cmp_time(X509_get0_notAfter(cert), &soon) > 0);
    assert_true(X509_cmp_time(X509_get0_notAfter(cert), &late) < 0);
    EVP_PKEY *own = X509_get_pubkey(cert);
    assert_int_equal(X509_verify(cert, own), 1);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), X509_get0_serialNumber(other)), 0);
    EVP_PKEY_free(own);
    X509_free(cert);
    X509_free(other);
}

static void a_host_name_longer_than_a_common_name_may_be_has_its_certificate_too(void **state)
{
    static const char name[] = "a-host-name-of-many-letters.in-a-domain-that-has-a-long-name-as-well.example.test";
    char *pem, *secret;
    struct tls_context *t;
    (void)state;
    assert_true(sizeof name > 65);
    assert_true(tls_self_signed(name, 30, &pem, &secret, NULL));
    assert_int_equal(ERR_peek_error(), 0);
    X509 *cert = certificate(pem);
    assert_int_equal(X509_check_host(cert, name, 0, 0, NULL), 1);
    assert_true(tls_server_new(&t, str_of(pem), str_of(secret), NULL));
    tls_free(&t);
    X509_free(cert);
    free(pem);
    free(secret);
}

static void a_server_takes_its_chain_and_key(void **state)
{
    struct tls_context *t;
    struct buf both = {0};
    (void)state;
    assert_true(tls_server_new(&t, str_of(chain), str_of(key), NULL));
    tls_free(&t);
    buf_addf(&both, "a comment\n%s\nanother\n%s", chain, other_chain); /* the leaf first */
    assert_true(tls_server_new(&t, buf_str(&both), str_of(key), NULL));
    assert_int_equal(ERR_peek_error(), 0);
    tls_free(&t);
    assert_null(t);
    tls_free(&t);
    buf_done(&both);
}

static void what_is_no_certificate_or_no_key_of_it_is_refused(void **state)
{
    (void)state;
    refused((struct str){NULL, 0}, str_of(key), "certificate");
    refused(STR(""), str_of(key), "certificate");
    refused(STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), str_of(key), "certificate");
    refused(str_of(key), str_of(key), "certificate");
    refused(str_mem(chain, strlen(chain) / 2), str_of(key), "certificate");
    refused(str_of(chain), (struct str){NULL, 0}, "key");
    refused(str_of(chain), str_of(chain), "key");
    refused(str_of(chain), str_of(other_key), "key");
    refused(str_of(chain), str_mem(key, strlen(key) / 2), "key");
}

static void a_chain_that_breaks_off_behind_its_leaf_is_refused(void **state)
{
    struct buf both = {0};
    (void)state;
    buf_addf(&both, "%s%.*s", chain, (int)strlen(other_chain) / 2, other_chain);
    refused(buf_str(&both), str_of(key), "certificate");
    both.n = 0;
    buf_addf(&both, "%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", chain);
    refused(buf_str(&both), str_of(key), "certificate");
    buf_done(&both);
}

/* The pass phrase lies ready on standard input: who asks for it would get it. */
static void a_key_under_a_pass_phrase_is_refused_without_asking(void **state)
{
    BIO *in = BIO_new_mem_buf(key, -1), *out = BIO_new(BIO_s_mem());
    EVP_PKEY *plain = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    char *pem;
    int fd[2], input = dup(0);
    (void)state;
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, plain, EVP_aes_128_cbc(), "open", 4, NULL, NULL), 1);
    long n = BIO_get_mem_data(out, &pem);
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], "open\n", 5), 5);
    close(fd[1]);
    dup2(fd[0], 0);
    refused(str_of(chain), str_mem(pem, (size_t)n), "key");
    char left[8];
    assert_int_equal(read(fd[0], left, sizeof left), 5);
    dup2(input, 0);
    close(input);
    close(fd[0]);
    EVP_PKEY_free(plain);
    BIO_free(in);
    BIO_free(out);
}

static void a_client_trusts_a_list_that_has_a_certificate_and_is_whole(void **state)
{
    struct tls_context *t = NULL;
    struct fault f = {0};
    struct buf b = {0};
    (void)state;
    assert_true(tls_client_new(&t, str_of(chain), NULL));
    tls_free(&t);
    assert_true(tls_client_new(&t, STR(""), NULL)); /* the system's */
    tls_free(&t);
    assert_false(tls_client_new(&t, STR("no certificate\n"), &f));
    assert_non_null(strstr(f.text, "certificate"));
    assert_null(t);
    buf_addf(&b, "%s%.*s", chain, (int)strlen(other_chain) / 2, other_chain);
    assert_false(tls_client_new(&t, buf_str(&b), &f));
    assert_int_equal(ERR_peek_error(), 0);
    buf_done(&b);
}

static void a_context_lives_as_long_as_its_last_holder(void **state)
{
    struct tls_context *a, *b;
    (void)state;
    assert_true(tls_client_new(&a, STR(""), NULL));
    b = tls_ref(a);
    assert_ptr_equal(a, b);
    tls_free(&a);
    a = tls_ref(b);
    tls_free(&b);
    tls_free(&a);
    assert_null(tls_ref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_self_signed_certificate_names_its_host_and_its_days),
        cmocka_unit_test(a_host_name_longer_than_a_common_name_may_be_has_its_certificate_too),
        cmocka_unit_test(a_server_takes_its_chain_and_key),
        cmocka_unit_test(what_is_no_certificate_or_no_key_of_it_is_refused),
        cmocka_unit_test(a_chain_that_breaks_off_behind_its_leaf_is_refused),
        cmocka_unit_test(a_key_under_a_pass_phrase_is_refused_without_asking),
        cmocka_unit_test(a_client_trusts_a_list_that_has_a_certificate_and_is_whole),
        cmocka_unit_test(a_context_lives_as_long_as_its_last_holder),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
