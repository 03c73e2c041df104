/* serve: the supervisor. Binds the ports, drops privileges in two children (engine, office), starts them again when they die,
 * hands them new settings. Nothing else runs with root's rights. */
#pragma once

#include <stdbool.h>

/* `goniec serve -c FILE`: runs until SIGTERM or SIGINT; a sysexits code. */
int serve_run(const char *config_file);

/* `goniec check-config -c FILE`: says "FILE: good" or what is wrong, as a sentence or as JSON; a sysexits code. */
int serve_check(const char *config_file, bool json);
