/* mail: the parts of a mail that may hold a report, taken apart by GMime. Every leaf is offered, whatever type it claims:
 * reporters send "application/octet-stream", the wrong type, the whole mail as an archive, or forward the report within another
 * mail. */
#include "aggregate/inner.h"
#include "mail/header.h"
#include "mail/mime.h"

#include <gmime/gmime.h>
#include <pthread.h>

enum { HEADER_MAX = 64 * 1024, BOUNDARIES_MAX = 100 };

struct walk {
    mail_fn *fn;
    void *ctx;
    unsigned parts;
    bool on_one_message; /* it says that it reports on a single message */
    enum aggregate_result best;
};

static void start_gmime(void) { g_mime_init(); }

/* The part without its transfer encoding; the caller's. */
static GByteArray *decoded(GMimePart *part)
{
    GMimeStream *mem = g_mime_stream_mem_new();
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (content)
        g_mime_data_wrapper_write_to_stream(content, mem);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(mem));
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(mem), FALSE);
    g_object_unref(mem);
    return bytes;
}

/* Base64 that no header announces, or that was encoded once more. */
static enum aggregate_result offer_base64(struct walk *w, struct str bytes, struct str name)
{
    unsigned char *out = g_malloc(bytes.n + 4);
    int state = 0;
    guint32 save = 0;
    size_t n = g_mime_encoding_base64_decode_step((const unsigned char *)bytes.p, bytes.n, out, &state, &save);
    enum aggregate_result got = w->fn(w->ctx, str_mem(out, n), name);
    g_free(out);
    return got;
}

static void offer(struct walk *w, GMimePart *part)
{
    const char *file = g_mime_part_get_filename(part);
    struct str name = str_of(file ? file : "");
    GByteArray *array = decoded(part);
    struct str bytes = str_mem(array->data, array->len);
    enum aggregate_result got = AGGREGATE_NONE;
    if (bytes.n > 0)
        got = w->fn(w->ctx, bytes, name);
    if (got == AGGREGATE_NONE && bytes.n > 0)
        got = offer_base64(w, bytes, name);
    w->best = better_of(w->best, got);
    g_byte_array_unref(array);
}

static bool is_report_on_one(GMimeObject *o)
{
    GMimeContentType *t = g_mime_object_get_content_type(o);
    return t && g_mime_content_type_is_type(t, "message", "feedback-report");
}

static void walk(struct walk *w, GMimeObject *o, unsigned depth)
{
    if (!o || depth > AGGREGATE_DEPTH_MAX || w->best == AGGREGATE_FAILED)
        return;
    if (GMIME_IS_MULTIPART(o)) {
        int n = g_mime_multipart_get_count(GMIME_MULTIPART(o));
        for (int i = 0; i < n && w->parts < AGGREGATE_FILES_MAX; i++)
            walk(w, g_mime_multipart_get_part(GMIME_MULTIPART(o), i), depth + 1);
    } else if (GMIME_IS_MESSAGE_PART(o)) {
        GMimeMessage *m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
        if (m)
            walk(w, g_mime_message_get_mime_part(m), depth + 1);
    } else if (GMIME_IS_PART(o)) {
        w->parts++;
        w->on_one_message |= is_report_on_one(o);
        offer(w, GMIME_PART(o));
    }
}

/* RFC 8460 5.3 */
static void take_domain(struct str mail, struct reading *r, struct arena *a)
{
    struct header_field f;
    if (header_find(mail, STR("TLS-Report-Domain"), HEADER_MAX, &f))
        r->domain = domain_of(header_unfold(f.value, a, AGGREGATE_TEXT_MAX), a);
}

enum aggregate_result mail_each(struct str mail, struct reading *r, mail_fn *fn, void *ctx)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct arena a = {0};
    struct walk w = {.fn = fn, .ctx = ctx, .best = AGGREGATE_NONE};
    pthread_once(&once, start_gmime);
    take_domain(mail, r, &a);
    struct str bytes = mime_bounded(mail, BOUNDARIES_MAX);
    GMimeStream *mem = g_mime_stream_mem_new_with_buffer(bytes.p, bytes.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(mem);
    GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(mem);
    g_object_unref(parser);
    if (m) {
        walk(&w, g_mime_message_get_mime_part(m), 0);
        g_object_unref(m);
    }
    if (w.best == AGGREGATE_NONE && w.on_one_message)
        w.best = refuse(r, "it reports on a single message, not on a day's: goniec explain FILE reads it");
    r->domain = STR("");
    arena_done(&a);
    return w.best;
}
