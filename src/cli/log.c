/* log: looking into a log directory. */
#include "log/inspect.h"

#include "cli/cli.h"
#include "cli/common.h"

#include <sysexits.h>

static const char usage[] = "usage: goniec log verify|dump DIRECTORY    (such as DATA/log/w0)\n";

static int fail(const struct fault *f) { return common_fail(f->code ? EX_NOINPUT : EX_DATAERR, "%s", f->text); }

int cli_log(int argc, char **argv)
{
    struct common c;
    struct log_finding n;
    struct fault f;
    int code = common_options(argc, argv, usage, &c);
    if (code >= 0)
        return code;
    bool verify = argc - c.first == 2 && strcmp(argv[c.first], "verify") == 0,
         dump = argc - c.first == 2 && strcmp(argv[c.first], "dump") == 0;
    if (!verify && !dump) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    const char *directory = argv[c.first + 1];
    if (dump)
        return log_dump(directory, stdout, &f) ? 0 : fail(&f);
    bool good = log_verify(directory, stdout, &n, &f);
    if (!good && f.code)
        return fail(&f);
    printf("%s: %llu segments, %llu accepted, %llu moved, %llu notes, %llu damaged places\n", directory,
           (unsigned long long)n.segments, (unsigned long long)n.accepted, (unsigned long long)n.moved,
           (unsigned long long)n.notes, (unsigned long long)n.damaged);
    return good ? 0 : fail(&f);
}
