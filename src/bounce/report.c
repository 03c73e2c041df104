/* report: the part of a report that machines read: the fields of RFC 3464 2.2 and 2.3 (RFC 6533 for UTF-8 addresses), of RFC
 * 5965, and the header of the original. Tolerant, because few follow the RFC to the letter: fields may stand in a text part,
 * groups may lack the blank line between them, types may be missing or wrong, and an address may be written as people write it.
 */
#include "bounce/inner.h"
#include "mail/header.h"
#include "mail/xtext.h"

/* The next field of a text whose groups are parted by blank lines. */
enum step { FIELD, BLANK, OTHER, END };
struct fields {
    struct str rest;
};

static enum step fields_next(struct fields *f, struct arena *a, struct str *name, struct str *value)
{
    struct str line, whole;
    if (f->rest.n == 0)
        return END;
    const char *begin = f->rest.p;
    line = str_split(&f->rest, '\n');
    if (cut_white(line).n == 0)
        return BLANK;
    while (f->rest.n > 0 && (f->rest.p[0] == ' ' || f->rest.p[0] == '\t') && cut_white(line).n > 0) {
        struct str ahead = f->rest, more = str_split(&ahead, '\n');
        if (cut_white(more).n == 0)
            break;
        f->rest = ahead;
        line = more;
    }
    whole = str_mem(begin, (size_t)(line.p + line.n - begin));
    const char *colon = memchr(whole.p, ':', whole.n);
    *name = colon ? str_mem(whole.p, (size_t)(colon - whole.p)) : whole;
    if (!colon || name->n == 0 || name->n > 60 || memchr(name->p, ' ', str_trim(*name).n) || whole.p[0] == ' ')
        return OTHER;
    *name = str_trim(*name);
    *value = cut_white(header_unfold(str_mem(colon + 1, (size_t)(whole.p + whole.n - colon - 1)), a, REASON_MAX));
    return FIELD;
}

/* "rfc822; <a@b>" as a@b. Without an "@" the text as it is, so that a local or foreign (X.400) name is not lost. */
static struct str address_value(struct str value, struct arena *a)
{
    struct str type = value, rest = value;
    type = str_split(&rest, ';');
    rest = rest.p ? cut_white(rest) : cut_white(value);
    if (str_eq_nocase(cut_white(type), STR("utf-8"))) {
        struct buf b = {.max = ADDRESS_MAX};
        struct str plain = {0};
        if (utf8_addr_decode(rest, &b))
            plain = arena_str(a, buf_str(&b));
        buf_done(&b);
        if (plain.n > 0)
            return plain;
    }
    size_t begin, end;
    struct str address;
    if (address_find(rest, &address, &begin, &end))
        return address;
    if (memmem(rest.p, rest.n, "...", 3)) /* hidden from us */
        return (struct str){0};
    while (rest.n > 0 && strchr("<\"'", rest.p[0])) {
        rest.p++;
        rest.n--;
    }
    while (rest.n > 0 && strchr(">\"'", rest.p[rest.n - 1]))
        rest.n--;
    return rest.n < ADDRESS_MAX ? rest : str_mem(rest.p, ADDRESS_MAX);
}

static bool is_address(struct str s) { return s.n > 0 && memchr(s.p, '@', s.n) != NULL; }

/* "dns; mx.example.net" as mx.example.net. */
static struct str host_value(struct str value)
{
    struct str rest = value;
    str_split(&rest, ';');
    return cut_white(rest.p ? rest : value);
}

static enum bounce_action action_value(struct str value)
{
    static const enum bounce_action all[] = {BOUNCE_ACTION_FAILED, BOUNCE_ACTION_DELAYED, BOUNCE_ACTION_DELIVERED,
                                             BOUNCE_ACTION_RELAYED, BOUNCE_ACTION_EXPANDED};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_starts_nocase(value, str_of(bounce_action_name(all[i]))))
            return all[i];
    if (str_starts_nocase(value, STR("deliver")))
        return BOUNCE_ACTION_DELIVERED;
    if (str_starts_nocase(value, STR("fail")) || str_starts_nocase(value, STR("expired")))
        return BOUNCE_ACTION_FAILED;
    return BOUNCE_ACTION_UNKNOWN;
}

/* One recipient's fields as they come in. */
struct group {
    struct str final, original, actual, diagnostic, status, remote;
    enum bounce_action action;
};

static void group_end(struct group *g, struct found *f)
{
    const struct str told[] = {g->original, g->final, g->actual};
    struct str address = g->final;
    for (size_t i = 3; i-- > 0;)
        address = is_address(told[i]) ? told[i] : address;
    struct bounce_rcpt *r = address.n > 0 ? found_add(f, address) : NULL;
    if (r) {
        struct enhanced e;
        if (g->final.n > 0 && !str_eq_nocase(g->final, address))
            r->final = g->final;
        if (g->action != BOUNCE_ACTION_UNKNOWN)
            r->action = g->action;
        if (g->remote.n > 0)
            r->remote_mta = g->remote;
        if (g->diagnostic.n > 0)
            said_reply(g->diagnostic, f->a, r);
        if (said_enhanced(g->status, &e) && (r->status.class == 0 || enhanced_finer(r->status, e)))
            r->status = e;
        const char *comment = g->status.n > 0 ? memchr(g->status.p, '(', g->status.n) : NULL;
        if (r->said.n == 0 && comment)
            r->said = str_mem(comment + 1, (size_t)(g->status.p + g->status.n - comment - 1));
    }
    *g = (struct group){0};
}

/* "smtp; 550 ..." without its type; a type is one word. */
static struct str diagnostic_value(struct str value)
{
    struct str rest = value, type = str_trim(str_split(&rest, ';'));
    return rest.p && type.n > 0 && type.n <= 40 && !memchr(type.p, ' ', type.n) ? cut_white(rest) : value;
}

static bool is(struct str name, const char *what) { return str_eq_nocase(name, str_of(what)); }

static void status_field(struct str name, struct str value, struct group *g, struct found *f, struct bounce *b)
{
    if (is(name, "Final-Recipient")) {
        if (g->final.n > 0)
            group_end(g, f);
        g->final = address_value(value, f->a);
    } else if (is(name, "Original-Recipient")) {
        if (g->original.n > 0)
            group_end(g, f);
        g->original = address_value(value, f->a);
    } else if (is(name, "X-Actual-Recipient"))
        g->actual = address_value(value, f->a);
    else if (is(name, "Action"))
        g->action = action_value(value);
    else if (is(name, "Status"))
        g->status = value;
    else if (is(name, "Diagnostic-Code") && (g->diagnostic.n == 0 || value.n > g->diagnostic.n))
        g->diagnostic = diagnostic_value(value);
    else if (is(name, "Remote-MTA"))
        g->remote = host_value(value);
    else if (is(name, "Reporting-MTA") && b->reporting_mta.n == 0)
        b->reporting_mta = host_value(value);
    else if (is(name, "Original-Envelope-Id") && b->envelope_id.n == 0)
        b->envelope_id = value;
}

void report_status(struct str text, struct found *f, struct bounce *b)
{
    struct fields fields = {text};
    struct group g = {0};
    struct str name, value;
    enum step step;
    while ((step = fields_next(&fields, f->a, &name, &value)) != END) {
        if (step == FIELD)
            status_field(name, value, &g, f, b);
        else if (step == BLANK && (g.final.n > 0 || g.original.n > 0))
            group_end(&g, f);
    }
    group_end(&g, f);
}

void report_feedback(struct str text, struct found *f, struct bounce *b)
{
    static const char *const recipient[] = {"Original-Rcpt-To", "Removal-Recipient", "Redacted-Address"};
    struct fields fields = {text};
    struct str name, value;
    enum step step;
    while ((step = fields_next(&fields, f->a, &name, &value)) != END) {
        if (step != FIELD)
            continue;
        if (is(name, "Feedback-Type"))
            b->feedback_type = lower_copy(value, f->a);
        else if (is(name, "Reporting-MTA"))
            b->reporting_mta = host_value(value);
        else if (is(name, "Original-Envelope-Id"))
            b->envelope_id = value;
        for (size_t i = 0; i < sizeof recipient / sizeof *recipient; i++)
            if (is(name, recipient[i]))
                found_add(f, address_value(value, f->a));
    }
}

static void original_field(const struct header_field *field, struct arena *a, struct bounce *b)
{
    if (is(field->name, "Message-ID") && b->message_id.n == 0) {
        struct str id = header_unfold(field->value, a, 1000);
        if (id.n > 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
            id = str_mem(id.p + 1, id.n - 2);
        b->message_id = id;
    } else if ((str_starts_nocase(field->name, STR("X-")) || is(field->name, "Feedback-ID")) && b->fields < BOUNCE_FIELDS_MAX) {
        if (!b->field)
            b->field = arena_alloc(a, BOUNCE_FIELDS_MAX * sizeof *b->field);
        b->field[b->fields++] = (struct bounce_field){field->name, header_unfold(field->value, a, 1000)};
    }
}

/* "... for <address>; date": whom the server below took it for; the first that took it stands last. */
static void received_for(struct str value, struct str *ret)
{
    const char *word = value.n ? memmem(value.p, value.n, "for <", 5) : NULL;
    size_t begin, end;
    if (word)
        address_find(str_mem(word, (size_t)(value.p + value.n - word)), ret, &begin, &end);
}

struct str report_original(struct str header, struct arena *a, struct bounce *b)
{
    struct header_scan s;
    struct header_field field;
    enum header_step step;
    struct str to = {0}, envelope_to = {0}, reported = {0};
    bool list = false;
    while (header.n > 0 && header.p[0] == '\n') {
        header.p++;
        header.n--;
    }
    header_scan_init(&s, header, 64 * 1024);
    while ((step = header_next(&s, &field)) == HEADER_FIELD || step == HEADER_JUNK) {
        if (step != HEADER_FIELD)
            continue;
        original_field(&field, a, b);
        size_t begin, end;
        list |= is(field.name, "List-Id") || (is(field.name, "Precedence") && is(field.value, "list"));
        if (is(field.name, "X-HmXmrOriginalRecipient")) /* Outlook.com's complaints */
            reported = address_value(header_unfold(field.value, a, 1000), a);
        if (is(field.name, "Received"))
            received_for(field.value, &envelope_to);
        if (is(field.name, "To") && to.n == 0) {
            struct str value = header_unfold(field.value, a, 2000), more;
            if (address_find(value, &to, &begin, &end) &&
                address_find(str_mem(value.p + end, value.n - end), &more, &begin, &end))
                to = (struct str){0};
        }
    }
    if (list) /* what it names is the list, not who of it is meant */
        to = envelope_to = (struct str){0};
    return reported.n > 0 ? reported : to.n > 0 ? to : envelope_to;
}
