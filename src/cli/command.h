/* command: a subcommand is one row of a table: what runs it, what it is for, how it is called, which options it takes, what the
 * manual says. Dispatch, `goniec help`, --help, the reading of options and the manual pages all come from that row. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum lang { LANG_EN, LANG_PL };

/* Options: one table for all commands (command.c); a row names those that it takes. --help is taken by all. */
enum command_takes {
    TAKES_CONFIG = 1 << 0,
    TAKES_DATA = 1 << 1,
    TAKES_LANG = 1 << 2,
    TAKES_JSON = 1 << 3,
    TAKES_DIALOGUE = 1 << 4,
    TAKES_DEFAULTS = 1 << 5,
    TAKES_ONCE = 1 << 6,
    TAKES_ACCOUNT = 1 << 7,
    TAKES_REASON = 1 << 8,
    TAKES_EXPIRES = 1 << 9,
    TAKES_BY = 1 << 10,
    TAKES_CSV = 1 << 11,
    TAKES_DRY_RUN = 1 << 12,
    TAKES_SKIP_BAD = 1 << 13,
    TAKES_FORCE = 1 << 14,
    TAKES_BATCH = 1 << 15,
    TAKES_RESOLVER = 1 << 16,
    TAKES_ZONE = 1 << 17,
    TAKES_USE = 1 << 18,
    TAKES_RETIRE = 1 << 19,
    TAKES_CLIENT_IP = 1 << 20,
    TAKES_HELO = 1 << 21,
    TAKES_MAIL_FROM = 1 << 22,
    TAKES_TIME = 1 << 23,
    TAKES_SINCE = 1 << 24,
};

struct command {
    const char *name;
    int (*run)(const struct command *me, int argc, char **argv); /* argv from the name on; a sysexits code */
    unsigned takes;                                              /* enum command_takes */
    const char *forms;                                           /* what may follow the options, a line each; "" : nothing */
    const char *sentence;
    const char *manual; /* further sentences, a paragraph a line; "" : none */
};

/* What the command line said. */
struct common {
    const char *config, *data; /* a file, a directory */
    enum lang lang;
    bool lang_given;               /* by the option, not by the environment */
    bool config_given, data_given; /* by the option */
    bool json, dialogue, defaults, once, csv, dry_run, skip_bad, force, batch, zone, use, retire;
    const char *account, *reason, *expires, *by, *resolver, *since; /* NULL: not given */
    const char *client_ip, *helo, *mail_from, *time;                /* likewise */
    int first;                                                      /* index of the first argument that is no option */
};

/* Reads the options that `me` takes, wherever they stand; arguments are moved behind them (argv[first]...). Returns -1 to go on,
 * otherwise the exit code (help or the complaint has been printed). */
int command_options(const struct command *me, int argc, char **argv, struct common *ret);

/* Says what is wrong with the call and how it should be; returns EX_USAGE. */
int command_misused(const struct command *me, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints "usage: goniec NAME ..." lines; the help of one command; one row of the options for each bit set. */
void command_usage(const struct command *me, FILE *out);
void command_help(const struct command *me, FILE *out);
void command_each_option(unsigned takes,
                         void (*fn)(void *ctx, char letter, const char *name, const char *argument, const char *sentence),
                         void *ctx);

/* The row of that name, or NULL. */
const struct command *command_find(const struct command *table, size_t n, const char *name);
