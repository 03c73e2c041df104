/* log: looking into a log directory. */
#include "cli/cli.h"
#include "cli/common.h"
#include "log/inspect.h"

#include <string.h>
#include <sysexits.h>

typedef unsigned long long number; /* what printf knows */

static int fail(const struct fault *f) { return common_fail(f->code ? EX_NOINPUT : EX_DATAERR, "%s", f->text); }

static void print_line(void *ctx, const struct log_line *l)
{
    char id[ID_TEXT + 1];
    (void)ctx;
    id_text(l->id, id);
    printf("%8u %10u %-8s %s meta %zu content %u%s\n", l->segment, l->offset, l->kind, id, l->meta_bytes, l->content_bytes,
           l->ends ? " ends" : "");
}

static void print_json(void *ctx, const struct log_line *l)
{
    char id[ID_TEXT + 1];
    const char **comma = ctx;
    id_text(l->id, id);
    printf("%s\n{\"segment\":%u,\"offset\":%u,\"kind\":\"%s\",\"id\":\"%s\",\"meta_bytes\":%zu,\"content_bytes\":%u,\"ends\":%s}",
           *comma, l->segment, l->offset, l->kind, id, l->meta_bytes, l->content_bytes, l->ends ? "true" : "false");
    *comma = ",";
}

static int dump(const struct common *c, const char *directory)
{
    struct fault f;
    const char *comma = "";
    if (c->json)
        fputs("[", stdout);
    bool good = log_dump(directory, c->json ? print_json : print_line, &comma, &f);
    if (c->json)
        fputs("\n]\n", stdout);
    return good ? 0 : fail(&f);
}

static int verify(const struct common *c, const char *directory)
{
    struct log_finding n;
    struct fault f;
    struct buf name = {0};
    bool good = log_verify(directory, c->json ? NULL : stdout, &n, &f);
    if (!good && f.code)
        return fail(&f); /* it was not even read: there is nothing to count */
    number segments = n.segments, accepted = n.accepted, moved = n.moved, notes = n.notes, damaged = n.damaged;
    common_json(str_of(directory), &name);
    if (c->json)
        printf("{\"directory\":%.*s,\"whole\":%s,\"segments\":%llu,\"accepted\":%llu,\"moved\":%llu,\"notes\":%llu,\"damaged\":%"
               "llu}\n",
               (int)name.n, name.p, good ? "true" : "false", segments, accepted, moved, notes, damaged);
    else
        printf("%s: %llu segments, %llu accepted, %llu moved, %llu notes, %llu damaged places\n", directory, segments, accepted,
               moved, notes, damaged);
    buf_done(&name);
    return good ? 0 : fail(&f);
}

int cli_log(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    if (argc - c.first != 2)
        return command_misused(me, "expected verify or dump, and one directory such as /var/lib/goniec/log/w0");
    if (strcmp(argv[c.first], "verify") == 0)
        return verify(&c, argv[c.first + 1]);
    if (strcmp(argv[c.first], "dump") == 0)
        return dump(&c, argv[c.first + 1]);
    return command_misused(me, "\"%s\": expected verify or dump", argv[c.first]);
}
