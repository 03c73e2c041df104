/* A server's bytes in two different ways of cutting: the replies must be the same, and within bounds. */
#include "mail/reply.h"

#include "lib/must.h"

/* Feeds all of it in steps and adds up what came out. */
static void run(const uint8_t *data, size_t size, size_t step, struct buf *log)
{
    struct reply_parser p = {0};
    struct reply r;
    size_t at = 0;
    while (at < size) {
        size_t n = size - at < step ? size - at : step, taken = 0;
        enum reply_status s = reply_feed(&p, (const char *)data + at, n, &taken, &r);
        must(taken <= n && (s != REPLY_MORE || taken == n));
        at += taken;
        if (s == REPLY_MORE)
            continue;
        must(r.text.n <= REPLY_TEXT_MAX);
        must(s == REPLY_BAD ? r.code == 0 : r.code >= 200 && r.code <= 599);
        for (size_t i = 0; i < r.text.n; i++)
            must((unsigned char)r.text.p[i] >= 0x20 || r.text.p[i] == '\n');
        char e[12];
        enhanced_text(r.enhanced, e);
        buf_addf(log, "%d %s %.*s\n", r.code, e, STR_ARGS(r.text));
    }
    reply_parser_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf a = {0}, b = {0};
    run(data, size, size + 1, &a);
    run(data, size, 1, &b);
    must(str_eq(buf_str(&a), buf_str(&b)));
    buf_done(&a);
    buf_done(&b);
    return 0;
}
