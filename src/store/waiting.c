/* waiting: see waiting.h. A row a recipient that waits, in the order of messages, as their notes lie: what is put off together is
 * written together. What keeps it (site, domain, cause) has a number, so that a million rows stay small. */
#include "store/waiting.h"

#include "store/inner.h"

const char store_waiting_schema[] =
    "CREATE TABLE trouble(number INTEGER PRIMARY KEY, domain TEXT NOT NULL, site TEXT NOT NULL, cause TEXT NOT NULL, said TEXT "
    "NOT NULL, seen INTEGER NOT NULL, UNIQUE(domain, site, cause));"
    "CREATE TABLE waiting(id BLOB, rcpt INTEGER, trouble INTEGER NOT NULL, since INTEGER NOT NULL, next INTEGER NOT NULL, "
    "PRIMARY "
    "KEY(id, rcpt)) WITHOUT ROWID;"
    "CREATE TABLE refused(span INTEGER, trouble INTEGER, recipients INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT "
    "NULL, PRIMARY KEY(span, trouble)) WITHOUT ROWID;"
    "ALTER TABLE message ADD COLUMN waited INTEGER NOT NULL DEFAULT 0;";

enum statement {
    PUT_TROUBLE,
    PUT_WAITING,
    END_WAITING,
    END_ALL,
    ADD_REFUSED,
    FORGET_TROUBLES,
    FORGET_REFUSED,
    EACH_TROUBLE,
    EACH_WAITING,
    EACH_REFUSED,
    STATEMENTS
};
_Static_assert((int)STATEMENTS <= (int)STATEMENTS_MAX, "a slot each");

static const char *const sql[STATEMENTS] = {
    [PUT_TROUBLE] = "INSERT INTO trouble(domain, site, cause, said, seen) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET "
                    "said = excluded.said, seen = excluded.seen RETURNING number",
    [PUT_WAITING] = "INSERT INTO waiting(id, rcpt, trouble, since, next) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET "
                    "since = CASE trouble WHEN excluded.trouble THEN since ELSE excluded.since END, trouble = excluded.trouble, "
                    "next = excluded.next",
    [END_WAITING] = "DELETE FROM waiting WHERE id = ?1 AND rcpt = ?2",
    [END_ALL] = "DELETE FROM waiting WHERE id = ?1",
    [ADD_REFUSED] = "INSERT INTO refused(span, trouble, recipients, first, last) VALUES(?1, ?2, 1, ?3, ?3) ON CONFLICT DO UPDATE "
                    "SET recipients = recipients + 1, last = excluded.last",
    [FORGET_TROUBLES] = "DELETE FROM trouble WHERE seen < ?1 AND number NOT IN (SELECT trouble FROM waiting) AND number NOT IN "
                        "(SELECT trouble FROM refused)",
    [FORGET_REFUSED] = "DELETE FROM refused WHERE span < ?1",
    [EACH_TROUBLE] = "SELECT number, site, domain, cause, said FROM trouble ORDER BY number",
    [EACH_WAITING] = "SELECT id, trouble, since, next FROM waiting ORDER BY id, rcpt",
    [EACH_REFUSED] = "SELECT trouble, recipients, first, last FROM refused WHERE span >= ?1",
};

static sqlite3_stmt *ready(struct store *s, enum statement n) { return store_prepare(s, &s->of_waits[n], sql[n]); }

static void bind_text(sqlite3_stmt *q, int at, struct str t)
{
    sqlite3_bind_text64(q, at, t.n ? t.p : "", t.n, SQLITE_STATIC, SQLITE_UTF8);
}

static sqlite3_stmt *ready_for(struct store *s, enum statement n, const struct id *id, uint32_t rcpt)
{
    sqlite3_stmt *q = ready(s, n);
    sqlite3_bind_blob(q, 1, id->b, sizeof id->b, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, rcpt);
    return q;
}

bool store_trouble(struct store *s, const struct store_trouble *t, int64_t at_ms, int64_t *ret_number, struct fault *f)
{
    sqlite3_stmt *q = ready(s, PUT_TROUBLE);
    bind_text(q, 1, t->domain);
    bind_text(q, 2, t->site);
    bind_text(q, 3, t->cause);
    bind_text(q, 4, t->said);
    sqlite3_bind_int64(q, 5, at_ms);
    bool got = sqlite3_step(q) == SQLITE_ROW;
    if (got)
        *ret_number = sqlite3_column_int64(q, 0);
    else
        fault_set(f, "the database cannot be written: %s", sqlite3_errmsg(s->db));
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return got;
}

bool store_waiting_put(struct store *s, struct id id, uint32_t rcpt, int64_t trouble, int64_t at_ms, int64_t next_ms,
                       struct fault *f)
{
    sqlite3_stmt *q = ready_for(s, PUT_WAITING, &id, rcpt);
    sqlite3_bind_int64(q, 3, trouble);
    sqlite3_bind_int64(q, 4, at_ms);
    sqlite3_bind_int64(q, 5, next_ms);
    return store_run(s, q, f);
}

bool store_waiting_end(struct store *s, struct id id, uint32_t rcpt, struct fault *f)
{
    return store_run(s, ready_for(s, END_WAITING, &id, rcpt), f);
}

bool store_waiting_end_all(struct store *s, struct id id, struct fault *f)
{
    sqlite3_stmt *q = ready(s, END_ALL);
    sqlite3_bind_blob(q, 1, id.b, sizeof id.b, SQLITE_STATIC);
    return store_run(s, q, f);
}

bool store_refused_add(struct store *s, int64_t trouble, int64_t at_ms, struct fault *f)
{
    sqlite3_stmt *q = ready(s, ADD_REFUSED);
    sqlite3_bind_int64(q, 1, at_ms / STORE_SPAN_MS);
    sqlite3_bind_int64(q, 2, trouble);
    sqlite3_bind_int64(q, 3, at_ms);
    return store_run(s, q, f);
}

bool store_waiting_forget(struct store *s, int64_t troubles_before_ms, int64_t refused_before_ms, struct fault *f)
{
    sqlite3_stmt *troubles = ready(s, FORGET_TROUBLES), *refused = ready(s, FORGET_REFUSED);
    sqlite3_bind_int64(troubles, 1, troubles_before_ms);
    sqlite3_bind_int64(refused, 1, refused_before_ms / STORE_SPAN_MS);
    return store_run(s, troubles, f) && store_run(s, refused, f);
}

/* ---- looking ---- */

void store_troubles(struct store *s, store_trouble_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, EACH_TROUBLE);
    while (store_row(s, q)) {
        struct store_trouble t = {store_bytes(q, 1), store_bytes(q, 2), store_bytes(q, 3), store_bytes(q, 4)};
        fn(ctx, sqlite3_column_int64(q, 0), &t);
    }
    sqlite3_reset(q);
}

void store_waiting_each(struct store *s, store_waiting_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, EACH_WAITING);
    while (store_row(s, q)) {
        struct store_waiting w = {store_id(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2),
                                  sqlite3_column_int64(q, 3)};
        fn(ctx, &w);
    }
    sqlite3_reset(q);
}

void store_refused_each(struct store *s, int64_t since_ms, store_refused_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, EACH_REFUSED);
    sqlite3_bind_int64(q, 1, since_ms / STORE_SPAN_MS);
    while (store_row(s, q)) {
        struct store_refused r = {.trouble = sqlite3_column_int64(q, 0),
                                  .recipients = (uint64_t)sqlite3_column_int64(q, 1),
                                  .first_ms = sqlite3_column_int64(q, 2),
                                  .last_ms = sqlite3_column_int64(q, 3)};
        fn(ctx, &r);
    }
    sqlite3_reset(q);
}
