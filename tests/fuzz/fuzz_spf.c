/* Any text as an SPF record: what is read of it lies within it, and what is valid expands. */
#include "lib/buf.h"
#include "verify/spf_term.h"

#include <stdlib.h>

static bool within(struct str inner, struct str outer)
{
    return inner.n == 0 || (inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct spf_macros macros = {.sender = {"a-b+c@x.test", 12},
                                             .local = {"a-b+c", 5},
                                             .sender_domain = {"x.test", 6},
                                             .domain = {"x.test", 6},
                                             .helo = {"client.test", 11},
                                             .address_dotted = {"192.0.2.1", 9},
                                             .address_text = {"192.0.2.1", 9},
                                             .version = {"in-addr", 7}};
    struct arena a = {0};
    struct buf record = {0};
    struct spf_term *term;
    struct str bad = {"", 0};
    unsigned n;
    buf_add_str(&record, STR("v=spf1"));
    buf_add(&record, data, size);
    struct str text = buf_str(&record);
    if (spf_is_record(text) && !spf_parse(text, &a, &term, &n, &bad))
        for (unsigned i = 0; i < n; i++) {
            if (!within(term[i].text, text) || !within(term[i].domain, text) || term[i].bits4 > 32 || term[i].bits6 > 128)
                abort();
            if (term[i].domain.n && spf_macro_valid(term[i].domain, false))
                spf_macro_expand(term[i].domain, &macros, &a);
        }
    else if (!within(bad, text))
        abort();
    if (spf_macro_valid(str_mem(data, size), true))
        spf_macro_expand(str_mem(data, size), &macros, &a);
    buf_done(&record);
    arena_done(&a);
    return 0;
}
