/* net: see net.h. */
#include "lib/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool to_mapped(const struct sockaddr *sa, uint8_t out[16])
{
    if (sa->sa_family == AF_INET) {
        memcpy(out, mapped_prefix, 12);
        memcpy(out + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
        return true;
    }
    if (sa->sa_family == AF_INET6)
        memcpy(out, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
    return sa->sa_family == AF_INET6;
}

static bool host_bits_clear(const struct cidr *c)
{
    for (unsigned i = c->bits; i < 128; i++)
        if (c->addr[i / 8] & (0x80u >> (i % 8)))
            return false;
    return true;
}

bool cidr_parse(struct str s, struct cidr *ret)
{
    struct str bits = s, ip = str_split(&bits, '/');
    struct sockaddr_storage ss;
    socklen_t len;
    struct cidr c = {.bits = 128};
    if (!net_parse_ip(ip, 0, &ss, &len))
        return false;
    unsigned width = ss.ss_family == AF_INET ? 32 : 128;
    uint64_t n = width;
    if (bits.p && !str_to_u64(bits, width, &n))
        return false;
    to_mapped((struct sockaddr *)&ss, c.addr);
    c.bits = (unsigned)n + 128 - width;
    if (!host_bits_clear(&c))
        return false;
    *ret = c;
    return true;
}

bool cidr_has(const struct cidr *c, const struct sockaddr *sa)
{
    uint8_t a[16];
    if (!to_mapped(sa, a))
        return false;
    unsigned whole = c->bits / 8, rest = c->bits % 8;
    if (memcmp(a, c->addr, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ c->addr[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

void net_text(const struct sockaddr *sa, char out[NET_TEXT])
{
    uint8_t a[16];
    if (!to_mapped(sa, a)) {
        snprintf(out, NET_TEXT, "local");
        return;
    }
    if (memcmp(a, mapped_prefix, 12) == 0)
        inet_ntop(AF_INET, a + 12, out, NET_TEXT);
    else
        inet_ntop(AF_INET6, a, out, NET_TEXT);
}

uint16_t net_port(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)sa)->sin_port);
    return sa->sa_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)sa)->sin6_port) : 0;
}

bool net_parse_ip(struct str ip, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char z[INET6_ADDRSTRLEN];
    if (ip.n == 0 || ip.n >= sizeof z || memchr(ip.p, '\0', ip.n))
        return false;
    memcpy(z, ip.p, ip.n);
    z[ip.n] = '\0';
    if (inet_pton(AF_INET, z, &v4.sin_addr) == 1) {
        memset(ret, 0, sizeof *ret);
        memcpy(ret, &v4, sizeof v4);
        *ret_len = sizeof v4;
        return true;
    }
    if (inet_pton(AF_INET6, z, &v6.sin6_addr) != 1)
        return false;
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &v6, sizeof v6);
    *ret_len = sizeof v6;
    return true;
}

static bool parse_unix(struct str path, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (path.n == 0 || path.n >= sizeof un.sun_path || memchr(path.p, '\0', path.n))
        return false;
    memcpy(un.sun_path, path.p, path.n);
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &un, sizeof un);
    *ret_len = sizeof un;
    return true;
}

bool net_parse(struct str s, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    uint64_t port;
    if (str_starts_nocase(s, STR("unix:")))
        return parse_unix(str_mem(s.p + 5, s.n - 5), ret, ret_len);
    const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
    if (!colon)
        return false;
    struct str host = {s.p, (size_t)(colon - s.p)};
    if (!str_to_u64(str_mem(colon + 1, s.n - host.n - 1), 65535, &port))
        return false;
    bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (bracketed)
        host = str_mem(host.p + 1, host.n - 2);
    if (bracketed != (host.n && memchr(host.p, ':', host.n))) /* brackets stand around IPv6 addresses and no others */
        return false;
    return net_parse_ip(host, (uint16_t)port, ret, ret_len);
}

bool net_is_special(const struct sockaddr *sa)
{
    static const struct cidr special[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0}, 104},        /* 0.0.0.0/8 (RFC 1122) */
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 104},      /* 127.0.0.0/8 */
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 169, 254}, 112}, /* 169.254.0.0/16 (RFC 3927) */
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 224}, 99},       /* 224.0.0.0/3: multicast, reserved, broadcast */
        {{0}, 127},                                                  /* :: and ::1 */
        {{0xfe, 0x80}, 10},                                          /* fe80::/10 */
        {{0xff}, 8},                                                 /* ff00::/8 */
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (cidr_has(&special[i], sa))
            return true;
    return false;
}
