/* must: a bug in our own reasoning stops the process, in every build.
 *
 * Trouble has three kinds that never mix: a bug (here), a fault (lib/fault.h: our world failed) and a
 * verdict (mail/outcome.h: a value). Use must() for what can only be false if this program is wrong,
 * never for what a peer, a disk or a settings file can cause. */
#pragma once

#define must(expr) ((expr) ? (void)0 : must_failed(#expr, __FILE__, __LINE__))

/* Prints the broken invariant with its place on standard error and aborts. */
_Noreturn void must_failed(const char *expr, const char *file, int line);
