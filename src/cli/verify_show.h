/* verify_show: what was found out about a message, for people in either language and as JSON. Private to the room. */
#pragma once

#include "cli/common.h"
#include "verify/verify.h"

/* message: there was one; otherwise only SPF is told. */
void verify_tell(const struct verify_input *in, const struct verified *v, bool message, enum lang l, struct buf *b);
void verify_json(const struct verified *v, bool message, struct buf *b);

/* A sentence of the room verify/ in the language; as it is where there is no other wording. Appended. */
void verify_phrase(struct str sentence, enum lang l, struct buf *b);

/* What was noted about a message as it came in (verify/authres.h), a line a method, for its story. */
void verify_story(struct str results, enum lang l, struct buf *b);
