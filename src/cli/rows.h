/* rows: a table that somebody brings, CSV or one JSON object a line, as rows of the fields that an entry of a list has. Columns
 * are found by their names, those of our own exports and those of other sending services. Private to the room. */
#pragma once

#include "lib/arena.h"
#include "lib/fault.h"

enum field {
    FIELD_VALUE, /* address or domain */
    FIELD_REASON,
    FIELD_TEXT, /* proof, or why it is allowed */
    FIELD_CREATED,
    FIELD_EXPIRES,
    FIELD_ACCOUNT,
    FIELD_BY,
    FIELD_AUTOMATIC,
    FIELD_MESSAGE,
    FIELDS
};
enum { ROW_COLUMNS_MAX = 64 };

struct rows {
    struct str rest;     /* not read yet */
    unsigned line, next; /* where the last row began, where the next one does; from 1 */
    bool json;
    char separator;
    unsigned columns;
    int column[ROW_COLUMNS_MAX]; /* its field; -1: none of ours */
};

/* Looks at the text's beginning; fails with "name:1: ..." when no column holds addresses. A first line that is data already (no
 * header) holds an address and perhaps a reason. The text must outlive the rows. */
bool rows_open(struct rows *r, const char *name, struct str text, struct fault *f);

/* The next row that is not empty. Fields that are not there are "". Copies, where needed, live in the arena. */
enum row { ROW_END, ROW_GOOD, ROW_BAD /* *why says what is wrong with it */ };
enum row rows_next(struct rows *r, struct arena *a, struct str field[FIELDS], const char **why);
