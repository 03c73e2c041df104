/* random: numbers in no order that a person would think of, the same in every run (xorshift32). */
#pragma once

#include <stdint.h>

static inline uint32_t random_32(void)
{
    static uint32_t x = 2463534242;
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    return x;
}
