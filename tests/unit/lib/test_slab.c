/* Pieces are zeroed, apart, and given back. */
#include "../mail/check.h"

#include "lib/slab.h"

#include <stdint.h>
#include <string.h>

enum { PIECES = 5000 };

static bool is_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void pieces_of_all_sizes_are_zeroed_aligned_and_apart(void **state)
{
    struct slab s = {0};
    static unsigned char *p[PIECES];
    (void)state;
    for (size_t i = 0; i < PIECES; i++) {
        size_t n = 1 + i * 7 % 700;
        p[i] = slab_alloc(&s, n);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        assert_true(is_zero(p[i], n));
        memset(p[i], (int)(i & 0xff) | 1, n);
    }
    for (size_t i = 0; i < PIECES; i++) {
        size_t n = 1 + i * 7 % 700;
        for (size_t k = 0; k < n; k++)
            assert_int_equal(p[i][k], (int)(i & 0xff) | 1);
        slab_free(&s, p[i], n);
    }
    slab_done(&s);
}

static void a_piece_that_was_given_back_is_zeroed_when_it_is_handed_out_again(void **state)
{
    struct slab s = {0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        unsigned char *p = slab_alloc(&s, 100);
        assert_true(is_zero(p, 100));
        memset(p, 0xff, 100);
        slab_free(&s, p, 100);
    }
    assert_int_equal(slab_bytes(&s), SLAB_CHUNK);
    slab_done(&s);
    assert_int_equal(slab_bytes(&s), 0);
}

static void empty_chunks_are_given_back_in_any_order_of_freeing(void **state)
{
    struct slab s = {0};
    static void *p[PIECES];
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < PIECES; i++)
            p[i] = slab_alloc(&s, 200);
        assert_true(slab_bytes(&s) > PIECES * 200);
        for (size_t i = 0; i < PIECES; i++) /* 7919 and 5000 have no common divisor: every piece once, here and there */
            slab_free(&s, p[i * 7919 % PIECES], 200);
        assert_true(slab_bytes(&s) <= SLAB_CHUNK);
    }
    slab_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_all_sizes_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_piece_that_was_given_back_is_zeroed_when_it_is_handed_out_again),
        cmocka_unit_test(empty_chunks_are_given_back_in_any_order_of_freeing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
