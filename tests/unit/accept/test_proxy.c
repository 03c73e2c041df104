/* PROXY headers of both versions: whole, in pieces, and what is none. */
#include "../mail/check.h"

#include "accept/proxy.h"
#include "lib/net.h"

/* DONE at exactly `header_n` bytes, MORE at each shorter length, whatever follows. */
static void expect(const char *header, size_t header_n, const char *ip, uint16_t port)
{
    char bytes[700];
    struct sockaddr_storage client = {.ss_family = AF_UNIX};
    char text[NET_TEXT];
    size_t taken = 0;
    memcpy(bytes, header, header_n);
    memcpy(bytes + header_n, "EHLO x\r\n", 8);
    for (size_t n = 0; n < header_n; n++)
        assert_int_equal(proxy_read(bytes, n, &taken, &client), PROXY_MORE);
    assert_int_equal(proxy_read(bytes, header_n, &taken, &client), PROXY_DONE);
    assert_int_equal(taken, header_n);
    assert_int_equal(proxy_read(bytes, header_n + 8, &taken, &client), PROXY_DONE);
    assert_int_equal(taken, header_n);
    if (!ip) {
        assert_int_equal(client.ss_family, AF_UNIX);
        return;
    }
    net_text((struct sockaddr *)&client, text);
    assert_string_equal(text, ip);
    assert_int_equal(net_port((struct sockaddr *)&client), port);
}

static void version_1(void **state)
{
    (void)state;
#define V1(text) text, sizeof text - 1
    expect(V1("PROXY TCP4 192.0.2.7 192.0.2.1 50000 25\r\n"), "192.0.2.7", 50000);
    expect(V1("PROXY TCP6 2001:db8::7 2001:db8::1 50000 25\r\n"), "2001:db8::7", 50000);
    expect(V1("PROXY UNKNOWN\r\n"), NULL, 0);
    expect(V1("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), NULL, 0);
    expect(V1("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255", 65535);
}

static void bad(const char *p, size_t n)
{
    struct sockaddr_storage client;
    size_t taken;
    assert_int_equal(proxy_read(p, n, &taken, &client), PROXY_BAD);
}

static void what_is_no_header(void **state)
{
    (void)state;
    char long_one[120];
    memset(long_one, 'x', sizeof long_one);
    memcpy(long_one, "PROXY ", 6);
    bad(long_one, 107);
    bad(V1("EHLO x\r\n"));
    bad(V1("E"));
    bad(V1("PROXY TCP4 192.0.2.7 192.0.2.1 50000 25\n"));
    bad(V1("PROXY TCP4 192.0.2.7 192.0.2.1 65536 25\r\n"));
    bad(V1("PROXY TCP4 192.0.2.7 192.0.2.1 -1 25\r\n"));
    bad(V1("PROXY TCP4 192.0.2.256 192.0.2.1 1 25\r\n"));
    bad(V1("PROXY TCP4 2001:db8::7 2001:db8::1 1 25\r\n"));
    bad(V1("PROXY TCP6 192.0.2.7 192.0.2.1 1 25\r\n"));
    bad(V1("PROXY TCP4\r\n"));
    bad(V1("PROXY \r\n"));
    bad(V1("proxy TCP4 192.0.2.7 192.0.2.1 1 25\r\n"));
    bad(V1("PROXY UDP4 192.0.2.7 192.0.2.1 1 25\r\n"));
}

#define MAGIC "\r\n\r\n\0\r\nQUIT\n"

static void version_2(void **state)
{
    (void)state;
    expect(V1(MAGIC "\x21\x11\x00\x0C\xC0\x00\x02\x07\xC0\x00\x02\x01\xC3\x50\x00\x19"), "192.0.2.7", 50000);
    expect(V1(MAGIC "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                    "\xC3\x50\x00\x19"),
           "2001:db8::7", 50000);
    expect(V1(MAGIC "\x20\x00\x00\x00"), NULL, 0);                                                 /* LOCAL */
    expect(V1(MAGIC "\x20\x11\x00\x0C\xC0\x00\x02\x07\xC0\x00\x02\x01\xC3\x50\x00\x19"), NULL, 0); /* LOCAL with an address */
    expect(V1(MAGIC "\x21\x00\x00\x00"), NULL, 0);                                                 /* unspecified */
    expect(V1(MAGIC "\x21\x31\x00\x02xy"), NULL, 0);                                               /* a family that is not ours */
    expect(V1(MAGIC "\x21\x11\x00\x04\xC0\x00\x02\x07"), NULL, 0);                                 /* too short for an address */
    expect(V1(MAGIC "\x21\x11\x00\x10\xC0\x00\x02\x07\xC0\x00\x02\x01\xC3\x50\x00\x19TLV!"), "192.0.2.7", 50000);
}

static void what_is_no_version_2(void **state)
{
    (void)state;
    bad(V1(MAGIC "\x11\x11\x00\x0C"));
    bad(V1(MAGIC "\x22\x11\x00\x0C"));
    bad(V1(MAGIC "\x21\x11\xFF\xFF"));
    bad(V1(MAGIC "\x21\x11\x02\x09"));
    bad(V1("\r\n\r\n\0\r\nQUIX"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1),
        cmocka_unit_test(what_is_no_header),
        cmocka_unit_test(version_2),
        cmocka_unit_test(what_is_no_version_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
