/* SipHash-2-4 as its authors have it, and a key that nobody outside knows. */
#include "../mail/check.h"

#include "lib/hash.h"

#include <sys/wait.h>
#include <unistd.h>

/* Appendix A of the paper, and the reference implementation's vectors: key 00..0f, input the first n of 00 01 02 ... */
static void the_authors_vectors_hold(void **state)
{
    static const struct {
        size_t n;
        uint64_t want;
    } vector[] = {{0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd}, {2, 0x0d6c8009d9a94f5a},  {7, 0xab0200f58b01d137},
                  {8, 0x93f5f5799a932462}, {9, 0x9e0082df0ba9e4b0}, {15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572}};
    uint8_t key[16], in[64];
    (void)state;
    for (uint8_t i = 0; i < 64; i++)
        in[i] = i;
    memcpy(key, in, 16);
    for (size_t i = 0; i < sizeof vector / sizeof *vector; i++)
        assert_true(siphash(key, in, vector[i].n) == vector[i].want);
}

static void every_bit_of_key_input_and_length_counts(void **state)
{
    uint8_t key[16] = {0}, in[20] = {0};
    (void)state;
    uint64_t plain = siphash(key, in, 20);
    for (unsigned bit = 0; bit < 128; bit++) {
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(siphash(key, in, 20) != plain);
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned bit = 0; bit < 160; bit++) {
        in[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(siphash(key, in, 20) != plain);
        in[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n < 20; n++)
        assert_true(siphash(key, in, n) != plain);
}

static void the_process_key_stays_and_another_process_has_its_own(void **state)
{
    int fd[2], status;
    uint8_t other[16], nothing[16] = {0};
    (void)state;
    assert_int_equal(pipe(fd), 0);
    pid_t child = fork(); /* before this process has drawn its key */
    assert_true(child >= 0);
    if (child == 0)
        _exit(write(fd[1], hash_process_key(), 16) == 16 ? 0 : 1);
    close(fd[1]);
    assert_int_equal(read(fd[0], other, 16), 16);
    close(fd[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    const uint8_t *key = hash_process_key();
    assert_ptr_equal(key, hash_process_key());
    assert_memory_not_equal(key, other, 16);
    assert_memory_not_equal(key, nothing, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_authors_vectors_hold),
        cmocka_unit_test(every_bit_of_key_input_and_length_counts),
        cmocka_unit_test(the_process_key_stays_and_another_process_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
