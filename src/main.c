/* main: one table of subcommands. Called as sendmail, mailq or newaliases, goniec behaves as those. */
#include "cli/cli.h"
#include "cli/common.h"
#include "demo/demo.h"
#include "domain/domain.h"
#include "lib/nearest.h"
#include "manual/manual.h"
#include "serve/serve.h"
#include "settings/settings.h"

#include <libgen.h>
#include <string.h>
#include <sysexits.h>

static int do_serve(const struct command *me, int argc, char **argv);
static int do_check_config(const struct command *me, int argc, char **argv);
static int do_man(const struct command *me, int argc, char **argv);
static int do_help(const struct command *me, int argc, char **argv);
static int do_version(const struct command *me, int argc, char **argv);

static const struct command commands[] = {
    {"demo", demo_main, TAKES_ONCE | TAKES_LANG, "",
     "Try everything on this machine: a server, a receiver, sample messages and their stories.",
     "Everything listens on 127.0.0.1 and lives in a fresh folder under /tmp; root's rights are given up first. Ctrl-C ends it."},
    {"serve", do_serve, TAKES_CONFIG, "", "Run the server.",
     "SIGTERM lets what is in flight finish and stops. SIGHUP takes new settings in; a bad file leaves the old ones in force and "
     "is "
     "complained of with file and line."},
    {"check-config", do_check_config, TAKES_CONFIG | TAKES_DEFAULTS | TAKES_JSON, "",
     "Read a settings file and say what is wrong.", "Also reads the certificate and key that the file names. Changes nothing."},
    {"why", cli_why, TAKES_DATA | TAKES_LANG | TAKES_JSON | TAKES_DIALOGUE, "\nMESSAGE-ID|RECIPIENT\nDOMAIN|PROVIDER",
     "Tell the whole story of a message, or of the newest to a recipient; or why mail to a domain, or all that waits, waits.",
     "The beginning of an id is enough when no other message's begins so. The server need not run.\nOf a domain, or of nothing "
     "in "
     "particular, it is told what waits, grouped by who receives it and why, the most important first; whose mail rests, and "
     "until "
     "when; and what was refused during the last day. A provider is named as the rulebook does: gmail, microsoft, wp."},
    {"explain", cli_explain, TAKES_LANG | TAKES_JSON | TAKES_BATCH, "'SMTP REPLY'\nFILE.eml|-\n--batch",
     "Explain a server's reply or a bounce mail: what happened, whose doing, what to do.",
     "Needs no server. A mail tells of each recipient, and whether it is a bounce at all; - reads standard input.\nWith --batch "
     "a "
     "literal \\n within a line parts the lines of one reply."},
    {"verify", cli_verify, TAKES_CLIENT_IP | TAKES_HELO | TAKES_MAIL_FROM | TAKES_RESOLVER | TAKES_TIME | TAKES_JSON | TAKES_LANG,
     "[FILE.eml|-]", "Check who a mail really comes from: SPF, DKIM, DMARC and ARC, with the steps to each result.",
     "Needs no server, and tells what a receiver would find. Without a file: SPF alone; - reads standard input.\nThe envelope's "
     "options are what the client said as the mail came in; without --client-ip nothing is said about SPF."},
    {"queue", cli_queue, TAKES_DATA | TAKES_LANG | TAKES_JSON,
     "\nlist\nshow MESSAGE-ID\nretry|hold|release|drop MESSAGE-ID\nretry|hold|release|drop account NAME\n"
     "retry|hold|release|drop domain DOMAIN\nretry|hold|release|drop all\nlanes\npause|resume SITE",
     "Look at the queue and change it.",
     "By itself it tells what waits, grouped by who receives it and why, the most important first.\n"
     "retry: try now what waits. hold: keep it until released. release: try now what is held. drop: remove it without a "
     "notification.\n"
     "lanes: to which sites mail goes at the moment, how much waits for its turn, how many connections of those that the site "
     "gets "
     "now are busy, and why it waits. What waits for its next attempt after a deferral is not in a lane but in list.\n"
     "pause: start nothing more to that site (as lanes shows it, a domain of its hosts, or * for all) until it is resumed or the "
     "server is started again."},
    {"mailq", cli_mailq, TAKES_DATA | TAKES_JSON, "", "List the queue as sendmail's mailq does.",
     "A ! after an id marks a message with recipients that are held."},
    {"account", cli_account, TAKES_DATA | TAKES_JSON,
     "list\nadd NAME [LOGIN [-]]\npassword LOGIN [-]\nlanguage NAME pl|en|pl,en|en,pl|server\nsuspend NAME REASON\nresume|remove "
     "NAME",
     "Accounts and their logins.",
     "A password is made and shown once; with - it is read from standard input instead.\nlanguage: in which notifications to the "
     "account's senders are written; server: as the setting of that name says."},
    {"domain", domain_main,
     TAKES_CONFIG | TAKES_LANG | TAKES_JSON | TAKES_ACCOUNT | TAKES_RESOLVER | TAKES_ZONE | TAKES_USE | TAKES_RETIRE,
     "add|check|rotate|remove DOMAIN\nlist", "Sending domains: their keys and what each needs in DNS.",
     "add makes keys and prints the records to publish; check compares them with what DNS says: 0 only if mail can be signed and "
     "aligned.\nrotate makes new keys; with --use they sign from now on, with --retire the old ones go."},
    {"reports", domain_reports, TAKES_CONFIG | TAKES_DATA | TAKES_LANG | TAKES_JSON | TAKES_SINCE,
     "add FILE...|-\nlist [DOMAIN]\nshow DOMAIN", "What other servers report on mail in your domain's name.",
     "add reads reports as they come: a mail, or what was attached to it: DMARC reports (XML) and TLS reports (JSON), also "
     "packed "
     "with gzip or zip. The same report counts once.\nshow tells who sent in the domain's name, what of it is yours, what "
     "receivers did, and what to do; with TLS reports also how encryption on the way to it fared.\nThe settings, if there are "
     "any, "
     "tell which addresses are this server's."},
    {"suppression", cli_suppression,
     TAKES_DATA | TAKES_LANG | TAKES_JSON | TAKES_ACCOUNT | TAKES_REASON | TAKES_EXPIRES | TAKES_BY | TAKES_CSV | TAKES_DRY_RUN |
         TAKES_SKIP_BAD | TAKES_FORCE,
     "add|remove ADDRESS|DOMAIN...\nlist [ADDRESS|DOMAIN]\nexport\nimport FILE|-\nwhy ADDRESS|DOMAIN\npublish",
     "The black list: who gets no mail, and why.",
     "export writes CSV, or one JSON object a line; import reads both, also as others export them.\nwhy tells the proof of each "
     "entry, who added it and what it does; and of an address that nothing keeps mail from, what its newest refusal was about "
     "and "
     "why it is not suppressed for that.\npublish writes the engine's file anew from the database."},
    {"allow", cli_allow,
     TAKES_DATA | TAKES_LANG | TAKES_JSON | TAKES_ACCOUNT | TAKES_REASON | TAKES_BY | TAKES_CSV | TAKES_DRY_RUN | TAKES_SKIP_BAD,
     "add|remove ADDRESS|DOMAIN...\nlist [ADDRESS|DOMAIN]\nexport\nimport FILE|-\nwhy ADDRESS|DOMAIN",
     "The white list: who is never suppressed automatically.",
     "It overrides automatic entries of the black list, not those made by hand. add needs --reason: who finds it there later "
     "will "
     "ask."},
    {"log", cli_log, TAKES_JSON, "verify|dump DIRECTORY", "Look into a log, such as /var/lib/goniec/log/w0.",
     "Meant for a log that no server writes at the moment."},
    {"sendmail", cli_sendmail, 0, "[-t] [-i] [-f SENDER] [-F NAME] [-N NOTIFY] [-R full|hdrs] [-V ENVID] RECIPIENT...\n-bp",
     "Hand in the message on standard input, as scripts do.", CLI_SENDMAIL_MANUAL},
    {"man", do_man, 0, "[" MANUAL_PAGES "]", "Print a manual page (troff), to be read with: goniec man | man -l -", ""},
    {"help", do_help, TAKES_JSON, "[COMMAND]", "List the commands, or say how one is called.", ""},
    {"version", do_version, TAKES_JSON, "", "Print the version.", ""},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int unknown_command(const char *name)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *meant = nearest(str_of(name), names, COMMANDS);
    if (meant)
        return common_fail(EX_USAGE, "there is no command \"%s\": did you mean %s?", name, meant);
    return common_fail(EX_USAGE, "there is no command \"%s\": goniec help lists them", name);
}

static void list_commands(void)
{
    printf("goniec: mail in, safe, out, and the whole story of every message\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-13s %s\n", commands[i].name, commands[i].sentence);
    printf("\nEvery command has --help.\n");
}

static void list_json(void)
{
    struct buf b = {0};
    for (size_t i = 0; i < COMMANDS; i++) {
        buf_addf(&b, "%s{\"name\":\"%s\",\"sentence\":", i ? ",\n" : "[", commands[i].name);
        common_json(str_of(commands[i].sentence), &b);
        buf_add_str(&b, STR("}"));
    }
    printf("%.*s]\n", STR_ARGS(buf_str(&b)));
    buf_done(&b);
}

static int do_help(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    if (argc > c.first) {
        const struct command *other = command_find(commands, COMMANDS, argv[c.first]);
        if (other)
            command_help(other, stdout);
        return other ? 0 : unknown_command(argv[c.first]);
    }
    if (c.json)
        list_json();
    else
        list_commands();
    return 0;
}

static int do_version(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    printf(c.json ? "{\"version\":\"%s\"}\n" : "goniec %s\n", GONIEC_VERSION);
    return 0;
}

static int do_man(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    const char *page = argc > c.first ? argv[c.first] : "goniec";
    return manual_print(page, commands, COMMANDS, stdout) ? 0
                                                          : command_misused(me, "there is no page \"%s\": " MANUAL_PAGES, page);
}

static int do_serve(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code < 0 && argc > c.first)
        code = command_misused(me, "\"%s\": it takes no arguments, the settings file is named with -c", argv[c.first]);
    return code >= 0 ? code : serve_run(c.config);
}

static int do_check_config(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code < 0 && argc > c.first)
        code = command_misused(me, "\"%s\": it takes no arguments, the settings file is named with -c", argv[c.first]);
    if (code >= 0)
        return code;
    if (c.defaults && c.json)
        manual_defaults_json(stdout);
    else if (c.defaults)
        settings_print_defaults(stdout);
    return c.defaults ? 0 : serve_check(c.config, c.json);
}

/* The names that other programs know mail servers by; NULL: none of them. */
static const struct command *by_name(const char *name)
{
    return strcmp(name, "sendmail") == 0 || strcmp(name, "mailq") == 0 ? command_find(commands, COMMANDS, name) : NULL;
}

int main(int argc, char **argv)
{
    const char *called = basename(argv[0]);
    const struct command *c = by_name(called);
    if (c)
        return c->run(c, argc, argv);
    if (strcmp(called, "newaliases") == 0)
        return 0; /* there is no alias database to rebuild */
    if (argc < 2)
        return list_commands(), EX_USAGE;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return list_commands(), 0;
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    c = command_find(commands, COMMANDS, name);
    return c ? c->run(c, argc - 1, argv + 1) : unknown_command(argv[1]);
}
