/* command: see command.h. */
#include "cli/command.h"

#include "lib/nearest.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int take_lang(const struct command *me, struct common *ret);
static int take_help(const struct command *me, struct common *ret);

/* In the order of enum command_takes; --help has no bit. What is given is kept in struct common: an argument as text, of an
 * option without one that it was given; or the row takes it. */
#define AT(member) offsetof(struct common, member), NULL
static const struct option_row {
    char letter; /* as a short option; '\0': none */
    const char *name, *argument, *sentence;
    size_t at;
    int (*take)(const struct command *me, struct common *ret); /* as command_options returns */
} rows[] = {
    {'c', "config", "FILE", "The settings file; without it /etc/goniec/goniec.conf.", AT(config)},
    {'d', "data", "DIR", "The server's data directory; without it $GONIEC_DATA, else /var/lib/goniec.", AT(data)},
    {0, "lang", "pl|en", "The language of what is told; without it the environment's (LC_ALL, LC_MESSAGES, LANG).", 0, take_lang},
    {0, "json", NULL, "Print JSON for programs.", AT(json)},
    {0, "dialogue", NULL, "Show the SMTP dialogue of each attempt.", AT(dialogue)},
    {0, "defaults", NULL, "Print every option with its default and what it is for.", AT(defaults)},
    {0, "once", NULL, "End after the stories: 0 only if all messages came out as they should.", AT(once)},
    {0, "account", "NAME",
     "The account; for lists - is mail without a login, and without the option the whole server's or all are meant.",
     AT(account)},
    {0, "reason", "TEXT", "Why. For the black list: hardbounce, spam_complaint, unsubscribe, abuse, spamtrap, manual or other.",
     AT(reason)},
    {0, "expires", "WHEN", "never, a time such as 90d, or a date such as 2030-05-31.", AT(expires)},
    {0, "by", "NAME", "Who adds it; without it who runs this.", AT(by)},
    {0, "csv", NULL, "Print CSV.", AT(csv)},
    {0, "dry-run", NULL, "Only report what would be done.", AT(dry_run)},
    {0, "skip-bad", NULL, "Take the good lines although others are bad.", AT(skip_bad)},
    {0, "force", NULL, "Also the whole domain of a provider where anybody has a mailbox.", AT(force)},
    {0, "batch", NULL, "Explain one reply a line of standard input, as one JSON object a line.", AT(batch)},
    {0, "resolver", "IP:PORT",
     "The name server to ask; without it the system's, or, where -c is taken, those that the settings name.", AT(resolver)},
    {0, "zone", NULL, "Print a snippet for a zone file.", AT(zone)},
    {0, "use", NULL, "Sign with the new keys from now on.", AT(use)},
    {0, "retire", NULL, "Remove keys that no longer sign.", AT(retire)},
    {0, "client-ip", "ADDRESS", "The address that the message came from.", AT(client_ip)},
    {0, "helo", "NAME", "The name that the client gave in EHLO or HELO.", AT(helo)},
    {0, "mail-from", "ADDRESS", "The address in MAIL FROM; an empty one is a notification's.", AT(mail_from)},
    {0, "time", "EPOCH", "Seconds since 1970 to judge as of, for signatures that expire; without it now.", AT(time)},
    {0, "since", "DATE", "Only what ended on or after that date, such as 2026-05-31, or that long ago, such as 30d.", AT(since)},
    {'h', "help", NULL, "Say how it is called.", 0, take_help},
};
#undef AT
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

enum { NO_LETTER = 256 /* plus the row's number: what getopt returns for a row without a letter */ };

static void getopt_tables(const struct command *me, struct option *ret_long, char *ret_short)
{
    int n = 0;
    *ret_short++ = ':';
    for (int i = 0; i < ROWS; i++) {
        const struct option_row *r = &rows[i];
        if (!has(me, i))
            continue;
        ret_long[n++] =
            (struct option){r->name, r->argument ? required_argument : no_argument, NULL, r->letter ? r->letter : NO_LETTER + i};
        if (!r->letter)
            continue;
        *ret_short++ = r->letter;
        if (r->argument)
            *ret_short++ = ':';
    }
    ret_long[n] = (struct option){0};
    *ret_short = '\0';
}

/* The row for what getopt returned or complained of; NULL: none. */
static const struct option_row *row_of(int o)
{
    for (int i = 0; i < ROWS; i++)
        if (o == (rows[i].letter ? rows[i].letter : NO_LETTER + i))
            return &rows[i];
    return NULL;
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

static int take_lang(const struct command *me, struct common *ret)
{
    if (strcmp(optarg, "pl") != 0 && strcmp(optarg, "en") != 0)
        return command_misused(me, "--lang %s: expected pl or en", optarg);
    ret->lang = optarg[0] == 'p' ? LANG_PL : LANG_EN;
    ret->lang_given = true;
    return -1;
}

static int take_help(const struct command *me, struct common *ret)
{
    (void)ret;
    command_help(me, stdout);
    return 0;
}

static int take(const struct command *me, const struct option_row *r, struct common *ret)
{
    if (r->take)
        return r->take(me, ret);
    if (r->argument)
        *(const char **)((char *)ret + r->at) = optarg;
    else
        *(bool *)((char *)ret + r->at) = true;
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
    const struct common before = *ret;
    getopt_tables(me, long_options, letters);
    optind = 0;
    opterr = 0;
    while (code < 0 && (o = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
        const char *given = argv[optind - 1];
        if (o == '?' && optopt && !row_of(optopt))
            code = command_misused(me, "there is no option \"-%c\"", optopt);
        else if (o == '?')
            code = unknown_option(me, given);
        else
            code = o == ':' ? command_misused(me, "%s needs a value", given) : take(me, row_of(o), ret);
    }
    ret->first = optind;
    ret->config_given = ret->config != before.config;
    ret->data_given = ret->data != before.data;
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
            fn(ctx, rows[i].letter, rows[i].name, rows[i].argument, rows[i].sentence);
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
