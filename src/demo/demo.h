/* demo: everything on this machine in one command: a server, a receiver that plays several hosts, sample messages, their stories.
 */
#pragma once

#include "cli/command.h"

/* `goniec demo [--once] [--lang pl|en]`. Runs until Ctrl-C; with --once ends after the stories, 0 only if all came out as they
 * should. */
int demo_main(const struct command *me, int argc, char **argv);
