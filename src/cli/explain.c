/* explain: what a server's reply means, without any server. */
#include "explain/explain.h"
#include "cli/cli.h"
#include "cli/text.h"

#include <stdio.h>
#include <sysexits.h>

static void print(const struct common *c, const struct explanation *v)
{
    enum lang l = c->lang;
    const struct cause *x = v->cause;
    const struct told *told = cause_for_sender(x, l == LANG_PL ? "pl" : "en");
    if (!c->json) {
        printf("%s: %s [%s, %s %u %%]\n%s: %s\n%s: %s\n", text(l, TEXT_WHAT), told->what, x->name, text(l, TEXT_SURE),
               v->confidence, text(l, TEXT_WHOSE), text(l, (enum text)(TEXT_WHOSE_0 + (int)v->whose)), text(l, TEXT_ADVICE),
               told->advice);
        return;
    }
    struct buf b = {0};
    buf_addf(&b, "{\"cause\":\"%s\",\"permanent\":%s,\"confidence\":%u,\"what\":", x->name, v->permanent ? "true" : "false",
             v->confidence);
    common_json(str_of(told->what), &b);
    buf_add_str(&b, STR(",\"advice\":"));
    common_json(str_of(told->advice), &b);
    printf("%.*s}\n", (int)b.n, b.p);
    buf_done(&b);
}

int cli_explain(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    if (argc - c.first != 1)
        return command_misused(me, "expected one reply, in quotes");
    struct explain_input in = {.text = str_of(argv[c.first])};
    struct explanation e = explain(&in);
    print(&c, &e);
    return 0;
}
