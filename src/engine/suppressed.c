/* suppressed: see suppressed.h. */
#include "engine/suppressed.h"

#include "mail/date.h"
#include "mail/mailbox.h"
#include "suppress/suppress.h"

#include <stdio.h>

/* ---- the list ---- */

static bool load(void **ret, const char *path, void *old, struct fault *f)
{
    struct suppress_list *l;
    if (!suppress_load(&l, path, old, f))
        return false;
    *ret = l;
    return true;
}

static void *ref(void *value) { return suppress_ref(value); }

static void drop(void **value)
{
    struct suppress_list *l = *value;
    *value = NULL;
    suppress_free(&l);
}

static void use(struct worker *w, void *value)
{
    suppress_free(&w->suppressed);
    w->suppressed = value;
}

static const struct handed_kind kind = {"suppression list", "suppression", load, ref, drop, use};

bool suppressed_open(struct engine *e, struct fault *f) { return handed_open(&e->suppressed, e, &kind, f); }
void suppressed_close(struct engine *e) { handed_close(&e->suppressed); }
void suppressed_begin(struct worker *w) { w->suppressed = handed_take(w->engine->suppressed); }
void suppressed_end(struct worker *w) { suppress_free(&w->suppressed); }

void suppressed_reload(struct engine *e, void (*done)(void *ctx, const struct fault *f), void *ctx)
{
    handed_reload(e->suppressed, done, ctx);
}

/* ---- asking ---- */

/* "address|domain SINCE UNTIL|- REASON auto|hand SCOPE", as explain/noticed.c takes it apart; the scope is "*" for the server, ""
 * or the account. */
static void put_note(const struct suppress_hit *h, struct str account, char why[NOTE_MAX])
{
    char since[DATE_TEXT], until[DATE_TEXT], detail[NOTE_MAX];
    date_rfc3339(h->at_s * 1000, since);
    date_rfc3339(h->expires_s * 1000, until);
    snprintf(detail, sizeof detail, "%s %.10s %.10s %s %s %.*s", h->of_domain ? "domain" : "address", since,
             h->expires_s ? until : "-", suppress_reason_name(h->reason), h->automatic ? "auto" : "hand",
             h->of_server ? 1 : (int)account.n, h->of_server ? "*" : account.p);
    note_put(why, NOTE_SUPPRESSED, detail);
}

bool suppressed_ask(const struct job *j, char why[NOTE_MAX])
{
    const struct message *m = j->message;
    const struct envelope *e = &m->letter->envelope;
    const struct rcpt *r = &e->rcpt[j->rcpt];
    const struct worker *w = m->home;
    const struct accept_settings *a = &w->snapshot->accept;
    struct suppress_hit hit;
    if (e->sender.n == 0 ||
        !suppress_blocks(w->suppressed, e->account, r->address, r->domain, loop_wall_ms(w->loop) / 1000, &hit) ||
        domain_among(a->hosted, a->hosted_n, r->domain) || verp_hosts(w->snapshot->returns, r->domain))
        return false;
    put_note(&hit, e->account, why);
    return true;
}
