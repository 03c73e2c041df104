/* keep: reports into the office's database and their rows back. A row is kept as it was read, packed as every record on disk is
 * (lib/buf.h); the first byte says how. Strangers send reports, so what is kept has a bound: the oldest go. */
#include "aggregate/inner.h"
#include "store/reports.h"

enum { ROW_FORM = 1, KEPT_ROWS = 2000000, LOOK_EACH = 64, LOOK_ROWS = 1000 };
#define KEPT_S (INT64_C(800) * 86400)

/* ---- rows packed ---- */

static void put_dmarc(const struct dmarc_row *r, struct buf *b)
{
    buf_put_u8(b, ROW_FORM);
    buf_put_str(b, r->ip);
    buf_put_u64(b, r->count);
    buf_put_str(b, r->disposition);
    buf_put_u8(b, (uint8_t)(r->dkim | r->spf << 1));
    buf_put_str(b, r->reason);
    buf_put_str(b, r->header_from);
    buf_put_str(b, r->envelope_from);
    buf_put_u8(b, (uint8_t)r->auths);
    for (uint32_t i = 0; i < r->auths; i++) {
        buf_put_u8(b, r->auth[i].dkim);
        buf_put_str(b, r->auth[i].domain);
        buf_put_str(b, r->auth[i].selector);
        buf_put_str(b, r->auth[i].result);
    }
}

bool dmarc_row_decode(struct str body, struct aggregate_auth auth[AGGREGATE_AUTH_MAX], struct dmarc_row *ret)
{
    bool ok = true;
    if (str_take_u8(&body, &ok) != ROW_FORM)
        return false;
    *ret = (struct dmarc_row){.ip = str_take_str(&body, &ok), .auth = auth};
    ret->count = str_take_u64(&body, &ok);
    ret->disposition = str_take_str(&body, &ok);
    uint8_t passed = str_take_u8(&body, &ok);
    ret->dkim = passed & 1;
    ret->spf = passed >> 1 & 1;
    ret->reason = str_take_str(&body, &ok);
    ret->header_from = str_take_str(&body, &ok);
    ret->envelope_from = str_take_str(&body, &ok);
    ret->auths = str_take_u8(&body, &ok);
    for (uint32_t i = 0; ok && i < ret->auths && i < AGGREGATE_AUTH_MAX; i++) {
        auth[i].dkim = str_take_u8(&body, &ok);
        auth[i].domain = str_take_str(&body, &ok);
        auth[i].selector = str_take_str(&body, &ok);
        auth[i].result = str_take_str(&body, &ok);
    }
    return ok && ret->auths <= AGGREGATE_AUTH_MAX;
}

static void put_tls(const struct tls_row *r, struct buf *b)
{
    buf_put_u8(b, ROW_FORM);
    buf_put_str(b, r->policy);
    buf_put_str(b, r->result);
    buf_put_u64(b, r->ok);
    buf_put_u64(b, r->failed);
    buf_put_str(b, r->sender_ip);
    buf_put_str(b, r->mx);
    buf_put_str(b, r->receiver_ip);
    buf_put_str(b, r->reason);
}

bool tls_row_decode(struct str body, struct tls_row *ret)
{
    bool ok = true;
    if (str_take_u8(&body, &ok) != ROW_FORM)
        return false;
    ret->policy = str_take_str(&body, &ok);
    ret->result = str_take_str(&body, &ok);
    ret->ok = str_take_u64(&body, &ok);
    ret->failed = str_take_u64(&body, &ok);
    ret->sender_ip = str_take_str(&body, &ok);
    ret->mx = str_take_str(&body, &ok);
    ret->receiver_ip = str_take_str(&body, &ok);
    ret->reason = str_take_str(&body, &ok);
    return ok;
}

/* ---- storing ---- */

static bool add_rows(struct store *s, int64_t number, const struct aggregate_report *r, struct fault *f)
{
    struct buf b = {0};
    bool good = true;
    for (uint32_t i = 0; good && i < r->rows; i++) {
        b.n = 0;
        if (r->kind == AGGREGATE_DMARC)
            put_dmarc(&r->dmarc[i], &b);
        else
            put_tls(&r->tls[i], &b);
        good = store_report_row_add(s, number, i, buf_str(&b), f);
    }
    buf_done(&b);
    return good;
}

/* A time in the future would keep an old report the newest for ever. */
static int64_t not_after(int64_t at_s, int64_t now_s) { return at_s < now_s ? at_s : now_s; }

/* To see what is too much is to look at all there is: not for each small report of a stranger who sends many. */
static bool forget(const struct aggregate_keeper *k, const struct aggregate_report *r, int64_t number, struct fault *f)
{
    bool look = number % LOOK_EACH == 0 || r->rows >= LOOK_ROWS;
    return !look || store_reports_forget(k->store, k->now_s - KEPT_S, KEPT_ROWS, f);
}

static bool add(const struct aggregate_keeper *k, const struct aggregate_report *r, bool *ret_new, struct fault *f)
{
    struct store_report row = {.kind = r->kind,
                               .domain = r->domain,
                               .organisation = r->organisation.n ? r->organisation : r->contact,
                               .contact = r->contact,
                               .id = r->id,
                               .policy = r->policy,
                               .begin_s = not_after(r->begin_s, k->now_s),
                               .end_s = not_after(r->end_s, k->now_s),
                               .added_s = k->now_s,
                               .rows = r->rows,
                               .total = r->total};
    struct buf id = {0};
    int64_t number = 0;
    if (r->id.n == 0) { /* then its time is what tells it from the reporter's others */
        buf_addf(&id, "%lld", (long long)r->begin_s);
        row.id = buf_str(&id);
    }
    bool good = store_report_add(k->store, &row, ret_new, &number, f) && (!*ret_new || add_rows(k->store, number, r, f)) &&
                (!*ret_new || forget(k, r, number, f));
    buf_done(&id);
    return good;
}

static bool take(void *ctx, const struct aggregate_report *r, struct fault *f)
{
    const struct aggregate_keeper *k = ctx;
    bool news = false, kept = !k->wanted || k->wanted(k->ctx, r->domain);
    if (kept) {
        bool good = store_begin(k->store, f) && add(k, r, &news, f) && store_commit(k->store, f);
        if (!good) {
            store_rollback(k->store);
            return false;
        }
    }
    if (k->told)
        k->told(k->ctx, r, kept, news);
    return true;
}

enum aggregate_result aggregate_keep(const struct aggregate_keeper *k, struct str bytes, const char *name, struct fault *f)
{
    struct aggregate_keeper copy = *k;
    return aggregate_read(bytes, name, take, &copy, f);
}
