/* tls: see tls.h. */
#include "lib/tls.h"

#include "lib/must.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

struct tls_context {
    atomic_uint refs;
    SSL_CTX *ctx;
    bool server;
};

const char *tls_error(char *buf, size_t n, const char *fallback)
{
    unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (!code)
        return fallback;
    const char *reason = ERR_reason_error_string(code);
    if (reason)
        return reason;
    ERR_error_string_n(code, buf, n);
    return buf;
}

static bool ssl_fault(struct fault *f, const char *what)
{
    char text[256];
    return fault_set(f, "%s: %s", what, tls_error(text, sizeof text, "unknown trouble"));
}

/* ---- contexts ---- */

static struct tls_context *context_new(const SSL_METHOD *method, bool server)
{
    struct tls_context *t = calloc(1, sizeof *t);
    must(t);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets without MSG_NOSIGNAL */
    atomic_init(&t->refs, 1);
    t->ctx = SSL_CTX_new(method);
    must(t->ctx);
    t->server = server;
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION); /* RFC 8996 */
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(t->ctx, 1);
    return t;
}

static BIO *bio_of(struct str pem)
{
    must(pem.n <= INT32_MAX);
    BIO *b = BIO_new_mem_buf(pem.n ? pem.p : "", (int)pem.n);
    must(b);
    return b;
}

/* Whether the row of certificates ended because the text did, and not in the middle of one. */
static bool ended_well(void) { return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE; }

/* A daemon asks nobody: without this OpenSSL would turn to the terminal or standard input. */
static int no_pass_phrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static bool use_chain(SSL_CTX *ctx, struct str pem)
{
    BIO *b = bio_of(pem);
    X509 *leaf = PEM_read_bio_X509(b, NULL, NULL, NULL), *ca;
    bool good = leaf && SSL_CTX_use_certificate(ctx, leaf) == 1;
    X509_free(leaf);
    while (good && (ca = PEM_read_bio_X509(b, NULL, NULL, NULL)))
        if (SSL_CTX_add0_chain_cert(ctx, ca) != 1) {
            X509_free(ca);
            good = false;
        }
    BIO_free(b);
    return good && ended_well();
}

static bool use_key(SSL_CTX *ctx, struct str pem)
{
    BIO *b = bio_of(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, no_pass_phrase, NULL);
    bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(key);
    BIO_free(b);
    return good;
}

bool tls_server_new(struct tls_context **ret, struct str chain_pem, struct str key_pem, struct fault *f)
{
    struct tls_context *t = context_new(TLS_server_method(), true);
    static const unsigned char id[] = "goniec";
    SSL_CTX_set_session_id_context(t->ctx, id, sizeof id - 1);
    SSL_CTX_set_num_tickets(t->ctx, 1);
    bool good = use_chain(t->ctx, chain_pem)
                    ? use_key(t->ctx, key_pem) || ssl_fault(f, "the TLS key cannot be used with its certificate")
                    : ssl_fault(f, "the TLS certificate cannot be read");
    ERR_clear_error(); /* reading a chain ends with "no start line" */
    if (good)
        *ret = t;
    else
        tls_free(&t);
    return good;
}

static bool trust(SSL_CTX *ctx, struct str pem, struct fault *f)
{
    if (pem.n == 0)
        return SSL_CTX_set_default_verify_paths(ctx) == 1 || ssl_fault(f, "the system's root certificates cannot be read");
    BIO *b = bio_of(pem);
    int n = 0;
    for (X509 *ca; (ca = PEM_read_bio_X509(b, NULL, NULL, NULL)); n++) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca);
        X509_free(ca);
    }
    BIO_free(b);
    if (!ended_well())
        return ssl_fault(f, "a certificate in the list of trusted ones cannot be read");
    ERR_clear_error();
    return n > 0 || fault_set(f, "there is no certificate in the list of trusted ones");
}

bool tls_client_new(struct tls_context **ret, struct str ca_pem, struct fault *f)
{
    struct tls_context *t = context_new(TLS_client_method(), false);
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_NONE, NULL); /* checks, and goes on */
    must(SSL_CTX_dane_enable(t->ctx) == 1);
    if (!trust(t->ctx, ca_pem, f)) {
        tls_free(&t);
        return false;
    }
    *ret = t;
    return true;
}

struct tls_context *tls_ref(struct tls_context *t)
{
    if (t)
        atomic_fetch_add(&t->refs, 1);
    return t;
}

void tls_free(struct tls_context **t)
{
    struct tls_context *x = *t;
    *t = NULL;
    if (!x || atomic_fetch_sub(&x->refs, 1) > 1)
        return;
    SSL_CTX_free(x->ctx);
    free(x);
}

/* ---- TLSA records ---- */

/* A record that holds a whole certificate or key, and not its digest, must be one (RFC 6698 2.1.4). A certificate is read even
 * when its key is of a kind that nobody knows: OpenSSL refuses such a record later. */
static bool is_whole(const struct tls_tlsa *r)
{
    const unsigned char *p = r->data;
    X509 *cert = r->selector == 0 ? d2i_X509(NULL, &p, r->n) : NULL;
    EVP_PKEY *key = r->selector == 1 ? d2i_PUBKEY(NULL, &p, r->n) : NULL;
    bool good = ((cert && X509_get0_pubkey(cert)) || key) && p == r->data + r->n;
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return good;
}

bool tls_tlsa_usable(const struct tls_tlsa *r)
{
    if ((r->usage != 2 && r->usage != 3) || r->selector > 1)
        return false;
    return r->matching == 0 ? is_whole(r) : r->matching == 1 ? r->n == 32 : r->matching == 2 && r->n == 64;
}

/* ---- sessions ---- */

/* Chain and name decide (RFC 9525: names are in the SAN, a wildcard stands for one label). */
static void expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(p, name) == 1) /* RFC 6066 3 knows no SNI for addresses */
        return;
    SSL_set_tlsext_host_name(ssl, name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    SSL_set1_host(ssl, name);
}

/* TLSA records decide: of usage 3 whatever name and dates the certificate bears, of usage 2 with a name (RFC 7672 3.1.1, 3.2). */
static void expect_tlsa(SSL *ssl, const struct tls_peer *peer)
{
    must(SSL_dane_enable(ssl, peer->name) == 1);
    SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    for (size_t i = 0; i < sizeof peer->also / sizeof *peer->also; i++)
        if (peer->also[i])
            SSL_add1_host(ssl, peer->also[i]);
    for (unsigned i = 0; i < peer->tlsas; i++) {
        const struct tls_tlsa *r = &peer->tlsa[i];
        must(SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching, r->data, r->n) == 1);
    }
}

struct ssl_st *tls_session(struct tls_context *t, int fd, const struct tls_peer *peer)
{
    SSL *ssl = SSL_new(t->ctx);
    must(ssl && SSL_set_fd(ssl, fd) == 1);
    if (t->server) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_connect_state(ssl);
    if (peer && peer->tlsas)
        expect_tlsa(ssl, peer);
    else if (peer && peer->name)
        expect_name(ssl, peer->name);
    ERR_clear_error();
    return ssl;
}

static enum tls_problem problem_of(long result)
{
    switch (result) {
    case X509_V_OK:
        return TLS_PROBLEM_NONE;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TLS_PROBLEM_NAME;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_PROBLEM_EXPIRED;
    case X509_V_ERR_DANE_NO_MATCH:
        return TLS_PROBLEM_TLSA;
    default:
        return TLS_PROBLEM_UNTRUSTED;
    }
}

void tls_facts_of(struct tls_context *t, struct ssl_st *ssl, struct tls_facts *ret)
{
    const char *cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl));
    *ret = (struct tls_facts){.version = SSL_get_version(ssl), .cipher = cipher ? cipher : ""};
    if (t->server)
        return;
    ret->problem = SSL_get0_peer_certificate(ssl) ? problem_of(SSL_get_verify_result(ssl)) : TLS_PROBLEM_UNTRUSTED;
    ret->verified = ret->problem == TLS_PROBLEM_NONE;
}

static void add_shown(char *out, size_t n, const unsigned char *p, int length)
{
    size_t at = strlen(out);
    if (length <= 0 || at + (size_t)length + 3 > n)
        return;
    if (at) {
        memcpy(out + at, ", ", 2);
        at += 2;
    }
    for (int i = 0; i < length; i++)
        out[at++] = p[i] > ' ' && p[i] < 0x7f ? (char)p[i] : '?';
    out[at] = '\0';
}

void tls_shown(struct ssl_st *ssl, char *out, size_t n)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    GENERAL_NAMES *names = cert ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL) : NULL;
    out[0] = '\0';
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        if (g->type == GEN_DNS)
            add_shown(out, n, ASN1_STRING_get0_data(g->d.dNSName), ASN1_STRING_length(g->d.dNSName));
    }
    GENERAL_NAMES_free(names);
    char cn[256];
    int length = cert && !*out ? X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn, sizeof cn) : -1;
    add_shown(out, n, (const unsigned char *)cn, length);
    ERR_clear_error();
}

/* ---- a certificate of our own ---- */

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX c;
    X509V3_set_ctx_nodb(&c);
    X509V3_set_ctx(&c, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
    bool good = e && X509_add_ext(cert, e, -1) == 1;
    X509_EXTENSION_free(e);
    return good;
}

static X509 *sign_self(EVP_PKEY *key, const char *name, int days)
{
    X509 *cert = X509_new();
    unsigned char serial[8];
    char san[300];
    must(cert);
    snprintf(san, sizeof san, "DNS:%s", name);
    must(RAND_bytes(serial, sizeof serial) == 1);
    serial[0] &= 0x7f;
    BIGNUM *n = BN_bin2bn(serial, sizeof serial, NULL);
    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * 86400);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    ERR_clear_error(); /* past 64 letters there is no CN (X.520 ub-common-name); the SAN is what counts (RFC 6125) */
    X509_set_issuer_name(cert, subject);
    if (add_extension(cert, NID_subject_alt_name, san) && X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static char *text_of(BIO *b)
{
    char *data;
    long n = BIO_get_mem_data(b, &data);
    char *z = malloc((size_t)n + 1);
    must(z);
    memcpy(z, data, (size_t)n);
    z[n] = '\0';
    BIO_free(b);
    return z;
}

bool tls_self_signed(const char *name, int days, char **ret_chain_pem, char **ret_key_pem, struct fault *f)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? sign_self(key, name, days) : NULL;
    BIO *chain = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
    bool good =
        cert && PEM_write_bio_X509(chain, cert) == 1 && PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (good) {
        *ret_chain_pem = text_of(chain);
        *ret_key_pem = text_of(secret);
    } else {
        BIO_free(chain);
        BIO_free(secret);
        ssl_fault(f, "a self-signed certificate cannot be made");
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return good;
}
