/* parts: takes a mail apart with GMime and keeps what can tell of a bounce as plain views in the arena, so that nothing behind
 * this file knows GMime. Line ends become LF first (CRLF, LF and bare CR mails are the same to us), NUL bytes go, and only the
 * first BOUNCE_BYTES_MAX bytes are looked at: GMime never sees more, and walks no deeper than PARTS_DEPTH_MAX.
 *
 * What is inside a message/rfc822 is not walked into: it is the original (or, for a forwarded bounce, the next mail to read),
 * kept as bytes. */
#include "bounce/inner.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/utf8.h"

#include <gmime/gmime.h>
#include <pthread.h>

enum { HEADER_MAX = 64 * 1024, VALUE_MAX = 2000, BOUNDARIES_MAX = 100 };

static void start_gmime(void) { g_mime_init(); }

struct str parts_normal(struct str mail, struct arena *a)
{
    size_t n = mail.n < BOUNCE_BYTES_MAX ? mail.n : BOUNCE_BYTES_MAX, to = 0;
    char *out = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++) {
        char c = mail.p[i];
        if (c == '\r') {
            if (i + 1 < n && mail.p[i + 1] == '\n')
                continue;
            c = '\n';
        }
        if (c != '\0')
            out[to++] = c;
    }
    struct str s = str_mem(out, to);
    return s;
}

/* The bytes of one mail: a mailbox file's "From " line and blank lines before the header are none of it. */
static struct str mail_bytes(struct str s)
{
    if (s.n > 5 && memcmp(s.p, "From ", 5) == 0)
        str_split(&s, '\n');
    while (s.n > 0 && s.p[0] == '\n') {
        s.p++;
        s.n--;
    }
    return mime_bounded(s.p ? s : STR(""), BOUNDARIES_MAX);
}

/* A header value as text: encoded words decoded (RFC 2047), on one line. */
static struct str decoded(struct str value, struct arena *a)
{
    struct str line = header_unfold(value, a, VALUE_MAX);
    if (line.n == 0 || !contains(line, "=?"))
        return line;
    char *text = g_mime_utils_header_decode_text(NULL, arena_strz(a, line));
    struct str out = arena_str(a, str_of(text));
    g_free(text);
    return out;
}

static const struct {
    const char *name;
    size_t at;
} kept[] = {
    {"From", offsetof(struct parts, from)},
    {"To", offsetof(struct parts, to)},
    {"Subject", offsetof(struct parts, subject)},
    {"Return-Path", offsetof(struct parts, return_path)},
    {"Auto-Submitted", offsetof(struct parts, auto_submitted)},
    {"Precedence", offsetof(struct parts, precedence)},
    {"X-Failed-Recipients", offsetof(struct parts, failed_recipients)},
    {"X-Actual-Recipient", offsetof(struct parts, actual_recipient)},
    {"List-Id", offsetof(struct parts, list_id)},
};
static const char *const autoreply_fields[] = {"X-Autoreply",      "X-Autorespond",    "X-Autoresponder", "X-Autoreply-From",
                                               "X-AutoReply-From", "X-Mail-Autoreply", "X-Auto-Reply",    "X-Vacation"};
static const char *const feedback_fields[] = {"X-HmXmrOriginalRecipient", "X-Loop-Feedback", "X-Complaints-Feedback"};

static bool name_among(struct str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(name, str_of(names[i])))
            return true;
    return false;
}

static void field_keep(const struct header_field *f, struct arena *a, struct parts *p)
{
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct str *to = (struct str *)(void *)((char *)p + kept[i].at);
        if (str_eq_nocase(f->name, str_of(kept[i].name)) && to->n == 0)
            *to = decoded(f->value, a);
    }
    if (str_eq_nocase(f->name, STR("Content-Type")) && p->content_type.n == 0)
        p->content_type = lower_copy(header_unfold(f->value, a, VALUE_MAX), a);
    if (name_among(f->name, autoreply_fields, sizeof autoreply_fields / sizeof *autoreply_fields))
        p->autoreply_field |= !str_eq_nocase(f->value, STR("no"));
    p->report_feedback |= name_among(f->name, feedback_fields, sizeof feedback_fields / sizeof *feedback_fields);
}

static bool header_read(struct arena *a, struct parts *p)
{
    struct header_scan s;
    struct header_field f;
    enum header_step step;
    unsigned fields = 0, junk = 0;
    header_scan_init(&s, p->bytes, HEADER_MAX);
    while ((step = header_next(&s, &f)) == HEADER_FIELD || step == HEADER_JUNK) {
        fields += step == HEADER_FIELD;
        junk += step == HEADER_JUNK;
        if (step == HEADER_FIELD)
            field_keep(&f, a, p);
    }
    size_t begin, end;
    struct str address;
    if (address_find(p->from, &address, &begin, &end))
        p->from_address = address;
    p->report_feedback |= contains(p->content_type, "feedback-report");
    return fields > junk;
}

static bool is_type(GMimeObject *o, const char *type, const char *subtype)
{
    GMimeContentType *t = g_mime_object_get_content_type(o);
    return t && g_mime_content_type_is_type(t, type, subtype);
}

static struct str stream_bytes(GMimeStream *mem, struct arena *a, size_t max)
{
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(mem));
    return arena_str(a, str_mem(bytes->data, bytes->len < max ? bytes->len : max));
}

/* Text bytes of that charset as UTF-8; as they are when the charset is unknown or does not fit them. */
static struct str charset_text(struct str bytes, const char *charset, struct arena *a)
{
    bool escapes = memchr(bytes.p ? bytes.p : "", '\033', bytes.n) != NULL;
    if (!charset || (utf8_valid(bytes) && !escapes))
        return bytes;
    iconv_t cd = g_mime_iconv_open("UTF-8", g_mime_charset_iconv_name(charset));
    if (cd == (iconv_t)-1)
        return bytes;
    char *text = g_mime_iconv_strndup(cd, bytes.p, bytes.n);
    g_mime_iconv_close(cd);
    if (!text)
        return bytes;
    struct str out = arena_str(a, str_of(text));
    g_free(text);
    return out;
}

static struct str part_text(GMimePart *part, struct arena *a)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *mem = g_mime_stream_mem_new();
    if (content)
        g_mime_data_wrapper_write_to_stream(content, mem);
    struct str raw = stream_bytes(mem, a, TEXT_MAX);
    g_object_unref(mem);
    struct str bytes = raw.n ? parts_normal(raw, a) : raw;
    return charset_text(bytes, g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset"), a);
}

static void part_add(struct parts *p, enum part_kind kind, struct str text)
{
    if (p->n < PARTS_MAX && text.n > 0)
        p->part[p->n++] = (struct part){kind, text};
}

static const struct {
    const char *type, *subtype;
    enum part_kind kind;
} leaves[] = {
    {"message", "delivery-status", PART_STATUS},
    {"message", "global-delivery-status", PART_STATUS}, /* RFC 6533 */
    {"message", "xdelivery-status", PART_STATUS},
    {"message", "disposition-notification", PART_RECEIPT},
    {"message", "feedback-report", PART_FEEDBACK},
    {"text", "rfc822-headers", PART_ORIGINAL},
    {"text", "rfc822-header", PART_ORIGINAL},
    {"message", "rfc822-headers", PART_ORIGINAL},
    {"message", "global-headers", PART_ORIGINAL},
    {"message", "partial", PART_ORIGINAL},
    {"text", "html", PART_HTML},
    {"text", "*", PART_TEXT},
    {"message", "*", PART_ORIGINAL},
};

static void leaf_add(GMimePart *part, struct arena *a, struct parts *p)
{
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        if (!is_type(GMIME_OBJECT(part), leaves[i].type, leaves[i].subtype))
            continue;
        struct str text = part_text(part, a);
        part_add(p, leaves[i].kind, leaves[i].kind == PART_HTML ? html_text(text, a) : text);
        return;
    }
}

static void message_add(GMimeMessage *m, struct arena *a, struct parts *p)
{
    GMimeStream *mem = g_mime_stream_mem_new();
    g_mime_object_write_to_stream(GMIME_OBJECT(m), NULL, mem);
    part_add(p, PART_ORIGINAL, stream_bytes(mem, a, BOUNCE_BYTES_MAX));
    g_object_unref(mem);
}

static bool is_wrapping(struct str line)
{
    return (line.n > 2 && line.p[0] == '-' && line.p[1] == '-' && !memchr(line.p, ' ', line.n)) ||
           str_starts_nocase(line, STR("content-")) || str_starts_nocase(line, STR("this is a mime-encapsulated"));
}

/* Text in which a multipart was not recognised: without its boundaries and part headers. */
static struct str unwrapped(struct str text, struct arena *a)
{
    char *out = arena_alloc(a, text.n + 1);
    size_t n = 0;
    while (text.p && text.n > 0) {
        struct str line = str_split(&text, '\n');
        if (is_wrapping(line))
            continue;
        memcpy(out + n, line.p, line.n);
        n += line.n;
        out[n++] = '\n';
    }
    return str_mem(out, n);
}

/* A multipart whose boundary is missing or wrong: its body as it stands. */
static void body_add(GMimeObject *o, struct arena *a, struct parts *p)
{
    GMimeStream *mem = g_mime_stream_mem_new();
    g_mime_object_write_to_stream(o, NULL, mem);
    struct str bytes = stream_bytes(mem, a, TEXT_MAX);
    g_object_unref(mem);
    size_t header = header_bytes(bytes);
    part_add(p, PART_TEXT, unwrapped(str_mem(bytes.p + header, bytes.n - header), a));
}

/* The parts of a tree in order. Its depth is GMime's, the recursion's is ours. */
static void walk(GMimeObject *o, unsigned depth, struct arena *a, struct parts *p)
{
    if (depth > PARTS_DEPTH_MAX || p->n == PARTS_MAX || !o)
        return;
    if (GMIME_IS_MULTIPART(o)) {
        int n = g_mime_multipart_get_count(GMIME_MULTIPART(o));
        if (n == 0)
            body_add(o, a, p);
        for (int i = 0; i < n && p->n < PARTS_MAX; i++)
            walk(g_mime_multipart_get_part(GMIME_MULTIPART(o), i), depth + 1, a, p);
    } else if (GMIME_IS_MESSAGE_PART(o)) {
        GMimeMessage *m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
        if (m)
            message_add(m, a, p);
    } else if (GMIME_IS_PART(o))
        leaf_add(GMIME_PART(o), a, p);
}

static void tree_read(struct arena *a, struct parts *p)
{
    GMimeStream *mem = g_mime_stream_mem_new_with_buffer(p->bytes.p, p->bytes.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(mem);
    GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(mem);
    g_object_unref(parser);
    if (!m)
        return;
    walk(g_mime_message_get_mime_part(m), 0, a, p);
    g_object_unref(m);
}

bool parts_read(struct str mail, struct arena *a, struct parts *ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_gmime);
    *ret = (struct parts){.bytes = mail_bytes(mail)};
    if (!header_read(a, ret))
        return false;
    tree_read(a, ret);
    bool text = false;
    for (uint32_t i = 0; i < ret->n; i++)
        text |= ret->part[i].kind <= PART_STATUS;
    if (!text && ret->n < PARTS_MAX) { /* boundaries that do not fit their multipart: the body as it stands */
        struct str body = ret->bytes;
        size_t header = header_bytes(body);
        part_add(ret, PART_TEXT, unwrapped(str_mem(body.p + header, body.n - header < TEXT_MAX ? body.n - header : TEXT_MAX), a));
    }
    return true;
}
