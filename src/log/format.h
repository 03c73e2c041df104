/* format: what a segment looks like on disk. Private to the room.
 *
 *   block 0        header: magic, version, sequence number, tail
 *   block 1 ...    batches; each begins on a block with a BATCH record and is padded to whole blocks with a PAD record
 *   ...            when sealed: the index, block-aligned: every meta and note again, in order, without contents
 *   last block     when sealed: the footer, which points to the index
 *
 * A record is 16 bytes of header and its payload, padded to 16. The CRC covers all of it but itself. `sequence` is that of the
 * segment it was written for, so that what a recycled file held before is never taken for new. All numbers are little-endian. */
#pragma once

#include "lib/str.h"
#include "mail/id.h"

enum {
    BLOCK = 4096,
    ALIGN = 16,
    FORMAT_VERSION = 1,
    SEGMENT_MAGIC = 0x314c4e47, /* "GNL1" */
    FOOTER_MAGIC = 0x464c4e47,  /* "GNLF" */
};

enum record_type { RECORD_BATCH = 1, RECORD_ACCEPTED, RECORD_MOVED, RECORD_NOTE, RECORD_PAD, RECORD_INDEX };
enum { NOTE_ENDS = 1 };

struct record {
    uint32_t crc;
    uint32_t length; /* of the payload */
    uint32_t sequence;
    uint16_t type;
    uint16_t flags;
};

struct segment_header {
    uint32_t crc, magic, version, sequence;
    uint32_t tail; /* oldest segment that held anything live when this one was begun */
    uint32_t bytes;
};

struct segment_footer {
    uint32_t crc, magic, sequence;
    uint32_t index_at; /* offset of the INDEX record */
    uint32_t end;      /* offset behind the last batch */
};

struct batch_payload {
    uint64_t number; /* ascending over all segments */
    uint32_t bytes;  /* of the whole batch, this record and padding included */
    uint32_t unused;
};

/* In front of meta and content (ACCEPTED, MOVED) or of the note (NOTE; the lengths are then 0 and the note's). */
struct message_payload {
    struct id id;
    uint32_t meta_bytes, content_bytes;
};

/* One entry of the index; its bytes (meta or note) follow, padded to 16. */
struct index_entry {
    uint32_t offset; /* of the record in the segment */
    uint16_t type, flags;
    uint32_t bytes, content_bytes;
    struct id id;
};

static inline size_t align_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* Fills in the CRC of a record whose payload follows it in memory; and checks one that lies at p with `left` readable bytes: it
 * must be whole, of this sequence, and its CRC right. */
void record_seal(struct record *r);
bool record_valid(const void *p, size_t left, uint32_t sequence);

/* Header and footer blocks. _make fills a whole block; _read checks magic, version and CRC. */
void header_make(void *block, uint32_t sequence, uint32_t tail, uint32_t bytes);
bool header_read(const void *block, struct segment_header *ret);
/* Was the block ever written? */
bool block_is_empty(const void *block);
/* Of a segment whose header is damaged: the newest sequence that a batch in its bytes (the file's, from its start) was written
 * for; 0: there is none. */
uint32_t header_guess(const char *bytes, size_t n);
void footer_make(void *block, uint32_t sequence, uint32_t index_at, uint32_t end);
bool footer_read(const void *block, uint32_t sequence, struct segment_footer *ret);

/* What a walk over a segment finds, in order. `offset` is the record's; `bytes` its meta or note; content_bytes for messages. */
struct found {
    enum record_type type; /* ACCEPTED, MOVED, NOTE */
    uint16_t flags;
    uint32_t offset, content_bytes;
    struct id id;
    struct str bytes;
};
typedef bool found_fn(void *ctx, const struct found *f); /* false: stop */

/* What a walk over records saw. */
struct scan {
    uint32_t base;       /* where in the segment the bytes begin; a multiple of BLOCK */
    uint32_t end;        /* offset behind the last whole batch or record */
    uint64_t last_batch; /* number of the last BATCH record; keeps what the caller put in if none */
    uint32_t damaged;    /* places where acknowledged data must have been lost: a later batch follows them */
    uint32_t damaged_at; /* where the first of them begins */
};

/* Walks the records in a segment's bytes from `at` (block-aligned, counted from the bytes' start) on; what it reports counts from
 * the segment's start. Never reads past n, whatever the bytes are. */
void scan_records(const char *bytes, size_t n, uint32_t at, uint32_t sequence, struct scan *s, found_fn *fn, void *ctx);
/* Walks an index payload. False when it is not whole. */
bool scan_index(struct str payload, found_fn *fn, void *ctx);
