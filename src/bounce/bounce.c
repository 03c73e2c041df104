/* bounce: see bounce.h. The order in which a mail is asked what it is; the first that knows decides:
 *
 *   1. a complaint      a part of type message/feedback-report (RFC 5965), or a feedback loop's own marks
 *   2. a receipt        its part (RFC 8098): somebody read the mail, or deleted it unread
 *   3. a report         the fields of RFC 3464 name at least one recipient, in their part or within the text
 *   4. a cloud notice   JSON of Amazon SES
 *   5. a letter         a bounce in prose: enough of its marks agree (see marks_of) and a recipient is found
 *   6. a forwarded one  none of these, but a mail is attached that is one
 *   7. a letter again   a bounce in prose that names nobody
 *   8. an answer        an automatic one (RFC 3834)
 *
 * A recipient's words come from the report where it has them, else from the letter beside it. */
#include "bounce/inner.h"

static const char *const kinds[] = {
    [BOUNCE_NONE] = "none",           [BOUNCE_FAILED] = "failed",       [BOUNCE_DELAYED] = "delayed",
    [BOUNCE_DELIVERED] = "delivered", [BOUNCE_COMPLAINT] = "complaint", [BOUNCE_AUTOREPLY] = "autoreply",
};
static const char *const actions[] = {
    [BOUNCE_ACTION_UNKNOWN] = "unknown",     [BOUNCE_ACTION_FAILED] = "failed",   [BOUNCE_ACTION_DELAYED] = "delayed",
    [BOUNCE_ACTION_DELIVERED] = "delivered", [BOUNCE_ACTION_RELAYED] = "relayed", [BOUNCE_ACTION_EXPANDED] = "expanded",
};
const char *bounce_kind_name(enum bounce_kind k) { return kinds[k]; }
const char *bounce_action_name(enum bounce_action k) { return actions[k]; }

/* One mail on its way to an answer. */
struct question {
    struct arena *a;
    struct parts parts;
    struct letter letter;
    struct str from, subject; /* lower case */
    bool machine;             /* it has a status part */
    unsigned marks;           /* that speak for a bounce in prose */
    bool attached;            /* it has the original as a part */
    struct str original_to;   /* whom the original was sent to, when it was only one */
    struct found found;
    struct bounce *b;
};

/* The text that people read: the plain parts up to the original, or the HTML ones when there are none. */
static struct str people_text(struct question *q)
{
    struct buf b = {.max = TEXT_MAX};
    for (enum part_kind want = PART_TEXT; want <= PART_HTML && cut_white(buf_str(&b)).n == 0; want++) {
        for (uint32_t i = 0; i < q->parts.n; i++) {
            const struct part *p = &q->parts.part[i];
            if (p->kind == PART_ORIGINAL && b.n > 0)
                break;
            if (p->kind == want && (!buf_add_str(&b, p->text) || !buf_add(&b, "\n", 1)))
                break;
        }
    }
    struct str text = arena_str(q->a, buf_str(&b));
    buf_done(&b);
    return text;
}

static void original_read(struct question *q)
{
    for (uint32_t i = 0; i < q->parts.n && !q->attached; i++) {
        if (q->parts.part[i].kind != PART_ORIGINAL)
            continue;
        q->attached = true;
        q->original_to = report_original(q->parts.part[i].text, q->a, q->b);
    }
    if (q->b->message_id.n == 0 && q->letter.original.n > 0)
        q->original_to = report_original(q->letter.original, q->a, q->b);
}

static void header_recipients(struct question *q)
{
    struct str lists[] = {q->parts.failed_recipients, q->parts.actual_recipient};
    for (size_t l = 0; l < 2; l++) {
        struct str rest = lists[l], address;
        size_t begin, end;
        while (address_find(rest, &address, &begin, &end)) {
            found_add(&q->found, address);
            rest = str_mem(rest.p + end, rest.n - end);
        }
    }
}

static struct str domain_of(struct str address)
{
    const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;
    return at ? str_mem(at + 1, (size_t)(address.p + address.n - at - 1)) : (struct str){0};
}

static bool ask_complaint(struct question *q)
{
    struct bounce *b = q->b;
    bool part = false;
    for (uint32_t i = 0; i < q->parts.n; i++) {
        if (q->parts.part[i].kind != PART_FEEDBACK)
            continue;
        part = true;
        report_feedback(q->parts.part[i].text, &q->found, b);
    }
    if (!part && !q->parts.report_feedback && !(q->attached && words_in(WORDS_COMPLAINT, q->subject)))
        return false;
    b->kind = BOUNCE_COMPLAINT;
    if (b->feedback_type.n == 0)
        b->feedback_type = STR("abuse");
    if (q->found.n == 0)
        header_recipients(q);
    if (q->found.n == 0 && q->original_to.n > 0)
        found_add(&q->found, q->original_to);
    return true;
}

/* The kind of a report by what it says of its recipients; the letter's words where it says nothing. */
static enum bounce_kind kind_of(const struct question *q, bool delayed)
{
    bool any_delayed = false, any_good = false, any_unknown = false;
    for (uint32_t i = 0; i < q->found.n; i++) {
        enum bounce_action action = q->found.rcpt[i].action;
        if (action == BOUNCE_ACTION_FAILED)
            return BOUNCE_FAILED;
        any_delayed |= action == BOUNCE_ACTION_DELAYED;
        any_good |= action >= BOUNCE_ACTION_DELIVERED;
        any_unknown |= action == BOUNCE_ACTION_UNKNOWN;
    }
    if (any_unknown && !any_delayed && !any_good)
        return delayed ? BOUNCE_DELAYED : BOUNCE_FAILED;
    return any_delayed ? BOUNCE_DELAYED : BOUNCE_DELIVERED;
}

static void finish_recipients(struct question *q)
{
    for (uint32_t i = 0; i < q->found.n; i++) {
        struct bounce_rcpt *r = &q->found.rcpt[i];
        if (r->action == BOUNCE_ACTION_UNKNOWN)
            r->action = q->b->kind == BOUNCE_DELAYED ? BOUNCE_ACTION_DELAYED : BOUNCE_ACTION_FAILED;
        if (r->said.n == 0) {
            struct bounce_rcpt told = {.phase = r->phase};
            said_reply(letter_reason(&q->letter), q->a, &told);
            r->said = told.said;
            r->code = r->code ? r->code : told.code;
            if (r->status.class == 0)
                r->status = told.status;
        }
    }
}

static bool ask_report(struct question *q)
{
    for (uint32_t i = 0; i < q->parts.n; i++) {
        q->machine |= q->parts.part[i].kind == PART_STATUS;
        if (q->parts.part[i].kind == PART_STATUS)
            report_status(q->parts.part[i].text, &q->found, q->b);
    }
    struct str lower = lower_copy(q->letter.people, q->a);
    if (q->found.n == 0 && contains(lower, "final-recipient:"))
        report_status(q->letter.people, &q->found, q->b);
    if (q->found.n == 0)
        return false;
    letter_recipients(&q->letter, (struct str){0}, &q->found);
    q->b->kind = kind_of(q, q->letter.delayed || words_in(WORDS_SUBJECT_DELAY, q->subject));
    finish_recipients(q);
    return true;
}

/* Everything that speaks for a bounce in prose, weighed; 0 when nothing shows that a mail server wrote it. */
static unsigned marks_of(const struct question *q)
{
    struct str path = cut_white(q->parts.return_path);
    bool daemon = words_in(WORDS_DAEMON, q->from), original = q->letter.original.n > 0 || q->attached;
    bool null_path = str_eq(path, STR("<>")) || str_starts_nocase(path, STR("<MAILER-DAEMON"));
    bool report = q->machine || contains(q->parts.content_type, "multipart/report");
    unsigned n = daemon ? 2 : words_in(WORDS_ROBOT, q->from) ? 1 : 0;
    if (!daemon && !original && !null_path && !report && !q->letter.opening && q->parts.failed_recipients.n == 0)
        return 0;
    n += words_in(WORDS_SUBJECT, q->subject) ? 2 : 0;
    n += q->letter.failing || q->letter.delayed ? 2 : 0;
    n += q->letter.opening ? 2 : 0;
    n += q->parts.failed_recipients.n > 0 ? 3 : 0;
    n += report ? 2 : 0;
    n += null_path ? 1 : 0;
    n += original ? 1 : 0;
    n += q->letter.first_failing ? 1 : 0;
    n += q->letter.shaped ? 2 : 0;
    return n;
}
enum { MARKS_BOUNCE = 5, MARKS_WITHOUT_RECIPIENT = 6 };

/* A field says so, or a subject that nothing else has, or two signs agree that alone say little. Mail of lists is none. */
static bool is_answer(const struct question *q)
{
    struct str first = str_mem(q->letter.people.p, q->letter.people.n < 1500 ? q->letter.people.n : 1500);
    struct str auto_submitted = lower_copy(q->parts.auto_submitted, q->a), precedence = lower_copy(q->parts.precedence, q->a);
    if (q->parts.list_id.n > 0 || str_eq(precedence, STR("list")))
        return false;
    if (q->parts.autoreply_field || str_starts_nocase(auto_submitted, STR("auto-replied")) ||
        contains(precedence, "auto_reply") || contains(precedence, "auto-reply") || words_in(WORDS_AWAY, q->subject))
        return true;
    bool sent_by_program = str_eq(cut_white(q->parts.return_path), STR("<>")) || str_eq(precedence, STR("bulk")) ||
                           str_eq(precedence, STR("junk")) || auto_submitted.n > 0;
    bool subject = words_in(WORDS_PERHAPS_AWAY, q->subject);
    return (subject || sent_by_program) && words_in(WORDS_AWAY_BODY, lower_copy(first, q->a));
}

static void letter_kind(struct question *q)
{
    q->b->kind = q->letter.delayed || words_in(WORDS_SUBJECT_DELAY, q->subject) ? BOUNCE_DELAYED : BOUNCE_FAILED;
    finish_recipients(q);
}

static bool ask_letter(struct question *q)
{
    struct str in_subject;
    size_t begin, end;
    q->marks = marks_of(q);
    if (words_in(WORDS_AWAY, q->subject) && !words_in(WORDS_SUBJECT, q->subject) && !q->letter.opening)
        q->marks = 0;
    if (q->marks < MARKS_BOUNCE)
        return false;
    letter_recipients(&q->letter, domain_of(q->parts.from_address), &q->found);
    if (q->found.n == 0)
        header_recipients(q);
    if (q->found.n == 0 && words_in(WORDS_SUBJECT, q->subject) && address_find(q->parts.subject, &in_subject, &begin, &end))
        found_add(&q->found, in_subject);
    if (q->found.n > 0)
        letter_kind(q);
    return q->found.n > 0;
}

/* A bounce that names nobody: it speaks of the original's only recipient, or of one that it does not tell. */
static bool ask_again(struct question *q)
{
    if (q->marks < MARKS_BOUNCE || (q->original_to.n == 0 && q->marks < MARKS_WITHOUT_RECIPIENT))
        return false;
    found_add(&q->found, q->original_to);
    letter_kind(q);
    return true;
}

static bool answered(struct question *q)
{
    q->b->kind = BOUNCE_AUTOREPLY;
    found_add(&q->found, q->parts.from_address);
    return true;
}

static bool ask_receipt(struct question *q)
{
    for (uint32_t i = 0; i < q->parts.n; i++)
        if (q->parts.part[i].kind == PART_RECEIPT)
            return answered(q);
    return false;
}

static bool ask_answer(struct question *q) { return is_answer(q) && answered(q); }

static void explain_recipients(struct bounce *b)
{
    for (uint32_t i = 0; i < b->rcpts; i++) {
        struct bounce_rcpt *r = &b->rcpt[i];
        if (r->action != BOUNCE_ACTION_FAILED && r->action != BOUNCE_ACTION_DELAYED)
            continue;
        struct explain_input in = {.text = r->said,
                                   .code = r->code,
                                   .enhanced = r->status,
                                   .phase = r->phase,
                                   .host = r->remote_mta.n > 0 ? r->remote_mta : b->reporting_mta};
        r->why = explain(&in);
        r->why.code = r->code;
        r->why.enhanced = r->status;
        if (r->action == BOUNCE_ACTION_DELAYED)
            r->why.permanent = false;
    }
}

static bool read_mail(struct str mail, unsigned *left, struct arena *a, struct bounce *ret);

/* left: how many mails may still be looked into. */
static bool ask_forwarded(struct question *q, unsigned *left)
{
    for (uint32_t i = 0; *left > 0 && i < q->parts.n; i++) {
        struct bounce inner;
        if (q->parts.part[i].kind != PART_ORIGINAL || !read_mail(q->parts.part[i].text, left, q->a, &inner) ||
            inner.kind == BOUNCE_NONE)
            continue;
        *q->b = inner;
        return true;
    }
    return false;
}

static void question_open(struct question *q, struct arena *a, struct bounce *b)
{
    q->a = q->found.a = a;
    q->b = b;
    q->found.rcpt = arena_alloc(a, BOUNCE_RCPTS_MAX * sizeof *q->found.rcpt);
    size_t begin, end;
    address_find(q->parts.to, &b->reported_to, &begin, &end);
    q->from = lower_copy(q->parts.from, a);
    q->subject = lower_copy(q->parts.subject, a);
    letter_open(people_text(q), a, &q->letter);
    original_read(q);
}

static bool read_mail(struct str mail, unsigned *left, struct arena *a, struct bounce *ret)
{
    struct question *q = arena_alloc(a, sizeof *q);
    *ret = (struct bounce){0};
    --*left;
    if (!parts_read(mail, a, &q->parts))
        return false;
    question_open(q, a, ret);
    bool known =
        ask_complaint(q) || ask_receipt(q) || ask_report(q) || cloud_notice(q->letter.people, &q->found, ret) || ask_letter(q);
    if (!known && ask_forwarded(q, left))
        return true;
    if (!known && !ask_again(q) && !ask_answer(q)) {
        *ret = (struct bounce){.reported_to = ret->reported_to};
        return true;
    }
    ret->rcpt = q->found.rcpt;
    ret->rcpts = q->found.n;
    return true;
}

/* Where the next mail of a mailbox file begins: a "From " line that a header field follows. NULL: nowhere. */
static const char *mailbox_next(struct str all)
{
    const char *end = all.p + all.n, *at = all.p;
    while ((at = memmem(at, (size_t)(end - at), "\nFrom ", 6))) {
        struct str rest = str_mem(at + 1, (size_t)(end - at) - 1), name;
        str_split(&rest, '\n');
        name = str_split(&rest, ':');
        if (rest.p && name.n > 0 && name.n < 60 && !memchr(name.p, ' ', name.n) && !memchr(name.p, '\n', name.n))
            return at + 1;
        at++;
    }
    return NULL;
}

/* The first mail of a mailbox file, which is left with the rest; all of a file that is none. */
static struct str mailbox_split(struct str *rest)
{
    struct str all = *rest;
    const char *next = all.n > 5 && memcmp(all.p, "From ", 5) == 0 ? mailbox_next(all) : NULL;
    *rest = next ? str_mem(next, (size_t)(all.p + all.n - next)) : (struct str){0};
    return next ? str_mem(all.p, (size_t)(next - all.p)) : all;
}

static void recipients_append(struct bounce *to, const struct bounce *from, struct arena *a)
{
    uint32_t room = BOUNCE_RCPTS_MAX - to->rcpts, n = from->rcpts < room ? from->rcpts : room;
    struct bounce_rcpt *all = arena_alloc(a, (to->rcpts + n + 1) * sizeof *all);
    if (to->rcpts > 0)
        memcpy(all, to->rcpt, to->rcpts * sizeof *all);
    memcpy(all + to->rcpts, from->rcpt, n * sizeof *all);
    to->rcpt = all;
    to->rcpts += n;
}

bool bounce_read(struct str mail, struct arena *a, struct bounce *ret)
{
    struct str rest = parts_normal(mail, a);
    struct bounce b, more;
    unsigned left = BOUNCE_MAILS_MAX;
    if (!read_mail(mailbox_split(&rest), &left, a, &b))
        return false;
    while (rest.n > 0 && left > 0)
        if (read_mail(mailbox_split(&rest), &left, a, &more) && more.kind == b.kind && more.rcpts > 0)
            recipients_append(&b, &more, a);
    explain_recipients(&b);
    *ret = b;
    return true;
}
