/* MTA-STS: a stranger's TXT record and policy, and the list of what is known. A host that a policy names is listed by it. */
#include "lib/must.h"
#include "sts/sts.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_mem(data, size), id;
    struct arena a = {0};
    struct sts_policy p;
    struct sts_list *l;
    char why[100];
    if (sts_record_parse(text, &id) == STS_GOOD)
        must(id.n > 0 && id.n <= STS_ID_MAX && id.p >= text.p && id.p + id.n <= text.p + text.n);
    if (sts_policy_parse(text, &a, &p, why)) {
        must(p.mode == STS_NONE || p.mx.n);
        for (struct str rest = p.mx; rest.n;) {
            struct str pattern = str_split(&rest, ' ');
            if (pattern.p[0] != '*')
                must(sts_lists(p.mx, pattern));
        }
    }
    if (sts_list_parse(&l, text, NULL)) {
        size_t n;
        const struct sts_entry *e = sts_list_entries(l, &n);
        for (size_t i = 0; i < n; i++)
            must(sts_list_find(l, e[i].domain) == &e[i]);
        sts_list_free(&l);
    }
    arena_done(&a);
    return 0;
}
