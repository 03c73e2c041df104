/* A stranger's TXT record about TLS reports: what it names are addresses that stand in a command and a header as they are. */
#include "api/tls_report.h"

#include "lib/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct str rua[RUA_MAX];
    unsigned n;
    if (tls_report_record(str_mem(data, size), &a, rua, &n)) {
        must(n <= RUA_MAX);
        for (unsigned i = 0; i < n; i++)
            for (size_t k = 0; k < rua[i].n; k++)
                must((unsigned char)rua[i].p[k] >= 0x20 && (unsigned char)rua[i].p[k] < 0x7f);
    }
    arena_done(&a);
    return 0;
}
