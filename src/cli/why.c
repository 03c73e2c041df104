/* why: the whole story of a message, by its id or the beginning of it, or of the newest messages to a recipient; or how things
 * stand with mail to a domain, or with all that waits. Reads the office's database, so it works while the server is down; it says
 * so when the database lacks what the logs have. */
#include "cli/why.h"
#include "cli/cli.h"
#include "cli/story.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "explain/explain.h"
#include "mail/mailbox.h"
#include "report/report.h"

#include <sysexits.h>

enum { MESSAGES_MAX = 10, PREFIX_MIN = 4, BEHIND_MAX = 1000, PATIENCE_MS = 3000 };

struct telling {
    const struct common *common;
    struct store *store;
    struct str address; /* "": by id */
    struct buf out;
    unsigned n;
};

/* The hash of an address may be another's too. */
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
        bool json = t->common->json;
        if (t->n++)
            buf_add_str(&t->out, json ? STR(",\n") : STR("\n"));
        if (json)
            story_json(&s, t->common, &t->out);
        else
            story_tell(&s, t->common, &t->out);
    }
    story_done(&s);
    return true;
}

/* ---- by the beginning of an id ---- */

struct candidates {
    struct id id[MESSAGES_MAX];
    unsigned n;
};

static bool collect(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct candidates *c = ctx;
    (void)at_ms;
    (void)meta;
    (void)open;
    c->id[c->n++] = id;
    return c->n < MESSAGES_MAX;
}

/* The ids that begin so lie between the one filled up with the least digit and the one filled up with the greatest. */
static bool prefix_bounds(struct str what, struct id *low, struct id *high)
{
    char least[ID_TEXT], greatest[ID_TEXT];
    if (what.n < PREFIX_MIN || what.n > ID_TEXT)
        return false;
    memset(least, '0', sizeof least);
    memset(greatest, 'Z', sizeof greatest);
    memcpy(least, what.p, what.n);
    memcpy(greatest, what.p, what.n);
    return id_parse(str_mem(least, ID_TEXT), low) && id_parse(str_mem(greatest, ID_TEXT), high);
}

static int ambiguous(const struct telling *t, struct str what, const struct candidates *c)
{
    struct buf b = {0};
    char id[ID_TEXT + 1];
    for (unsigned i = 0; i < c->n; i++) {
        id_text(c->id[i], id);
        buf_addf(&b, "\n  %s", id);
    }
    common_fail(0, "%.*s: %s%.*s", STR_ARGS(what), text(t->common->lang, TEXT_AMBIGUOUS), STR_ARGS(buf_str(&b)));
    buf_done(&b);
    return EX_DATAERR;
}

static int tell_by_id(struct telling *t, struct str what, struct id low, struct id high)
{
    struct candidates c = {.n = 0};
    store_messages_between(t->store, low, high, collect, &c);
    if (c.n > 1)
        return ambiguous(t, what, &c);
    if (c.n == 1)
        store_message(t->store, c.id[0], tell, t);
    return 0;
}

/* ---- the whole ---- */

void why_warn_of_lag(const struct common *c, struct store *s)
{
    uint64_t n = report_behind(s, c->data, PATIENCE_MS, BEHIND_MAX);
    if (n)
        common_fail(0, text(c->lang, TEXT_BEHIND), (unsigned long long)n, n == BEHIND_MAX ? "+" : "");
}

/* A domain as people write it, or a provider's name; an address has its @. */
static int tell_domain(const struct common *c, struct store *s, struct str what)
{
    struct arena a = {0};
    struct str ascii;
    const char *why;
    int code = summary_tell(c, s, domain_ascii(what, &a, &ascii, &why) ? ascii : what, true);
    arena_done(&a);
    return code;
}

static int tell_messages(struct telling *t, struct str what)
{
    struct id low, high;
    struct fault f;
    bool by_id = prefix_bounds(what, &low, &high);
    int code = by_id ? tell_by_id(t, what, low, high) : 0;
    if (!by_id || (!t->n && !code && what.n < ID_TEXT)) {
        t->address = what;
        store_messages_to(t->store, store_address_hash(what), MESSAGES_MAX, tell, t);
        by_id = false;
    }
    if (!code && !store_good(t->store, &f))
        code = common_fail(EX_DATAERR, "%s", f.text);
    if (!code && !t->n)
        code = common_fail(EX_DATAERR, "%s %.*s", text(t->common->lang, TEXT_NOTHING_FOUND), STR_ARGS(what));
    if (!code && t->common->json && !by_id)
        printf("[%.*s]\n", STR_ARGS(buf_str(&t->out)));
    else if (!code)
        printf("%.*s%s", STR_ARGS(buf_str(&t->out)), t->common->json ? "\n" : "");
    return code;
}

int why_tell(const struct common *c, const char *what)
{
    struct telling t = {.common = c};
    int code;
    if (!common_store(c, &t.store, &code))
        return code;
    why_warn_of_lag(c, t.store);
    bool is_domain = (strchr(what, '.') && !strchr(what, '@')) || explain_is_provider(str_of(what));
    code = is_domain || !*what ? tell_domain(c, t.store, str_of(what)) : tell_messages(&t, str_of(what));
    buf_done(&t.out);
    store_close(&t.store);
    return code;
}

int cli_why(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    if (argc - c.first > 1)
        return command_misused(me, "expected one message id, one recipient's address, one domain, or nothing");
    return why_tell(&c, argc > c.first ? argv[c.first] : "");
}
