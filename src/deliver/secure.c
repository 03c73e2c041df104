/* secure: what a domain demands of a connection, and whether it got it. The TLS session is made with whatever certificate the
 * server shows; here it is judged, before a word of the message is said. What it turned out to be is kept with the connection,
 * because the next message over it may be for a domain that demands something else. RFC 7672 3, 8461 4. */
#include "deliver/inner.h"
#include "explain/demand.h"

#include <stdio.h>

enum { RECORDS_MAX = 4000 };

/* REQUIRETLS, on top of what the domain demands of the host. A bounce is not to get lost for it: TLS is enough (RFC 8689 4.4). */
static struct secure sender_demand(const struct attempt *a, const struct route_host *h, const struct secure *s)
{
    bool bounce = a->envelope->sender.n == 0;
    enum secure_level least = bounce ? SECURE_ENCRYPTED : SECURE_VERIFIED;
    bool more = s->level >= least;
    if (bounce && more)
        return *s;
    return (struct secure){
        .level = more ? s->level : least, .by = BY_SENDER, .flaw = bounce || h->vouched ? FLAW_NONE : FLAW_NOT_VOUCHED};
}

/* The sender's demand adds to the domain's (RFC 8689 4.2.1); its permission takes away what the domain demands by itself, and
 * nothing of what the settings do (5). It is about relaying: LMTP hands over to a mailbox. */
struct secure secure_demand(const struct attempt *a, const struct route_host *h)
{
    struct secure s = h->secure;
    const struct envelope *e = a->envelope;
    if (e->requiretls && a->route->kind == ROUTE_SMTP && !secure_forbids(&s))
        return sender_demand(a, h, &s);
    bool by_domain = s.by == BY_DANE || s.by == BY_STS || s.by == BY_STS_TESTING;
    if (e->tls_optional && !e->requiretls && by_domain)
        return (struct secure){.level = a->route->tls, .by = a->route->tls >= SECURE_ENCRYPTED ? BY_OPERATOR : BY_NOBODY};
    return s;
}

/* Whether the server must promise to pass the sender's demand on. */
static bool wants_promise(const struct attempt *a, const struct secure *s) { return s->by == BY_SENDER && a->envelope->sender.n; }

bool secure_forbids(const struct secure *s) { return s->flaw != FLAW_NONE && s->by != BY_STS_TESTING; }

static bool satisfies(const struct connection *c, const struct attempt *a, const struct secure *s, const struct route_host *h)
{
    const struct secured *got = &c->secured;
    if (wants_promise(a, s) && !(c->machine.caps & CAP_REQUIRETLS))
        return false;
    switch (s->level) {
    case SECURE_MAY:
        return got->tls || !got->clear_by_choice;
    case SECURE_NEVER:
        return true;
    case SECURE_ENCRYPTED:
        return got->tls;
    case SECURE_VERIFIED:
        return got->tls && got->verified;
    case SECURE_DANE:
        return got->tls && got->tlsa_key && got->tlsa_key == h->tlsa_key;
    }
    return false;
}

const struct route_host *secure_fits(const struct connection *c, const struct attempt *a)
{
    for (unsigned i = 0; i < a->route->hosts; i++) {
        const struct route_host *h = &a->route->host[i];
        struct secure s = secure_demand(a, h);
        if (!secure_forbids(&s) && net_port((const struct sockaddr *)&h->addr) == c->port && strcmp(h->name, c->host) == 0)
            return satisfies(c, a, &s, h) ? h : NULL;
    }
    return NULL;
}

struct tls_peer secure_peer(const struct talk *t, const struct connection *c)
{
    const struct route_host *h = t->target;
    if (t->secure.level != SECURE_DANE)
        return (struct tls_peer){.name = c->host};
    const char *domain = t->attempt->route->domain;
    return (struct tls_peer){
        .name = h->tlsa_base, .also = {h->name, domain && *domain ? domain : NULL}, .tlsa = h->tlsa, .tlsas = h->tlsas};
}

static enum secure_flaw flaw_of(const struct tls_facts *f)
{
    static const enum secure_flaw flaws[] = {[TLS_PROBLEM_NONE] = FLAW_NONE,
                                             [TLS_PROBLEM_NAME] = FLAW_NAME,
                                             [TLS_PROBLEM_EXPIRED] = FLAW_EXPIRED,
                                             [TLS_PROBLEM_UNTRUSTED] = FLAW_UNTRUSTED,
                                             [TLS_PROBLEM_TLSA] = FLAW_TLSA};
    return flaws[f->problem];
}

bool secure_judge(struct connection *c)
{
    struct talk *t = c->talk;
    const struct tls_facts *f = stream_tls(c->stream);
    bool by_tlsa = t->secure.level == SECURE_DANE;
    c->secured.tls = true;
    c->secured.verified = f->verified && !by_tlsa;
    c->secured.tlsa_key = f->verified && by_tlsa ? t->target->tlsa_key : 0;
    stream_tls_shown(c->stream, t->shown, sizeof t->shown);
    bool good = f->verified || t->secure.level == SECURE_ENCRYPTED;
    if (!good && secure_lacks(t, c, flaw_of(f)))
        return false;
    secure_session(t, t->target, c->ip, t->secure.by == BY_STS_TESTING ? t->secure.flaw : FLAW_NONE);
    return true;
}

bool secure_passes(struct connection *c)
{
    struct talk *t = c->talk;
    if (!c->machine.tls && !t->no_tls && t->secure.level == SECURE_MAY) { /* who hears of failures hears of the clear, too */
        enum secure_flaw flaw = c->machine.no_tls ? FLAW_REFUSED : FLAW_NOT_OFFERED;
        secure_lacks(t, c, flaw);
        secure_session(t, t->target, c->ip, flaw);
    }
    bool lacks = wants_promise(t->attempt, &t->secure) && !(c->machine.caps & CAP_REQUIRETLS);
    return !lacks || !secure_lacks(t, c, FLAW_NO_REQUIRETLS);
}

/* As in a zone file, a line each. */
static void put_records(const struct route_host *h, struct buf *b)
{
    for (unsigned i = 0; i < h->tlsas; i++) {
        buf_addf(b, "%s%u %u %u ", i ? "\n" : "", h->tlsa[i].usage, h->tlsa[i].selector, h->tlsa[i].matching);
        for (unsigned k = 0; k < h->tlsa[i].n; k++)
            buf_addf(b, "%02x", h->tlsa[i].data[k]);
    }
}

/* A sender's own wishes (RFC 8689) are no business of the domain's. */
void secure_session(struct talk *t, const struct route_host *h, const char *ip, enum secure_flaw flaw)
{
    const struct attempt *a = t->attempt;
    struct buf records = {.max = RECORDS_MAX};
    if (!a->route->domain || !*a->route->domain || a->envelope->tls_optional || flaw == FLAW_NO_REQUIRETLS ||
        t->sessions == OUTCOME_SESSIONS_MAX)
        return;
    if (!t->session)
        t->session = arena_alloc(&t->arena, OUTCOME_SESSIONS_MAX * sizeof *t->session);
    if (h->secure.by == BY_DANE)
        put_records(h, &records);
    t->session[t->sessions++] = (struct outcome_tls){.host = arena_str(&t->arena, str_of(h->name)),
                                                     .ip = arena_str(&t->arena, str_of(ip)),
                                                     .by = h->secure.by == BY_OPERATOR ? BY_NOBODY : h->secure.by,
                                                     .flaw = flaw,
                                                     .policy = arena_str(&t->arena, buf_str(&records))};
    buf_done(&records);
}

/* The server was reached, whatever this message or its domain demands: its site is not down for the others. What the sender
 * demands is not waited for (RFC 8689 4.2.1: the message is returned when no host satisfies it). */
static void refuse(struct talk *t, enum secure_flaw flaw)
{
    t->reached = true;
    t->phase = PHASE_TLS;
    if (flaw != FLAW_REFUSED) /* where the server's own words are the reason */
        t->refusal = (struct reply){0};
    if (t->secure.by != BY_SENDER || flaw == FLAW_HANDSHAKE)
        return;
    t->refusal = (struct reply){0};
    t->refused_for_good++;
}

bool secure_lacks(struct talk *t, const struct connection *c, enum secure_flaw flaw)
{
    bool forbidden = t->secure.level >= SECURE_ENCRYPTED;
    if (!forbidden && t->secure.by != BY_STS_TESTING)
        return false;
    if (t->secure.flaw == FLAW_NONE || forbidden)
        t->secure.flaw = flaw;
    if (!forbidden)
        return false;
    t->secure.shown = str_of(t->shown);
    demand_note(&t->secure, str_of(c->host), t->note);
    refuse(t, flaw);
    secure_session(t, t->target, c->ip, flaw);
    return true;
}

void secure_forbid(struct talk *t, const struct route_host *h)
{
    t->secure = secure_demand(t->attempt, h);
    t->phase = t->secure.flaw == FLAW_TLSA_UNKNOWN ? PHASE_DNS : PHASE_TLS;
    t->seen_host = str_of(h->name); /* the route outlives the attempt */
    demand_note(&t->secure, t->seen_host, t->note);
    if (t->secure.by == BY_SENDER)
        t->refused_for_good++;
    else
        secure_session(t, h, "", t->secure.flaw);
}
