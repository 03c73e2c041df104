/* Any line as a command, and as the argument of every command that has one. */
#include "mail/command.h"

#include "lib/must.h"

static void path_check(const struct path *p)
{
    must(p->params <= PARAMS_MAX);
    must(p->mailbox.text.n <= 254);
    must(p->mailbox.text.n == 0 || p->mailbox.domain.n == 0 || p->mailbox.text.n == p->mailbox.local.n + 1 + p->mailbox.domain.n);
    for (size_t i = 0; i < p->mailbox.text.n; i++)
        must((unsigned char)p->mailbox.text.p[i] >= 0x20 && p->mailbox.text.p[i] != 0x7F);
}

/* The input behind what every such line begins with, for the sake of depth. */
static void paths(struct str tail)
{
    struct path p;
    struct command_refusal why;
    struct buf from = {0}, to = {0};
    buf_addf(&from, "FROM:<");
    buf_add_str(&from, tail);
    buf_addf(&to, "TO:<a@b> ");
    buf_add_str(&to, tail);
    for (unsigned flags = 0; flags < 4; flags++) {
        if (command_mail(buf_str(&from), flags, &p, &why))
            path_check(&p);
        if (command_rcpt(buf_str(&to), flags, &p, &why))
            path_check(&p);
    }
    buf_done(&from);
    buf_done(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command c = command_parse(str_mem(data, size));
    struct path p;
    struct command_refusal why;
    struct str a, b;
    uint64_t n;
    bool last;
    uint8_t bits;
    must(verb_name(c.verb));
    paths(str_mem(data, size));
    for (unsigned flags = 0; flags < 4; flags++) {
        if (command_mail(c.rest, flags, &p, &why))
            path_check(&p);
        if (command_rcpt(c.rest, flags, &p, &why))
            path_check(&p);
    }
    if (command_bdat(c.rest, &n, &last, &why))
        must(n <= INT64_MAX);
    if (command_helo(c.rest, &a, &why))
        must(a.n > 0 && a.n <= 255);
    if (command_auth(c.rest, &a, &b, &why))
        must(a.n > 0);
    if (notify_parse(c.rest, &bits))
        must(bits != 0);
    envid_valid(c.rest);
    orcpt_valid(c.rest, size & 1);
    return 0;
}
