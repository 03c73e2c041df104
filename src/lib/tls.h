/* tls: OpenSSL contexts, made once per policy and shared by all connections that follow it. */
#pragma once

#include "lib/fault.h"
#include "lib/str.h"

struct tls_context;

/* What a finished handshake tells; texts are NUL-terminated. */
struct tls_facts {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* IANA's name: "TLS_AES_256_GCM_SHA384" */
    bool verified;       /* client: the chain and name were checked and good */
    char problem[128];   /* client, opportunistic: why it was not verified; "" otherwise */
};

/* A server's context from PEM texts (chain with the leaf first; key). TLS 1.2 at least. */
bool tls_server_new(struct tls_context **ret, struct str chain_pem, struct str key_pem, struct fault *f);
/* A client's context. verify: a chain to the system's roots (or ca_pem, when not empty) and a matching name
 * are required, otherwise any certificate will do (opportunistic TLS, RFC 7435). TLS 1.2 at least. */
bool tls_client_new(struct tls_context **ret, bool verify, struct str ca_pem, struct fault *f);
/* Contexts are counted: _ref for another holder, _free drops one. */
struct tls_context *tls_ref(struct tls_context *t);
void tls_free(struct tls_context **t);

/* A fresh self-signed certificate (P-256, `name` as CN, where it is short enough, and SAN, valid `days` days); PEMs are malloc'd,
 * the caller frees. */
bool tls_self_signed(const char *name, int days, char **ret_chain_pem, char **ret_key_pem, struct fault *f);

/* For stream_tls.c: a new session of the context, for the socket; name (client only, may be NULL) is sent as SNI and, when the
 * context verifies, must match. The caller frees it with SSL_free. */
struct ssl_st *tls_session(struct tls_context *t, int fd, const char *name);
/* For stream_tls.c: what a finished handshake tells. */
void tls_facts_of(struct tls_context *t, struct ssl_st *ssl, struct tls_facts *ret);
/* For stream_tls.c: the newest entry of OpenSSL's error queue, or the fallback; empties the queue. */
const char *tls_error(char *buf, size_t n, const char *fallback);
