/* Any bytes as an encoded outcome: what is understood encodes to something that is understood as the same. */
#include "mail/outcome.h"

#include "lib/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct outcome o, again;
    if (outcome_decode(str_mem(data, size), &a, &o)) {
        struct buf one = {0}, two = {0};
        outcome_encode(&o, &one);
        must(outcome_decode(buf_str(&one), &a, &again));
        outcome_encode(&again, &two);
        must(str_eq(buf_str(&one), buf_str(&two)));
        buf_done(&one);
        buf_done(&two);
    }
    must(a.heap_bytes <= 128 * size + 65536);
    arena_done(&a);
    return 0;
}
