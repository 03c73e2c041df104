/* tls: see tls.h. */
#include "store/tls.h"

#include "store/inner.h"

const char store_tls_schema[] =
    "CREATE TABLE tls_session(day INTEGER, domain TEXT, by INTEGER, policy TEXT, host TEXT, ip TEXT, source TEXT, flaw INTEGER,"
    " n INTEGER NOT NULL, PRIMARY KEY(day, domain, by, policy, host, ip, source, flaw)) WITHOUT ROWID;";

enum statement { ADD, NEXT, EACH, DROP };

static const char *const sql[] = {
    [ADD] =
        ("INSERT INTO tls_session(day, domain, by, policy, host, ip, source, flaw, n) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1) "
         "ON CONFLICT DO UPDATE SET n = n + 1"),
    [NEXT] = "SELECT day, domain FROM tls_session WHERE day < ?1 AND (day, domain) > (?2, ?3) ORDER BY day, domain LIMIT 1",
    [EACH] =
        "SELECT by, policy, host, ip, source, flaw, n FROM tls_session WHERE day = ?1 AND domain = ?2 ORDER BY by, policy, host",
    [DROP] = "DELETE FROM tls_session WHERE day = ?1 AND domain = ?2",
};

static sqlite3_stmt *ready(struct store *s, enum statement n) { return store_prepare(s, &s->of_tls[n], sql[n]); }

static void bind(sqlite3_stmt *q, int at, struct str s)
{
    sqlite3_bind_text64(q, at, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

bool store_tls_add(struct store *s, const struct store_tls *t, struct fault *f)
{
    sqlite3_stmt *q = ready(s, ADD);
    sqlite3_bind_int64(q, 1, t->day);
    bind(q, 2, t->domain);
    sqlite3_bind_int(q, 3, (int)t->session.by);
    bind(q, 4, t->session.policy);
    bind(q, 5, t->session.host);
    bind(q, 6, t->session.ip);
    bind(q, 7, t->source_ip);
    sqlite3_bind_int(q, 8, (int)t->session.flaw);
    return store_run(s, q, f);
}

bool store_tls_next(struct store *s, int64_t before_day, struct arena *a, int64_t *day, struct str *domain)
{
    sqlite3_stmt *q = ready(s, NEXT);
    sqlite3_bind_int64(q, 1, before_day);
    sqlite3_bind_int64(q, 2, *day);
    bind(q, 3, *domain);
    bool found = store_row(s, q);
    if (found) {
        *day = sqlite3_column_int64(q, 0);
        *domain = arena_str(a, store_bytes(q, 1));
    }
    sqlite3_reset(q);
    return found;
}

void store_tls_each(struct store *s, int64_t day, struct str domain, void (*fn)(void *ctx, const struct store_tls *t), void *ctx)
{
    sqlite3_stmt *q = ready(s, EACH);
    sqlite3_bind_int64(q, 1, day);
    bind(q, 2, domain);
    while (store_row(s, q))
        fn(ctx, &(struct store_tls){.day = day,
                                    .domain = domain,
                                    .source_ip = store_bytes(q, 4),
                                    .session = {.host = store_bytes(q, 2),
                                                .ip = store_bytes(q, 3),
                                                .by = (enum secure_by)sqlite3_column_int(q, 0),
                                                .flaw = (enum secure_flaw)sqlite3_column_int(q, 5),
                                                .policy = store_bytes(q, 1)},
                                    .n = (uint64_t)sqlite3_column_int64(q, 6)});
    sqlite3_reset(q);
}

bool store_tls_drop(struct store *s, int64_t day, struct str domain, struct fault *f)
{
    sqlite3_stmt *q = ready(s, DROP);
    sqlite3_bind_int64(q, 1, day);
    bind(q, 2, domain);
    return store_run(s, q, f);
}
