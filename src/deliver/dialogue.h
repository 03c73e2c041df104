/* dialogue: the conversation of one attempt as it is kept for the message's story. Bounded in lines and in their length: the
 * beginning and the end of a long conversation stay, what was between them is counted. Private to the room. */
#pragma once

#include "mail/outcome.h"

enum { DIALOGUE_LINE_MAX = 512 };

/* Zeroed, and `arena` set = ready. */
struct dialogue {
    struct arena        *arena; /* of the attempt */
    struct outcome_line *line;
    uint32_t             lines, room, left_out;
    uint32_t             now_ms; /* since the attempt began; set by whoever has the clock */
};

/* One line that we said, without its CRLF and without secrets. d may be NULL: nothing is kept. */
void dialogue_said(struct dialogue *d, struct str line);
/* A reply, as many lines as it had. */
void dialogue_heard(struct dialogue *d, const struct reply *r);
/* Something that happened and was not said: "(connecting to mx.example [192.0.2.1]:25)". */
void dialogue_remark(struct dialogue *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts into the gap how many lines are not kept. Call once, before the lines are used. */
void dialogue_finish(struct dialogue *d);
