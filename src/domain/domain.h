/* domain: sending domains: what each needs in DNS, whether it is there, and its keys: `goniec domain`. */
#pragma once

#include "cli/command.h"

/* The subcommand: its row, argv from its own name on. Returns a sysexits code. */
int domain_main(const struct command *me, int argc, char **argv);
/* `goniec reports`: what others report on a domain. */
int domain_reports(const struct command *me, int argc, char **argv);
