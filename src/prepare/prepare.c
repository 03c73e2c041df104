/* prepare: see prepare.h. The header is looked at once; a message that needs nothing but its trace header is not moved. */
#include "prepare/prepare.h"

#include "mail/date.h"
#include "mail/header.h"
#include "verify/authres.h"

enum { NOTED_MAX = 200 };

/* What one pass over the header found. */
struct look {
    bool has_date, has_message_id;
    unsigned hops, authors;
    size_t cuts, cut_cap;
    struct str *cut; /* fields to be removed, in order; in the arena */
    bool too_large, headless;
};

static void cut_add(struct look *l, struct str field, struct arena *a)
{
    if (l->cuts == l->cut_cap) {
        l->cut_cap = l->cut_cap ? l->cut_cap * 2 : 8;
        struct str *more = arena_alloc(a, l->cut_cap * sizeof *more);
        if (l->cuts)
            memcpy(more, l->cut, l->cuts * sizeof *more);
        l->cut = more;
    }
    l->cut[l->cuts++] = field;
}

static void note(struct look *l, const struct header_field *f, struct envelope *e, struct arena *a, bool submission,
                 struct str authserv)
{
    if (str_eq_nocase(f->name, STR("Received")))
        l->hops++;
    else if (str_eq_nocase(f->name, STR("From")))
        l->authors++;
    else if (str_eq_nocase(f->name, STR("Date")))
        l->has_date = true;
    else if (str_eq_nocase(f->name, STR("Message-ID"))) {
        l->has_message_id = true;
        e->message_id = header_unfold(f->value, a, NOTED_MAX);
    } else if (str_eq_nocase(f->name, STR("Subject")))
        e->subject = header_unfold(f->value, a, NOTED_MAX);
    else if (str_eq_nocase(f->name, STR("TLS-Required")))
        e->tls_optional |= str_eq_nocase(f->value, STR("No"));
    else if (str_eq_nocase(f->name, STR("Authentication-Results"))) {
        bool from_within = submission && !e->account.n;
        if (!from_within && authres_claims(f->value, authserv))
            cut_add(l, f->raw, a);
    } else if (submission && (str_eq_nocase(f->name, STR("Bcc")) || str_eq_nocase(f->name, STR("Return-Path"))))
        cut_add(l, f->raw, a);
}

static struct look look_at(struct str message, struct envelope *e, struct arena *a, bool submission,
                           const struct prepare_settings *s)
{
    struct look l = {0};
    struct header_scan scan;
    struct header_field f;
    enum header_step step;
    header_scan_init(&scan, message, s->header_bytes_max);
    for (bool first = true; (step = header_next(&scan, &f)) == HEADER_FIELD || step == HEADER_JUNK; first = false) {
        bool mailbox_line = first && step == HEADER_JUNK && str_starts_nocase(f.raw, STR("From "));
        l.headless = first && step == HEADER_JUNK && !mailbox_line;
        if (l.headless)
            break;
        if (mailbox_line && submission) /* what mailbox files put before a message */
            cut_add(&l, f.raw, a);
        if (step == HEADER_FIELD)
            note(&l, &f, e, a, submission, s->hostname);
    }
    l.too_large = step == HEADER_BOUND;
    return l;
}

/* Takes the fields out in one pass, however many there are. */
static void cut_out(struct content *c, const struct look *l)
{
    const char *end = c->bytes + c->start + c->n;
    char *to = l->cuts ? c->bytes + (l->cut[0].p - c->bytes) : NULL;
    for (size_t i = 0; i < l->cuts; i++) {
        const char *from = l->cut[i].p + l->cut[i].n, *until = i + 1 < l->cuts ? l->cut[i + 1].p : end;
        memmove(to, from, (size_t)(until - from));
        to += until - from;
        c->n -= l->cut[i].n;
    }
}

/* What a client calls itself, without what would be more than a name in a structured field: a parenthesis opens a comment, a
 * semicolon ends the clauses (RFC 5321 4.4). */
static void add_name(struct buf *b, struct str helo)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]";
    for (size_t i = 0; i < helo.n; i++)
        buf_add(b, helo.p[i] && strchr(plain, helo.p[i]) ? &helo.p[i] : "?", 1);
}

/* RFC 5321 4.4. The client's name is what it said, its address what we saw; a login is told only by the protocol's name. */
static void trace_line(const struct envelope *e, const struct prepare_settings *s, struct buf *b)
{
    char id[ID_TEXT + 1], date[DATE_TEXT];
    bool v6 = e->client_ip.n && memchr(e->client_ip.p, ':', e->client_ip.n);
    id_text(e->id, id);
    date_rfc5322(e->accepted_ms, date);
    buf_add_str(b, STR("Received: from "));
    add_name(b, e->helo);
    buf_add_str(b, STR(" "));
    if (str_eq(e->client_ip, STR("local")))
        buf_add_str(b, STR("(local)"));
    else
        buf_addf(b, "([%s%.*s])", v6 ? "IPv6:" : "", STR_ARGS(e->client_ip));
    buf_addf(b, "\r\n\tby %.*s with %.*s id %s", STR_ARGS(s->hostname), STR_ARGS(e->protocol), id);
    if (e->rcpts == 1 && e->rcpt[0].address.n < 200)
        buf_addf(b, "\r\n\tfor <%.*s>", STR_ARGS(e->rcpt[0].address));
    if (e->tls_cipher.n) /* RFC 8314 4.3 */
        buf_addf(b, "\r\n\ttls %.*s", STR_ARGS(e->tls_cipher));
    buf_addf(b, ";\r\n\t%s\r\n", date);
}

/* RFC 6409 8.1, 8.2. */
static void missing_lines(const struct look *l, struct envelope *e, const struct prepare_settings *s, struct arena *a,
                          struct buf *b)
{
    char id[ID_TEXT + 1], date[DATE_TEXT];
    if (!l->has_date) {
        date_rfc5322(e->accepted_ms, date);
        buf_addf(b, "Date: %s\r\n", date);
    }
    if (l->has_message_id)
        return;
    size_t at = b->n + strlen("Message-ID: ");
    id_text(e->id, id);
    buf_addf(b, "Message-ID: <%s@%.*s>\r\n", id, STR_ARGS(s->hostname));
    e->message_id = arena_str(a, str_mem(b->p + at, b->n - at - 2));
}

static bool refuse(struct prepare_refusal *why, int code, uint8_t class, uint16_t subject, uint16_t detail, const char *text)
{
    *why = (struct prepare_refusal){code, {class, subject, detail}, text};
    return false;
}

bool prepare_message(struct content **c, struct envelope *e, struct arena *a, bool submission, const struct prepare_settings *s,
                     struct prepare_refusal *why)
{
    struct look l = look_at(content_str(*c), e, a, submission, s);
    if (l.too_large)
        return refuse(why, 552, 5, 3, 4, "The header of the message is too large");
    if (l.hops > s->hops_max)
        return refuse(why, 554, 5, 4, 6, "The message is in a mail loop: it has passed too many servers");
    if (submission && e->account.n && l.authors > 1) /* what is checked and what is shown must be one (RFC 5322 3.6) */
        return refuse(why, 554, 5, 6, 0, "The message has more than one From field: keep one");
    struct buf front = {0};
    trace_line(e, s, &front);
    cut_out(*c, &l);
    if (submission)
        missing_lines(&l, e, s, a, &front);
    if (l.headless) /* a body without a header must not be read as part of ours */
        buf_add_str(&front, STR("\r\n"));
    *c = content_prepend(*c, buf_str(&front));
    buf_done(&front);
    e->content_bytes = (uint32_t)(*c)->n;
    return true;
}
