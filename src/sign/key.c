/* key: see key.h. */
#include "sign/key.h"

#include "lib/base64.h"
#include "lib/must.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool key_open(struct sign_key *k, const char *path, struct fault *f)
{
    k->pkey = read_pem(path, f);
    if (!k->pkey || !is_usable(k->pkey, path, f))
        return false;
    k->ed25519 = EVP_PKEY_get_base_id(k->pkey) == EVP_PKEY_ED25519;
    if (k->ed25519) {
        k->eddsa = EVP_MD_CTX_new();
        must(k->eddsa && EVP_DigestSignInit(k->eddsa, NULL, NULL, NULL, k->pkey) == 1);
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
    EVP_MD_CTX_free(k->eddsa);
    EVP_PKEY_free(k->pkey);
    k->rsa = NULL;
    k->eddsa = NULL;
    k->pkey = NULL;
}

/* ---- in files ---- */

static bool write_synced(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n <= 0)
            return false;
        bytes = str_mem(bytes.p + n, bytes.n - (size_t)n);
    }
    return fsync(fd) == 0;
}

bool key_file_write(const char *path, struct str bytes, unsigned mode, struct fault *f)
{
    char fresh[900], dir[900];
    struct stat st;
    snprintf(fresh, sizeof fresh, "%s.new", path);
    snprintf(dir, sizeof dir, "%s", path);
    const char *folder = dirname(dir);
    unlink(fresh); /* of a run that was cut off; so that the mode below is the file's */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    bool good = fd >= 0 && write_synced(fd, bytes);
    if (good && geteuid() == 0 && stat(folder, &st) == 0)
        good = fchown(fd, st.st_uid, st.st_gid) == 0;
    good = good && rename(fresh, path) == 0;
    int code = errno, parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    if (parent >= 0) {
        fsync(parent);
        close(parent);
    }
    return good || fault_errno(f, code, "cannot write %s", path);
}

bool key_make(const char *path, bool ed25519, struct fault *f)
{
    EVP_PKEY *k = ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_RSA_gen(RSA_BITS);
    BIO *out = BIO_new(BIO_s_mem());
    bool good = k && out && PEM_write_bio_PrivateKey(out, k, NULL, NULL, 0, NULL, NULL) == 1;
    if (good) {
        char *pem;
        long n = BIO_get_mem_data(out, &pem);
        good = key_file_write(path, str_mem(pem, (size_t)n), 0600, f);
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
