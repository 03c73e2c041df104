/* verdict: how an explanation is shown, as text and as JSON. Private to the room. */
#pragma once

#include "bounce/bounce.h"
#include "cli/common.h"

/* Keeps what is the same for every explanation of a cause: its texts as JSON. Zeroed = ready. */
struct verdict_texts {
    struct {
        const struct cause *cause;
        struct buf json;
    } of[128];
    unsigned n;
};
void verdict_texts_done(struct verdict_texts *t);

/* The members of an explanation's JSON object, without braces: "code", "enhanced", "cause", "whose", "permanent", "action",
 * "confidence", "rule", "source", "provider", "phase", "evidence", "class", "sisimai", "texts". `said` is what was explained. */
void verdict_json(const struct explanation *e, struct str said, const struct common *c, struct verdict_texts *t, struct buf *b);
/* A mail's JSON object: "bounce", "kind", "recipients" and what else it tells. */
void verdict_mail_json(const struct bounce *m, const struct common *c, struct verdict_texts *t, struct buf *b);

/* The same for people; `mark`: the evidence is set off as on a terminal. */
void verdict_tell(const struct explanation *e, struct str said, const struct common *c, bool mark, struct buf *b);
void verdict_mail_tell(const struct bounce *m, const struct common *c, bool mark, struct buf *b);
