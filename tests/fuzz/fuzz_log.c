/* Bytes of a segment as recovery, verify and the follower walk them: first as they are, then with a right CRC on every record
 * that they outline, so that the walk gets behind the checks. What is found lies within the bytes. */
#include "log/format.h"

#include "lib/must.h"

#include <stdlib.h>

enum { SEQUENCE = 7 };

struct bounds {
    const char *from, *to;
    uint32_t last;
    unsigned found;
};

static bool on_found(void *ctx, const struct found *f)
{
    struct bounds *b = ctx;
    must(f->bytes.n == 0 || (f->bytes.p >= b->from && f->bytes.p + f->bytes.n <= b->to));
    must(f->type == RECORD_ACCEPTED || f->type == RECORD_MOVED || f->type == RECORD_NOTE);
    b->found++;
    return b->found < 10000;
}

static void walk(const char *p, size_t n)
{
    struct bounds b = {.from = p, .to = p + n};
    struct scan s = {0};
    struct segment_header h;
    struct segment_footer f;
    scan_records(p, n, 0, SEQUENCE, &s, on_found, &b);
    must(s.end <= align_up(n, ALIGN)); /* the last record's padding need not be there */
    b.found = 0;
    scan_index(str_mem(p, n), on_found, &b);
    must(s.damaged == 0 || s.damaged_at < n);
    header_guess(p, n);
    if (n >= BLOCK) {
        header_read(p, &h);
        footer_read(p, SEQUENCE, &f);
    }
}

/* Makes each record that fits a valid one of our sequence; a BATCH at each block's start keeps its number and takes the length
 * that the bytes say. */
static void repair(char *p, size_t n)
{
    struct record r;
    for (size_t at = 0; n - at >= sizeof r;) {
        memcpy(&r, p + at, sizeof r);
        r.sequence = SEQUENCE;
        r.type = (uint16_t)(r.type % 8);
        size_t left = n - at - sizeof r;
        r.length = left ? r.length % (uint32_t)(left + 1) : 0;
        if (at % BLOCK == 0 && left >= sizeof(struct batch_payload)) {
            r.type = RECORD_BATCH;
            r.length = sizeof(struct batch_payload);
        }
        memcpy(p + at, &r, sizeof r);
        record_seal((struct record *)(void *)(p + at));
        at += align_up(sizeof r + r.length, ALIGN);
        if (at > n)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = aligned_alloc(BLOCK, align_up(size + 1, BLOCK));
    must(copy);
    memcpy(copy, data, size);
    char *exact = malloc(size + 1); /* so that the sanitizer sees a byte too many */
    must(exact);
    memcpy(exact, data, size);
    walk(exact, size);
    repair(copy, size);
    memcpy(exact, copy, size);
    walk(exact, size);
    free(exact);
    free(copy);
    return 0;
}
