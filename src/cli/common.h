/* common: what the subcommands share. Private to the room. */
#pragma once

#include "cli/command.h"
#include "lib/buf.h"
#include "lib/fault.h"

/* Says "goniec: TEXT" on standard error and returns the code. */
int common_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Opens the server's database for reading, or says what is wrong; *ret_code is then the exit code. */
struct store;
bool common_store(const struct common *c, struct store **ret, int *ret_code);

/* Sends one line to the engine's control socket and appends the answer. */
bool common_control(const struct common *c, const char *line, struct buf *answer, struct fault *f);
/* The same; an answer of the engine that it cannot be done is a fault too. Returns the exit code, 0: *answer is what was asked
 * for, with a NUL behind it; otherwise it has been said what is wrong. */
int common_ask(const struct common *c, const char *line, struct buf *answer);

/* Has a server that runs take a change in ("reload-..."): one that does not run will read it when it starts; that one refuses it
 * is said on standard error. */
void common_reload(const struct common *c, const char *line);

/* Files of the database that root made in a directory of the server's user become that user's. */
void common_give_away(const struct common *c);

/* A stranger's text for a terminal: control, escape and direction-changing characters become '?'; at most `max` bytes. */
void common_safe(struct str s, size_t max, struct buf *b);
/* The same as a JSON string, with its quotes. */
void common_json(struct str s, struct buf *b);
