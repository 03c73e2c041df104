/* proxy: see proxy.h. */
#include "accept/proxy.h"

#include "lib/net.h"

#include <netinet/in.h>

enum { V1_MAX = 107, V2_HEAD = 16, V2_MAX = 520 };

static const char v2_magic[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static bool v1_line(struct str line, struct sockaddr_storage *ret)
{
    uint64_t port;
    socklen_t len;
    struct str word = str_split(&line, ' '), family = str_split(&line, ' ');
    if (!str_eq(word, STR("PROXY")))
        return false;
    if (str_eq(family, STR("UNKNOWN")))
        return true;
    struct str from = str_split(&line, ' '), to = str_split(&line, ' '), from_port = str_split(&line, ' ');
    struct sockaddr_storage client;
    if (!to.n || !str_to_u64(from_port, 65535, &port) || !net_parse_ip(from, (uint16_t)port, &client, &len))
        return false;
    if ((client.ss_family == AF_INET) != str_eq(family, STR("TCP4")) ||
        (client.ss_family == AF_INET6) != str_eq(family, STR("TCP6")))
        return false;
    *ret = client;
    return true;
}

static enum proxy_status v1(const char *p, size_t n, size_t *taken, struct sockaddr_storage *ret)
{
    const char *end = memchr(p, '\n', n < V1_MAX ? n : V1_MAX);
    if (!end)
        return n < V1_MAX ? PROXY_MORE : PROXY_BAD;
    if (end == p || end[-1] != '\r' || !v1_line(str_mem(p, (size_t)(end - p) - 1), ret))
        return PROXY_BAD;
    *taken = (size_t)(end - p) + 1;
    return PROXY_DONE;
}

static void v2_address(const unsigned char *p, unsigned char family, size_t n, struct sockaddr_storage *ret)
{
    if (family == 0x11 && n >= 12) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        memcpy(&a.sin_addr, p, 4);
        memcpy(&a.sin_port, p + 8, 2);
        memcpy(ret, &a, sizeof a);
    } else if (family == 0x21 && n >= 36) {
        struct sockaddr_in6 a = {.sin6_family = AF_INET6};
        memcpy(&a.sin6_addr, p, 16);
        memcpy(&a.sin6_port, p + 32, 2);
        memcpy(ret, &a, sizeof a);
    }
}

static enum proxy_status v2(const char *bytes, size_t n, size_t *taken, struct sockaddr_storage *ret)
{
    const unsigned char *p = (const unsigned char *)bytes;
    if (n < V2_HEAD)
        return PROXY_MORE;
    size_t rest = (size_t)p[14] << 8 | p[15];
    if (p[12] >> 4 != 2 || (p[12] & 15) > 1 || rest > V2_MAX)
        return PROXY_BAD;
    if (n < V2_HEAD + rest)
        return PROXY_MORE;
    if ((p[12] & 15) == 1) /* PROXY; LOCAL (0) is the proxy's own check */
        v2_address(p + V2_HEAD, p[13], rest, ret);
    *taken = V2_HEAD + rest;
    return PROXY_DONE;
}

enum proxy_status proxy_read(const char *p, size_t n, size_t *taken, struct sockaddr_storage *ret)
{
    size_t probe = n < sizeof v2_magic ? n : sizeof v2_magic;
    if (n > 0 && memcmp(p, v2_magic, probe) == 0)
        return v2(p, n, taken, ret);
    probe = n < 6 ? n : 6;
    if (memcmp(p, "PROXY ", probe) != 0)
        return PROXY_BAD;
    return v1(p, n, taken, ret);
}
