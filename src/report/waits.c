/* waits: see waits.h. */
#include "report/waits.h"

#include "explain/noticed.h"
#include "lib/buf.h"
#include "lib/hash.h"

enum { SAID_MAX = 500, SEEN_AGAIN_MS = 3600 * 1000 };

static bool is_put_off(const struct outcome_rcpt *r) { return r->status == OUTCOME_DEFERRED || r->status == OUTCOME_HELD; }

bool waits_wanted(const struct outcome *o)
{
    bool wanted = false;
    for (uint32_t i = 0; i < o->rcpts; i++)
        wanted |= is_put_off(&o->rcpt[i]) || o->rcpt[i].status == OUTCOME_FAILED;
    return wanted;
}

static void put_said(const struct outcome *o, const struct outcome_rcpt *r, struct buf *b)
{
    char enhanced[12];
    struct str note = noticed_of(o, r), text = note.n ? note : r->reply.text;
    enhanced_text(r->reply.enhanced, enhanced);
    if (!note.n && r->reply.code)
        buf_addf(b, "%d %s%s", r->reply.code, enhanced, *enhanced ? " " : "");
    buf_add(b, text.p, text.n < SAID_MAX ? text.n : SAID_MAX);
}

/* A keyed hash: nobody can aim at another's number. */
static uint64_t key_of(const struct store_trouble *t)
{
    struct buf b = {0};
    buf_put_str(&b, t->domain);
    buf_put_str(&b, t->site);
    buf_put_str(&b, t->cause);
    uint64_t key = siphash(hash_process_key(), b.p, b.n);
    buf_done(&b);
    return key ? key : 1;
}

static bool number_of(struct waits *w, struct store *s, struct store_trouble *t, const struct outcome *o,
                      const struct outcome_rcpt *r, int64_t *ret, struct fault *f)
{
    uint64_t key = key_of(t);
    size_t at = key % (sizeof w->known / sizeof *w->known);
    if (w->known[at].key == key && o->at_ms - w->known[at].seen_ms < SEEN_AGAIN_MS) {
        *ret = w->known[at].number;
        return true;
    }
    struct buf said = {0};
    put_said(o, r, &said);
    t->said = buf_str(&said);
    bool good = store_trouble(s, t, o->at_ms, ret, f);
    buf_done(&said);
    if (good) {
        w->known[at].key = key;
        w->known[at].number = *ret;
        w->known[at].seen_ms = o->at_ms;
    }
    return good;
}

bool waits_begin(struct waits *w, struct store *s, const struct envelope *e, const struct outcome *o, bool *ret_waits,
                 struct fault *f)
{
    *ret_waits = false;
    for (uint32_t i = 0; i < o->rcpts; i++) {
        const struct outcome_rcpt *r = &o->rcpt[i];
        bool held = r->status == OUTCOME_HELD;
        struct store_trouble t = {.site = o->site, .cause = held ? STR(STORE_HELD) : r->verdict.cause};
        int64_t number;
        if (r->rcpt >= e->rcpts || !(is_put_off(r) || r->status == OUTCOME_FAILED))
            continue;
        t.domain = e->rcpt[r->rcpt].domain;
        if (!number_of(w, s, &t, o, r, &number, f))
            return false;
        bool good = is_put_off(r) ? store_waiting_put(s, o->id, r->rcpt, number, o->at_ms, held ? 0 : r->next_ms, f)
                                  : store_refused_add(s, number, o->at_ms, f);
        if (!good)
            return false;
        *ret_waits |= is_put_off(r);
    }
    return true;
}

bool waits_end(struct store *s, const struct outcome *o, bool ends, struct fault *f)
{
    if (ends)
        return store_waiting_end_all(s, o->id, f);
    for (uint32_t i = 0; i < o->rcpts; i++)
        if (!is_put_off(&o->rcpt[i]) && !store_waiting_end(s, o->id, o->rcpt[i].rcpt, f))
            return false;
    return true;
}
