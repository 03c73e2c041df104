/* crc32c: the Castagnoli CRC that guards every record on disk (RFC 3720 appendix B.4). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 to begin) over n bytes. Uses the processor's instruction where there is one. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
