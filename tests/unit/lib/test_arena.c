/* What lies in an arena is zeroed, aligned, apart, and gone as a whole. */
#include "../mail/check.h"

#include "lib/arena.h"

static bool is_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void pieces_of_all_sizes_are_zeroed_aligned_and_apart(void **state)
{
    enum { PIECES = 1000 };
    static unsigned char *p[PIECES];
    struct arena a = {0};
    (void)state;
    for (size_t i = 0; i < PIECES; i++) {
        size_t n = i * 37 % 5000; /* nothing, small, and larger than a chunk */
        p[i] = arena_alloc(&a, n);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        assert_true(is_zero(p[i], n));
        memset(p[i], (int)(i & 0xff) | 1, n);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t k = 0; k < i * 37 % 5000; k++)
            assert_int_equal(p[i][k], (int)(i & 0xff) | 1);
    arena_done(&a);
}

static void a_copy_is_its_own_and_ends_with_nul(void **state)
{
    struct arena a = {0};
    char text[] = "Szczebrzeszyn";
    (void)state;
    struct str copy = arena_str(&a, str_mem(text, 6));
    const char *z = arena_strz(&a, str_mem(text, 6));
    memset(text, 'x', sizeof text);
    assert_str(copy, "Szczeb");
    assert_int_equal(copy.p[6], '\0');
    assert_string_equal(z, "Szczeb");
    assert_string_equal(arena_strz(&a, (struct str){NULL, 0}), "");
    assert_int_equal(arena_str(&a, (struct str){NULL, 0}).n, 0);
    arena_done(&a);
}

static void a_text_with_nul_inside_is_copied_whole(void **state)
{
    struct arena a = {0};
    (void)state;
    struct str copy = arena_str(&a, STR("a\0b"));
    assert_int_equal(copy.n, 3);
    assert_memory_equal(copy.p, "a\0b", 4);
    arena_done(&a);
}

static void its_size_is_counted_and_an_ended_arena_is_usable_again(void **state)
{
    struct arena a = {0};
    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(a.heap_bytes, 0);
        arena_alloc(&a, 1);
        size_t one = a.heap_bytes;
        assert_true(one >= 1 && one < 4096);
        arena_alloc(&a, 100);
        assert_int_equal(a.heap_bytes, one); /* the chunk has room */
        arena_alloc(&a, 1000000);
        assert_true(a.heap_bytes >= one + 1000000 && a.heap_bytes < one + 1010000);
        arena_done(&a);
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_all_sizes_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_copy_is_its_own_and_ends_with_nul),
        cmocka_unit_test(a_text_with_nul_inside_is_copied_whole),
        cmocka_unit_test(its_size_is_counted_and_an_ended_arena_is_usable_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
