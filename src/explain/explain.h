/* explain: how a failure is understood. A pure library: no I/O, no clock, no state.
 *
 * This is the first, code-based form: enhanced code and phase decide, with a few words of text where the code alone is known to
 * mislead. Causes are rows of one table with their texts in Polish and English, for the sender of the message. */
#pragma once

#include "lib/arena.h"
#include "mail/outcome.h"

/* A cause as a person reads it. */
struct cause {
    const char *name; /* stable: "user-unknown" */
    enum whose whose;
    bool permanent;                    /* by default */
    const char *what_en, *what_pl;     /* what happened, one sentence */
    const char *advice_en, *advice_pl; /* what to do now, one sentence */
    uint8_t subject, detail;           /* x.SUBJECT.DETAIL (RFC 3463) for reports when the reply gave no enhanced code */
};
const struct cause *cause_find(struct str name); /* NULL: none of that name */
const struct cause *cause_at(unsigned i);        /* all, in order; NULL past the end */

/* Whose doing, for a person: "the recipient's mail server", "serwer poczty odbiorcy". lang: "pl", otherwise English. Never NULL.
 */
const char *whose_text(enum whose w, const char *lang);

/* Understands a reply (code 0: none was received; note then tells how it failed) at a phase. */
struct verdict explain_reply(enum phase phase, const struct reply *r, struct str note);

/* Is it the receiver saying that it is overloaded or that we are too fast (the lane should slow down)? */
bool explain_is_throttle(const struct verdict *v, const struct reply *r);
