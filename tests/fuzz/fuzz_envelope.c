/* Any bytes as an encoded envelope: what is understood encodes to something that is understood as the same. */
#include "mail/envelope.h"

#include "lib/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct envelope e, again;
    struct str rest;
    if (envelope_decode(str_mem(data, size), &a, &e, &rest)) {
        struct buf one = {0}, two = {0};
        must(rest.n < size);
        envelope_encode(&e, &one);
        must(envelope_decode(buf_str(&one), &a, &again, &rest) && rest.n == 0);
        envelope_encode(&again, &two);
        must(str_eq(buf_str(&one), buf_str(&two)));
        buf_done(&one);
        buf_done(&two);
    }
    must(a.heap_bytes <= 128 * size + 65536);
    arena_done(&a);
    return 0;
}
