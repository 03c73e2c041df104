/* explain: what a server's reply means, without any server. */
#include "explain/explain.h"
#include "cli/cli.h"
#include "cli/text.h"

#include <stdio.h>
#include <sysexits.h>

static const char usage[] = "usage: goniec explain [--lang pl|en] [--json] 'SMTP REPLY'\n";

static void print(const struct common *c, const struct verdict *v, const struct cause *x)
{
    enum lang l = c->lang;
    if (!c->json) {
        printf("%s: %s [%s, %s %u %%]\n%s: %s\n%s: %s\n", text(l, TEXT_WHAT), l == LANG_PL ? x->what_pl : x->what_en, x->name,
               text(l, TEXT_SURE), v->confidence, text(l, TEXT_WHOSE), text(l, (enum text)(TEXT_WHOSE_0 + (int)v->whose)),
               text(l, TEXT_ADVICE), l == LANG_PL ? x->advice_pl : x->advice_en);
        return;
    }
    struct buf b = {0};
    buf_addf(&b, "{\"cause\":\"%s\",\"permanent\":%s,\"confidence\":%u,\"what\":", x->name, v->permanent ? "true" : "false",
             v->confidence);
    common_json(str_of(l == LANG_PL ? x->what_pl : x->what_en), &b);
    buf_add_str(&b, STR(",\"advice\":"));
    common_json(str_of(l == LANG_PL ? x->advice_pl : x->advice_en), &b);
    printf("%.*s}\n", (int)b.n, b.p);
    buf_done(&b);
}

int cli_explain(int argc, char **argv)
{
    struct common c;
    struct reply_parser p = {0};
    struct reply r;
    size_t taken;
    struct buf line = {0};
    int code = common_options(argc, argv, usage, &c);
    if (code >= 0)
        return code;
    if (argc - c.first != 1) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    buf_addf(&line, "%s\r\n", argv[c.first]);
    if (reply_feed(&p, line.p, line.n, &taken, &r) == REPLY_DONE) {
        struct verdict v = explain_reply(PHASE_NONE, &r, STR(""));
        const struct cause *x = cause_find(v.cause);
        code = x ? 0 : common_fail(EX_SOFTWARE, "there is no text for the cause");
        if (x)
            print(&c, &v, x);
    } else {
        code = common_fail(EX_DATAERR, "this is no SMTP reply: it begins with three digits, such as 550 5.1.1 No such user");
    }
    reply_parser_done(&p);
    buf_done(&line);
    return code;
}
