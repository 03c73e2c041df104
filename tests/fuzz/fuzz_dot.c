/* Content in: two ways of cutting give the same bytes, whole newlines once normalised. Content out: decodes to itself. */
#include "lib/buf.h"
#include "lib/must.h"
#include "mail/dot.h"

struct result {
    struct buf out;
    struct dot_decoder d;
    size_t taken;
    enum dot_status last;
    unsigned bare;
};

static struct result decode(struct str in, size_t step, struct dot_decoder d)
{
    struct result r = {.d = d};
    while (r.taken < in.n && r.last != DOT_END) {
        size_t n = in.n - r.taken < step ? in.n - r.taken : step, taken, out_n;
        char *to = buf_reserve(&r.out, dot_room(&r.d, n));
        r.last = dot_decode(&r.d, in.p + r.taken, n, &taken, to, &out_n);
        must(out_n <= dot_room(&r.d, n) && taken <= n && taken > 0);
        r.out.n += out_n;
        r.taken += taken;
        r.bare += r.last == DOT_BARE;
    }
    must(r.bare <= 1 && r.d.seen == r.taken);
    return r;
}

static void both_ways(struct str in, size_t step, struct dot_decoder d)
{
    struct result a = decode(in, in.n + 1, d), b = decode(in, step, d);
    must(a.taken == b.taken && a.bare == b.bare && str_eq(buf_str(&a.out), buf_str(&b.out)));
    must(a.d.bare == b.d.bare && a.d.bare_at == b.d.bare_at && a.d.has_8bit == b.d.has_8bit && a.d.has_nul == b.d.has_nul);
    if (a.last == DOT_END) {
        must(a.taken >= 3 && memcmp(in.p + a.taken - 3, ".\r\n", 3) == 0);
        must(a.taken == 3 || memcmp(in.p + a.taken - 5, "\r\n", 2) == 0);
        must((a.d.bare && !d.normalise) || dot_newlines_whole(buf_str(&a.out), NULL));
    }
    buf_done(&a.out);
    buf_done(&b.out);
}

static void out_and_in(struct str content)
{
    struct dot_encoder e;
    struct str span[3];
    struct buf wire = {0};
    size_t n;
    dot_encoder_init(&e, content);
    while ((n = dot_encode(&e, span, 3)) > 0)
        for (size_t i = 0; i < n; i++)
            buf_add_str(&wire, span[i]);
    struct result r = decode(buf_str(&wire), 7, (struct dot_decoder){0});
    must(r.last == DOT_END && r.taken == wire.n && r.bare == 0);
    must(r.out.n >= content.n && (content.n == 0 || memcmp(r.out.p, content.p, content.n) == 0));
    buf_done(&r.out);
    buf_done(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str in = str_mem(data + 1, size - 1);
    both_ways(in, 1U + data[0] % 100U, (struct dot_decoder){.normalise = data[0] & 1, .chunked = data[0] & 2});
    if (dot_newlines_whole(in, NULL))
        out_and_in(in);
    return 0;
}
