/* command: see command.h. */
#include "cli/command.h"

#include "lib/nearest.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* In the order of enum command_takes; --help has no bit. */
static const struct option_row {
    char letter;
    const char *name, *argument, *sentence;
} rows[] = {
    {'c', "config", "FILE", "The settings file; without it /etc/goniec/goniec.conf."},
    {'d', "data", "DIR", "The server's data directory; without it $GONIEC_DATA, else /var/lib/goniec."},
    {'l', "lang", "pl|en", "The language of what is told; without it the environment's (LC_ALL, LC_MESSAGES, LANG)."},
    {'j', "json", NULL, "Print JSON for programs."},
    {'D', "dialogue", NULL, "Show the SMTP dialogue of each attempt."},
    {'F', "defaults", NULL, "Print every option with its default and what it is for."},
    {'o', "once", NULL, "End after the stories: 0 only if all messages came out as they should."},
    {'A', "account", "NAME",
     "The account; for lists - is mail without a login, and without the option the whole server's or all are meant."},
    {'R', "reason", "TEXT",
     "Why. For the black list: hardbounce, spam_complaint, unsubscribe, abuse, spamtrap, manual or other."},
    {'E', "expires", "WHEN", "never, a time such as 90d, or a date such as 2030-05-31."},
    {'B', "by", "NAME", "Who adds it; without it who runs this."},
    {'C', "csv", NULL, "Print CSV."},
    {'n', "dry-run", NULL, "Only report what would be done."},
    {'s', "skip-bad", NULL, "Take the good lines although others are bad."},
    {'f', "force", NULL, "Also the whole domain of a provider where anybody has a mailbox."},
    {'b', "batch", NULL, "Explain one reply a line of standard input, as one JSON object a line."},
    {'r', "resolver", "IP:PORT", "The name server to ask; without it those of the settings, else the system's."},
    {'z', "zone", NULL, "Print a snippet for a zone file."},
    {'u', "use", NULL, "Sign with the new keys from now on."},
    {'T', "retire", NULL, "Remove keys that no longer sign."},
    {'h', "help", NULL, "Say how it is called."},
};
enum { ROWS = sizeof rows / sizeof *rows, HELP = ROWS - 1 };

static bool has(const struct command *me, int row) { return row == HELP || (me->takes >> row & 1); }

static enum lang lang_of_environment(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return strncmp(v, "pl", 2) == 0 ? LANG_PL : LANG_EN;
    }
    return LANG_EN;
}

/* ---- reading ---- */

/* -c, -d and -h have a letter on the command line; the others' letters are only names for them here. */
static void getopt_tables(const struct command *me, struct option *ret_long, char *ret_short)
{
    int n = 0;
    *ret_short++ = ':';
    for (int i = 0; i < ROWS; i++) {
        const struct option_row *r = &rows[i];
        if (!has(me, i))
            continue;
        ret_long[n++] = (struct option){r->name, r->argument ? required_argument : no_argument, NULL, r->letter};
        if (!strchr("cdh", r->letter))
            continue;
        *ret_short++ = r->letter;
        if (r->argument)
            *ret_short++ = ':';
    }
    ret_long[n] = (struct option){0};
    *ret_short = '\0';
}

static int unknown_option(const struct command *me, const char *given)
{
    const char *names[ROWS], *end = strchr(given, '=');
    size_t n = 0;
    for (int i = 0; i < ROWS; i++)
        if (has(me, i))
            names[n++] = rows[i].name;
    struct str word = str_of(given);
    if (end)
        word.n = (size_t)(end - given);
    while (word.n && *word.p == '-')
        word = str_mem(word.p + 1, word.n - 1);
    const char *meant = nearest(word, names, n);
    return command_misused(me, "there is no option \"%s\"%s%s%s", given, meant ? ": did you mean --" : "", meant ? meant : "",
                           meant ? "?" : "");
}

/* LONG: a row of the table each */
static int take(const struct command *me, int letter, struct common *ret)
{
    switch (letter) {
    case 'c':
        ret->config = optarg;
        break;
    case 'd':
        ret->data = optarg;
        break;
    case 'l':
        if (strcmp(optarg, "pl") != 0 && strcmp(optarg, "en") != 0)
            return command_misused(me, "--lang %s: expected pl or en", optarg);
        ret->lang = optarg[0] == 'p' ? LANG_PL : LANG_EN;
        ret->lang_given = true;
        break;
    case 'j':
        ret->json = true;
        break;
    case 'D':
        ret->dialogue = true;
        break;
    case 'F':
        ret->defaults = true;
        break;
    case 'o':
        ret->once = true;
        break;
    case 'A':
        ret->account = optarg;
        break;
    case 'R':
        ret->reason = optarg;
        break;
    case 'E':
        ret->expires = optarg;
        break;
    case 'B':
        ret->by = optarg;
        break;
    case 'C':
        ret->csv = true;
        break;
    case 'n':
        ret->dry_run = true;
        break;
    case 's':
        ret->skip_bad = true;
        break;
    case 'f':
        ret->force = true;
        break;
    case 'r':
        ret->resolver = optarg;
        break;
    case 'z':
        ret->zone = true;
        break;
    case 'u':
        ret->use = true;
        break;
    case 'T':
        ret->retire = true;
        break;
    case 'b':
        ret->batch = true;
        break;
    default:
        command_help(me, stdout);
        return 0;
    }
    return -1;
}

int command_options(const struct command *me, int argc, char **argv, struct common *ret)
{
    struct option long_options[ROWS + 1];
    char letters[2 * ROWS + 2];
    const char *data = getenv("GONIEC_DATA");
    int o, code = -1;
    *ret = (struct common){
        .config = "/etc/goniec/goniec.conf", .data = data && *data ? data : "/var/lib/goniec", .lang = lang_of_environment()};
    getopt_tables(me, long_options, letters);
    optind = 0;
    opterr = 0;
    while (code < 0 && (o = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
        const char *given = argv[optind - 1];
        if (o == '?' && optopt && !strchr("cdhljDFoAREBCnsfrzuT", optopt))
            code = command_misused(me, "there is no option \"-%c\"", optopt);
        else if (o == '?')
            code = unknown_option(me, given);
        else
            code = o == ':' ? command_misused(me, "%s needs a value", given) : take(me, o, ret);
    }
    ret->first = optind;
    return code;
}

int command_misused(const struct command *me, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "goniec %s: ", me->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    command_usage(me, stderr);
    return EX_USAGE;
}

/* ---- telling ---- */

void command_each_option(unsigned takes,
                         void (*fn)(void *ctx, char letter, const char *name, const char *argument, const char *sentence),
                         void *ctx)
{
    for (int i = 0; i < ROWS; i++)
        if (i == HELP || (takes >> i & 1))
            fn(ctx, strchr("cdh", rows[i].letter) ? rows[i].letter : '\0', rows[i].name, rows[i].argument, rows[i].sentence);
}

static void short_option(void *out, char letter, const char *name, const char *argument, const char *sentence)
{
    (void)sentence;
    if (letter && argument)
        fprintf(out, " [-%c %s]", letter, argument);
    else if (strcmp(name, "help") != 0)
        fprintf(out, " [--%s%s%s]", name, argument ? " " : "", argument ? argument : "");
}

void command_usage(const struct command *me, FILE *out)
{
    const char *form = me->forms, *lead = "usage:";
    do {
        int n = (int)strcspn(form, "\n");
        fprintf(out, "%s goniec %s", lead, me->name);
        command_each_option(me->takes, short_option, out);
        fprintf(out, "%s%.*s\n", n ? " " : "", n, form);
        form += n + (form[n] == '\n');
        lead = "      ";
    } while (*form);
}

static void long_option(void *out, char letter, const char *name, const char *argument, const char *sentence)
{
    char left[40];
    if (letter)
        snprintf(left, sizeof left, "-%c, --%s%s%s", letter, name, argument ? " " : "", argument ? argument : "");
    else
        snprintf(left, sizeof left, "    --%s%s%s", name, argument ? " " : "", argument ? argument : "");
    fprintf(out, "  %-18s %s\n", left, sentence);
}

void command_help(const struct command *me, FILE *out)
{
    command_usage(me, out);
    fprintf(out, "\n%s\n", me->sentence);
    if (*me->manual)
        fprintf(out, "\n%s\n", me->manual);
    fputs("\nOptions:\n", out);
    command_each_option(me->takes, long_option, out);
}

const struct command *command_find(const struct command *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
