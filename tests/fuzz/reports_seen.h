/* reports_seen: what holds for every report that is handed on, whatever bytes it came from. */
#pragma once

#include "aggregate/aggregate.h"
#include "lib/must.h"

static size_t report_letters(struct str s)
{
    size_t n = s.n;
    for (size_t i = 0; i < s.n; i++)
        n += (unsigned char)s.p[i];
    return n;
}

static bool report_seen(void *ctx, const struct aggregate_report *r, struct fault *f)
{
    size_t *seen = ctx;
    uint64_t total = 0;
    (void)f;
    must(r->kind == AGGREGATE_DMARC || r->kind == AGGREGATE_TLS);
    must(r->rows + r->left_out <= AGGREGATE_ROWS_MAX * 2 && r->begin_s <= r->end_s);
    must(r->kind == AGGREGATE_TLS || r->domain.n > 0);
    for (uint32_t i = 0; i < r->rows && r->kind == AGGREGATE_DMARC; i++) {
        const struct dmarc_row *d = &r->dmarc[i];
        must(d->auths <= AGGREGATE_AUTH_MAX && d->header_from.n <= AGGREGATE_TEXT_MAX);
        for (uint32_t k = 0; k < d->auths; k++)
            *seen += report_letters(d->auth[k].domain) + report_letters(d->auth[k].selector) + report_letters(d->auth[k].result);
        *seen += report_letters(d->ip) + report_letters(d->reason) + report_letters(d->disposition);
        total += d->count;
    }
    for (uint32_t i = 0; i < r->rows && r->kind == AGGREGATE_TLS; i++) {
        const struct tls_row *t = &r->tls[i];
        *seen += report_letters(t->policy) + report_letters(t->mx) + report_letters(t->reason) + report_letters(t->sender_ip);
        total += t->result.n ? 0 : t->ok + t->failed;
    }
    must(total == r->total);
    *seen += report_letters(r->organisation) + report_letters(r->id) + report_letters(r->policy);
    return true;
}

/* Reads `before`, and the fuzzer's bytes behind it. */
static inline int report_fuzz(const char *before, const uint8_t *data, size_t size)
{
    struct buf b = {0};
    struct fault f;
    size_t seen = 0;
    buf_add_str(&b, str_of(before));
    buf_add(&b, data, size);
    enum aggregate_result got = aggregate_read(buf_str(&b), NULL, report_seen, &seen, &f);
    must(got == AGGREGATE_READ || f.text[0]);
    must(got != AGGREGATE_FAILED && seen < SIZE_MAX);
    buf_done(&b);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
