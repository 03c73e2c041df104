/* Any bytes as a mail: what is told must be within the bounds, and be text that lives. */
#include "bounce/bounce.h"
#include "lib/must.h"

static size_t sum(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += (unsigned char)s.p[i];
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct bounce m;
    size_t seen = 0;
    if (bounce_read(str_mem(data, size), &a, &m)) {
        must(m.kind <= BOUNCE_AUTOREPLY && m.rcpts <= BOUNCE_RCPTS_MAX && m.fields <= BOUNCE_FIELDS_MAX);
        must(m.kind != BOUNCE_NONE || m.rcpts == 0);
        for (uint32_t i = 0; i < m.rcpts; i++) {
            const struct bounce_rcpt *r = &m.rcpt[i];
            must(r->address.n > 0);
            must(r->code == 0 || (r->code >= 200 && r->code <= 599));
            must(!r->why.cause || r->why.evidence.offset + r->why.evidence.length <= r->said.n);
            seen += sum(r->address) + sum(r->final) + sum(r->said) + sum(r->remote_mta);
        }
        seen += sum(m.message_id) + sum(m.envelope_id) + sum(m.reporting_mta) + sum(m.reported_to) + sum(m.feedback_type);
    }
    must(seen < SIZE_MAX);
    arena_done(&a);
    return 0;
}
