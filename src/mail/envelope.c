/* envelope: see envelope.h. The encoding is a frame (mail/wire.h) of numbers, texts, parents and recipients. */
#include "mail/envelope.h"

#include "mail/wire.h"

enum { VERSION = 1 };
enum { FLAG_SMTPUTF8 = 1, FLAG_DSN_AWARE = 2, FLAG_8BIT = 4, FLAG_REQUIRETLS = 8, FLAG_TLS_OPTIONAL = 16 };

/* Every text of an envelope, in the order of the encoding: writer and reader walk the same row. */
static const size_t texts[] = {
    offsetof(struct envelope, sender),     offsetof(struct envelope, envid),    offsetof(struct envelope, account),
    offsetof(struct envelope, credential), offsetof(struct envelope, stream),   offsetof(struct envelope, client_ip),
    offsetof(struct envelope, helo),       offsetof(struct envelope, protocol), offsetof(struct envelope, subject),
    offsetof(struct envelope, message_id),
};
enum { TEXTS = sizeof texts / sizeof texts[0] };
enum { RCPT_BYTES_MIN = 4 + 4 + 4 + 1, PARENT_BYTES = 4 };

static void rcpt_encode(const struct rcpt *r, struct buf *b)
{
    buf_put_str(b, r->address);
    buf_put_str(b, r->domain);
    buf_put_str(b, r->orcpt);
    buf_put_u8(b, r->notify);
}

static void body_encode(const struct envelope *e, struct buf *b)
{
    unsigned flags = (e->smtputf8 ? FLAG_SMTPUTF8 : 0) | (e->by_dsn_aware ? FLAG_DSN_AWARE : 0) | (e->has_8bit ? FLAG_8BIT : 0) |
                     (e->requiretls ? FLAG_REQUIRETLS : 0) | (e->tls_optional ? FLAG_TLS_OPTIONAL : 0);
    wire_put_id(b, e->id);
    buf_put_u64(b, (uint64_t)e->accepted_ms);
    buf_put_u8(b, (uint8_t)e->ret);
    buf_put_u8(b, (uint8_t)e->body);
    buf_put_u8(b, (uint8_t)flags);
    buf_put_u8(b, (uint8_t)e->dsn);
    buf_put_u32(b, e->content_bytes);
    for (unsigned i = 0; i < TEXTS; i++)
        buf_put_str(b, *(const struct str *)(const void *)((const char *)e + texts[i]));
    wire_put_id(b, e->parent);
    buf_put_u32(b, e->parent_rcpts);
    for (uint32_t i = 0; i < e->parent_rcpts; i++)
        buf_put_u32(b, e->parent_rcpt[i]);
    buf_put_u32(b, e->rcpts);
    for (uint32_t i = 0; i < e->rcpts; i++)
        rcpt_encode(&e->rcpt[i], b);
    buf_put_str(b, e->return_path); /* what came later stands at the end: earlier records lack it */
    buf_put_str(b, e->checked);
}

void envelope_encode(const struct envelope *e, struct buf *b)
{
    size_t frame = wire_open(b, VERSION);
    body_encode(e, b);
    wire_close(b, frame);
}

static void numbers_decode(struct str *s, struct envelope *e, bool *ok)
{
    e->id = wire_take_id(s, ok);
    e->accepted_ms = (int64_t)str_take_u64(s, ok);
    e->ret = (enum dsn_return)wire_take_enum(s, 0, RET_HDRS, ok);
    e->body = (enum body_type)wire_take_enum(s, 0, BODY_BINARYMIME, ok);
    unsigned flags = str_take_u8(s, ok);
    e->smtputf8 = (flags & FLAG_SMTPUTF8) != 0;
    e->by_dsn_aware = (flags & FLAG_DSN_AWARE) != 0;
    e->has_8bit = (flags & FLAG_8BIT) != 0;
    e->requiretls = (flags & FLAG_REQUIRETLS) != 0;
    e->tls_optional = (flags & FLAG_TLS_OPTIONAL) != 0;
    e->dsn = (enum dsn_kind)wire_take_enum(s, 0, DSN_DELIVERED, ok);
    e->content_bytes = str_take_u32(s, ok);
}

static void parents_decode(struct str *s, struct arena *a, struct envelope *e, bool *ok)
{
    e->parent = wire_take_id(s, ok);
    e->parent_rcpts = wire_take_count(s, PARENT_BYTES, ok);
    e->parent_rcpt = e->parent_rcpts ? arena_alloc(a, e->parent_rcpts * sizeof *e->parent_rcpt) : NULL;
    for (uint32_t i = 0; i < e->parent_rcpts; i++)
        e->parent_rcpt[i] = str_take_u32(s, ok);
}

static void rcpts_decode(struct str *s, struct arena *a, struct envelope *e, bool *ok)
{
    e->rcpts = wire_take_count(s, RCPT_BYTES_MIN, ok);
    e->rcpt = e->rcpts ? arena_alloc(a, e->rcpts * sizeof *e->rcpt) : NULL;
    for (uint32_t i = 0; i < e->rcpts && *ok; i++) {
        e->rcpt[i].address = str_take_str(s, ok);
        e->rcpt[i].domain = str_take_str(s, ok);
        e->rcpt[i].orcpt = str_take_str(s, ok);
        e->rcpt[i].notify = str_take_u8(s, ok);
    }
}

bool envelope_decode(struct str bytes, struct arena *a, struct envelope *ret, struct str *rest)
{
    bool ok = true;
    struct envelope e = {0};
    struct str s = wire_take(&bytes, VERSION, &ok);
    numbers_decode(&s, &e, &ok);
    for (unsigned i = 0; i < TEXTS; i++)
        *(struct str *)(void *)((char *)&e + texts[i]) = str_take_str(&s, &ok);
    parents_decode(&s, a, &e, &ok);
    if (ok)
        rcpts_decode(&s, a, &e, &ok);
    if (ok && s.n)
        e.return_path = str_take_str(&s, &ok);
    if (ok && s.n)
        e.checked = str_take_str(&s, &ok);
    if (!ok)
        return false;
    *ret = e;
    *rest = bytes;
    return true;
}
