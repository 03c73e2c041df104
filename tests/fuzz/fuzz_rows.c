/* A list that somebody brings: the rows come to an end, their lines ascend, and fields lie in the text or the arena. */
#include "cli/rows.h"

#include "lib/must.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rows r;
    struct fault f;
    struct arena a = {0};
    struct str field[FIELDS];
    const char *why = NULL;
    unsigned line = 0, sum = 0;
    enum row got;
    char *text = malloc(size + 1); /* its own allocation, so that reading past it is seen */
    must(text);
    memcpy(text, data, size);
    if (rows_open(&r, "list", str_mem(text, size), &f))
        while ((got = rows_next(&r, &a, field, &why)) != ROW_END) {
            must(r.line > line && r.next >= r.line && (got == ROW_GOOD || why));
            line = r.line;
            for (int i = 0; i < FIELDS; i++)
                for (size_t k = 0; k < field[i].n; k++)
                    sum += (unsigned char)field[i].p[k];
        }
    must(sum != UINT32_MAX);
    arena_done(&a);
    free(text);
    return 0;
}
