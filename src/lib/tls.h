/* tls: OpenSSL contexts, made once per policy and shared by all connections that follow it. */
#pragma once

#include "lib/fault.h"
#include "lib/str.h"

struct tls_context;

/* What a finished handshake tells; texts are NUL-terminated. */
struct tls_facts {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* IANA's name: "TLS_AES_256_GCM_SHA384" */
    bool verified; /* client: the certificate is good for the peer: by TLSA records, if there are any, else by chain and name */
    enum tls_problem {
        TLS_PROBLEM_NONE,
        TLS_PROBLEM_NAME,
        TLS_PROBLEM_EXPIRED,
        TLS_PROBLEM_UNTRUSTED, /* and whatever else OpenSSL says */
        TLS_PROBLEM_TLSA
    } problem; /* client: why not */
};

/* A TLSA record that a client can use (RFC 6698 2.1): usage 2 (DANE-TA) or 3 (DANE-EE). */
struct tls_tlsa {
    uint8_t usage, selector, matching;
    uint16_t n;
    const uint8_t *data;
};

/* Whom a client expects. */
struct tls_peer {
    const char *name;    /* sent as SNI, and to be found in the certificate; NULL: nobody in particular */
    const char *also[2]; /* with TLSA records of usage 2 these will do as well (RFC 7672 3.2.2); NULL: none */
    const struct tls_tlsa *tlsa;
    unsigned tlsas; /* 0: chain and name decide */
};

/* A server's context from PEM texts (chain with the leaf first; key). TLS 1.2 at least. */
bool tls_server_new(struct tls_context **ret, struct str chain_pem, struct str key_pem, struct fault *f);
/* A client's context that trusts the system's roots (or ca_pem, when not empty). Whatever the certificate, the handshake goes on:
 * its facts say whether it is good, and the owner of the connection judges (RFC 7435). TLS 1.2 at least. */
bool tls_client_new(struct tls_context **ret, struct str ca_pem, struct fault *f);
/* Whether a TLSA record is one that a client can use (RFC 7672 3.1: usages 0 and 1 are not). */
bool tls_tlsa_usable(const struct tls_tlsa *r);
/* Contexts are counted: _ref for another holder, _free drops one. */
struct tls_context *tls_ref(struct tls_context *t);
void tls_free(struct tls_context **t);

/* A fresh self-signed certificate (P-256, `name` as CN, where it is short enough, and SAN, valid `days` days); PEMs are malloc'd,
 * the caller frees. */
bool tls_self_signed(const char *name, int days, char **ret_chain_pem, char **ret_key_pem, struct fault *f);

/* For stream_tls.c: a new session of the context, for the socket; peer (client only, may be NULL) is copied. The caller frees it
 * with SSL_free. */
struct ssl_st *tls_session(struct tls_context *t, int fd, const struct tls_peer *peer);
/* The names that the peer's certificate is for, as "mx.test, mail.test", cut to n bytes; "" without one. */
void tls_shown(struct ssl_st *ssl, char *out, size_t n);
/* For stream_tls.c: what a finished handshake tells. */
void tls_facts_of(struct tls_context *t, struct ssl_st *ssl, struct tls_facts *ret);
/* For stream_tls.c: the newest entry of OpenSSL's error queue, or the fallback; empties the queue. */
const char *tls_error(char *buf, size_t n, const char *fallback);
