/* cli: the subcommands' front ends. Each takes its row, argv from its own name on, and returns a sysexits code. They read the
 * database and talk to the engine's sockets under the data directory (-d DIR, else GONIEC_DATA, else /var/lib/goniec). */
#pragma once

#include "cli/command.h"

int cli_why(const struct command *me, int argc, char **argv);
int cli_queue(const struct command *me, int argc, char **argv);
int cli_mailq(const struct command *me, int argc, char **argv);
int cli_account(const struct command *me, int argc, char **argv);
int cli_suppression(const struct command *me, int argc, char **argv);
int cli_allow(const struct command *me, int argc, char **argv);
int cli_explain(const struct command *me, int argc, char **argv);
int cli_verify(const struct command *me, int argc, char **argv);
int cli_log(const struct command *me, int argc, char **argv);
int cli_sendmail(const struct command *me, int argc, char **argv);

/* For the manual: what cli_sendmail's options mean, a paragraph a line. */
#define CLI_SENDMAIL_MANUAL                                                                                                      \
    "-t: the recipients stand in To, Cc and Bcc too.\n"                                                                          \
    "-i, -oi: a line with a lone dot does not end the message.\n"                                                                \
    "-f, -r SENDER: the envelope's sender; \"\" or <> for none. Without it: this user at this host.\n"                           \
    "-F NAME: the sender's name, for a message without From.\n"                                                                  \
    "-N NOTIFY: when to report on delivery: never, or of success, failure, delay (RFC 3461), with commas.\n"                     \
    "-R full|hdrs: how much of the message a report quotes.\n"                                                                   \
    "-V ENVID: an id of your own that comes back in reports.\n"                                                                  \
    "-bp: list the queue, as mailq.\n"                                                                                           \
    "Other options that sendmail knows are taken in silence where they change nothing here."
