/* fields: see fields.h. What people and their programs see of a message must not be changed or added to afterwards; what the way
 * adds (Received, Return-Path) must not break a signature. */
#include "sign/fields.h"

#include "mail/header.h"

/* closed: named once more than present even where there is none. The others are when there is one: a forwarder that adds what
 * was not there (a list its List-Id) does no harm, a second one beside ours would. */
static const struct signed_name {
    struct str name;
    bool closed;
} names[] = {
#define CLOSED(x)                                                                                                                \
    {                                                                                                                            \
        {(x), sizeof(x) - 1}, true                                                                                               \
    }
#define OPEN(x)                                                                                                                  \
    {                                                                                                                            \
        {(x), sizeof(x) - 1}, false                                                                                              \
    }
    CLOSED("from"),
    CLOSED("subject"),
    CLOSED("date"),
    CLOSED("to"),
    CLOSED("cc"),
    CLOSED("reply-to"),
    OPEN("sender"),
    OPEN("message-id"),
    OPEN("in-reply-to"),
    OPEN("references"),
    OPEN("mime-version"),
    OPEN("content-type"),
    OPEN("content-transfer-encoding"),
    OPEN("content-disposition"),
    OPEN("list-id"),
    OPEN("list-unsubscribe"),
    OPEN("list-unsubscribe-post"), /* RFC 8058 4: both must be signed */
    OPEN("list-subscribe"),
    OPEN("list-help"),
    OPEN("list-owner"),
    OPEN("list-post"),
    OPEN("list-archive"),
    OPEN("feedback-id"),
};
enum { NAMES = sizeof names / sizeof *names };
_Static_assert((int)NAMES <= (int)SIGNED_NAMES_MAX, "room for all names");

void fields_pick(struct signed_fields *s, struct str message)
{
    struct header_scan scan;
    struct header_field f;
    enum header_step step;
    memset(s->n, 0, sizeof s->n);
    header_scan_init(&scan, message, 0);
    while ((step = header_next(&scan, &f)) <= HEADER_JUNK)
        for (unsigned i = 0; step == HEADER_FIELD && i < NAMES; i++)
            if (f.name.n == names[i].name.n && str_eq_nocase(f.name, names[i].name)) {
                s->raw[i][s->n[i]++ % SIGNED_PER_NAME_MAX] = f.raw;
                break;
            }
    s->body = str_mem(message.p + scan.at, message.n - scan.at);
}

/* A name stands for the lowest field of that name that is not taken yet (5.4.2). Of a name that occurs beyond all reason the
 * lowest are signed. */
void fields_each(const struct signed_fields *s, void (*fn)(void *ctx, struct str name, struct str raw), void *ctx)
{
    for (unsigned i = 0; i < NAMES; i++) {
        unsigned most = s->n[i] < SIGNED_PER_NAME_MAX ? s->n[i] : SIGNED_PER_NAME_MAX;
        for (unsigned k = 1; k <= most; k++)
            fn(ctx, names[i].name, s->raw[i][(s->n[i] - k) % SIGNED_PER_NAME_MAX]);
        if (s->n[i] == most && (most > 0 || names[i].closed))
            fn(ctx, names[i].name, (struct str){NULL, 0});
    }
}
