/* fault: how a failure of our world (disk, socket, settings file) travels up to whoever can stop it.
 *
 * A function that can fail returns false and fills a caller-owned struct fault with one clear sentence:
 * what is wrong, where, and what to do. Callers on the way prepend context with fault_wrap. Libraries
 * never print; the caller that stops the fault logs it once. */
#pragma once

#include <stdbool.h>

struct fault {
    int code;        /* errno value, or 0 when none applies */
    char text[1000]; /* one sentence, NUL-terminated, no trailing full stop or newline */
};

/* Fills *f with a formatted sentence and no errno. Always returns false, so that a caller can
 * `return fault_set(f, ...)`. f may be NULL (the text is dropped). Text is cut at the array's size. */
bool fault_set(struct fault *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Like fault_set, and appends ": " and the description of `code` (an errno value). */
bool fault_errno(struct fault *f, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prepends "context: " to the text in *f. Always returns false. */
bool fault_wrap(struct fault *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
