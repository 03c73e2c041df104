/* format: the suppression list on disk. A head, rows sorted by hash, then a tail of single changes in the order they were made.
 * Private to the room and its tests. All numbers are little-endian, as in the log. */
#pragma once

#include "suppress/suppress.h"

#define SUPPRESS_MAGIC "goniecS1"

struct head {
    char magic[8];
    uint64_t generation; /* random: rows of the same generation are the same */
    uint8_t key[32];     /* random, of this installation: nobody can choose addresses whose hashes collide */
    uint64_t rows;
    uint32_t rows_crc; /* CRC-32C of all rows */
    uint32_t crc;      /* of this struct before it */
};

struct row {
    uint64_t hash[2]; /* SipHash-2-4 of account, NUL, value; by the two halves of the key */
    uint32_t at_s, expires_s;
    uint8_t flags, reason; /* see writer.h */
    uint8_t zero[2];
    uint32_t crc; /* tail only (0 in a row): of generation, place in the tail, and the row before this member */
};

_Static_assert(sizeof(struct head) == 64 && sizeof(struct row) == 32, "the format on disk");

uint32_t format_head_crc(const struct head *h);
uint32_t format_tail_crc(const struct head *h, uint64_t place, const struct row *r);

/* What is hashed; 0 for a text that is longer than any that is stored. */
enum { FORMAT_ACCOUNT_MAX = 255, FORMAT_TEXT_MAX = FORMAT_ACCOUNT_MAX + 1 + SUPPRESS_VALUE_MAX };
size_t format_text(struct str account, struct str value, char out[FORMAT_TEXT_MAX]);
uint64_t format_hash(const uint8_t key[32], int half, const char *text, size_t n);

int format_order(const void *a, const void *b); /* of two rows by hash, for qsort */

/* Opens for reading and reads the head. Fails with a sentence for anything that is not a whole head with rows behind it; a
 * missing file is ENOENT in f->code. *ret_tail: whole records in the tail. */
bool format_open(const char *path, int flags, int *ret_fd, struct head *ret, uint64_t *ret_tail, struct fault *f);
bool format_read(int fd, void *to, size_t n, uint64_t at, const char *path, struct fault *f);
