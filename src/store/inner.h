/* inner: the database as the files of this room share it. */
#pragma once

#include "store/store.h"

#include <sqlite3.h>

enum { STATEMENTS_MAX = 32 };

struct store {
    sqlite3 *db;
    sqlite3_stmt *statement[STATEMENTS_MAX];   /* of store.c's table */
    sqlite3_stmt *of_lists[STATEMENTS_MAX];    /* of suppression.c's, prepared at their first use */
    sqlite3_stmt *of_waits[STATEMENTS_MAX];    /* of waiting.c's, likewise */
    sqlite3_stmt *of_returned[STATEMENTS_MAX]; /* of returned.c's, likewise */
    sqlite3_stmt *of_reports[STATEMENTS_MAX];  /* of reports.c's, likewise */
    sqlite3_stmt *of_tls[STATEMENTS_MAX];      /* of tls.c's, likewise */
    int read_error;                            /* of the first read that failed; 0: none */
};

/* The statement in its slot; prepared at its first use. */
sqlite3_stmt *store_prepare(struct store *s, sqlite3_stmt **slot, const char *sql);
/* The next row; remembers why there is none when that is no good reason. */
bool store_row(struct store *s, sqlite3_stmt *q);
/* Runs one that yields no rows, and makes it ready for the next time. */
bool store_run(struct store *s, sqlite3_stmt *q, struct fault *f);
struct str store_bytes(sqlite3_stmt *q, int column);
struct id store_id(sqlite3_stmt *q, int column);

/* The steps of the schema that suppression.c, waiting.c, returned.c, reports.c and tls.c own. */
extern const char store_lists_schema[], store_waiting_schema[], store_returned_schema[], store_reports_schema[],
    store_tls_schema[], store_returned_rcpt_schema[];

/* ---- what publish.c asks of suppression.c ---- */

/* Changes that are not published yet, in order: fn until it returns false. whole: the file must be written anew. */
typedef bool store_pending_fn(void *ctx, int64_t number, bool whole, struct str account, struct str value);
void store_pending(struct store *s, store_pending_fn *fn, void *ctx);
bool store_pending_done(struct store *s, int64_t number, struct fault *f);
