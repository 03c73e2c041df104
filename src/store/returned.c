/* returned: see returned.h. A row goes with its message's story (store_forget). */
#include "store/returned.h"

#include "store/inner.h"

const char store_returned_schema[] =
    "CREATE TABLE returned(mail BLOB, place INTEGER, message BLOB NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL,"
    " body BLOB NOT NULL, pass INTEGER NOT NULL, pass_at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(mail, place)) WITHOUT ROWID;"
    "CREATE INDEX returned_message ON returned(message);"
    "CREATE INDEX returned_pass ON returned(at) WHERE pass IN (1, 2);"
    "ALTER TABLE failure ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;";

const char store_returned_rcpt_schema[] = "ALTER TABLE returned ADD COLUMN rcpt INTEGER;"
                                          "CREATE INDEX returned_about ON returned(message, rcpt);"
                                          "DROP INDEX returned_message;"
                                          "CREATE INDEX returned_tried ON returned(pass_at, at) WHERE pass IN (1, 2);"
                                          "DROP INDEX returned_pass;";

#define ROW "SELECT mail, place, message, kind, at, body, pass, pass_at, rcpt FROM returned "

enum statement { PUT, EACH, ABOUT, ONE, PASSING, PASS, STATEMENTS };
_Static_assert((int)STATEMENTS <= (int)STATEMENTS_MAX, "a slot each");

static const char *const sql[STATEMENTS] = {
    [PUT] =
        "INSERT OR IGNORE INTO returned(mail, place, message, kind, at, body, pass, rcpt) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [EACH] = ROW "WHERE message = ?1 ORDER BY at, mail, place",
    [ABOUT] = ROW "WHERE message = ?1 AND rcpt = ?2",
    [ONE] = ROW "WHERE mail = ?1 AND place = ?2",
    [PASSING] = ROW "WHERE pass IN (1, 2) ORDER BY pass_at, at LIMIT ?1",
    [PASS] = "UPDATE returned SET pass = ?3, pass_at = ?4 WHERE mail = ?1 AND place = ?2",
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
    sqlite3_bind_int(q, 7, (int)r->pass);
    sqlite3_bind_int64(q, 8, r->rcpt);
    if (!store_run(s, q, f))
        return false;
    *ret_new = sqlite3_changes(s->db) > 0;
    return true;
}

static bool each(struct store *s, sqlite3_stmt *q, store_returned_fn *fn, void *ctx)
{
    bool any = false;
    for (; store_row(s, q); any = true) {
        struct store_returned r = {.mail = store_id(q, 0),
                                   .place = (uint32_t)sqlite3_column_int64(q, 1),
                                   .message = store_id(q, 2),
                                   .kind = (enum returned_kind)sqlite3_column_int(q, 3),
                                   .at_ms = sqlite3_column_int64(q, 4),
                                   .body = store_bytes(q, 5),
                                   .pass = (enum returned_pass)sqlite3_column_int(q, 6),
                                   .pass_ms = sqlite3_column_int64(q, 7),
                                   .rcpt = (uint32_t)sqlite3_column_int64(q, 8)};
        fn(ctx, &r);
    }
    sqlite3_reset(q);
    return any;
}

void store_returned_each(struct store *s, struct id message, store_returned_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, EACH);
    bind_id(q, 1, &message);
    each(s, q, fn, ctx);
}

void store_returned_about(struct store *s, struct id message, uint32_t rcpt, store_returned_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, ABOUT);
    bind_id(q, 1, &message);
    sqlite3_bind_int64(q, 2, rcpt);
    each(s, q, fn, ctx);
}

bool store_returned_one(struct store *s, struct id mail, uint32_t place, store_returned_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, ONE);
    bind_id(q, 1, &mail);
    sqlite3_bind_int64(q, 2, place);
    return each(s, q, fn, ctx);
}

void store_returned_passing(struct store *s, int most, store_returned_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, PASSING);
    sqlite3_bind_int(q, 1, most);
    each(s, q, fn, ctx);
}

bool store_returned_pass(struct store *s, struct id mail, uint32_t place, enum returned_pass pass, int64_t at_ms, struct fault *f)
{
    sqlite3_stmt *q = ready(s, PASS);
    bind_id(q, 1, &mail);
    sqlite3_bind_int64(q, 2, place);
    sqlite3_bind_int(q, 3, (int)pass);
    sqlite3_bind_int64(q, 4, at_ms);
    return store_run(s, q, f);
}
