/* screen: how the demo shows what became of a message: who, what was said, what it means. Private to the demo. */
#pragma once

#include "cli/command.h"
#include "lib/arena.h"
#include "mail/outcome.h"

/* What is known of one message to one recipient. Zeroed: nothing yet. */
struct seen {
    struct arena arena;
    enum outcome_status status;
    unsigned attempts;
    struct outcome_rcpt refusal; /* the newest; verdict.cause "": none */
    struct str note;             /* that decided it, when no reply did */
    bool suppressed;
};

struct screen {
    enum lang lang;
    unsigned width; /* columns */
    int group;      /* whose doing the rows above are; -1: none were shown */
};
void screen_init(struct screen *s, enum lang l);

/* A row: the address, what became of it, the reply's beginning, what it means. A heading comes before the first of a group. */
void screen_row(struct screen *s, const char *address, const struct seen *seen);
/* Static: "returned to the sender", "suppressed", ... */
const char *screen_outcome(enum outcome_status o, enum lang l);
const char *screen_suppressed(bool is, enum lang l);
