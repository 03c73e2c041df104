/* What signing looks at in a stranger's message: the fields that are picked lie within it, the body is what is left, and an
 * author has a domain. */
#include "sign/fields.h"
#include "sign/sign.h"
#include "verify/author.h"

#include <stdlib.h>

static void look(void *ctx, struct str name, struct str raw)
{
    const struct str *message = ctx;
    if (name.n == 0 || (raw.p && (raw.p < message->p || raw.p + raw.n > message->p + message->n)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str message = str_mem(data, size), domain = {"", 0};
    struct signed_fields fields;
    struct arena a = {0};
    fields_pick(&fields, message);
    if (fields.body.p < message.p || fields.body.p + fields.body.n != message.p + message.n)
        abort();
    fields_each(&fields, look, &message);
    if (!author_of(message, &a, &domain) && domain.n == 0)
        abort();
    arena_done(&a);
    return 0;
}
