/* Any bytes as a message: the fields and the rest must add up to it. */
#include "mail/header.h"

#include "lib/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct header_scan s;
    struct header_field f;
    struct arena a = {0};
    enum header_step step;
    size_t at = 0, bound = size > 0 ? data[0] * 8U : 0;
    header_scan_init(&s, str_mem(data, size), bound);
    while ((step = header_next(&s, &f)) <= HEADER_JUNK) {
        must(f.raw.p == (const char *)data + at && f.raw.n > 0);
        must((step == HEADER_FIELD) == (f.name.n > 0));
        at += f.raw.n;
        must(at == s.at && (bound == 0 || at <= bound));
        must(header_unfold(f.value, &a, 64).n <= 64);
    }
    must(s.at >= at && s.at <= size);
    must(header_next(&s, &f) == step);
    must(step == HEADER_BOUND || header_bytes(str_mem(data, size)) == s.at);
    arena_done(&a);
    return 0;
}
