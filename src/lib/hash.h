/* hash: a keyed hash (SipHash-2-4) for tables whose keys strangers choose. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). */
uint64_t siphash(const uint8_t key[16], const void *p, size_t n);

/* A key drawn once per process from the kernel's randomness; never changes. */
const uint8_t *hash_process_key(void);
