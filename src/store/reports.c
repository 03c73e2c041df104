/* reports: see reports.h. */
#include "store/reports.h"

#include "store/inner.h"

const char store_reports_schema[] =
    "CREATE TABLE report(number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, domain TEXT NOT NULL, organisation TEXT NOT NULL,"
    " contact TEXT NOT NULL, id TEXT NOT NULL, policy TEXT NOT NULL, begin INTEGER NOT NULL, \"end\" INTEGER NOT NULL,"
    " added INTEGER NOT NULL, rows INTEGER NOT NULL, total INTEGER NOT NULL, UNIQUE(kind, domain, organisation, id));"
    "CREATE INDEX report_domain ON report(domain, \"end\");"
    "CREATE TABLE report_row(report INTEGER REFERENCES report(number) ON DELETE CASCADE, n INTEGER, body BLOB NOT NULL,"
    " PRIMARY KEY(report, n)) WITHOUT ROWID;";

#define COLUMNS                                                                                                                  \
    "r.number, r.kind, r.domain, r.organisation, r.contact, r.id, r.policy, r.begin, r.\"end\", r.added, r.rows, r.total"
#define WANTED " WHERE (?1 IS NULL OR r.domain = ?1) AND r.\"end\" >= ?2 "

enum statement { ADD, FIND, ADD_ROW, EACH, EACH_ROW, DROP_OLD, DROP_MANY, STATEMENTS };
_Static_assert((int)STATEMENTS <= (int)STATEMENTS_MAX, "a slot each");

static const char *const sql[STATEMENTS] = {
    [ADD] = "INSERT OR IGNORE INTO report(kind, domain, organisation, id, contact, policy, begin, \"end\", added, rows, total) "
            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [FIND] = "SELECT number FROM report WHERE kind = ?1 AND domain = ?2 AND organisation = ?3 AND id = ?4",
    [ADD_ROW] = "INSERT INTO report_row(report, n, body) VALUES(?1, ?2, ?3)",
    [EACH] = "SELECT " COLUMNS " FROM report r" WANTED "ORDER BY r.\"end\" DESC, r.number DESC",
    [EACH_ROW] = "SELECT " COLUMNS ", w.body FROM report r JOIN report_row w ON w.report = r.number" WANTED
                 "ORDER BY r.\"end\" DESC, r.number DESC, w.n",
    [DROP_OLD] = "DELETE FROM report WHERE added < ?1",
    [DROP_MANY] = "DELETE FROM report WHERE number IN (SELECT number FROM (SELECT number, sum(rows + 1) OVER (ORDER BY number "
                  "DESC) AS upto FROM report) WHERE upto > ?1)",
};

static sqlite3_stmt *ready(struct store *s, enum statement n) { return store_prepare(s, &s->of_reports[n], sql[n]); }

static void bind_text(sqlite3_stmt *q, int at, struct str t)
{
    sqlite3_bind_text64(q, at, t.n ? t.p : "", t.n, SQLITE_STATIC, SQLITE_UTF8);
}

static sqlite3_stmt *ready_for(struct store *s, enum statement n, const struct store_report *r)
{
    sqlite3_stmt *q = ready(s, n);
    sqlite3_bind_int64(q, 1, r->kind);
    bind_text(q, 2, r->domain);
    bind_text(q, 3, r->organisation);
    bind_text(q, 4, r->id);
    return q;
}

static int64_t number_of(struct store *s, const struct store_report *r)
{
    sqlite3_stmt *q = ready_for(s, FIND, r);
    int64_t number = store_row(s, q) ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return number;
}

bool store_report_add(struct store *s, const struct store_report *r, bool *ret_new, int64_t *ret_number, struct fault *f)
{
    sqlite3_stmt *q = ready_for(s, ADD, r);
    bind_text(q, 5, r->contact);
    bind_text(q, 6, r->policy);
    sqlite3_bind_int64(q, 7, r->begin_s);
    sqlite3_bind_int64(q, 8, r->end_s);
    sqlite3_bind_int64(q, 9, r->added_s);
    sqlite3_bind_int64(q, 10, r->rows);
    sqlite3_bind_int64(q, 11, (int64_t)r->total);
    if (!store_run(s, q, f))
        return false;
    *ret_new = sqlite3_changes(s->db) > 0;
    *ret_number = *ret_new ? sqlite3_last_insert_rowid(s->db) : number_of(s, r);
    return true;
}

bool store_report_row_add(struct store *s, int64_t number, uint32_t n, struct str body, struct fault *f)
{
    sqlite3_stmt *q = ready(s, ADD_ROW);
    sqlite3_bind_int64(q, 1, number);
    sqlite3_bind_int64(q, 2, n);
    sqlite3_bind_blob64(q, 3, body.p, body.n, SQLITE_STATIC);
    return store_run(s, q, f);
}

bool store_reports_forget(struct store *s, int64_t before_s, uint64_t rows_max, struct fault *f)
{
    sqlite3_stmt *q = ready(s, DROP_OLD);
    sqlite3_bind_int64(q, 1, before_s);
    if (!store_run(s, q, f))
        return false;
    q = ready(s, DROP_MANY);
    sqlite3_bind_int64(q, 1, (int64_t)rows_max);
    return store_run(s, q, f);
}

/* ---- reading ---- */

static struct store_report report_of(sqlite3_stmt *q)
{
    return (struct store_report){.number = sqlite3_column_int64(q, 0),
                                 .kind = (unsigned)sqlite3_column_int(q, 1),
                                 .domain = store_bytes(q, 2),
                                 .organisation = store_bytes(q, 3),
                                 .contact = store_bytes(q, 4),
                                 .id = store_bytes(q, 5),
                                 .policy = store_bytes(q, 6),
                                 .begin_s = sqlite3_column_int64(q, 7),
                                 .end_s = sqlite3_column_int64(q, 8),
                                 .added_s = sqlite3_column_int64(q, 9),
                                 .rows = (uint32_t)sqlite3_column_int64(q, 10),
                                 .total = (uint64_t)sqlite3_column_int64(q, 11)};
}

static sqlite3_stmt *wanted(struct store *s, enum statement n, const struct str *domain, int64_t since_s)
{
    sqlite3_stmt *q = ready(s, n);
    sqlite3_clear_bindings(q);
    if (domain)
        bind_text(q, 1, *domain);
    sqlite3_bind_int64(q, 2, since_s);
    return q;
}

void store_reports(struct store *s, const struct str *domain, int64_t since_s, store_report_fn *fn, void *ctx)
{
    sqlite3_stmt *q = wanted(s, EACH, domain, since_s);
    bool more = true;
    while (more && store_row(s, q)) {
        struct store_report r = report_of(q);
        more = fn(ctx, &r);
    }
    sqlite3_reset(q);
}

void store_report_rows(struct store *s, const struct str *domain, int64_t since_s, store_report_row_fn *fn, void *ctx)
{
    sqlite3_stmt *q = wanted(s, EACH_ROW, domain, since_s);
    while (store_row(s, q)) {
        struct store_report r = report_of(q);
        fn(ctx, &r, store_bytes(q, 12));
    }
    sqlite3_reset(q);
}
