/* list_why: see list_why.h. What stands on the lists comes from their entries; what was heard of the address comes from the
 * stories of the newest messages to it, judged by the rule that suppression itself follows (report/report.h). So an entry is
 * justified by its proof, and a missing one by what the refusal was about. */
#include "cli/list_why.h"

#include "cli/story.h"
#include "cli/text.h"
#include "mail/date.h"
#include "report/report.h"

#include <stdio.h>
#include <time.h>

enum { REASON_BYTES = 2000, MESSAGES_MAX = 20 };

/* Everything that either list says about one address or domain. */
struct asking {
    const struct list_options *o;
    struct store *store;
    struct suppress_value value;
    enum store_list list;
    int64_t now_s;
    unsigned n;
    bool blocked;
    struct buf out;
};

/* ---- what was heard of the address ---- */

/* The newest message to it that was not simply taken. Zeroed: none is known. */
struct heard {
    struct asking *x;
    struct story story;
    const struct outcome *outcome; /* NULL: none; all three in the story */
    const struct outcome_rcpt *rcpt;
    const struct story_back *back; /* it came back later, as a mail; NULL: it was said at once */
    int64_t taken_ms;              /* when mail to it was delivered after that; 0: never */
};

static bool is_about(const struct story *s, uint32_t i, const struct suppress_value *v)
{
    char normal[SUPPRESS_VALUE_MAX];
    const struct rcpt *r = &s->envelope.rcpt[i];
    return i < s->envelope.rcpts && r->domain.n &&
           str_eq(str_mem(normal, suppress_normal(r->address, r->domain, normal)), v->text);
}

/* Is it what was looked for? Drops and decisions of people say nothing of the address. */
static bool take(struct heard *h, const struct outcome *o, const struct outcome_rcpt *r)
{
    if (h->outcome || !is_about(&h->story, r->rcpt, &h->x->value))
        return false;
    if (r->status == OUTCOME_DELIVERED && !h->taken_ms)
        h->taken_ms = o->at_ms;
    if ((r->status != OUTCOME_FAILED && r->status != OUTCOME_DEFERRED) || !r->verdict.cause.n)
        return false;
    h->outcome = o;
    h->rcpt = r;
    return true;
}

/* Goes back through one story: what came back, then what was said at once. */
static bool search(struct heard *h)
{
    const struct story *s = &h->story;
    for (unsigned k = s->backs; k-- > 0;)
        if ((s->back[k].kind == RETURNED_FAILED || s->back[k].kind == RETURNED_DELAYED) &&
            take(h, &s->back[k].outcome, &s->back[k].outcome.rcpt[0]))
            h->back = &s->back[k];
    for (unsigned k = s->notes; k-- > 0;)
        for (uint32_t n = 0; n < s->note[k].rcpts; n++)
            take(h, &s->note[k], &s->note[k].rcpt[n]);
    return h->outcome != NULL;
}

static bool hear(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct heard *h = ctx;
    const char *account = h->x->o->common.account;
    (void)at_ms;
    bool read = story_read(&h->story, h->x->store, id, meta, open);
    bool asked = !account || str_eq(h->story.envelope.account, entry_account(account));
    if (read && asked && search(h))
        return false;
    story_done(&h->story);
    return true;
}

/* A bounce tells of a receiver that was asked for this recipient, whatever it says of that conversation. */
static enum report_life life_of(const struct heard *h)
{
    enum report_life life = report_judge(h->outcome, h->rcpt);
    bool dead = h->back && h->rcpt->status == OUTCOME_FAILED && h->rcpt->verdict.action == ACTION_SUPPRESS;
    return dead ? REPORT_DEAD : h->back && life == REPORT_NOT_SAID ? REPORT_UNSURE : life;
}

static enum text because(const struct heard *h)
{
    enum report_life life = life_of(h);
    return life == REPORT_DEAD && !h->story.envelope.sender.n ? TEXT_LIFE_NO_SENDER : (enum text)(TEXT_LIFE_0 + (int)life);
}

static void put_verdict(const struct heard *h, enum lang l, struct buf *b)
{
    if (!h->back)
        story_verdict(h->rcpt, l, b);
    buf_addf(b, "      %s: %.*s\n", text(l, TEXT_RULE), STR_ARGS(h->rcpt->verdict.rule));
}

/* Why nothing keeps mail from it, in spite of what was heard. */
static void put_unsuppressed(struct heard *h, struct buf *b)
{
    enum lang l = h->x->o->common.lang;
    char at[STORY_TIME], id[ID_TEXT + 1];
    if (!h->outcome) {
        buf_addf(b, "    %s\n", text(l, TEXT_NO_REFUSAL));
        return;
    }
    story_time(h->outcome->at_ms, at);
    id_text(h->outcome->id, id);
    buf_addf(b, "    %s: %s, %s %s (goniec why %s)\n", text(l, TEXT_NEWEST_REFUSAL), at, text(l, TEXT_OF_MESSAGE), id, id);
    if (h->back)
        story_returned(h->back, l, b);
    else
        story_said(h->outcome, h->rcpt, l, b);
    put_verdict(h, l, b);
    if (h->taken_ms) {
        story_time(h->taken_ms, at);
        buf_addf(b, "    %s: %s\n", text(l, TEXT_TAKEN_SINCE), at);
    }
    buf_addf(b, "    %s: %s\n", text(l, TEXT_WHY_NOT), text(l, because(h)));
}

static void json_heard(struct heard *h, struct buf *b)
{
    static const char *const lives[] = {"took-mail", "dead", "not-about-it", "not-dead", "for-now", "unsure", "not-said"};
    const struct outcome_rcpt *r = h->rcpt;
    char id[ID_TEXT + 1], date[DATE_TEXT];
    if (!h->outcome) {
        buf_add_str(b, STR("null"));
        return;
    }
    id_text(h->outcome->id, id);
    date_rfc3339(h->outcome->at_ms, date);
    buf_addf(b,
             "{\"message\":\"%s\",\"time\":\"%s\",\"cause\":\"%.*s\",\"whose\":\"%s\",\"permanent\":%s,\"confidence\":%u,"
             "\"rule\":\"%.*s\",\"phase\":\"%s\",\"code\":%d,\"reply\":",
             id, date, STR_ARGS(r->verdict.cause), whose_name(r->verdict.whose), r->verdict.permanent ? "true" : "false",
             r->verdict.confidence, STR_ARGS(r->verdict.rule), phase_name(r->phase), r->reply.code);
    common_json(r->reply.text, b);
    buf_addf(b, ",\"address\":\"%s\",\"because\":", lives[life_of(h)]);
    common_json(str_of(text(h->x->o->common.lang, because(h))), b);
    if (h->taken_ms) {
        date_rfc3339(h->taken_ms, date);
        buf_addf(b, ",\"delivered_since\":\"%s\"", date);
    }
    buf_add_str(b, STR("}"));
}

/* How the refusal of an entry's proof was understood, while its message's story is kept. */
static void put_proof_verdict(struct asking *x, const struct store_entry *e, struct buf *b)
{
    struct heard h = {.x = x};
    bool found = store_message(x->store, e->message, hear, &h) && h.outcome && life_of(&h) == REPORT_DEAD;
    if (found && h.back)
        story_returned(h.back, x->o->common.lang, b);
    if (found)
        put_verdict(&h, x->o->common.lang, b);
    if (h.outcome)
        story_done(&h.story);
}

/* ---- what stands on the lists ---- */

/* Asked about one account, its own white list counts against the server's entries too. */
static bool is_spared(const struct asking *x, const struct store_entry *e)
{
    struct str account = x->o->common.account ? entry_account(x->o->common.account) : e->account;
    return x->list == LIST_SUPPRESSED && e->automatic && store_is_allowed(x->store, account, x->value.text, x->value.domain);
}

static enum text effect(const struct asking *x, const struct store_entry *e)
{
    if (x->list == LIST_ALLOWED)
        return TEXT_SPARES;
    if (e->expires_s && e->expires_s <= x->now_s)
        return TEXT_EXPIRED_ENTRY;
    if (is_spared(x, e))
        return TEXT_SPARED;
    return store_entry_is_domain(e) ? TEXT_DROPS_DOMAIN : TEXT_DROPS_ADDRESS;
}

static void put_time(int64_t at_s, struct buf *b)
{
    char at[STORY_TIME];
    story_time(at_s * 1000, at);
    buf_add_str(b, str_of(at));
}

static void put_head(const struct asking *x, const struct store_entry *e, struct buf *b)
{
    enum lang l = x->o->common.lang;
    bool server = str_eq(e->account, STR(SUPPRESS_SERVER));
    buf_addf(b, "%.*s\n  %s %s", STR_ARGS(e->value), text(l, x->list == LIST_SUPPRESSED ? TEXT_SUPPRESSED : TEXT_ALLOWED),
             text(l, server         ? TEXT_FOR_SERVER
                     : e->account.n ? TEXT_FOR_ACCOUNT
                                    : TEXT_FOR_NO_LOGIN));
    if (e->account.n && !server)
        buf_addf(b, " %.*s", STR_ARGS(e->account));
    buf_addf(b, " %s ", text(l, TEXT_SINCE));
    put_time(e->at_s, b);
    if (e->expires_s) {
        buf_addf(b, " %s ", text(l, TEXT_UNTIL));
        put_time(e->expires_s, b);
    } else if (x->list == LIST_SUPPRESSED) {
        buf_addf(b, ", %s", text(l, TEXT_FOR_GOOD));
    }
    buf_add_str(b, STR("\n"));
}

static void put_proof(struct asking *x, const struct store_entry *e, struct buf *b)
{
    enum lang l = x->o->common.lang;
    char id[ID_TEXT + 1];
    if (x->list == LIST_SUPPRESSED && e->text.n) {
        buf_addf(b, "    %s: ", text(l, TEXT_PROOF));
        common_safe(e->text, REASON_BYTES, b);
        buf_add_str(b, STR("\n"));
    }
    if (!id_wall_ms(e->message))
        return;
    id_text(e->message, id);
    buf_addf(b, "    %s: %s (goniec why %s)\n", text(l, TEXT_OF_MESSAGE), id, id);
    if (e->automatic && !store_entry_is_domain(e))
        put_proof_verdict(x, e, b);
}

static void put_person(struct asking *x, const struct store_entry *e, struct buf *b)
{
    enum lang l = x->o->common.lang;
    put_head(x, e, b);
    buf_addf(b, "    %s: ", text(l, TEXT_REASON));
    if (x->list == LIST_SUPPRESSED)
        buf_add_str(b, str_of(text(l, (enum text)(TEXT_REASON_0 + (int)e->reason))));
    else
        common_safe(e->text, REASON_BYTES, b);
    buf_addf(b, "\n    %s: ", text(l, TEXT_BY));
    common_safe(e->by, 200, b);
    buf_addf(b, "%s%s\n", e->automatic ? ", " : "", e->automatic ? text(l, TEXT_AUTOMATICALLY) : "");
    put_proof(x, e, b);
    buf_addf(b, "    %s: %s\n", text(l, TEXT_EFFECT), text(l, effect(x, e)));
}

static bool put_reasoned(void *ctx, const struct store_entry *e)
{
    struct asking *x = ctx;
    enum text what = effect(x, e);
    bool blocks = what == TEXT_DROPS_ADDRESS || what == TEXT_DROPS_DOMAIN;
    x->blocked |= blocks;
    if (x->o->common.json) {
        buf_addf(&x->out, "%s{\"list\":\"%s\",\"blocks\":%s,\"effect\":\"%s\",\"entry\":", x->n ? "," : "",
                 x->list == LIST_SUPPRESSED ? "suppression" : "allow", blocks ? "true" : "false", text(x->o->common.lang, what));
        entry_json(x->list, e, &x->out);
        buf_add_str(&x->out, STR("}"));
    } else {
        put_person(x, e, &x->out);
    }
    x->n++;
    return true;
}

/* One account's view takes in what concerns the whole server. */
static void ask_accounts(struct asking *x, const struct str *value)
{
    struct str account = entry_account(x->o->common.account), server = STR(SUPPRESS_SERVER);
    struct store_list_filter filter = {.account = x->o->common.account ? &account : NULL, .value = value};
    store_list_each(x->store, x->list, &filter, put_reasoned, x);
    filter.account = &server;
    if (x->o->common.account && !str_eq(account, server))
        store_list_each(x->store, x->list, &filter, put_reasoned, x);
}

static void ask(struct asking *x)
{
    for (x->list = LIST_SUPPRESSED; x->list <= LIST_ALLOWED; x->list++) {
        ask_accounts(x, &x->value.text);
        if (!x->value.is_domain)
            ask_accounts(x, &x->value.domain);
    }
}

/* ---- the answer ---- */

static void answer_json(struct asking *x, struct heard *h, uint32_t failures)
{
    struct buf name = {0}, newest = {0};
    common_json(x->value.text, &name);
    json_heard(h, &newest);
    printf("{\"email\":%.*s,\"blocked\":%s,\"failures\":%u,\"entries\":[%.*s],\"refusal\":%.*s}\n", STR_ARGS(buf_str(&name)),
           x->blocked ? "true" : "false", failures, STR_ARGS(buf_str(&x->out)), STR_ARGS(buf_str(&newest)));
    buf_done(&name);
    buf_done(&newest);
}

static void answer(struct asking *x, struct heard *h, uint32_t failures)
{
    enum lang l = x->o->common.lang;
    if (!x->n)
        buf_addf(&x->out, "%.*s %s\n", STR_ARGS(x->value.text), text(l, TEXT_ON_NO_LIST));
    if (failures)
        buf_addf(&x->out, "    %s: %u\n", text(l, TEXT_FAILURES_SO_FAR), failures);
    if (!x->blocked && !x->value.is_domain)
        put_unsuppressed(h, &x->out);
    fwrite(x->out.p, 1, x->out.n, stdout);
}

bool list_why(const struct list_options *o, struct store *s, int n, char **a, struct fault *f)
{
    struct arena arena = {0};
    struct asking x = {.o = o, .store = s, .now_s = time(NULL)};
    struct heard h = {.x = &x};
    const char *why = "";
    (void)n;
    bool good = suppress_value_parse(str_of(a[0]), &arena, &x.value, &why) || fault_set(f, "\"%s\": %s", a[0], why);
    if (good) {
        ask(&x);
        store_messages_to(s, store_address_hash(str_of(a[0])), MESSAGES_MAX, hear, &h);
        uint32_t failures = store_failures(s, entry_account(o->common.account), x.value.text);
        if (o->common.json)
            answer_json(&x, &h, failures);
        else
            answer(&x, &h, failures);
    }
    if (h.outcome)
        story_done(&h.story);
    buf_done(&x.out);
    arena_done(&arena);
    return good;
}
