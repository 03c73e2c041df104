/* common: what the subcommands share. Private to the room. */
#pragma once

#include "lib/buf.h"
#include "lib/fault.h"

enum lang { LANG_EN, LANG_PL };

struct common {
    const char *data; /* directory */
    enum lang lang;
    bool json, dialogue;
    int first; /* index of the first argument that is no option */
};

/* Reads -d/--data, --lang, --json, --dialogue, --help wherever they stand; arguments are moved behind them (argv[first]...).
 * Returns -1 to go on, otherwise the exit code (after printing usage). */
int common_options(int argc, char **argv, const char *usage, struct common *ret);

/* Says "goniec: TEXT" on standard error and returns the code. */
int common_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sends one line to the engine's control socket and appends the answer. */
bool common_control(const struct common *c, const char *line, struct buf *answer, struct fault *f);

/* A stranger's text for a terminal: control, escape and direction-changing characters become '?'; at most `max` bytes. */
void common_safe(struct str s, size_t max, struct buf *b);
/* The same as a JSON string, with its quotes. */
void common_json(struct str s, struct buf *b);
