/* manual: the manual pages, written by the program itself from the tables that it runs by: the subcommands' rows (goniec(1)), the
 * settings' rows (goniec.conf(5)). Built into build/man, installed with the binary. */
#pragma once

#include "cli/command.h"

#include <stdbool.h>

#define MANUAL_PAGES "goniec|goniec.conf|sendmail|mailq"

/* Prints the page as troff; false when there is none of that name. */
bool manual_print(const char *page, const struct command *table, size_t n, FILE *out);

/* Prints every setting with its default, form and sentence as a JSON array. */
void manual_defaults_json(FILE *out);
