/* answer: see answer.h. Bytes come from a resolver that may have been told anything: every length is checked here. */
#include "route/answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool host_byte(uint8_t c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

bool answer_name(const uint8_t *p, size_t n, char out[256])
{
    size_t at = 0, to = 0;
    while (at < n && p[at] != 0) {
        size_t label = p[at++];
        if (label > 63 || label > n - at || to + label + 1 > 254)
            return false;
        if (to)
            out[to++] = '.';
        for (size_t i = 0; i < label; i++, at++) {
            uint8_t c = p[at] >= 'A' && p[at] <= 'Z' ? (uint8_t)(p[at] + 32) : p[at];
            if (!host_byte(c))
                return false;
            out[to++] = (char)c;
        }
    }
    out[to] = '\0';
    return at < n;
}

bool answer_mx(const uint8_t *p, size_t n, uint16_t *ret_preference, char ret_name[256])
{
    if (n < 3 || !answer_name(p + 2, n - 2, ret_name))
        return false;
    *ret_preference = (uint16_t)(p[0] << 8 | p[1]);
    return true;
}

bool answer_address(const uint8_t *p, size_t n, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    memset(ret, 0, sizeof *ret);
    if (n == 4) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&v4.sin_addr, p, 4);
        memcpy(ret, &v4, sizeof v4);
        *ret_len = sizeof v4;
        return true;
    }
    if (n == 16) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&v6.sin6_addr, p, 16);
        memcpy(ret, &v6, sizeof v6);
        *ret_len = sizeof v6;
        return true;
    }
    return false;
}

bool answer_tlsa(const uint8_t *p, size_t n, struct tls_tlsa *ret)
{
    enum { HEAD = 3, DATA_MAX = 16384 };
    if (n <= HEAD || n - HEAD > DATA_MAX)
        return false;
    *ret = (struct tls_tlsa){p[0], p[1], p[2], (uint16_t)(n - HEAD), p + HEAD};
    return true;
}

bool answer_txt(const uint8_t *p, size_t n, struct buf *out)
{
    for (size_t at = 0, part; at < n; at += part) {
        part = p[at++];
        if (part > n - at || !buf_add(out, p + at, part))
            return false;
    }
    return true;
}
