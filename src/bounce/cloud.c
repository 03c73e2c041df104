/* cloud: what Amazon SES tells by SNS mail: a JSON object {"notificationType": "Bounce" | "Complaint" | "Delivery", ...}, or one
 * within the string of another's "Message". Not a JSON parser for the world: it looks for the few names it knows, minding
 * strings, in one text of TEXT_MAX bytes. */
#include "bounce/inner.h"

#include <stdio.h>

/* One level of backslashes taken away: \" as ", \\ as \, \n as a space. */
static struct str unescaped(struct str s, struct arena *a)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\\' && i + 1 < s.n) {
            c = s.p[++i];
            c = c == 'n' || c == 'r' || c == 't' ? ' ' : c;
        }
        out[n++] = c;
    }
    return str_mem(out, n);
}

/* The string that begins at s.p[0] == '"': its inside; *end is behind its closing quote. */
static struct str string_at(struct str s, size_t *end)
{
    size_t i = 1;
    while (i < s.n && s.p[i] != '"')
        i += s.p[i] == '\\' ? 2 : 1;
    *end = i < s.n ? i + 1 : s.n;
    return str_mem(s.p + 1, i < s.n ? i - 1 : s.n - 1);
}

/* What follows "name": in s, up to the end of s; NULL p when it is not there. */
static struct str value_of(struct str s, const char *name)
{
    char quoted[64];
    int n = snprintf(quoted, sizeof quoted, "\"%s\"", name);
    const char *p = s.n ? memmem(s.p, s.n, quoted, (size_t)n) : NULL;
    if (!p)
        return (struct str){0};
    struct str rest = str_mem(p + n, s.n - (size_t)(p - s.p) - (size_t)n);
    while (rest.n > 0 && rest.p[0] && strchr(" \t\n:", rest.p[0])) {
        rest.p++;
        rest.n--;
    }
    return rest;
}

static struct str string_of(struct str s, const char *name, struct arena *a)
{
    struct str v = value_of(s, name);
    size_t end;
    return v.n > 0 && v.p[0] == '"' ? unescaped(string_at(v, &end), a) : (struct str){0};
}

/* The array or object that v begins with, brackets included. */
static struct str nested(struct str v)
{
    size_t depth = 0;
    for (size_t i = 0; i < v.n;) {
        char c = v.p[i];
        size_t step = 1;
        if (c == '"')
            string_at(str_mem(v.p + i, v.n - i), &step);
        depth += c == '{' || c == '[';
        if ((c == '}' || c == ']') && --depth == 0)
            return str_mem(v.p, i + 1);
        if (depth == 0)
            break;
        i += step;
    }
    return (struct str){0};
}

static void recipient_read(struct str object, struct found *f, enum bounce_action action)
{
    struct bounce_rcpt *r = found_add(f, string_of(object, "emailAddress", f->a));
    struct str status = string_of(object, "status", f->a), diagnostic = string_of(object, "diagnosticCode", f->a),
               rest = diagnostic;
    struct enhanced e;
    if (!r)
        return;
    r->action = action;
    str_split(&rest, ';');
    if (diagnostic.n > 0)
        said_reply(rest.p && rest.n + 20 > diagnostic.n ? rest : diagnostic, f->a, r);
    if (said_enhanced(status, &e) && (r->status.class == 0 || enhanced_finer(r->status, e)))
        r->status = e;
}

/* Each object of the array. */
static void recipients_read(struct str array, struct found *f, enum bounce_action action)
{
    for (size_t i = 1; i < array.n; i++) {
        struct str object = array.p[i] == '{' ? nested(str_mem(array.p + i, array.n - i)) : (struct str){0};
        if (object.n == 0)
            continue;
        recipient_read(object, f, action);
        i += object.n - 1;
    }
}

static void delivered_read(struct str delivery, struct found *f)
{
    struct str array = nested(value_of(delivery, "recipients")), response = string_of(delivery, "smtpResponse", f->a);
    for (size_t i = 1; i < array.n;) {
        size_t step = 1;
        if (array.p[i] == '"') {
            struct bounce_rcpt *r = found_add(f, string_at(str_mem(array.p + i, array.n - i), &step));
            if (r) {
                r->action = BOUNCE_ACTION_DELIVERED;
                said_reply(response, f->a, r);
            }
        }
        i += step;
    }
}

bool cloud_notice(struct str text, struct found *f, struct bounce *b)
{
    if (text.n == 0 || !memmem(text.p, text.n, "otificationType", 15))
        return false;
    struct str s = value_of(text, "notificationType").n > 0 ? text : unescaped(text, f->a);
    struct str type = string_of(s, "notificationType", f->a), mail = nested(value_of(s, "mail"));
    b->message_id = string_of(mail, "messageId", f->a);
    if (str_eq(type, STR("Bounce"))) {
        struct str bounce = nested(value_of(s, "bounce"));
        bool soft = str_eq(string_of(bounce, "bounceType", f->a), STR("Transient"));
        b->kind = BOUNCE_FAILED;
        b->reporting_mta = string_of(bounce, "reportingMTA", f->a);
        recipients_read(nested(value_of(bounce, "bouncedRecipients")), f, BOUNCE_ACTION_FAILED);
        for (uint32_t i = 0; i < f->n && soft; i++)
            if (f->rcpt[i].said.n == 0)
                f->rcpt[i].said = string_of(bounce, "bounceSubType", f->a);
    } else if (str_eq(type, STR("Complaint"))) {
        struct str complaint = nested(value_of(s, "complaint"));
        b->kind = BOUNCE_COMPLAINT;
        b->feedback_type = lower_copy(string_of(complaint, "complaintFeedbackType", f->a), f->a);
        recipients_read(nested(value_of(complaint, "complainedRecipients")), f, BOUNCE_ACTION_UNKNOWN);
    } else if (str_eq(type, STR("Delivery"))) {
        b->kind = BOUNCE_DELIVERED;
        delivered_read(nested(value_of(s, "delivery")), f);
    }
    return b->kind != BOUNCE_NONE;
}
