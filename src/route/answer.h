/* answer: what DNS said, as values; the readers of strangers' rdata. Private to the room. */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/tls.h"

#include <sys/socket.h>

/* Appends the name in uncompressed wire form at p as lower-case text without trailing dot ("" for the root). False when it does
 * not fit in n bytes, is longer than 255 octets, or holds bytes that no host name has. */
bool answer_name(const uint8_t *p, size_t n, char out[256]);

/* MX rdata (RFC 1035 3.3.9): preference and exchange. */
bool answer_mx(const uint8_t *p, size_t n, uint16_t *ret_preference, char ret_name[256]);

/* A or AAAA rdata as a socket address with the port. */
bool answer_address(const uint8_t *p, size_t n, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len);

/* TLSA rdata (RFC 6698 2.1), data pointing into p. False when it is too short, or longer than a certificate may be. */
bool answer_tlsa(const uint8_t *p, size_t n, struct tls_tlsa *ret);

/* TXT rdata (RFC 1035 3.3.14): its strings joined, appended to out. */
bool answer_txt(const uint8_t *p, size_t n, struct buf *out);
