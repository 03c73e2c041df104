/* main: one table of subcommands. Called as sendmail, mailq or newaliases, goniec behaves as those. */
#include "cli/cli.h"
#include "demo/demo.h"
#include "serve/serve.h"
#include "settings/settings.h"

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int do_serve(int argc, char **argv);
static int do_check_config(int argc, char **argv);
static int do_help(int argc, char **argv);
static int do_version(int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *sentence;
} commands[] = {
    {"demo", demo_main, "try everything on this machine: a server, a receiver, sample messages and their stories"},
    {"serve", do_serve, "run the server: serve -c FILE"},
    {"check-config", do_check_config, "read a settings file and say what is wrong: check-config -c FILE, or --defaults"},
    {"why", cli_why, "tell the whole story of a message: why MESSAGE-ID|RECIPIENT"},
    {"explain", cli_explain, "explain a server's reply: explain 'SMTP REPLY'"},
    {"queue", cli_queue, "look at and change the queue: queue list|show|retry|hold|release|drop"},
    {"mailq", cli_mailq, "list the queue"},
    {"account", cli_account, "accounts and their passwords: account add|list|password|suspend|resume|remove"},
    {"log", cli_log, "look into a log: log verify|dump DIRECTORY"},
    {"sendmail", cli_sendmail, "submit a message as scripts do: sendmail [-t] [-i] [-f SENDER] RECIPIENT..."},
    {"help", do_help, "this list"},
    {"version", do_version, "the version"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int do_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("goniec: mail in, safe, out, and the whole story of every message\n\n");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-13s %s\n", commands[i].name, commands[i].sentence);
    printf("\nEvery command has --help.\n");
    return 0;
}

static int do_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("goniec %s\n", GONIEC_VERSION);
    return 0;
}

/* Reads "-c FILE" and, where allowed, --defaults; *ret_code is set when there is nothing more to do. */
static const char *config_option(int argc, char **argv, bool defaults_too, int *ret_code)
{
    static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                                 {"defaults", no_argument, NULL, 'd'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    const char *file = NULL;
    int o;
    *ret_code = -1;
    while ((o = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (o == 'c')
            file = optarg;
        else if (o == 'd' && defaults_too) {
            settings_print_defaults(stdout);
            *ret_code = 0;
            return NULL;
        } else {
            FILE *out = o == 'h' ? stdout : stderr;
            fprintf(out, "usage: goniec %s -c FILE%s\n", argv[0], defaults_too ? "\n       goniec check-config --defaults" : "");
            *ret_code = o == 'h' ? 0 : EX_USAGE;
            return NULL;
        }
    }
    return file ? file : "/etc/goniec/goniec.conf";
}

static int do_serve(int argc, char **argv)
{
    int code;
    const char *file = config_option(argc, argv, false, &code);
    return file ? serve_run(file) : code;
}

static int do_check_config(int argc, char **argv)
{
    int code;
    const char *file = config_option(argc, argv, true, &code);
    return file ? serve_check(file) : code;
}

/* The names that other programs know mail servers by. */
static int by_name(const char *name, int argc, char **argv, bool *ret_done)
{
    *ret_done = true;
    if (strcmp(name, "sendmail") == 0)
        return cli_sendmail(argc, argv);
    if (strcmp(name, "mailq") == 0)
        return cli_mailq(argc, argv);
    if (strcmp(name, "newaliases") == 0)
        return 0; /* there is no alias database to rebuild */
    *ret_done = false;
    return 0;
}

int main(int argc, char **argv)
{
    bool done;
    int code = by_name(basename(argv[0]), argc, argv, &done);
    if (done)
        return code;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return do_help(argc, argv);
    if (strcmp(argv[1], "--version") == 0)
        return do_version(argc, argv);
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "goniec: there is no command \"%s\": goniec help lists them\n", argv[1]);
    return EX_USAGE;
}
