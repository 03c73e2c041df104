/* noticed: the catalogue of what this server notices and decides by itself (mail/note.h): which cause each is, and how it is told
 * in Polish and English. */
#pragma once

#include "lib/buf.h"
#include "mail/note.h"
#include "mail/outcome.h"

/* What a note means: the cause's name ("": it is no failure), whether it is for good. NULL: not one of ours. */
struct noticed_meaning {
    const char *cause;
    bool permanent;
    const char *en, *pl; /* %D: the detail, %W: what was waited for */
};
const struct noticed_meaning *noticed_meaning(struct str note);

/* The note that decided about a recipient; "" when the reply of another server did. What is done on this machine gives a note in
 * the place of a reply (PHASE_LOCAL). */
struct str noticed_of(const struct outcome *o, const struct outcome_rcpt *r);
/* Appends it as a sentence without a full stop. lang: "pl", otherwise English. One that is not ours is told as it is. The detail
 * may hold a stranger's bytes. */
void noticed_tell(struct str note, enum phase phase, const char *lang, struct buf *b);
/* Appends a line of a dialogue as people read it: what was said as it is, remarks told. */
void noticed_line(const struct outcome_line *l, const char *lang, struct buf *b);
