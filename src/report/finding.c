/* finding: see finding.h. The return path says whom it is about; the mail is a stranger's, and says only what happened. So it can
 * speak against no address but the one that we wrote to, and against that one only if it names it or names nobody: when a report
 * is about another address, it is the place that the recipient forwards to. Such a report may name our recipient too, as the
 * original one (RFC 3464 2.3.1); what failed is the final one (2.3.2), and he may well have got his copy. */
#include "report/finding.h"

#include "lib/buf.h"
#include "mail/header.h"

enum { SAID_MAX = 2000, NOTE_MAX = 300 };

static struct str cut(struct str s, size_t most) { return s.n > most ? str_mem(s.p, most) : s; }

static bool names(const struct bounce_rcpt *r, struct str address)
{
    return str_eq_nocase(r->address, address) || str_eq_nocase(r->final, address);
}

/* Was it our recipient itself that failed, and not where it forwards to? A name without a host is a mailbox of its own server. */
static bool is_own(const struct bounce_rcpt *r, struct str address)
{
    bool elsewhere = r->final.n && memchr(r->final.p, '@', r->final.n);
    return str_eq_nocase(elsewhere ? r->final : r->address, address);
}

/* The report's entry about our recipient; the only one or the first bad one when none names it. */
static const struct bounce_rcpt *entry_about(const struct bounce *b, struct str address, bool *ret_own)
{
    const struct bounce_rcpt *best = b->rcpts ? &b->rcpt[0] : NULL;
    for (uint32_t i = 0; i < b->rcpts; i++) {
        const struct bounce_rcpt *r = &b->rcpt[i];
        if (names(r, address)) {
            *ret_own = is_own(r, address);
            return r;
        }
        if (best->action != BOUNCE_ACTION_FAILED && r->action == BOUNCE_ACTION_FAILED)
            best = r;
    }
    *ret_own = best && b->rcpts == 1 && best->address.n == 0;
    return best;
}

static enum returned_kind kind_of(const struct bounce *b)
{
    static const enum returned_kind kinds[] = {
        [BOUNCE_NONE] = RETURNED_OTHER,          [BOUNCE_FAILED] = RETURNED_FAILED,       [BOUNCE_DELAYED] = RETURNED_DELAYED,
        [BOUNCE_DELIVERED] = RETURNED_DELIVERED, [BOUNCE_COMPLAINT] = RETURNED_COMPLAINT, [BOUNCE_AUTOREPLY] = RETURNED_ANSWER,
    };
    return kinds[b->kind];
}

/* A report of several may have failed for others only. */
static enum returned_kind kind_for(enum returned_kind whole, const struct bounce_rcpt *r)
{
    bool report = whole == RETURNED_FAILED || whole == RETURNED_DELAYED || whole == RETURNED_DELIVERED;
    if (!report || !r)
        return whole;
    switch (r->action) {
    case BOUNCE_ACTION_FAILED:
        return RETURNED_FAILED;
    case BOUNCE_ACTION_DELAYED:
        return RETURNED_DELAYED;
    case BOUNCE_ACTION_DELIVERED:
    case BOUNCE_ACTION_RELAYED:
    case BOUNCE_ACTION_EXPANDED:
        return RETURNED_DELIVERED;
    case BOUNCE_ACTION_UNKNOWN:
        break;
    }
    return whole;
}

static enum outcome_status status_of(enum returned_kind k)
{
    return k == RETURNED_FAILED ? OUTCOME_FAILED : k == RETURNED_DELAYED ? OUTCOME_DEFERRED : OUTCOME_DELIVERED;
}

/* What a complaint's kind asks for (RFC 5965 7.3, RFC 6430, RFC 6591): only a person's "I do not want this". */
static enum suppress_reason asked_by(struct str feedback_type)
{
    if (str_eq(feedback_type, STR("abuse")) || str_eq(feedback_type, STR("fraud")))
        return SUPPRESS_COMPLAINT;
    return str_eq(feedback_type, STR("opt-out")) ? SUPPRESS_UNSUBSCRIBE : (enum suppress_reason)0;
}

/* Facts in no language: "550 5.1.1 No such user (mx.x.pl, DSN; user-unknown 97 %, gmail/user-unknown)", "ARF (RFC 5965): abuse".
 */
static struct str proof_of(const struct finding *x, const struct bounce *b, struct arena *a)
{
    const struct reply *r = &x->rcpt.reply;
    struct buf p = {0};
    char enhanced[12];
    enhanced_text(r->enhanced, enhanced);
    if (x->kind == RETURNED_COMPLAINT) {
        buf_addf(&p, "ARF (RFC 5965): %.*s", STR_ARGS(cut(b->feedback_type, 40)));
    } else {
        if (r->code)
            buf_addf(&p, "%d ", r->code);
        const struct verdict *v = &x->rcpt.verdict;
        buf_addf(&p, "%s%s%.*s (%.*s, DSN; %.*s %u %%, %.*s)", enhanced, *enhanced ? " " : "", STR_ARGS(cut(r->text, 1000)),
                 STR_ARGS(x->outcome.host), STR_ARGS(v->cause), v->confidence, STR_ARGS(v->rule));
    }
    struct str text = arena_str(a, buf_str(&p));
    buf_done(&p);
    return text;
}

/* What it is in a few words, for kinds that have no reply: the complaint's type, the answer's subject. */
static struct str note_of(const struct finding *x, const struct bounce *b, struct str mail)
{
    struct header_field f;
    if (x->kind == RETURNED_COMPLAINT)
        return cut(b->feedback_type, NOTE_MAX);
    if ((x->kind == RETURNED_ANSWER || x->kind == RETURNED_OTHER) && header_find(mail, STR("Subject"), 0, &f))
        return cut(str_trim(f.value), NOTE_MAX);
    return STR("");
}

static void fill(struct finding *x, const struct bounce *b, const struct bounce_rcpt *r)
{
    x->outcome.host = cut(r->remote_mta.n ? r->remote_mta : b->reporting_mta, 255);
    x->rcpt.reply = (struct reply){r->code, r->status, cut(r->said, SAID_MAX)};
    x->rcpt.phase = r->phase;
    if ((x->kind == RETURNED_FAILED || x->kind == RETURNED_DELAYED) && r->why.cause)
        x->rcpt.verdict = explain_verdict(&r->why);
}

void finding_make(struct str mail, const struct envelope *e, uint32_t rcpt, int64_t at_ms, struct arena *a, struct finding *ret)
{
    struct bounce b = {.kind = BOUNCE_NONE};
    bool own = false;
    bounce_read(mail, a, &b);
    const struct bounce_rcpt *r = entry_about(&b, e->rcpt[rcpt].address, &own);
    *ret = (struct finding){.kind = kind_for(kind_of(&b), r)};
    ret->outcome = (struct outcome){.id = e->id, .at_ms = at_ms, .host = cut(b.reporting_mta, 255)};
    ret->rcpt = (struct outcome_rcpt){.rcpt = rcpt, .status = status_of(ret->kind)};
    if (r)
        fill(ret, &b, r);
    ret->outcome.note = note_of(ret, &b, mail);
    ret->outcome.rcpts = 1;
    ret->outcome.rcpt = &ret->rcpt;
    if (ret->kind == RETURNED_COMPLAINT)
        ret->suppress = asked_by(b.feedback_type);
    else if (ret->kind == RETURNED_FAILED && own && ret->rcpt.verdict.action == ACTION_SUPPRESS)
        ret->suppress = SUPPRESS_HARDBOUNCE;
    if (ret->suppress)
        ret->proof = proof_of(ret, &b, a);
}
