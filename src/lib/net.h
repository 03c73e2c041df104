/* net: addresses and networks as values. */
#pragma once

#include "lib/str.h"

#include <sys/socket.h>

enum { NET_TEXT = 64 };

/* An IPv4 or IPv6 network; IPv4 is kept as v4-mapped, so that ::ffff:192.0.2.1 and 192.0.2.1 are one. */
struct cidr {
    uint8_t addr[16];
    unsigned bits; /* 0..128 */
};

/* "192.0.2.0/24", "2001:db8::/32", or a bare address (all bits). False on anything else or host bits set. */
bool cidr_parse(struct str s, struct cidr *ret);
bool cidr_has(const struct cidr *c, const struct sockaddr *sa);

/* "192.0.2.1" or "2001:db8::1" (no port); v4-mapped shown as IPv4; "local" for a Unix socket. */
void net_text(const struct sockaddr *sa, char out[NET_TEXT]);
uint16_t net_port(const struct sockaddr *sa);

/* "192.0.2.1:25", "[2001:db8::1]:25", or "unix:/path" into a socket address. */
bool net_parse(struct str s, struct sockaddr_storage *ret, socklen_t *ret_len);
/* A bare IP address plus port. */
bool net_parse_ip(struct str ip, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len);

/* Loopback, unspecified, link-local, multicast? (never a public mail host) */
bool net_is_special(const struct sockaddr *sa);
