/* A server's bytes at the SMTP and LMTP client, whole and byte by byte: every recipient is settled exactly once whatever comes,
 * and none is delivered without a 2xx of the server. The first byte chooses what is sent and how. */
#include "deliver/smtp_out.h"

#include "lib/must.h"

#include <stdio.h>

struct run {
    struct smtp_out m;
    struct buf log;
    size_t said;
};

static void on_write(void *ctx, const void *p, size_t n)
{
    struct run *r = ctx;
    (void)p;
    r->said += n;
}

static void on_line(void *ctx, bool ours, struct str text)
{
    struct run *r = ctx;
    if (ours)
        buf_addf(&r->log, "%.*s\n", STR_ARGS(text));
}

static bool is_unsent(void *ctx)
{
    (void)ctx;
    return false;
}

static const struct smtp_out_hooks hooks = {on_write, on_write, on_line, is_unsent};

static void settle(struct run *r, uint32_t rcpts)
{
    for (uint32_t i = 0; i < rcpts; i++) {
        const struct result *x = &r->m.result[i];
        must(x->settled && x->status >= OUTCOME_DELIVERED && x->status <= OUTCOME_DEFERRED);
        must(x->status != OUTCOME_DELIVERED || x->reply.code / 100 == 2);
        bool unasked = x->reply.code == 0 && x->phase == PHASE_MAIL; /* the server had said that it does not take this */
        must(x->status != OUTCOME_FAILED || x->reply.code / 100 == 5 || unasked);
        buf_addf(&r->log, "%d %d %d\n", x->status, x->phase, x->reply.code);
    }
}

/* After each byte or all of them: what the driver would do in this state. */
static bool turn(struct run *r, struct attempt *a, struct arena *arena, unsigned *left)
{
    switch (r->m.state) {
    case OUT_READY:
        if ((*left)-- == 0)
            return false;
        arena_done(arena);
        smtp_out_begin(&r->m, a, arena);
        return true;
    case OUT_DONE:
        settle(r, a->rcpts);
        smtp_out_next(&r->m);
        return true;
    case OUT_WANT_TLS:
        smtp_out_secured(&r->m);
        return true;
    default:
        return r->m.state != OUT_FAILED && r->m.state != OUT_OVER;
    }
}

/* One reply a feed, so that both ways of cutting meet the states alike: the driver reads after each turn. */
static void go(const uint8_t *data, size_t size, uint8_t how, bool bytewise, struct buf *ret)
{
    struct rcpt rcpt[3] = {
        {.address = STR("a@d.test"), .notify = NOTIFY_SUCCESS}, {.address = STR("b@d.test")}, {.address = STR("c@d.test")}};
    uint32_t index[3] = {0, 1, 2};
    struct envelope e = {.sender = STR("s@d.test"), .rcpt = rcpt, .rcpts = 3, .smtputf8 = how & 1, .has_8bit = how & 2};
    struct content *content = content_new(16);
    struct attempt a = {.envelope = &e, .content = content, .rcpt = index, .rcpts = 3, .number = 1};
    struct arena arena = {0};
    struct run r = {0};
    unsigned left = 3;
    memcpy(content->bytes + content->start, "\xc5\xbc\r\n", content->n = 4);
    smtp_out_init(&r.m, &hooks, &r);
    r.m.ehlo = STR("out.test");
    r.m.lmtp = how & 4;
    r.m.chunking = how & 8;
    r.m.level = (enum secure_level)(how >> 4 & 3);
    if (how & 64) {
        r.m.login = "l";
        r.m.password = "p";
    }
    for (size_t at = 0, n; at < size; at += n) {
        const uint8_t *newline = memchr(data + at, '\n', size - at);
        n = bytewise ? 1 : newline ? (size_t)(newline - data) - at + 1 : size - at;
        smtp_out_heard(&r.m, (const char *)data + at, n);
        while (r.m.state == OUT_DONE || r.m.state == OUT_READY || r.m.state == OUT_WANT_TLS)
            if (!turn(&r, &a, &arena, &left))
                goto out;
        if (r.m.state == OUT_FAILED || r.m.state == OUT_OVER)
            break;
    }
out:
    smtp_out_broken(&r.m);
    if (r.m.result)
        settle(&r, 3);
    buf_addf(&r.log, "state %d phase %d said %zu", r.m.state, r.m.failure_phase, r.said);
    *ret = r.log;
    smtp_out_done(&r.m);
    content_free(&content);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf a, b;
    if (size < 1)
        return 0;
    go(data + 1, size - 1, data[0], false, &a);
    go(data + 1, size - 1, data[0], true, &b);
    must(str_eq(buf_str(&a), buf_str(&b)));
    buf_done(&a);
    buf_done(&b);
    return 0;
}
