/* suppression: the rows of the lists (see suppression.h). Rows lie in order of account and value, so that an account's list is
 * read in one go and a sorted import writes one page after the other. */
#include "store/suppression.h"

#include "store/inner.h"

const char store_lists_schema[] =
    "CREATE TABLE suppression(account TEXT, value TEXT, is_domain INTEGER NOT NULL, reason TEXT NOT NULL, text TEXT NOT NULL,"
    " message BLOB, at INTEGER NOT NULL, expires INTEGER NOT NULL, by TEXT NOT NULL, automatic INTEGER NOT NULL,"
    " PRIMARY KEY(account, value)) WITHOUT ROWID;"
    "CREATE INDEX suppression_value ON suppression(value);"
    "CREATE INDEX suppression_expires ON suppression(expires) WHERE expires > 0;"
    "CREATE TABLE allow(account TEXT, value TEXT, is_domain INTEGER NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL, by TEXT "
    "NOT "
    "NULL, PRIMARY KEY(account, value)) WITHOUT ROWID;"
    "CREATE INDEX allow_value ON allow(value);"
    "CREATE TABLE failure(account TEXT, value TEXT, message BLOB, at INTEGER NOT NULL, PRIMARY KEY(account, value, message)) "
    "WITHOUT ROWID;"
    "CREATE INDEX failure_at ON failure(at);"
    "CREATE TABLE unpublished(number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT, value TEXT);"
    /* Who takes an account's name later takes over none of its lists. */
    "CREATE TRIGGER account_lists AFTER DELETE ON account BEGIN DELETE FROM suppression WHERE account = OLD.name;"
    " DELETE FROM allow WHERE account = OLD.name; DELETE FROM failure WHERE account = OLD.name;"
    " INSERT INTO unpublished(account, value) VALUES(NULL, NULL); END;";

/* Rows of either list are read in one shape. */
#define SUPPRESSED_ROW "SELECT account, value, reason, text, message, at, expires, by, automatic FROM suppression "
#define ALLOWED_ROW "SELECT account, value, '', text, NULL, at, 0, by, 0 FROM allow "
#define FILTER "WHERE (?1 IS NULL OR account = ?1) AND (?2 = '' OR reason = ?2) ORDER BY account, value"
#define PUT_SUPPRESSED                                                                                                           \
    "INSERT INTO suppression(account, value, is_domain, text, at, by, reason, message, expires, automatic) VALUES(?1, ?2, ?3, "  \
    "?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET reason = excluded.reason, at = excluded.at, by = excluded.by, "      \
    "expires = excluded.expires, automatic = excluded.automatic,"                                                                \
    " message = CASE excluded.text WHEN '' THEN message ELSE excluded.message END,"                                              \
    " text = CASE excluded.text WHEN '' THEN text ELSE excluded.text END"
#define PUT_ALLOWED "INSERT INTO allow(account, value, is_domain, text, at, by) VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO "

enum statement {
    REPLACE_SUPPRESSED,
    ADD_SUPPRESSED,
    REPLACE_ALLOWED,
    ADD_ALLOWED,
    DROP_SUPPRESSED,
    DROP_ALLOWED,
    EACH_SUPPRESSED,
    EACH_ALLOWED,
    ONE_SUPPRESSED,
    ONE_ALLOWED,
    OF_SUPPRESSED,
    OF_ALLOWED,
    IS_ALLOWED,
    ADD_FAILURE,
    DROP_FAILURES,
    DROP_REFUSALS,
    COUNT_FAILURES,
    FORGET_SUPPRESSED,
    FORGET_FAILURES,
    ADD_PENDING,
    GET_PENDING,
    DROP_PENDING,
    STATEMENTS
};
_Static_assert((int)STATEMENTS <= (int)STATEMENTS_MAX, "a slot each");

static const char *const sql[STATEMENTS] = {
    [REPLACE_SUPPRESSED] = PUT_SUPPRESSED,
    [ADD_SUPPRESSED] = PUT_SUPPRESSED " WHERE suppression.expires > 0 AND suppression.expires <= ?11",
    [REPLACE_ALLOWED] = PUT_ALLOWED "UPDATE SET text = excluded.text, at = excluded.at, by = excluded.by",
    [ADD_ALLOWED] = PUT_ALLOWED "NOTHING",
    [DROP_SUPPRESSED] = "DELETE FROM suppression WHERE account = ?1 AND value = ?2",
    [DROP_ALLOWED] = "DELETE FROM allow WHERE account = ?1 AND value = ?2",
    [EACH_SUPPRESSED] = SUPPRESSED_ROW FILTER,
    [EACH_ALLOWED] = ALLOWED_ROW "WHERE (?1 IS NULL OR account = ?1) ORDER BY account, value",
    [ONE_SUPPRESSED] = SUPPRESSED_ROW "WHERE account = ?1 AND value = ?2",
    [ONE_ALLOWED] = ALLOWED_ROW "WHERE account = ?1 AND value = ?2",
    [OF_SUPPRESSED] = SUPPRESSED_ROW "WHERE value = ?2 ORDER BY account",
    [OF_ALLOWED] = ALLOWED_ROW "WHERE value = ?2 ORDER BY account",
    [IS_ALLOWED] = "SELECT 1 FROM allow WHERE value IN (?2, ?3) AND account IN (?1, '*') LIMIT 1",
    [ADD_FAILURE] = "INSERT OR IGNORE INTO failure(account, value, message, at, returned) VALUES(?1, ?2, ?3, ?4, ?5)",
    [DROP_FAILURES] = "DELETE FROM failure WHERE account = ?1 AND value = ?2",
    [DROP_REFUSALS] = "DELETE FROM failure WHERE account = ?1 AND value = ?2 AND returned = 0",
    [COUNT_FAILURES] = "SELECT count(*) FROM failure WHERE account = ?1 AND value = ?2",
    [FORGET_SUPPRESSED] = "DELETE FROM suppression WHERE expires > 0 AND expires < ?1",
    [FORGET_FAILURES] = "DELETE FROM failure WHERE at < ?1",
    [ADD_PENDING] = "INSERT INTO unpublished(account, value) VALUES(?1, ?2)",
    [GET_PENDING] = "SELECT number, account, value FROM unpublished ORDER BY number",
    [DROP_PENDING] = "DELETE FROM unpublished WHERE number <= ?1",
};

static sqlite3_stmt *ready(struct store *s, enum statement n) { return store_prepare(s, &s->of_lists[n], sql[n]); }

static void bind_text(sqlite3_stmt *q, int at, struct str t)
{
    sqlite3_bind_text64(q, at, t.n ? t.p : "", t.n, SQLITE_STATIC, SQLITE_UTF8);
}

static sqlite3_stmt *ready_for(struct store *s, enum statement n, struct str account, struct str value)
{
    sqlite3_stmt *q = ready(s, n);
    bind_text(q, 1, account);
    bind_text(q, 2, value);
    return q;
}

static bool has_id(const struct id *id)
{
    static const struct id none;
    return !id_eq(*id, none);
}

/* ---- entries ---- */

static bool note_pending(struct store *s, struct str account, struct str value, struct fault *f)
{
    return store_run(s, ready_for(s, ADD_PENDING, account, value), f);
}

bool store_republish(struct store *s, struct fault *f) { return store_run(s, ready(s, ADD_PENDING), f); /* of NULL: all */ }

static sqlite3_stmt *put_statement(struct store *s, enum store_list list, const struct store_entry *e, int64_t now_s,
                                   bool replace)
{
    static const enum statement names[2][2] = {{ADD_SUPPRESSED, REPLACE_SUPPRESSED}, {ADD_ALLOWED, REPLACE_ALLOWED}};
    sqlite3_stmt *q = ready_for(s, names[list][replace], e->account, e->value);
    sqlite3_bind_int(q, 3, store_entry_is_domain(e));
    bind_text(q, 4, e->text);
    sqlite3_bind_int64(q, 5, e->at_s);
    bind_text(q, 6, e->by);
    if (list == LIST_ALLOWED)
        return q;
    bind_text(q, 7, str_of(suppress_reason_name(e->reason)));
    if (has_id(&e->message))
        sqlite3_bind_blob(q, 8, e->message.b, sizeof e->message.b, SQLITE_STATIC);
    sqlite3_bind_int64(q, 9, e->expires_s);
    sqlite3_bind_int(q, 10, e->automatic);
    if (!replace)
        sqlite3_bind_int64(q, 11, now_s);
    return q;
}

bool store_list_put(struct store *s, enum store_list list, const struct store_entry *e, int64_t now_s, unsigned how,
                    bool *ret_added, struct fault *f)
{
    if (!store_run(s, put_statement(s, list, e, now_s, how & PUT_REPLACE), f))
        return false;
    *ret_added = sqlite3_changes(s->db) > 0;
    if (!*ret_added || (how & PUT_BULK))
        return true;
    return note_pending(s, e->account, e->value, f) && (list == LIST_ALLOWED || store_failure_clear(s, e->account, e->value, f));
}

bool store_list_remove(struct store *s, enum store_list list, struct str account, struct str value, bool *ret_was,
                       struct fault *f)
{
    if (!store_run(s, ready_for(s, list == LIST_SUPPRESSED ? DROP_SUPPRESSED : DROP_ALLOWED, account, value), f))
        return false;
    *ret_was = sqlite3_changes(s->db) > 0;
    return !*ret_was || note_pending(s, account, value, f);
}

static bool give(sqlite3_stmt *q, store_entry_fn *fn, void *ctx)
{
    struct store_entry e = {.account = store_bytes(q, 0),
                            .value = store_bytes(q, 1),
                            .reason = SUPPRESS_OTHER,
                            .text = store_bytes(q, 3),
                            .message = store_id(q, 4),
                            .at_s = sqlite3_column_int64(q, 5),
                            .expires_s = sqlite3_column_int64(q, 6),
                            .by = store_bytes(q, 7),
                            .automatic = sqlite3_column_int(q, 8) != 0};
    suppress_reason_parse(store_bytes(q, 2), &e.reason);
    return fn(ctx, &e);
}

/* The statement for what the filter leaves open: each has its index. */
static sqlite3_stmt *filtered(struct store *s, enum store_list list, const struct store_list_filter *x)
{
    static const enum statement names[2][3] = {{EACH_SUPPRESSED, OF_SUPPRESSED, ONE_SUPPRESSED},
                                               {EACH_ALLOWED, OF_ALLOWED, ONE_ALLOWED}};
    sqlite3_stmt *q = ready(s, names[list][x->value ? 1 + (x->account != NULL) : 0]);
    sqlite3_clear_bindings(q);
    if (x->account)
        bind_text(q, 1, *x->account);
    if (x->value)
        bind_text(q, 2, *x->value);
    else if (list == LIST_SUPPRESSED)
        bind_text(q, 2, x->reason ? str_of(suppress_reason_name(x->reason)) : STR(""));
    return q;
}

void store_list_each(struct store *s, enum store_list list, const struct store_list_filter *filter, store_entry_fn *fn, void *ctx)
{
    sqlite3_stmt *q = filtered(s, list, filter);
    while (store_row(s, q) && give(q, fn, ctx))
        continue;
    sqlite3_reset(q);
}

bool store_is_allowed(struct store *s, struct str account, struct str value, struct str domain)
{
    sqlite3_stmt *q = ready_for(s, IS_ALLOWED, account, value);
    bind_text(q, 3, domain);
    bool is = store_row(s, q);
    sqlite3_reset(q);
    return is;
}

/* ---- failures that do not suffice yet ---- */

uint32_t store_failures(struct store *s, struct str account, struct str value)
{
    sqlite3_stmt *q = ready_for(s, COUNT_FAILURES, account, value);
    uint32_t n = store_row(s, q) ? (uint32_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return n;
}

bool store_failure_add(struct store *s, struct str account, struct str value, struct id message, int64_t at_s, bool returned,
                       uint32_t *ret_count, struct fault *f)
{
    sqlite3_stmt *q = ready_for(s, ADD_FAILURE, account, value);
    sqlite3_bind_blob(q, 3, message.b, sizeof message.b, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, at_s);
    sqlite3_bind_int(q, 5, returned);
    if (!store_run(s, q, f))
        return false;
    *ret_count = store_failures(s, account, value);
    return true;
}

bool store_failure_taken(struct store *s, struct str account, struct str value, struct fault *f)
{
    return store_run(s, ready_for(s, DROP_REFUSALS, account, value), f);
}

bool store_failure_clear(struct store *s, struct str account, struct str value, struct fault *f)
{
    return store_run(s, ready_for(s, DROP_FAILURES, account, value), f);
}

bool store_list_forget(struct store *s, int64_t before_s, struct fault *f)
{
    static const enum statement old[] = {FORGET_SUPPRESSED, FORGET_FAILURES};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        sqlite3_stmt *q = ready(s, old[i]);
        sqlite3_bind_int64(q, 1, before_s);
        if (!store_run(s, q, f))
            return false;
    }
    return true;
}

/* ---- what is not published yet ---- */

void store_pending(struct store *s, store_pending_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, GET_PENDING);
    while (store_row(s, q) &&
           fn(ctx, sqlite3_column_int64(q, 0), sqlite3_column_type(q, 1) == SQLITE_NULL, store_bytes(q, 1), store_bytes(q, 2)))
        continue;
    sqlite3_reset(q);
}

bool store_pending_done(struct store *s, int64_t number, struct fault *f)
{
    sqlite3_stmt *q = ready(s, DROP_PENDING);
    sqlite3_bind_int64(q, 1, number);
    return store_run(s, q, f);
}
