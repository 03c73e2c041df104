/* The checksum of every record, as the standard has it. Built twice: with the processor's instruction and with the table. */
#include "../mail/check.h"

#include "lib/crc32c.h"

/* Straight from the polynomial, bit by bit. */
static uint32_t by_hand(uint32_t crc, const unsigned char *p, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

static void the_vectors_of_rfc_3720_hold(void **state)
{
    unsigned char b[32];
    (void)state;
    memset(b, 0, sizeof b);
    assert_int_equal(crc32c(0, b, 32), 0x8a9136aa);
    memset(b, 0xff, sizeof b);
    assert_int_equal(crc32c(0, b, 32), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++)
        b[i] = i;
    assert_int_equal(crc32c(0, b, 32), 0x46dd794e);
    for (unsigned char i = 0; i < 32; i++)
        b[i] = (unsigned char)(31 - i);
    assert_int_equal(crc32c(0, b, 32), 0x113fdb5c);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void random_input_of_any_length_and_alignment_agrees_with_the_polynomial(void **state)
{
    enum { BYTES = 20000 };
    static unsigned char b[BYTES];
    uint32_t x = 12345;
    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        b[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
    for (size_t n = 0; n < 200; n++)
        for (size_t at = 0; at < 9; at++)
            assert_int_equal(crc32c(x, b + at, n), by_hand(x, b + at, n));
    for (size_t n = 3000; n < BYTES - 8; n += 613)
        assert_int_equal(crc32c(0, b + n % 8, n), by_hand(0, b + n % 8, n));
    for (size_t n = 3064; n <= 3080; n++) /* around the three streams' common stride */
        assert_int_equal(crc32c(0, b, n), by_hand(0, b, n));
}

static void a_checksum_continues_over_any_cut(void **state)
{
    static unsigned char b[10000];
    (void)state;
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (unsigned char)(i * i >> 3);
    uint32_t whole = crc32c(0, b, sizeof b);
    for (size_t at = 0; at <= sizeof b; at += 97)
        assert_int_equal(crc32c(crc32c(0, b, at), b + at, sizeof b - at), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_3720_hold),
        cmocka_unit_test(random_input_of_any_length_and_alignment_agrees_with_the_polynomial),
        cmocka_unit_test(a_checksum_continues_over_any_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
