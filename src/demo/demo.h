/* demo: everything on this machine in one command: a server, a receiver that plays several hosts, sample messages, their stories.
 */
#pragma once

/* `goniec demo [--once] [--lang pl|en]`. Runs until Ctrl-C; with --once ends after the stories, 0 only if all came out as they
 * should. */
int demo_main(int argc, char **argv);
