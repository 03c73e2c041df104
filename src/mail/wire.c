/* wire: see wire.h. */
#include "mail/wire.h"

#include "lib/must.h"

enum { LENGTH_BYTES = 4 };

size_t wire_open(struct buf *b, uint8_t version)
{
    must(buf_put_u8(b, version) && buf_put_u32(b, 0));
    return b->n;
}

void wire_close(struct buf *b, size_t opened)
{
    size_t n = b->n - opened;
    must(n <= UINT32_MAX);
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        b->p[opened - LENGTH_BYTES + i] = (char)(n >> (8 * i));
}

struct str wire_take(struct str *s, uint8_t version, bool *ok)
{
    if (str_take_u8(s, ok) != version)
        *ok = false;
    return str_take_str(s, ok);
}

void wire_put_id(struct buf *b, struct id id) { must(buf_add(b, id.b, sizeof id.b)); }

struct id wire_take_id(struct str *s, bool *ok)
{
    struct id id = {0};
    if (s->n < sizeof id.b) {
        *ok = false;
        return id;
    }
    memcpy(id.b, s->p, sizeof id.b);
    s->p += sizeof id.b;
    s->n -= sizeof id.b;
    return id;
}

uint32_t wire_take_count(struct str *s, size_t entry_bytes, bool *ok)
{
    uint32_t n = str_take_u32(s, ok);
    if (*ok && n <= s->n / entry_bytes)
        return n;
    *ok = false;
    return 0;
}

unsigned wire_take_enum(struct str *s, unsigned first, unsigned last, bool *ok)
{
    unsigned v = str_take_u8(s, ok);
    if (v >= first && v <= last)
        return v;
    *ok = false;
    return first;
}
