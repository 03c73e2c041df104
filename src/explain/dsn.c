/* dsn: see dsn.h. A multipart/report (RFC 6522) of three parts: for people (dsn_text.c), for programs (RFC 3464), and the message
 * or its header. It is 7-bit throughout, for nobody knows what the way back takes and nobody is told when it is lost; only where
 * the sender's address needs UTF-8, and the message came with SMTPUTF8, the parts take RFC 6533's global forms.
 *
 * Everything in it that came from strangers (replies, addresses, ENVID, the message) is quoted within bounds and cleaned of what
 * could break a field or forge a part; the boundary is a fresh random id. */
#include "explain/dsn.h"

#include "explain/dsn_text.h"
#include "explain/explain.h"
#include "explain/mime.h"
#include "explain/noticed.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

#include <stdio.h>

enum { SUBJECT_MAX = 200, HEADER_QUOTE_MAX = 65536 };

static bool status_fits(enum outcome_status s, enum dsn_kind kind)
{
    switch (kind) {
    case DSN_FAILED:
        return s == OUTCOME_FAILED;
    case DSN_DELAYED:
        return s == OUTCOME_DEFERRED;
    case DSN_RELAYED:
    case DSN_DELIVERED:
        return s == OUTCOME_DELIVERED;
    default:
        return false;
    }
}

/* RFC 3461 4.1; without NOTIFY failures are told. Delays may be, but a warning that nobody asked for worries more than it helps.
 */
static bool notify_fits(uint8_t notify, enum dsn_kind kind)
{
    if (notify & NOTIFY_NEVER)
        return false;
    if (kind == DSN_FAILED)
        return notify == 0 || (notify & NOTIFY_FAILURE);
    if (kind == DSN_DELAYED)
        return (notify & NOTIFY_DELAY) != 0;
    return (notify & NOTIFY_SUCCESS) != 0;
}

uint32_t dsn_wanted(const struct envelope *e, const struct outcome *o, enum dsn_kind kind, uint32_t *which)
{
    uint32_t n = 0;
    if (e->sender.n == 0 || e->dsn != DSN_NONE) /* RFC 5321 4.5.5, 6.1: never about a notification */
        return 0;
    for (uint32_t i = 0; i < o->rcpts; i++)
        if (o->rcpt[i].rcpt < e->rcpts && status_fits(o->rcpt[i].status, kind) &&
            notify_fits(e->rcpt[o->rcpt[i].rcpt].notify, kind))
            which[n++] = i;
    return n;
}

/* What the parts of one notification need to know of each other. */
struct report {
    const struct dsn_request *r;
    const uint32_t *which;
    uint32_t n;
    bool global;      /* RFC 6533's forms: the way back takes UTF-8 */
    bool wrapped;     /* what is quoted needs UTF-8, which the way back may not take: it goes encoded (RFC 6532 3.7) */
    struct str quote; /* of the message: all, or its header */
    bool whole;
    char boundary[ID_TEXT + 8];
    struct buf *b;
};

static const struct rcpt *rcpt_at(const struct report *p, uint32_t i)
{
    return &p->r->envelope->rcpt[p->r->outcome->rcpt[p->which[i]].rcpt];
}

/* The header's fields up to the bound; without the blank line. */
static struct str header_quote(struct str content)
{
    struct header_scan s;
    struct header_field f;
    size_t end = 0;
    header_scan_init(&s, content, HEADER_QUOTE_MAX);
    while (header_next(&s, &f) <= HEADER_JUNK)
        end = s.at;
    return str_mem(content.p, end);
}

/* A sender with a UTF-8 address can only be reached by servers that take UTF-8. Of the way back to any other nothing is known, so
 * all is told in ASCII, whatever the recipients' addresses are (RFC 6533 4). */
static void forms_choose(struct report *p)
{
    const struct envelope *e = p->r->envelope;
    p->global = e->smtputf8 && utf8_needed(e->sender);
    p->wrapped = e->smtputf8 && !p->global && utf8_needed(header_quote(p->r->content));
}

/* RFC 3461 6.2 (g): the content comes back only with a failure; how large a one may is ours to say. Binary content cannot stand
 * in a part whose lines end with CRLF, and 8-bit content in none that every server takes: of such a message the header comes back
 * (RFC 6522 3). */
static void quote_choose(struct report *p)
{
    const struct dsn_request *r = p->r;
    const struct envelope *e = r->envelope;
    bool fits = p->global || p->wrapped || !utf8_needed(r->content);
    bool may = r->kind == DSN_FAILED && e->ret != RET_HDRS && !e->requiretls && e->body != BODY_BINARYMIME && fits;
    p->whole = may && r->content.n <= r->quote_max;
    p->quote = p->whole ? r->content : header_quote(r->content);
}

static void line(struct report *p, const char *text) { buf_addf(p->b, "%s\r\n", text); }

static void dated(struct report *p, const char *name, int64_t ms)
{
    char date[DATE_TEXT];
    date_rfc5322(ms, date);
    buf_addf(p->b, "%s: %s\r\n", name, date);
}

/* An encoded word that was cut off would show as gibberish: it goes altogether. */
static struct str whole_words(struct str s)
{
    const char *open = NULL;
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] == '=' && s.p[i + 1] == '?' && (i == 0 || s.p[i - 1] == ' '))
            open = s.p + i;
    bool closed = s.n >= 2 && memcmp(s.p + s.n - 2, "?=", 2) == 0;
    if (open && !closed && !memmem(open, (size_t)(s.p + s.n - open), "?= ", 3))
        s.n = (size_t)(open - s.p);
    return str_trim(s);
}

/* Ours, and the original's behind it, so that people and programs see the two together. */
static void subject(struct report *p)
{
    struct arena a = {0};
    struct buf text = {0};
    struct str original = whole_words(header_unfold(p->r->envelope->subject, &a, SUBJECT_MAX));
    bool encoded = memmem(original.p, original.n, "=?", 2) && !utf8_needed(original);
    buf_addf(&text, "%s%s", dsn_subject(p->r->kind, p->r->lang), original.n ? ": " : "");
    if (encoded) { /* encoded words stay as they are, on a line of their own; our own words are ASCII */
        mime_field("Subject", buf_str(&text), false, p->b);
        p->b->n -= 2;
        buf_addf(p->b, "\r\n %.*s\r\n", STR_ARGS(original));
    } else {
        buf_add_str(&text, original);
        mime_text_field("Subject", buf_str(&text), p->b);
    }
    buf_done(&text);
    arena_done(&a);
}

static void head(struct report *p)
{
    const struct dsn_request *r = p->r;
    char id[ID_TEXT + 1];
    id_text(r->id, id);
    dated(p, "Date", r->now_ms);
    buf_addf(p->b, "From: %s <MAILER-DAEMON@%.*s>\r\n", dsn_author(r->lang), STR_ARGS(r->hostname));
    buf_addf(p->b, "To: <%.*s>\r\n", STR_ARGS(r->envelope->sender));
    subject(p);
    buf_addf(p->b, "Message-ID: <%s@%.*s>\r\n", id, STR_ARGS(r->hostname));
    if (dsn_message_id_sane(r->envelope->message_id))
        buf_addf(p->b, "In-Reply-To: %.*s\r\nReferences: %.*s\r\n", STR_ARGS(r->envelope->message_id),
                 STR_ARGS(r->envelope->message_id));
    line(p, "Auto-Submitted: auto-replied"); /* RFC 3834 5 */
    line(p, "MIME-Version: 1.0");
    buf_addf(p->b, "Content-Type: multipart/report; report-type=%sdelivery-status;\r\n\tboundary=\"%s\"\r\n",
             p->global ? "global-" : "", p->boundary);
    if (p->global)
        line(p, "Content-Transfer-Encoding: 8bit");
    line(p, "");
}

static void part(struct report *p, const char *type, const char *encoding)
{
    buf_addf(p->b, "\r\n--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n", p->boundary, type, encoding);
}

/* One form of what people read, within the alternatives. */
static void human_form(struct report *p, const char *type,
                       void (*write)(const struct dsn_request *r, const uint32_t *which, uint32_t n, struct buf *b))
{
    struct buf text = {0};
    write(p->r, p->which, p->n, &text);
    buf_addf(p->b, "\r\n--%s-h\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
             p->boundary, type);
    mime_quoted_printable(buf_str(&text), p->b);
    buf_done(&text);
}

/* RFC 6522 3: the first part may be of any form that people read. */
static void human_part(struct report *p)
{
    buf_addf(p->b, "\r\n--%s\r\nContent-Type: multipart/alternative;\r\n\tboundary=\"%s-h\"\r\n", p->boundary, p->boundary);
    human_form(p, "text/plain", dsn_text);
    human_form(p, "text/html", dsn_html);
    buf_addf(p->b, "\r\n--%s-h--\r\n", p->boundary);
}

/* "rfc822; address", or for a UTF-8 address "utf-8; address" in the form that this report may hold (RFC 6533 4). */
static void address_field(struct report *p, const char *name, struct str type, struct str address)
{
    struct buf value = {0};
    bool utf8 = utf8_needed(address) || str_eq_nocase(type, STR("utf-8"));
    if (utf8)
        buf_add_str(&value, STR("utf-8; "));
    else
        buf_addf(&value, "%.*s; ", STR_ARGS(type));
    if (!utf8)
        buf_add_str(&value, address);
    else if (!(p->global ? utf8_addr_unitext(address, &value) : utf8_addr_xtext(address, &value)))
        buf_add_str(&value, STR("?"));
    mime_field(name, buf_str(&value), p->global, p->b);
    buf_done(&value);
}

static void original_recipient(struct report *p, struct str orcpt)
{
    struct buf address = {0};
    struct str type;
    if (orcpt.n > 0 && orcpt_decode(orcpt, &type, &address))
        address_field(p, "Original-Recipient", type, buf_str(&address));
    buf_done(&address);
}

static const char *kind_action(enum dsn_kind kind)
{
    static const char *const names[] = {
        [DSN_FAILED] = "failed", [DSN_DELAYED] = "delayed", [DSN_RELAYED] = "relayed", [DSN_DELIVERED] = "delivered"};
    return names[kind];
}

/* The reply's enhanced code when it says what the action says; otherwise the cause's. */
static struct enhanced status_of(enum dsn_kind kind, const struct outcome_rcpt *r)
{
    uint8_t class = kind == DSN_FAILED ? 5 : kind == DSN_DELAYED ? 4 : 2;
    const struct cause *c = cause_find(r->verdict.cause);
    if (r->reply.enhanced.class == class)
        return r->reply.enhanced;
    return class != 2 && c ? (struct enhanced){class, c->subject, c->detail} : (struct enhanced){class, 0, 0};
}

static void diagnostic(struct report *p, const struct outcome_rcpt *r)
{
    struct buf value = {0};
    char enhanced[12];
    struct str note = noticed_of(p->r->outcome, r);
    enhanced_text(r->reply.enhanced, enhanced);
    if (note.n > 0) {
        buf_add_str(&value, STR("x-goniec; "));
        noticed_tell(note, r->phase, "en", &value);
    } else if (r->reply.code) {
        buf_addf(&value, "smtp; %d %s%s%.*s", r->reply.code, enhanced, *enhanced ? " " : "", STR_ARGS(r->reply.text));
    }
    if (value.n > 0)
        mime_field("Diagnostic-Code", buf_str(&value), p->global, p->b);
    buf_done(&value);
}

static void remote_mta(struct report *p, const struct outcome_rcpt *r)
{
    struct buf value = {0};
    if (p->r->outcome->host.n == 0 || r->reply.code == 0)
        return;
    buf_addf(&value, "dns; %.*s", STR_ARGS(p->r->outcome->host));
    mime_field("Remote-MTA", buf_str(&value), p->global, p->b);
    buf_done(&value);
}

/* One group (RFC 3464 2.3), set off by a blank line. */
static void recipient_group(struct report *p, uint32_t i)
{
    const struct outcome *o = p->r->outcome;
    const struct outcome_rcpt *r = &o->rcpt[p->which[i]];
    char status[12];
    enhanced_text(status_of(p->r->kind, r), status);
    line(p, "");
    original_recipient(p, rcpt_at(p, i)->orcpt);
    address_field(p, "Final-Recipient", STR("rfc822"), rcpt_at(p, i)->address);
    buf_addf(p->b, "Action: %s\r\nStatus: %s\r\n", kind_action(p->r->kind), status);
    remote_mta(p, r);
    diagnostic(p, r);
    if (o->attempt > 0)
        dated(p, "Last-Attempt-Date", o->at_ms);
    if (p->r->kind == DSN_DELAYED)
        dated(p, "Will-Retry-Until", p->r->retry_until_ms);
}

static void machine_part(struct report *p)
{
    const struct envelope *e = p->r->envelope;
    struct buf envid = {0};
    part(p, p->global ? "message/global-delivery-status" : "message/delivery-status", p->global ? "8bit" : "7bit");
    if (e->envid.n > 0 && xtext_decode(e->envid, &envid))
        mime_field("Original-Envelope-Id", buf_str(&envid), p->global, p->b);
    buf_done(&envid);
    buf_addf(p->b, "Reporting-MTA: dns; %.*s\r\n", STR_ARGS(p->r->hostname));
    dated(p, "Arrival-Date", e->accepted_ms);
    for (uint32_t i = 0; i < p->n; i++)
        recipient_group(p, i);
}

static void quote_part(struct report *p)
{
    static const char *const types[2][2] = {{"text/rfc822-headers", "message/rfc822"},
                                            {"message/global-headers", "message/global"}};
    bool encoded = p->wrapped || (!p->global && utf8_needed(p->quote)); /* a header that is broken (RFC 6522 4) */
    const char *encoding = encoded ? "quoted-printable" : utf8_needed(p->quote) ? "8bit" : "7bit";
    part(p, types[p->global || p->wrapped][p->whole], encoding);
    if (encoded)
        mime_quoted_printable(p->quote, p->b);
    else
        buf_add_str(p->b, p->quote);
    if (p->quote.n == 0 || p->quote.p[p->quote.n - 1] != '\n')
        line(p, "");
}

void dsn_write(const struct dsn_request *r, const uint32_t *which, uint32_t n, struct buf *b)
{
    struct report p = {.r = r, .which = which, .n = n, .b = b};
    char id[ID_TEXT + 1];
    id_text(r->id, id);
    snprintf(p.boundary, sizeof p.boundary, "=_%s", id);
    forms_choose(&p);
    quote_choose(&p);
    head(&p);
    line(&p, "This is a delivery status notification in MIME format (RFC 3464).");
    human_part(&p);
    machine_part(&p);
    quote_part(&p);
    buf_addf(b, "\r\n--%s--\r\n", p.boundary);
}
