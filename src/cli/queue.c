/* queue: looking at what is not delivered yet, and an operator's hand on it. */
#include "cli/cli.h"
#include "cli/story.h"
#include "cli/text.h"
#include "mail/date.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { LIST_MAX = 100000 };

static const char usage[] = "usage: goniec queue list [-d DATA] [--json]\n"
                            "       goniec queue show MESSAGE-ID\n"
                            "       goniec queue retry|hold|release|drop all | id MESSAGE-ID | account NAME | domain DOMAIN\n";

struct listing {
    const struct common *common;
    struct store *store;
    bool as_mailq;
    unsigned n;
};

static void put_line(const struct story *s, const struct common *c)
{
    struct buf b = {0};
    char id[ID_TEXT + 1], date[DATE_TEXT];
    id_text(s->envelope.id, id);
    date_rfc3339(s->envelope.accepted_ms, date);
    buf_addf(&b, "%s  %.10s %.8s  %9u  ", id, date, date + 11, s->envelope.content_bytes);
    common_safe(s->envelope.sender.n ? s->envelope.sender : STR("<>"), 320, &b);
    buf_add_str(&b, STR("\n"));
    for (uint32_t i = 0; i < s->envelope.rcpts; i++) {
        const struct outcome_rcpt *r = s->last[i];
        if (r && r->status <= OUTCOME_DROPPED)
            continue;
        buf_add_str(&b, STR("      "));
        common_safe(s->envelope.rcpt[i].address, 320, &b);
        if (r && r->status == OUTCOME_HELD)
            buf_addf(&b, "  (%s)", text(c->lang, TEXT_HELD));
        if (r && r->status == OUTCOME_DEFERRED) {
            date_rfc3339(r->next_ms, date);
            buf_addf(&b, "  %s %.10s %.8s: %d ", text(c->lang, TEXT_NEXT_TRY), date, date + 11, r->reply.code);
            common_safe(r->reply.text, 200, &b);
        }
        buf_add_str(&b, STR("\n"));
    }
    fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

static bool on_message(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct listing *l = ctx;
    struct story s;
    (void)at_ms;
    if (story_read(&s, l->store, id, meta, open)) {
        struct buf b = {0};
        l->n++;
        if (l->common->json) {
            story_json(&s, l->common, &b);
            printf("%.*s\n", (int)b.n, b.p);
        } else {
            put_line(&s, l->common);
        }
        buf_done(&b);
    }
    story_done(&s);
    return true;
}

static int list(const struct common *c)
{
    struct listing l = {.common = c};
    struct fault f;
    if (!store_open(&l.store, c->data, false, &f))
        return common_fail(EX_NOINPUT, "%s", f.text);
    store_queue(l.store, LIST_MAX, on_message, &l);
    store_close(&l.store);
    if (!l.n && !c->json)
        puts(text(c->lang, TEXT_QUEUE_EMPTY));
    return 0;
}

static int command(const struct common *c, int argc, char **argv)
{
    char line[600];
    struct buf answer = {.max = 65536};
    struct fault f;
    snprintf(line, sizeof line, "%s %s%s%s", argv[0], argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
    if (!common_control(c, line, &answer, &f))
        return common_fail(EX_UNAVAILABLE, "%s", f.text);
    bool good = answer.n > 3 && memcmp(answer.p, "ok ", 3) == 0;
    if (good)
        fwrite(answer.p + 3, 1, answer.n - 3, stdout);
    else
        common_fail(EX_USAGE, "%.*s", (int)(answer.n > 6 ? answer.n - 7 : 0), answer.n > 6 ? answer.p + 6 : "");
    buf_done(&answer);
    return good ? 0 : EX_USAGE;
}

int cli_queue(int argc, char **argv)
{
    struct common c;
    int code = common_options(argc, argv, usage, &c);
    if (code >= 0)
        return code;
    int n = argc - c.first;
    char **a = argv + c.first;
    if (n == 1 && strcmp(a[0], "list") == 0)
        return list(&c);
    if (n == 2 && strcmp(a[0], "show") == 0) {
        char *why[] = {argv[0], "-d", (char *)(uintptr_t)c.data, c.json ? "--json" : "--dialogue", a[1], NULL};
        return cli_why(5, why);
    }
    static const char *const verbs[] = {"retry", "hold", "release", "drop"};
    for (size_t i = 0; i < 4; i++)
        if ((n == 2 || n == 3) && strcmp(a[0], verbs[i]) == 0)
            return command(&c, n, a);
    fputs(usage, stderr);
    return EX_USAGE;
}

int cli_mailq(int argc, char **argv)
{
    struct common c;
    int code = common_options(argc, argv, "usage: mailq [-d DATA] [--json]\n", &c);
    return code >= 0 ? code : list(&c);
}
