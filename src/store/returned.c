/* returned: see returned.h. A row goes with its message's story (store_forget). */
#include "store/returned.h"

#include "store/inner.h"

const char store_returned_schema[] =
    "CREATE TABLE returned(mail BLOB, place INTEGER, message BLOB NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL,"
    " body BLOB NOT NULL, PRIMARY KEY(mail, place)) WITHOUT ROWID;"
    "CREATE INDEX returned_message ON returned(message);"
    "PRAGMA user_version = 5;";

enum statement { PUT, EACH, STATEMENTS };
_Static_assert((int)STATEMENTS <= (int)STATEMENTS_MAX, "a slot each");

static const char *const sql[STATEMENTS] = {
    [PUT] = "INSERT OR IGNORE INTO returned(mail, place, message, kind, at, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [EACH] = "SELECT mail, place, message, kind, at, body FROM returned WHERE message = ?1 ORDER BY at, mail, place",
};

static sqlite3_stmt *ready(struct store *s, enum statement n) { return store_prepare(s, &s->of_returned[n], sql[n]); }

static void bind_id(sqlite3_stmt *q, int at, const struct id *id)
{
    sqlite3_bind_blob(q, at, id->b, sizeof id->b, SQLITE_STATIC);
}

bool store_returned_put(struct store *s, const struct store_returned *r, bool *ret_new, struct fault *f)
{
    sqlite3_stmt *q = ready(s, PUT);
    bind_id(q, 1, &r->mail);
    sqlite3_bind_int64(q, 2, r->place);
    bind_id(q, 3, &r->message);
    sqlite3_bind_int(q, 4, (int)r->kind);
    sqlite3_bind_int64(q, 5, r->at_ms);
    sqlite3_bind_blob64(q, 6, r->body.p, r->body.n, SQLITE_STATIC);
    if (!store_run(s, q, f))
        return false;
    *ret_new = sqlite3_changes(s->db) > 0;
    return true;
}

void store_returned_each(struct store *s, struct id message, store_returned_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, EACH);
    bind_id(q, 1, &message);
    while (store_row(s, q)) {
        struct store_returned r = {.mail = store_id(q, 0),
                                   .place = (uint32_t)sqlite3_column_int64(q, 1),
                                   .message = store_id(q, 2),
                                   .kind = (enum returned_kind)sqlite3_column_int(q, 3),
                                   .at_ms = sqlite3_column_int64(q, 4),
                                   .body = store_bytes(q, 5)};
        fn(ctx, &r);
    }
    sqlite3_reset(q);
}
