/* why: the whole story of a message, or of the newest messages to a recipient. */
#include "cli/cli.h"
#include "cli/story.h"
#include "cli/text.h"

#include <stdio.h>
#include <sysexits.h>

enum { MESSAGES_MAX = 10 };

static const char usage[] = "usage: goniec why [-d DATA] [--lang pl|en] [--json] [--dialogue] MESSAGE-ID|RECIPIENT\n";

struct telling {
    const struct common *common;
    struct store *store;
    struct str address; /* "": by id */
    struct buf out;
    unsigned n;
};

static bool is_to(const struct story *s, struct str address)
{
    for (uint32_t i = 0; i < s->envelope.rcpts; i++)
        if (str_eq_nocase(s->envelope.rcpt[i].address, address))
            return true;
    return address.n == 0;
}

static bool tell(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct telling *t = ctx;
    struct story s;
    (void)at_ms;
    if (story_read(&s, t->store, id, meta, open) && is_to(&s, t->address)) {
        if (t->n++)
            buf_add_str(&t->out, STR("\n"));
        if (t->common->json)
            story_json(&s, t->common, &t->out);
        else
            story_tell(&s, t->common, &t->out);
        if (t->common->json)
            buf_add_str(&t->out, STR("\n"));
    }
    story_done(&s);
    return true;
}

int cli_why(int argc, char **argv)
{
    struct common c;
    struct fault f;
    int code = common_options(argc, argv, usage, &c);
    if (code >= 0)
        return code;
    if (argc - c.first != 1) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    struct str what = str_of(argv[c.first]);
    struct telling t = {.common = &c};
    struct id id;
    if (!store_open(&t.store, c.data, false, &f))
        return common_fail(EX_NOINPUT, "%s", f.text);
    if (id_parse(what, &id)) {
        store_message(t.store, id, tell, &t);
    } else {
        t.address = what;
        store_messages_to(t.store, store_address_hash(what), MESSAGES_MAX, tell, &t);
    }
    fwrite(t.out.p, 1, t.out.n, stdout);
    buf_done(&t.out);
    store_close(&t.store);
    return t.n ? 0 : common_fail(EX_DATAERR, "%s %s", text(c.lang, TEXT_NOTHING_FOUND), argv[c.first]);
}
