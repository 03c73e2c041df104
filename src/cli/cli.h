/* cli: the subcommands' front ends. Each takes argv from its own name on and returns a sysexits code. They read the database and
 * talk to the engine's sockets under the data directory (-d DIR, else GONIEC_DATA, else /var/lib/goniec). */
#pragma once

int cli_why(int argc, char **argv);
int cli_queue(int argc, char **argv);
int cli_mailq(int argc, char **argv);
int cli_account(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_log(int argc, char **argv);
int cli_sendmail(int argc, char **argv);
