/* queue: looking at what is not delivered yet (also as mailq prints it), and an operator's hand on it. The looking needs only the
 * database; the hand needs the engine. */
#include "cli/cli.h"
#include "cli/lanes.h"
#include "cli/story.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "cli/why.h"

#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { LIST_MAX = 100000 };

struct listing {
    const struct common *common;
    struct store *store;
    void (*put)(const struct story *s, enum lang l, struct buf *b);
    unsigned n;
    uint64_t bytes;
};

static bool is_open(const struct outcome_rcpt *last) { return !last || last->status > OUTCOME_DROPPED; }

/* ---- one message ---- */

static void put_entry(const struct story *s, enum lang l, struct buf *b)
{
    char id[ID_TEXT + 1], date[STORY_TIME];
    id_text(s->envelope.id, id);
    story_time(s->envelope.accepted_ms, date);
    buf_addf(b, "%s  %s  %9u  ", id, date, s->envelope.content_bytes);
    common_safe(s->envelope.sender.n ? s->envelope.sender : STR("<>"), 320, b);
    buf_add_str(b, STR("\n"));
    for (uint32_t i = 0; i < s->envelope.rcpts; i++) {
        const struct outcome_rcpt *r = s->last[i];
        if (!is_open(r))
            continue;
        buf_add_str(b, STR("      "));
        common_safe(s->envelope.rcpt[i].address, 320, b);
        if (r && r->status == OUTCOME_HELD)
            buf_addf(b, "  (%s)", text(l, TEXT_HELD));
        if (r && r->status == OUTCOME_DEFERRED) {
            story_time(r->next_ms, date);
            buf_addf(b, "  %s %s: ", text(l, TEXT_NEXT_TRY), date);
            story_reason(s, i, l, b);
        }
        buf_add_str(b, STR("\n"));
    }
}

static void put_bracketed(const struct story *s, uint32_t rcpt, enum lang l, struct buf *b)
{
    struct buf why = {0};
    story_reason(s, rcpt, l, &why);
    if (why.n)
        buf_addf(b, "    (%.*s)\n", STR_ARGS(buf_str(&why)));
    buf_done(&why);
}

/* As sendmail's and Postfix's mailq: id, size, time, sender; the reason in brackets; the recipients. '!' marks what is held. */
static void put_mailq(const struct story *s, enum lang l, struct buf *b)
{
    char id[ID_TEXT + 1], date[32];
    time_t at = (time_t)(s->envelope.accepted_ms / 1000);
    struct tm tm;
    bool held = false;
    id_text(s->envelope.id, id);
    strftime(date, sizeof date, "%a %b %e %H:%M:%S", localtime_r(&at, &tm));
    for (uint32_t i = 0; i < s->envelope.rcpts; i++)
        held |= s->last[i] && s->last[i]->status == OUTCOME_HELD;
    buf_addf(b, "%s%c %8u %s  ", id, held ? '!' : ' ', s->envelope.content_bytes, date);
    common_safe(s->envelope.sender.n ? s->envelope.sender : STR("MAILER-DAEMON"), 320, b);
    buf_add_str(b, STR("\n"));
    for (uint32_t i = 0; i < s->envelope.rcpts; i++) {
        const struct outcome_rcpt *r = s->last[i];
        if (!is_open(r))
            continue;
        put_bracketed(s, i, l, b);
        buf_addf(b, "%38s", "");
        common_safe(s->envelope.rcpt[i].address, 320, b);
        buf_add_str(b, STR("\n"));
    }
    buf_add_str(b, STR("\n"));
}

static void put_json(const struct story *s, enum lang l, struct buf *b)
{
    story_json(s, &(struct common){.json = true, .lang = l}, b);
}

/* ---- the list ---- */

static bool on_message(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct listing *l = ctx;
    struct story s;
    (void)at_ms;
    if (story_read(&s, l->store, id, meta, open)) {
        struct buf b = {0};
        if (l->common->json)
            buf_add_str(&b, l->n ? STR(",\n") : STR("["));
        l->put(&s, l->common->lang, &b);
        fwrite(b.p, 1, b.n, stdout);
        buf_done(&b);
        l->n++;
        l->bytes += s.envelope.content_bytes;
    }
    story_done(&s);
    return true;
}

/* Whether the whole queue was read; complains otherwise. */
static int each(struct listing *l)
{
    struct fault f;
    int code = 0;
    if (!common_store(l->common, &l->store, &code))
        return code;
    store_queue(l->store, LIST_MAX, on_message, l);
    if (!store_good(l->store, &f))
        code = common_fail(EX_DATAERR, "%s", f.text);
    store_close(&l->store);
    return code;
}

static int list_json(struct listing *l)
{
    l->put = put_json;
    int code = each(l);
    if (!code)
        puts(l->n ? "]" : "[]");
    return code;
}

static int list(const struct common *c)
{
    struct listing l = {.common = c, .put = put_entry};
    if (c->json)
        return list_json(&l);
    int code = each(&l);
    unsigned long long kb = (l.bytes + 1023) / 1024;
    if (!code && !l.n)
        puts(text(c->lang, TEXT_QUEUE_EMPTY));
    else if (!code)
        printf(text(c->lang, TEXT_IN_ALL), l.n, kb), puts("");
    return code;
}

int cli_mailq(const struct command *me, int argc, char **argv)
{
    struct common c;
    struct listing l = {.common = &c, .put = put_mailq};
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    if (argc > c.first)
        return command_misused(me, "it takes no arguments");
    if (c.json)
        return list_json(&l);
    code = each(&l);
    unsigned long long kb = (l.bytes + 1023) / 1024;
    if (!code && !l.n)
        puts("Mail queue is empty");
    else if (!code)
        printf("-- %llu Kbytes in %u Request%s.\n", kb, l.n, l.n == 1 ? "" : "s");
    return code;
}

/* ---- the operator's hand ---- */

static const struct verb {
    const char *name;
    enum text done;
    bool site; /* it concerns a site; otherwise recipients */
} verbs[] = {{"retry", TEXT_RETRIED, false},    {"hold", TEXT_HELD_NOW, false},   {"release", TEXT_SET_FREE, false},
             {"drop", TEXT_DROPPED_NOW, false}, {"pause", TEXT_PAUSED_NOW, true}, {"resume", TEXT_RESUMED, true}};

/* "all", "id X", "account X", "domain X", or an id alone; false: none of these. */
static bool which(int n, char **a, char out[400])
{
    struct id id;
    bool pair = n == 2 && (strcmp(a[0], "id") == 0 || strcmp(a[0], "account") == 0 || strcmp(a[0], "domain") == 0);
    if (pair && strlen(a[1]) < 300 && !strpbrk(a[1], "\r\n"))
        return snprintf(out, 400, "%s %s", a[0], a[1]) > 0 && (strcmp(a[0], "id") != 0 || id_parse(str_of(a[1]), &id));
    if (n == 1 && strcmp(a[0], "all") == 0)
        return snprintf(out, 400, "all") > 0;
    return n == 1 && id_parse(str_of(a[0]), &id) && snprintf(out, 400, "id %s", a[0]) > 0;
}

static bool which_site(int n, char **a, char out[400])
{
    return n == 1 && *a[0] && strlen(a[0]) < 256 && !strpbrk(a[0], "\r\n") && snprintf(out, 400, "%s", a[0]) > 0;
}

/* Dropping everything cannot be taken back: a person is asked, a script is not. */
static bool confirmed(const struct common *c, const char *verb, const char *what)
{
    char line[16] = "";
    if (strcmp(verb, "drop") != 0 || strcmp(what, "all") != 0 || !isatty(STDIN_FILENO))
        return true;
    fputs(text(c->lang, TEXT_DROP_ALL), stderr);
    return fgets(line, sizeof line, stdin) && (strcmp(line, "yes\n") == 0 || strcmp(line, "tak\n") == 0);
}

static int act(const struct common *c, const struct verb *v, const char *what)
{
    char line[500];
    struct buf answer = {.max = 65536};
    unsigned long long n = 0;
    if (!confirmed(c, v->name, what))
        return common_fail(EX_USAGE, "%s", text(c->lang, TEXT_NOTHING_DONE));
    snprintf(line, sizeof line, "%s %s", v->name, what);
    int code = common_ask(c, line, &answer);
    if (!code && sscanf(answer.p, "ok %llu", &n) != 1)
        code = common_fail(EX_PROTOCOL, "%s", answer.p);
    else if (!code && v->site && n == 0)
        code = common_fail(EX_DATAERR, "%s", text(c->lang, TEXT_NO_SITE));
    else if (!code && c->json)
        printf("{\"changed\":%llu}\n", n);
    else if (!code)
        printf("%s: %llu\n", text(c->lang, v->done), n);
    buf_done(&answer);
    return code;
}

static int act_by_name(const struct command *me, const struct common *c, const struct verb *v, int n, char **a)
{
    char what[400];
    if (v->site ? which_site(n, a, what) : which(n, a, what))
        return act(c, v, what);
    return command_misused(me, "%s what? expected %s", v->name,
                           v->site ? "a site, as lanes shows it, a domain of its hosts, or *"
                                   : "a message id, account NAME, domain DOMAIN or all");
}

static int summarise(const struct common *c)
{
    struct store *s;
    int code = 0;
    if (!common_store(c, &s, &code))
        return code;
    why_warn_of_lag(c, s);
    code = summary_tell(c, s, STR(""), false);
    store_close(&s);
    return code;
}

int cli_queue(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c), n = argc - c.first;
    char **a = argv + c.first;
    if (code >= 0)
        return code;
    if (n == 0)
        return summarise(&c);
    if (n == 1 && strcmp(a[0], "list") == 0)
        return list(&c);
    if (n == 1 && strcmp(a[0], "lanes") == 0)
        return lanes_tell(&c);
    if (n == 2 && strcmp(a[0], "show") == 0) {
        c.dialogue = true;
        return why_tell(&c, a[1]);
    }
    for (size_t i = 0; n > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(a[0], verbs[i].name) == 0)
            return act_by_name(me, &c, &verbs[i], n - 1, a + 1);
    return command_misused(me, "expected nothing, list, lanes, or show, retry, hold, release, drop, pause or resume, and what");
}
