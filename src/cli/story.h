/* story: one message told from what the store has of it. Private to the room. */
#pragma once

#include "cli/common.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "store/returned.h"

/* What came back about it later. */
struct story_back {
    enum returned_kind kind;
    struct outcome outcome;
};

/* The message's envelope, its notes in order, and where each recipient stands; all in the arena. */
struct story {
    struct arena arena;
    struct envelope envelope;
    unsigned notes;
    struct outcome *note;
    unsigned backs;
    struct story_back *back; /* in order */
    uint32_t open;
    const struct outcome_rcpt **last; /* by recipient: the newest; NULL: none yet */
};

/* Reads it; false when the record is not understood. */
bool story_read(struct story *s, struct store *db, struct id id, struct str meta, uint32_t open);
void story_done(struct story *s);

/* A moment as a person reads it: "2026-01-31 12:00:00", local time. */
enum { STORY_TIME = 24 };
void story_time(int64_t at_ms, char out[STORY_TIME]);

/* Appends, indented as in a story: what the server said or this one noticed about a recipient; how that was understood. */
void story_said(const struct outcome *o, const struct outcome_rcpt *r, enum lang l, struct buf *b);
void story_verdict(const struct outcome_rcpt *r, enum lang l, struct buf *b);
/* The same of what came back later: when, from whom, what it said, how it was understood. */
void story_returned(const struct story_back *back, enum lang l, struct buf *b);

/* Appends in short what the newest note on that recipient says: the reply, or what this server noticed; "": nothing. */
void story_reason(const struct story *s, uint32_t rcpt, enum lang l, struct buf *b);

/* Appends it as lines for a person, or as one JSON object. */
void story_tell(const struct story *s, const struct common *c, struct buf *b);
void story_json(const struct story *s, const struct common *c, struct buf *b);
