/* Addresses and networks, from text and back, and what only looks like one. */
#include "../mail/check.h"

#include "lib/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static struct sockaddr_storage address(const char *ip)
{
    struct sockaddr_storage a;
    socklen_t len;
    if (!net_parse_ip(str_of(ip), 25, &a, &len))
        fail_msg("\"%s\" is not an address", ip);
    return a;
}

static bool has(const char *net, const char *ip)
{
    struct cidr c;
    struct sockaddr_storage a = address(ip);
    if (!cidr_parse(str_of(net), &c))
        fail_msg("\"%s\" is not a network", net);
    return cidr_has(&c, (struct sockaddr *)&a);
}

static void addresses_come_back_in_their_shortest_form(void **state)
{
    static const char *const pair[][2] = {{"192.0.2.1", "192.0.2.1"},
                                          {"0.0.0.0", "0.0.0.0"},
                                          {"255.255.255.255", "255.255.255.255"},
                                          {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
                                          {"::", "::"},
                                          {"::1", "::1"},
                                          {"::ffff:192.0.2.1", "192.0.2.1"},
                                          {"::ffff:c000:0201", "192.0.2.1"},
                                          {"0000:0000:0000:0000:0000:ffff:192.168.100.200", "192.168.100.200"},
                                          {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}};
    char text[NET_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct sockaddr_storage a = address(pair[i][0]);
        net_text((struct sockaddr *)&a, text);
        assert_string_equal(text, pair[i][1]);
        assert_int_equal(net_port((struct sockaddr *)&a), 25);
    }
}

static void what_is_no_address_is_refused_and_nothing_is_set(void **state)
{
    static const char *const bad[] = {"",
                                      "1",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "256.1.1.1",
                                      "1.2.3.4 ",
                                      " 1.2.3.4",
                                      "0x7f.0.0.1",
                                      "1.2.3.-4",
                                      "host.test",
                                      ":",
                                      ":::",
                                      "1::2::3",
                                      "12345::",
                                      "[::1]",
                                      "::1%lo",
                                      "::ffff:1.2.3",
                                      "0000:0000:0000:0000:0000:ffff:192.168.100.2000",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9"};
    struct sockaddr_storage a, before;
    socklen_t len = 99;
    (void)state;
    memset(&a, 0x5a, sizeof a);
    memcpy(&before, &a, sizeof a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (net_parse_ip(str_of(bad[i]), 25, &a, &len))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_false(net_parse_ip((struct str){NULL, 0}, 25, &a, &len));
    assert_memory_equal(&a, &before, sizeof a);
    assert_int_equal(len, 99);
}

static void bytes_behind_a_nul_are_no_part_of_an_address(void **state)
{
    struct sockaddr_storage a;
    socklen_t len;
    struct cidr c;
    (void)state;
    assert_false(net_parse_ip(STR("192.0.2.1\0 evil"), 25, &a, &len));
    assert_false(net_parse_ip(STR("::1\0"), 25, &a, &len));
    assert_false(net_parse(STR("[::1\0x]:25"), &a, &len));
    assert_false(net_parse(STR("unix:/run/x\0y"), &a, &len));
    assert_false(cidr_parse(STR("192.0.2.1\0/32"), &c));
}

static void an_address_with_its_port_is_read(void **state)
{
    struct sockaddr_storage a;
    socklen_t len;
    char text[NET_TEXT];
    (void)state;
    assert_true(net_parse(STR("192.0.2.1:25"), &a, &len));
    assert_int_equal(a.ss_family, AF_INET);
    assert_int_equal(len, sizeof(struct sockaddr_in));
    assert_int_equal(net_port((struct sockaddr *)&a), 25);
    assert_true(net_parse(STR("[2001:db8::1]:65535"), &a, &len));
    assert_int_equal(a.ss_family, AF_INET6);
    assert_int_equal(len, sizeof(struct sockaddr_in6));
    assert_int_equal(net_port((struct sockaddr *)&a), 65535);
    net_text((struct sockaddr *)&a, text);
    assert_string_equal(text, "2001:db8::1");
}

static void what_is_no_address_with_a_port_is_refused_and_nothing_is_set(void **state)
{
    static const char *const bad[] = {"",        "192.0.2.1", "192.0.2.1:", "192.0.2.1:x",  "192.0.2.1:65536", "192.0.2.1:-1",
                                      ":25",     "::1:25",    "[::1]",      "[::1]25",      "[192.0.2.1]:25",  "[]:25",
                                      "[::1:25", "::1]:25",   "[[::1]]:25", "localhost:25", "unix:",           "192.0.2.1:25 "};
    struct sockaddr_storage a, before;
    socklen_t len = 99;
    (void)state;
    memset(&a, 0x5a, sizeof a);
    memcpy(&before, &a, sizeof a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (net_parse(str_of(bad[i]), &a, &len))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_memory_equal(&a, &before, sizeof a);
    assert_int_equal(len, 99);
}

static void a_unix_sockets_path_fits_or_is_refused(void **state)
{
    struct sockaddr_storage a;
    socklen_t len;
    char text[200] = "unix:/", out[NET_TEXT];
    (void)state;
    assert_true(net_parse(STR("UNIX:/run/goniec.sock"), &a, &len));
    assert_int_equal(a.ss_family, AF_UNIX);
    assert_string_equal(((struct sockaddr_un *)&a)->sun_path, "/run/goniec.sock");
    net_text((struct sockaddr *)&a, out);
    assert_string_equal(out, "local");
    assert_int_equal(net_port((struct sockaddr *)&a), 0);
    memset(text + 6, 'x', 150);
    assert_true(net_parse(str_mem(text, 5 + 107), &a, &len));
    assert_int_equal(strlen(((struct sockaddr_un *)&a)->sun_path), 107);
    assert_false(net_parse(str_mem(text, 5 + 108), &a, &len));
}

static void a_network_has_its_first_and_last_address_and_not_their_neighbours(void **state)
{
    (void)state;
    assert_true(has("192.0.2.0/24", "192.0.2.0"));
    assert_true(has("192.0.2.0/24", "192.0.2.255"));
    assert_false(has("192.0.2.0/24", "192.0.1.255"));
    assert_false(has("192.0.2.0/24", "192.0.3.0"));
    assert_true(has("10.32.0.0/11", "10.63.255.255"));
    assert_false(has("10.32.0.0/11", "10.64.0.0"));
    assert_true(has("192.0.2.7", "192.0.2.7"));
    assert_false(has("192.0.2.7/32", "192.0.2.6"));
    assert_true(has("0.0.0.0/0", "255.255.255.255"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("::/0", "2001:db8::1"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("2001:db8::1", "2001:db8::1"));
    assert_false(has("2001:db8::1/128", "2001:db8::"));
}

static void a_mapped_address_is_its_ipv4_address(void **state)
{
    (void)state;
    assert_true(has("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert_true(has("::ffff:192.0.2.0/120", "192.0.2.9"));
    assert_false(has("::ffff:192.0.2.0/120", "192.0.3.9"));
    assert_false(has("192.0.2.0/24", "::192.0.2.9"));
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "/24",
                                      "192.0.2.0/",
                                      "192.0.2.0/33",
                                      "192.0.2.1/24",
                                      "192.0.2.0/-1",
                                      "192.0.2.0/2a",
                                      "2001:db8::/129",
                                      "2001:db8::1/64",
                                      "192.0.2.0/24/1",
                                      "::ffff:0.0.0.0/95x",
                                      "192.0.2.0/24 ",
                                      "::ffff:1.2.3.4/96",
                                      "0.0.0.1/0",
                                      "host/8"};
    struct cidr c = {.bits = 1000};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (cidr_parse(str_of(bad[i]), &c))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_int_equal(c.bits, 1000);
}

static void a_unix_socket_lies_in_no_network(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct cidr c;
    (void)state;
    assert_true(cidr_parse(STR("::/0"), &c));
    assert_false(cidr_has(&c, (struct sockaddr *)&un));
    assert_false(net_is_special((struct sockaddr *)&un));
}

static void no_public_host_has_a_special_address(void **state)
{
    static const char *const special[] = {
        "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "169.254.0.1", "224.0.0.1",        "255.255.255.255", "240.0.0.1",
        "::",      "::1",     "fe80::1",   "febf:ffff::1",    "ff02::1",     "::ffff:127.0.0.1", "::ffff:0.0.0.0"};
    static const char *const other[] = {
        "1.0.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "223.255.255.255", "10.0.0.1", "192.168.1.1",
        "::2",     "fec0::1",         "fe7f::1",   "2001:db8::1",     "fd00::1",     "::ffff:8.8.8.8"};
    (void)state;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        struct sockaddr_storage a = address(special[i]);
        if (!net_is_special((struct sockaddr *)&a))
            fail_msg("%s is special", special[i]);
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct sockaddr_storage a = address(other[i]);
        if (net_is_special((struct sockaddr *)&a))
            fail_msg("%s is not special", other[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_come_back_in_their_shortest_form),
        cmocka_unit_test(what_is_no_address_is_refused_and_nothing_is_set),
        cmocka_unit_test(bytes_behind_a_nul_are_no_part_of_an_address),
        cmocka_unit_test(an_address_with_its_port_is_read),
        cmocka_unit_test(what_is_no_address_with_a_port_is_refused_and_nothing_is_set),
        cmocka_unit_test(a_unix_sockets_path_fits_or_is_refused),
        cmocka_unit_test(a_network_has_its_first_and_last_address_and_not_their_neighbours),
        cmocka_unit_test(a_mapped_address_is_its_ipv4_address),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(a_unix_socket_lies_in_no_network),
        cmocka_unit_test(no_public_host_has_a_special_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
