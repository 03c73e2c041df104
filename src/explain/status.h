/* status: finds the reply code, the enhanced code and the phase in a reply as somebody quotes it. Private to explain/. */
#pragma once

#include "lib/str.h"
#include "mail/outcome.h"

struct status {
    int code; /* 0: none */
    struct enhanced enhanced;
};

/* Reads a code, an enhanced code or both ("550", "5.1.1", "550-5.1.1", "550 #5.1.1") that begin at s.p[at]; returns the length
 * with what parts it from the text, 0 if there is none. */
size_t status_at(struct str s, size_t at, struct status *ret);

/* The codes that a text speaks of: a code with an enhanced code beside it before each alone, what comes first before what
 * follows. */
struct status status_find(struct str s);

/* "... (in reply to RCPT TO command)"; PHASE_NONE: not told. */
enum phase status_phase(struct str s);
