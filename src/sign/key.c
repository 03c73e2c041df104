/* key: see key.h. */
#include "sign/key.h"

#include "lib/base64.h"
#include "lib/file.h"
#include "lib/must.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>

enum { RSA_BITS = 2048, RSA_BITS_MAX = 4096 };

/* ---- ready to sign ---- */

static EVP_PKEY *read_pem(const char *path, struct fault *f)
{
    FILE *in = fopen(path, "re");
    if (!in) {
        fault_errno(f, errno, "cannot open the key %s", path);
        return NULL;
    }
    EVP_PKEY *k = PEM_read_PrivateKey(in, NULL, NULL, (void *)""); /* no pass phrase is asked for */
    fclose(in);
    ERR_clear_error();
    if (!k)
        fault_set(f, "%s holds no private key that can be read", path);
    return k;
}

/* RFC 8301 3.2: signers use at least 2048 bits where verifiers must take up to 4096; shorter ones that exist still count. */
static bool is_usable(const EVP_PKEY *k, const char *path, struct fault *f)
{
    if (EVP_PKEY_get_base_id(k) == EVP_PKEY_ED25519)
        return true;
    int bits = EVP_PKEY_get_bits(k);
    if (EVP_PKEY_get_base_id(k) != EVP_PKEY_RSA)
        return fault_set(f, "%s holds a key that is neither RSA nor Ed25519", path);
    return (bits >= 1024 && bits <= RSA_BITS_MAX) ||
           fault_set(f, "%s holds an RSA key of %d bits: receivers take 1024 to %d", path, bits, RSA_BITS_MAX);
}

/* libsodium signs twice as fast as OpenSSL does, and as much in constant time. */
static void take_secret(struct sign_key *k)
{
    unsigned char seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES];
    size_t n = sizeof seed;
    must(sizeof k->secret == crypto_sign_SECRETKEYBYTES && sodium_init() >= 0);
    must(EVP_PKEY_get_raw_private_key(k->pkey, seed, &n) == 1 && n == sizeof seed);
    crypto_sign_seed_keypair(public, k->secret, seed);
    sodium_memzero(seed, sizeof seed);
    EVP_PKEY_free(k->pkey);
    k->pkey = NULL;
}

bool key_open(struct sign_key *k, const char *path, struct fault *f)
{
    k->pkey = read_pem(path, f);
    if (!k->pkey || !is_usable(k->pkey, path, f))
        return false;
    k->ed25519 = EVP_PKEY_get_base_id(k->pkey) == EVP_PKEY_ED25519;
    if (k->ed25519) {
        take_secret(k);
    } else {
        k->rsa = EVP_PKEY_CTX_new(k->pkey, NULL);
        must(k->rsa && EVP_PKEY_sign_init(k->rsa) == 1 && EVP_PKEY_CTX_set_rsa_padding(k->rsa, RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(k->rsa, k->sha256) == 1);
    }
    return true;
}

void key_done(struct sign_key *k)
{
    EVP_PKEY_CTX_free(k->rsa);
    EVP_PKEY_free(k->pkey);
    sodium_memzero(k->secret, sizeof k->secret);
    k->rsa = NULL;
    k->pkey = NULL;
}

/* ---- in files ---- */

bool key_make(const char *path, bool ed25519, struct fault *f)
{
    EVP_PKEY *k = ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_RSA_gen(RSA_BITS);
    BIO *out = BIO_new(BIO_s_mem());
    bool good = k && out && PEM_write_bio_PrivateKey(out, k, NULL, NULL, 0, NULL, NULL) == 1;
    if (good) {
        char *pem;
        long n = BIO_get_mem_data(out, &pem);
        good = file_replace(path, str_mem(pem, (size_t)n), 0600, f);
    } else {
        fault_set(f, "the key for %s cannot be made", path);
    }
    BIO_free(out);
    EVP_PKEY_free(k);
    return good;
}

bool key_public(const char *path, struct buf *b, struct fault *f)
{
    EVP_PKEY *k = read_pem(path, f);
    if (!k)
        return false;
    unsigned char raw[32], *der = NULL;
    size_t n = sizeof raw;
    if (EVP_PKEY_get_base_id(k) == EVP_PKEY_ED25519) {
        must(EVP_PKEY_get_raw_public_key(k, raw, &n) == 1);
        base64_encode(str_mem(raw, n), b);
    } else {
        int len = i2d_PUBKEY(k, &der);
        must(len > 0);
        base64_encode(str_mem(der, (size_t)len), b);
        OPENSSL_free(der);
    }
    EVP_PKEY_free(k);
    return true;
}
