/* notify: delivery status notifications as messages of our own. A notification's acceptance names the parent's jobs it speaks
 * for, so that one record is both: no crash can bounce a message twice, or end it without its bounce. */
#include "engine/trip.h"

#include "engine/signing.h"
#include "explain/dsn.h"
#include "lib/must.h"
#include "mail/mailbox.h"
#include "mail/utf8.h"

#include <stdlib.h>

/* The part of an outcome with one status; rcpt array in the arena. */
static struct outcome part_of(const struct outcome *o, enum outcome_status status, struct arena *a)
{
    struct outcome part = *o;
    part.rcpt = arena_alloc(a, o->rcpts * sizeof *o->rcpt + 1);
    part.rcpts = 0;
    for (uint32_t i = 0; i < o->rcpts; i++)
        if (o->rcpt[i].status == status)
            part.rcpt[part.rcpts++] = o->rcpt[i];
    return part;
}

/* Delays are told once, when the message is old enough. */
static struct outcome late_part(const struct message *m, const struct outcome *o, struct arena *a)
{
    const struct schedule_settings *s = &m->home->snapshot->settings->schedule;
    struct outcome part = part_of(o, OUTCOME_DEFERRED, a);
    uint32_t n = 0;
    if (o->at_ms - id_wall_ms(m->entry.id) >= (int64_t)s->warn_after_s * 1000)
        for (uint32_t i = 0; i < part.rcpts; i++)
            if (!(m->job[part.rcpt[i].rcpt].flags & JOB_WARNED))
                part.rcpt[n++] = part.rcpt[i];
    part.rcpts = n;
    return part;
}

bool notify_likely(const struct message *m, const struct outcome *o)
{
    struct arena a = {0};
    bool likely = late_part(m, o, &a).rcpts > 0 || part_of(o, OUTCOME_FAILED, &a).rcpts > 0;
    arena_done(&a);
    return likely;
}

static bool envelope_for(struct message *m, enum dsn_kind kind, const struct outcome *part, const uint32_t *which, uint32_t n,
                         int64_t now_ms, struct arena *a, struct envelope *ret)
{
    const struct envelope *e = &m->letter->envelope;
    struct mailbox to;
    const char *why;
    struct rcpt *r = arena_alloc(a, sizeof *r);
    r->address = arena_str(a, e->sender);
    r->notify = NOTIFY_NEVER;
    if (!mailbox_parse(r->address, true, &to, &why) || !domain_ascii(to.domain, a, &r->domain, &why))
        return false;
    *ret = (struct envelope){.id = id_new(now_ms),
                             .accepted_ms = now_ms,
                             .body = BODY_8BITMIME,
                             .smtputf8 = e->smtputf8,
                             .requiretls = e->requiretls, /* RFC 8689 4.4 */
                             .account = arena_str(a, e->account),
                             .stream = STR("transactional"),
                             .client_ip = STR("local"),
                             .protocol = STR("DSN"),
                             .dsn = kind,
                             .parent = e->id,
                             .parent_rcpts = n,
                             .rcpts = 1,
                             .rcpt = r};
    ret->parent_rcpt = arena_alloc(a, n * sizeof *ret->parent_rcpt);
    for (uint32_t i = 0; i < n; i++)
        ret->parent_rcpt[i] = part->rcpt[which[i]].rcpt;
    return true;
}

/* The account's, as of now. */
static const char *language_for(const struct message *m, struct arena *a)
{
    const struct snapshot *s = m->home->snapshot;
    const struct credential *c = accounts_find(s->accept.accounts, m->letter->envelope.credential);
    return arena_strz(a, c && c->language.n ? c->language : s->settings->language);
}

static bool send_one(struct message *m, enum dsn_kind kind, const struct outcome *part,
                     void (*on_durable)(void *ctx, bool durable))
{
    struct worker *w = m->home;
    struct arena own = {0}, a = {0};
    struct envelope e;
    uint32_t *which = arena_alloc(&own, part->rcpts * sizeof *which + 1);
    uint32_t n = part->rcpts ? dsn_wanted(&m->letter->envelope, part, kind, which) : 0;
    int64_t now_ms = loop_wall_ms(w->loop);
    bool good = true;
    if (n > 0 && envelope_for(m, kind, part, which, n, now_ms, &a, &e)) {
        const struct settings *s = w->snapshot->settings;
        int64_t life_ms = schedule_lifetime_ms(w->schedule, m->letter->envelope.stream);
        struct dsn_request r = {kind,
                                &m->letter->envelope,
                                content_str(m->letter->content),
                                s->hostname,
                                e.id,
                                now_ms,
                                id_wall_ms(m->entry.id) + life_ms,
                                part,
                                language_for(m, &own),
                                s->dsn_quote_max};
        struct buf text = {0};
        dsn_write(&r, which, n, &text);
        struct content *c = content_new(text.n);
        memcpy(c->bytes + c->start, text.p, text.n);
        c->n = text.n;
        e.has_8bit = utf8_needed(content_str(c));
        signing_notification(w, &c);
        e.content_bytes = (uint32_t)c->n;
        e.smtputf8 = e.smtputf8 && e.has_8bit;
        buf_done(&text);
        struct message *note = message_new(w, m->log, &a, &e, c);
        good = message_commit(note, on_durable) == LOG_OK;
        if (good)
            w->counters.notifications++;
        else
            message_free(note);
    }
    arena_done(&a);
    arena_done(&own);
    return good;
}

bool notify_senders(struct message *m, const struct outcome *o, enum dsn_kind success,
                    void (*on_durable)(void *ctx, bool durable))
{
    struct arena a = {0};
    if (m->letter->envelope.sender.n == 0)
        return true; /* never a notification about a notification (RFC 5321 6.1) */
    struct outcome failed = part_of(o, OUTCOME_FAILED, &a), late = late_part(m, o, &a), done = part_of(o, OUTCOME_DELIVERED, &a);
    bool good = send_one(m, DSN_FAILED, &failed, on_durable);
    /* Only a bounce must not get lost; a warning is tried again with the next deferral. */
    if (good && send_one(m, DSN_DELAYED, &late, on_durable))
        for (uint32_t i = 0; i < late.rcpts; i++)
            m->job[late.rcpt[i].rcpt].flags |= JOB_WARNED;
    if (good && success != DSN_NONE)
        send_one(m, success, &done, on_durable);
    arena_done(&a);
    return good;
}
