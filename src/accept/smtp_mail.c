/* smtp_mail: the transaction: MAIL, RCPT, DATA, BDAT, and the content (RFC 5321 3.3, 3030, 3461, 1870, 6152, 6531).
 *
 * Content goes from the driver's read buffer through the dot decoder straight into the message: one copy. What is refused on the
 * way is read to its true end, so that nothing in it is ever taken for a command, and answered there. */
#include "accept/smtp_in.h"

#include "lib/must.h"
#include "mail/xtext.h"

#include <stdlib.h>

enum { SLICE = 256 * 1024, FIRST_ROOM = 16 * 1024, SWALLOW_MAX = 64 * 1024 * 1024 };

static bool authorised(const struct smtp_in *m) { return m->account.n || m->trusted || m->door == DOOR_LOCAL; }

void smtp_forget(struct smtp_in *m)
{
    struct transaction *t = &m->t;
    if (t->counted)
        m->hooks->memory(m->ctx, -t->counted);
    content_free(&t->content);
    arena_done(&t->arena);
    *t = (struct transaction){0};
}

/* ---- MAIL ---- */

/* RFC 1870 4: 1*20DIGIT */
static bool size_valid(struct str s)
{
    size_t digits = 0;
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    return s.n > 0 && s.n <= 20 && digits == s.n;
}

static bool mail_size(struct smtp_in *m, const struct path *p)
{
    const struct param *size = path_param(p, STR("SIZE"));
    if (!size)
        return true;
    bool number = size_valid(size->value);
    if (number && !str_to_u64(size->value, UINT64_MAX / 2, &m->t.declared))
        m->t.declared = UINT64_MAX / 2; /* 20 digits hold more than we count to */
    if (!number) {
        smtp_refuse(m, 501, ENHANCED(5, 5, 4), "SIZE takes a number of bytes");
        return false;
    }
    if (m->t.declared <= m->settings->message_bytes_max)
        return true;
    smtp_refuse(m, 552, ENHANCED(5, 3, 4), "The message is larger than this server takes (see SIZE in the reply to EHLO)");
    return false;
}

static bool mail_body(struct envelope *e, struct str v)
{
    e->body = str_eq_nocase(v, STR("8BITMIME")) ? BODY_8BITMIME : BODY_7BIT;
    return e->body == BODY_8BITMIME || str_eq_nocase(v, STR("7BIT"));
}

static bool mail_ret(struct envelope *e, struct str v)
{
    e->ret = str_eq_nocase(v, STR("FULL")) ? RET_FULL : RET_HDRS;
    e->by_dsn_aware = true;
    return e->ret == RET_FULL || str_eq_nocase(v, STR("HDRS"));
}

static bool mail_envid(struct transaction *t, struct str v)
{
    t->envelope.envid = arena_str(&t->arena, v);
    t->envelope.by_dsn_aware = true;
    return envid_valid(v);
}

/* One parameter of MAIL; NULL: fine, otherwise what is wrong with it. */
static const char *mail_param(struct smtp_in *m, const struct param *q)
{
    struct transaction *t = &m->t;
    if (str_eq_nocase(q->name, STR("SIZE")))
        return NULL;
    if (str_eq_nocase(q->name, STR("BODY")))
        return mail_body(&t->envelope, q->value) ? NULL : "BODY takes 7BIT or 8BITMIME here";
    if (str_eq_nocase(q->name, STR("SMTPUTF8"))) {
        t->envelope.smtputf8 = true;
        return q->has_value ? "SMTPUTF8 takes no value" : NULL;
    }
    if (str_eq_nocase(q->name, STR("REQUIRETLS")) && m->tls) {
        t->envelope.requiretls = true;
        return q->has_value ? "REQUIRETLS takes no value" : NULL;
    }
    if (str_eq_nocase(q->name, STR("RET")))
        return mail_ret(&t->envelope, q->value) ? NULL : "RET takes FULL or HDRS";
    if (str_eq_nocase(q->name, STR("ENVID")))
        return mail_envid(t, q->value) ? NULL : "ENVID takes xtext of at most 100 bytes";
    if (str_eq_nocase(q->name, STR("AUTH")))
        return xtext_valid(q->value) ? NULL : "AUTH takes xtext"; /* RFC 4954 5: taken, not used */
    return "";
}

static bool mail_params(struct smtp_in *m, const struct path *p)
{
    if (p->params && !m->extended) {
        smtp_refuse(m, 555, ENHANCED(5, 5, 4), "Parameters need EHLO instead of HELO");
        return false;
    }
    for (unsigned i = 0; i < p->params; i++) {
        const char *wrong = mail_param(m, &p->param[i]);
        if (!wrong)
            continue;
        smtp_refuse(m, *wrong ? 501 : 555, ENHANCED(5, 5, 4), *wrong ? wrong : "A parameter of MAIL is not known here");
        return false;
    }
    return mail_size(m, p);
}

/* May this client send at all? */
static bool mail_allowed(struct smtp_in *m)
{
    bool needs_login = (m->door == DOOR_SUBMISSION || m->door == DOOR_SUBMISSIONS) && !authorised(m);
    if (needs_login && !m->tls)
        smtp_refuse(m, 530, ENHANCED(5, 7, 0), "Must issue a STARTTLS command first");
    else if (needs_login)
        smtp_refuse(m, 530, ENHANCED(5, 7, 0), "Authentication required: log in with AUTH first");
    else if (m->settings->transactions_max && m->transactions >= m->settings->transactions_max)
        smtp_in_quit(m, 421, ENHANCED(4, 7, 0), "That is as many messages as one session may send, connect again");
    else
        return true;
    return false;
}

static bool mail_ready(struct smtp_in *m)
{
    int code = 0;
    struct enhanced enhanced = {0};
    const char *text = m->hooks->ready(m->ctx, &code, &enhanced);
    if (text)
        smtp_refuse(m, code, enhanced, text);
    return !text;
}

static struct str protocol_of(const struct smtp_in *m)
{
    static const char *const names[2][2][2] = {{{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}},
                                               {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}}};
    if (!m->extended)
        return STR("SMTP");
    return str_of(names[m->t.envelope.smtputf8][m->tls][m->account.n > 0]);
}

void smtp_mail(struct smtp_in *m, struct str rest)
{
    struct path p;
    struct command_refusal why;
    if (m->t.open) {
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "A transaction is open already: finish it, or RSET");
        return;
    }
    if (!mail_allowed(m))
        return;
    if (!command_mail(rest, PATH_LAX_SPACE | (m->extended ? PATH_UTF8 : 0), &p, &why)) {
        smtp_refuse(m, why.code, why.enhanced, why.text);
        return;
    }
    if (!mail_params(m, &p) || !mail_ready(m)) {
        smtp_forget(m);
        return;
    }
    struct transaction *t = &m->t;
    struct envelope *e = &t->envelope;
    t->open = true;
    e->sender = arena_str(&t->arena, p.mailbox.text);
    e->protocol = protocol_of(m);
    smtp_say(m, 250, ENHANCED(2, 1, 0), "Sender taken");
}

/* ---- RCPT ---- */

static bool is_hosted(const struct accept_settings *s, struct str domain) { return domain_among(s->hosted, s->hosted_n, domain); }

/* "postmaster" without a domain means ours (RFC 5321 4.5.1). */
static bool rcpt_domain(struct smtp_in *m, const struct path *p, struct rcpt *r, const char **why)
{
    struct arena *a = &m->t.arena;
    if (p->mailbox.domain.n) {
        r->address = arena_str(a, p->mailbox.text);
        return domain_ascii(p->mailbox.domain, a, &r->domain, why);
    }
    struct buf b = {0};
    buf_addf(&b, "%.*s@%.*s", STR_ARGS(p->mailbox.local), STR_ARGS(m->settings->hostname));
    r->address = arena_str(a, buf_str(&b));
    r->domain = arena_str(a, m->settings->hostname);
    buf_done(&b);
    return true;
}

static const char *rcpt_param(struct smtp_in *m, const struct param *q, struct rcpt *r)
{
    m->t.envelope.by_dsn_aware |= str_eq_nocase(q->name, STR("NOTIFY")) || str_eq_nocase(q->name, STR("ORCPT"));
    if (str_eq_nocase(q->name, STR("NOTIFY")))
        return notify_parse(q->value, &r->notify) ? NULL
                                                  : "NOTIFY takes NEVER, or SUCCESS, FAILURE and DELAY separated by commas";
    if (str_eq_nocase(q->name, STR("ORCPT"))) {
        r->orcpt = arena_str(&m->t.arena, q->value);
        return orcpt_valid(q->value, m->t.envelope.smtputf8) ? NULL : "ORCPT takes an address type, a semicolon and xtext";
    }
    return "";
}

static bool rcpt_params(struct smtp_in *m, const struct path *p, struct rcpt *r)
{
    for (unsigned i = 0; i < p->params; i++) {
        const char *wrong = m->extended ? rcpt_param(m, &p->param[i], r) : "";
        if (!wrong)
            continue;
        smtp_refuse(m, *wrong ? 501 : 555, ENHANCED(5, 5, 4), *wrong ? wrong : "A parameter of RCPT is not known here");
        return false;
    }
    return true;
}

/* "user%elsewhere@hosted", "elsewhere!user@hosted", "\"user@elsewhere\"@hosted": nothing here reads a way out of a local part
 * (RFC 5321 2.3.11), but a hosted domain's own server might, and trust us; so strangers may not send such. */
static bool is_routed(struct str local)
{
    for (size_t i = 0; i < local.n; i++)
        if (strchr("%!@", local.p[i]) && local.p[i])
            return true;
    return false;
}

/* Never an open relay: to anywhere only for those we know, to hosted domains for anyone. */
static bool rcpt_allowed(struct smtp_in *m, const struct path *p, struct rcpt *r)
{
    bool postmaster = str_eq_nocase(p->mailbox.local, STR("postmaster")) &&
                      (!p->mailbox.domain.n || str_eq_nocase(r->domain, m->settings->hostname));
    bool known = authorised(m), hosted = is_hosted(m->settings, r->domain);
    if (verp_hosts(m->settings->returns, r->domain))
        return smtp_return_allowed(m, p->mailbox.local, r);
    if (!known && hosted && is_routed(p->mailbox.local)) {
        m->hooks->event(m->ctx, ACCEPT_REFUSED, m->login, "asked to relay by a route in the address");
        smtp_refuse(m, 550, ENHANCED(5, 7, 1), "An address with %, ! or @ before its @ is a route, and is taken only after AUTH");
        return false;
    }
    if (known || postmaster || hosted)
        return true;
    m->hooks->event(m->ctx, ACCEPT_REFUSED, m->login, "asked to relay without logging in");
    smtp_refuse(m, 550, ENHANCED(5, 7, 1),
                m->door == DOOR_MX ? "Authentication is missing: mail for this domain is relayed only after AUTH, which the "
                                     "submission port takes, 587 or 465"
                                   : "Authentication is missing: mail for this domain is relayed only after AUTH");
    return false;
}

static struct rcpt *rcpt_slot(struct transaction *t)
{
    struct envelope *e = &t->envelope;
    if (e->rcpts == t->rcpt_cap) {
        uint32_t cap = t->rcpt_cap ? t->rcpt_cap * 4 : 4;
        struct rcpt *more = arena_alloc(&t->arena, cap * sizeof *more);
        if (e->rcpts)
            memcpy(more, e->rcpt, e->rcpts * sizeof *more);
        e->rcpt = more;
        t->rcpt_cap = cap;
    }
    return &e->rcpt[e->rcpts];
}

/* A client that pipelines may have sent as many again before it reads this: they are no errors, or the session would end and the
 * message never pass (RFC 5321 4.5.3.1.10). */
static void rcpt_too_many(struct smtp_in *m)
{
    bool honest = ++m->t.overshoot <= m->settings->recipients_max;
    (honest ? smtp_say : smtp_refuse)(m, 452, ENHANCED(4, 5, 3),
                                      "Too many recipients: send the rest in a transaction of their own");
}

void smtp_rcpt(struct smtp_in *m, struct str rest)
{
    struct path p;
    struct command_refusal why;
    const char *reason = "";
    if (!m->t.open) {
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "Say MAIL first");
        return;
    }
    if (m->t.envelope.rcpts >= m->settings->recipients_max) {
        rcpt_too_many(m);
        return;
    }
    if (!command_rcpt(rest, PATH_LAX_SPACE | (m->t.envelope.smtputf8 ? PATH_UTF8 : 0), &p, &why)) {
        smtp_refuse(m, why.code, why.enhanced, why.text);
        return;
    }
    struct rcpt *r = rcpt_slot(&m->t);
    *r = (struct rcpt){0};
    if (!rcpt_domain(m, &p, r, &reason)) {
        smtp_refuse(m, 553, ENHANCED(5, 1, 3), "The recipient's domain is not a valid name");
        return;
    }
    if (!rcpt_params(m, &p, r) || !rcpt_allowed(m, &p, r))
        return;
    m->t.envelope.rcpts++;
    smtp_say(m, 250, ENHANCED(2, 1, 5), "Recipient taken");
}

/* ---- DATA and BDAT ---- */

static void content_open(struct smtp_in *m)
{
    struct transaction *t = &m->t;
    size_t room = t->declared ? t->declared + 512 : FIRST_ROOM;
    t->dot = (struct dot_decoder){.normalise = m->settings->fix_bare_newlines, .chunked = t->chunked};
    t->content = content_new(room > SLICE * 4 ? SLICE * 4 : room);
    t->counted = (int64_t)t->content->cap;
    if (!m->hooks->memory(m->ctx, t->counted)) {
        t->counted = 0;
        content_free(&t->content);
    }
}

static bool data_allowed(struct smtp_in *m)
{
    if (!m->t.open)
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "Say MAIL and RCPT first");
    else if (m->t.envelope.rcpts == 0)
        smtp_refuse(m, 554, ENHANCED(5, 5, 1), "There is no valid recipient");
    else
        return true;
    return false;
}

static bool open_or_busy(struct smtp_in *m)
{
    content_open(m);
    if (m->t.content)
        return true;
    m->hooks->event(m->ctx, ACCEPT_BOUND_HIT, m->login, "no memory for more messages at once");
    return false;
}

void smtp_data(struct smtp_in *m, struct str rest)
{
    if (rest.n)
        smtp_refuse(m, 501, ENHANCED(5, 5, 4), "This command takes no argument");
    else if (m->t.chunked)
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "DATA cannot follow BDAT: finish with BDAT LAST, or RSET");
    else if (!data_allowed(m))
        return;
    else if (!open_or_busy(m))
        smtp_refuse(m, 452, ENHANCED(4, 3, 1), "Too many messages are being received at once, try again later");
    else {
        m->contents++;
        buf_add_str(m->out, STR("354 Go on, end with <CRLF>.<CRLF>\r\n"));
        m->phase = SMTP_DATA;
    }
}

static void refuse_content(struct transaction *t, int code, struct enhanced enhanced, const char *text)
{
    if (t->refused)
        return;
    t->refused = code;
    t->refused_enhanced = enhanced;
    t->refused_text = text;
}

/* Octets that we cannot use are read all the same, or the next ones would be taken for commands (RFC 3030 2). */
static void swallow_chunk(struct smtp_in *m, uint64_t size, int code, struct enhanced enhanced, const char *text)
{
    if (size > SWALLOW_MAX) {
        smtp_in_quit(m, 421, ENHANCED(4, enhanced.subject, enhanced.detail),
                     "The chunk is out of place and too large to be skipped");
        return;
    }
    m->t.chunked = true;
    m->t.chunk_left = size;
    refuse_content(&m->t, code, enhanced, text);
    m->phase = SMTP_BDAT;
}

void smtp_bdat(struct smtp_in *m, struct str rest)
{
    struct transaction *t = &m->t;
    struct command_refusal why;
    uint64_t size;
    bool last, first = !t->chunked;
    if (!command_bdat(rest, &size, &last, &why)) { /* how much follows is unknown: there is no way on */
        smtp_in_quit(m, 421, ENHANCED(4, 5, 4), "BDAT takes a size and perhaps LAST");
        return;
    }
    m->contents += first;
    if (!m->helo.n || !t->open)
        swallow_chunk(m, size, 503, ENHANCED(5, 5, 1), "Say MAIL and RCPT first");
    else if (t->envelope.rcpts == 0)
        swallow_chunk(m, size, 554, ENHANCED(5, 5, 1), "There is no valid recipient");
    t->last_chunk = last;
    if (m->phase == SMTP_COMMAND) {
        t->chunked = true;
        t->chunk_left = size;
        m->phase = SMTP_BDAT;
        if (first && !open_or_busy(m))
            swallow_chunk(m, size, 452, ENHANCED(4, 3, 1), "Too many messages are being received at once, try again later");
    }
    if (m->phase == SMTP_BDAT && size == 0)
        smtp_content(m, "", 0);
}

/* ---- content ---- */

static void submit(struct smtp_in *m)
{
    struct transaction *t = &m->t;
    struct envelope *e = &t->envelope;
    struct submission s = {.authorised = authorised(m), .session = m->ctx};
    e->id = id_new(m->wall_ms);
    e->accepted_ms = m->wall_ms;
    e->has_8bit = t->dot.has_8bit;
    e->account = arena_str(&t->arena, m->account);
    e->credential = arena_str(&t->arena, m->login);
    e->stream = m->stream.n ? arena_str(&t->arena, m->stream) : STR("transactional");
    e->client_ip = arena_str(&t->arena, m->client_ip);
    e->helo = arena_str(&t->arena, m->helo);
    e->tls_cipher = m->tls_cipher;
    e->content_bytes = (uint32_t)t->content->n;
    s.arena = t->arena;
    s.envelope = *e;
    s.content = t->content;
    m->hooks->memory(m->ctx, -t->counted);
    *t = (struct transaction){0};
    m->phase = SMTP_BUSY;
    m->transactions++;
    m->hooks->submit(m->ctx, &s);
}

/* The end of the content: to the log, or the refusal that gathered on the way. */
static void content_end(struct smtp_in *m)
{
    struct transaction *t = &m->t;
    if (t->dot.has_nul)
        refuse_content(t, 550, ENHANCED(5, 6, 0), "The message has NUL bytes in it");
    if (!t->refused) {
        submit(m);
        return;
    }
    int code = t->refused;
    struct enhanced enhanced = t->refused_enhanced;
    const char *text = t->refused_text;
    m->phase = SMTP_COMMAND;
    smtp_forget(m);
    smtp_refuse(m, code, enhanced, text);
}

/* Room for a slice; what does not fit any more is refused, and then read into the same place over and over. */
static void make_room(struct smtp_in *m, size_t slice)
{
    struct transaction *t = &m->t;
    if (!t->content)
        t->content = content_new(slice); /* swallowing without a message: not counted, bounded by the slice */
    if (t->content->n + slice > (size_t)m->settings->message_bytes_max + SLICE * 2)
        refuse_content(t, 552, ENHANCED(5, 3, 4), "The message is larger than this server takes");
    if (t->refused)
        t->content->n = 0;
    size_t need = t->content->n + slice, cap = t->content->cap - t->content->start;
    if (need <= cap)
        return;
    size_t want = cap * 2 > need ? cap * 2 : need;
    if (m->hooks->memory(m->ctx, (int64_t)(want - cap))) {
        t->counted += (int64_t)(want - cap);
        t->content = content_grow(t->content, want);
        return;
    }
    refuse_content(t, 452, ENHANCED(4, 3, 1), "Too many messages are being received at once, try again later");
    t->content->n = 0;
}

static size_t decode(struct smtp_in *m, const char *p, size_t n, enum dot_status *ret)
{
    struct transaction *t = &m->t;
    size_t taken, out;
    size_t room = 0;
    make_room(m, dot_room(&t->dot, n));
    room = t->content->cap - t->content->start - t->content->n;
    if (dot_room(&t->dot, n) > room) /* memory was refused: go on in smaller bites */
        n = room > 8 ? (room - 4) / 2 : 0;
    *ret = dot_decode(&t->dot, p, n, &taken, t->content->bytes + t->content->start + t->content->n, &out);
    t->content->n += out;
    m->bytes += taken;
    if (*ret == DOT_BARE)
        refuse_content(t, 550, ENHANCED(5, 6, 11), "The message has a bare CR or LF in it: lines must end with CR LF");
    if (t->content->n > m->settings->message_bytes_max)
        refuse_content(t, 552, ENHANCED(5, 3, 4), "The message is larger than this server takes");
    if (t->dot.seen > (uint64_t)m->settings->message_bytes_max * 2 + SWALLOW_MAX)
        smtp_in_quit(m, 421, ENHANCED(4, 3, 4), "The message does not end");
    return taken;
}

static void chunk_end(struct smtp_in *m)
{
    struct transaction *t = &m->t;
    char lf;
    size_t out = 0;
    m->phase = SMTP_COMMAND;
    if (t->refused) {
        int code = t->refused;
        struct enhanced enhanced = t->refused_enhanced;
        const char *text = t->refused_text;
        smtp_forget(m);
        smtp_refuse(m, code, enhanced, text);
        return;
    }
    if (!t->last_chunk) {
        smtp_say(m, 250, ENHANCED(2, 0, 0), "Chunk taken");
        return;
    }
    if (!dot_chunks_end(&t->dot, &lf, &out))
        refuse_content(t, 550, ENHANCED(5, 6, 11), "The message has a bare CR or LF in it: lines must end with CR LF");
    if (out) {
        make_room(m, 1);
        t->content->bytes[t->content->start + t->content->n++] = lf;
    }
    content_end(m);
}

size_t smtp_content(struct smtp_in *m, const char *p, size_t n)
{
    struct transaction *t = &m->t;
    enum dot_status status = DOT_MORE;
    size_t slice = n > SLICE ? SLICE : n, taken = 0;
    if (m->phase == SMTP_BDAT && slice > t->chunk_left)
        slice = (size_t)t->chunk_left;
    if (slice)
        taken = decode(m, p, slice, &status);
    if (m->phase == SMTP_DATA && status == DOT_END)
        content_end(m);
    if (m->phase == SMTP_BDAT) {
        t->chunk_left -= taken;
        if (t->chunk_left == 0)
            chunk_end(m);
    }
    return taken;
}

void smtp_in_answer(struct smtp_in *m, int code, struct enhanced enhanced, const char *text)
{
    must(m->phase == SMTP_BUSY);
    m->phase = SMTP_COMMAND;
    if (code / 100 == 2)
        smtp_say(m, code, enhanced, text);
    else
        smtp_refuse(m, code, enhanced, text);
}
