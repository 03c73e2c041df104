/* store: see store.h. Every statement stands in one table and is prepared when the database is opened, so that a
 * database that is damaged or none at all is found out there. */
#include "store/store.h"

#include "lib/must.h"
#include "mail/envelope.h"
#include "store/inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

/* What takes the database from each version (a step's place here) to the next; a new one begins at 0. What was released is never
 * changed. */
static const char *const migrations[] = {
    "CREATE TABLE message(id BLOB PRIMARY KEY, at INTEGER NOT NULL, open INTEGER NOT NULL, meta BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX message_open ON message(at) WHERE open > 0;"
    "CREATE TABLE note(id BLOB, segment INTEGER, offset INTEGER, at INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(id, "
    "segment, offset)) WITHOUT ROWID;"
    "CREATE TABLE recipient(address INTEGER, id BLOB, PRIMARY KEY(address, id)) WITHOUT ROWID;"
    "CREATE TABLE checkpoint(log TEXT PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL);"
    "CREATE TABLE account(name TEXT PRIMARY KEY, status TEXT NOT NULL, created INTEGER NOT NULL DEFAULT (unixepoch()));"
    "CREATE TABLE credential(login TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account(name) ON DELETE CASCADE, kind TEXT "
    "NOT NULL,"
    " secret TEXT NOT NULL, stream TEXT NOT NULL, sessions INTEGER NOT NULL);",
    "ALTER TABLE account ADD COLUMN language TEXT NOT NULL DEFAULT '';",
    store_lists_schema,
    store_waiting_schema,
    store_returned_schema,
    store_reports_schema,
    store_tls_schema,
    store_returned_rcpt_schema,
};
enum { VERSION = sizeof migrations / sizeof *migrations };

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    ADD_MESSAGE,
    ADD_RECIPIENT,
    ADD_NOTE,
    END_UNDISTURBED,
    END_RECIPIENTS,
    SET_WAITED,
    SET_CHECKPOINT,
    GET_CHECKPOINT,
    GET_MESSAGE,
    GET_BETWEEN,
    GET_TO,
    GET_QUEUE,
    GET_NOTES,
    COUNT_QUEUE,
    OLD_MESSAGES,
    DROP_NOTES,
    DROP_RECIPIENT,
    DROP_RETURNED,
    DROP_MESSAGE,
    ADD_ACCOUNT,
    ADD_CREDENTIAL,
    SET_STATUS,
    SET_LANGUAGE,
    SET_SECRET,
    DROP_ACCOUNT,
    GET_ACCOUNTS,
    STATEMENTS
};

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [ADD_MESSAGE] = "INSERT OR IGNORE INTO message(id, at, open, meta, waited) VALUES(?1, ?2, ?3, ?4, ?5)",
    [ADD_RECIPIENT] = "INSERT OR IGNORE INTO recipient(address, id) VALUES(?1, ?2)",
    [ADD_NOTE] = "INSERT OR IGNORE INTO note(id, segment, offset, at, body) VALUES(?1, ?2, ?3, ?4, ?5)",
    [END_UNDISTURBED] = "UPDATE message SET open = max(0, open - ?2) WHERE id = ?1 AND waited = 0",
    [END_RECIPIENTS] = "UPDATE message SET open = max(0, open - ?2) WHERE id = ?1",
    [SET_WAITED] = "UPDATE message SET waited = 1 WHERE id = ?1 AND waited = 0",
    [SET_CHECKPOINT] = "INSERT INTO checkpoint(log, segment, offset) VALUES(?1, ?2, ?3) ON CONFLICT(log) DO UPDATE SET segment = "
                       "?2, offset = ?3",
    [GET_CHECKPOINT] = "SELECT segment, offset FROM checkpoint WHERE log = ?1",
    [GET_MESSAGE] = "SELECT id, at, meta, open FROM message WHERE id = ?1",
    [GET_BETWEEN] = "SELECT id, at, meta, open FROM message WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC",
    [GET_TO] = "SELECT m.id, m.at, m.meta, m.open FROM recipient r JOIN message m ON m.id = r.id WHERE r.address = ?1 ORDER BY "
               "r.id DESC LIMIT ?2",
    [GET_QUEUE] = "SELECT id, at, meta, open FROM message WHERE open > 0 ORDER BY at LIMIT ?1",
    [GET_NOTES] = "SELECT at, body FROM note WHERE id = ?1 ORDER BY at, segment, offset",
    [COUNT_QUEUE] = "SELECT count(*) FROM message WHERE open > 0",
    [OLD_MESSAGES] = "SELECT id FROM message WHERE id < ?3 AND at < ?1 AND open = 0 LIMIT ?2",
    [DROP_NOTES] = "DELETE FROM note WHERE id = ?1",
    [DROP_RECIPIENT] = "DELETE FROM recipient WHERE address = ?1 AND id = ?2",
    [DROP_RETURNED] = "DELETE FROM returned WHERE message = ?1",
    [DROP_MESSAGE] = "DELETE FROM message WHERE id = ?1",
    [ADD_ACCOUNT] = "INSERT INTO account(name, status) VALUES(?1, ?2)",
    [ADD_CREDENTIAL] = "INSERT INTO credential(login, account, kind, secret, stream, sessions) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SET_STATUS] = "UPDATE account SET status = ?2 WHERE name = ?1",
    [SET_LANGUAGE] = "UPDATE account SET language = ?2 WHERE name = ?1",
    [SET_SECRET] = "UPDATE credential SET kind = ?2, secret = ?3 WHERE login = ?1",
    [DROP_ACCOUNT] = "DELETE FROM account WHERE name = ?1",
    [GET_ACCOUNTS] =
        "SELECT a.name, a.status, c.login, c.kind, c.secret, c.stream, a.language, c.sessions FROM account a JOIN credential c "
        "ON c.account = a.name"
        " ORDER BY a.name, c.login",
};

_Static_assert((int)STATEMENTS <= (int)STATEMENTS_MAX, "a slot each");

static bool db_fault(struct store *s, struct fault *f, const char *what)
{
    return fault_set(f, "%s: %s", what, sqlite3_errmsg(s->db));
}

/* ---- statements ---- */

static bool prepare_all(struct store *s, struct fault *f)
{
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statement[i], NULL) != SQLITE_OK)
            return db_fault(s, f, "the database cannot be used");
    return true;
}

static sqlite3_stmt *ready(struct store *s, enum statement n) { return s->statement[n]; }

bool store_row(struct store *s, sqlite3_stmt *q)
{
    int code = sqlite3_step(q);
    if (code != SQLITE_ROW && code != SQLITE_DONE && !s->read_error)
        s->read_error = code;
    return code == SQLITE_ROW;
}

bool store_good(const struct store *s, struct fault *f)
{
    return !s->read_error || fault_set(f, "the database cannot be read: %s", sqlite3_errstr(s->read_error));
}

sqlite3_stmt *store_prepare(struct store *s, sqlite3_stmt **slot, const char *text)
{
    if (!*slot)
        must(sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL) == SQLITE_OK);
    return *slot;
}

static void bind_id(sqlite3_stmt *q, int at, const struct id *id)
{
    sqlite3_bind_blob(q, at, id->b, sizeof id->b, SQLITE_STATIC);
}

bool store_run(struct store *s, sqlite3_stmt *q, struct fault *f)
{
    int code = sqlite3_step(q);
    bool good = code == SQLITE_DONE || code == SQLITE_ROW;
    if (!good)
        db_fault(s, f, "the database cannot be written");
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return good;
}

static bool run(struct store *s, enum statement n, struct fault *f) { return store_run(s, ready(s, n), f); }

struct id store_id(sqlite3_stmt *q, int column)
{
    struct id id = {{0}};
    if (sqlite3_column_bytes(q, column) == sizeof id.b)
        memcpy(id.b, sqlite3_column_blob(q, column), sizeof id.b);
    return id;
}

struct str store_bytes(sqlite3_stmt *q, int column)
{
    return str_mem(sqlite3_column_blob(q, column), (size_t)sqlite3_column_bytes(q, column));
}

/* ---- opening ---- */

static bool migrate_from(struct store *s, int version, struct fault *f)
{
    char reached[40];
    bool good = true;
    while (good && version < VERSION)
        good = sqlite3_exec(s->db, migrations[version++], NULL, NULL, NULL) == SQLITE_OK;
    snprintf(reached, sizeof reached, "PRAGMA user_version = %d", VERSION);
    good = good && sqlite3_exec(s->db, reached, NULL, NULL, NULL) == SQLITE_OK;
    if (good && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return true;
    db_fault(s, f, "the database cannot be made");
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static bool version_read(struct store *s, int *ret, struct fault *f)
{
    sqlite3_stmt *q = NULL;
    bool good = sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    if (good)
        *ret = sqlite3_column_int(q, 0);
    else
        db_fault(s, f, "the database cannot be read");
    sqlite3_finalize(q);
    return good;
}

static bool version_known(struct store *s, int *ret, struct fault *f)
{
    return version_read(s, ret, f) &&
           (*ret <= VERSION ||
            fault_set(f, "the database is of version %d, this program knows %d: use a newer one", *ret, VERSION));
}

/* The version is asked for again inside the transaction: office and `goniec account`, maybe a newer one, may both find no
 * database. */
static bool migrate(struct store *s, bool writable, struct fault *f)
{
    int version;
    if (!version_known(s, &version, f))
        return false;
    if (version == VERSION)
        return true;
    if (!writable)
        return fault_set(f, "the database is of version %d, this program needs %d: start the server once to bring it up to date",
                         version, VERSION);
    if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return db_fault(s, f, "the database cannot be written");
    bool known = version_known(s, &version, f);
    if (known && version < VERSION)
        return migrate_from(s, version, f);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return known;
}

static bool configure(struct store *s, bool writable, struct fault *f)
{
    sqlite3_busy_timeout(s->db, BUSY_MS);
    const char *pragmas =
        writable ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536;"
                   "PRAGMA wal_autocheckpoint = 4000;"
                 : "PRAGMA query_only = ON;";
    return sqlite3_exec(s->db, pragmas, NULL, NULL, NULL) == SQLITE_OK || db_fault(s, f, "the database cannot be set up");
}

/* It holds who writes to whom, so nobody else may read it. The file is there before SQLite would make it, which gives what it
 * puts beside it (-wal, -shm) the same mode. One of a version that left them readable is mended, not by root: in a directory of
 * another user a name may lead anywhere. Nothing is opened: closing would end this process's locks on the database. */
static bool keep_private(const char *path, struct fault *f)
{
    static const char *const beside[] = {"", "-wal", "-shm"};
    if (mknod(path, S_IFREG | 0600, 0) != 0 && errno != EEXIST)
        return fault_errno(f, errno, "cannot make %s", path);
    for (size_t i = 0; geteuid() != 0 && i < sizeof beside / sizeof *beside; i++) {
        char name[620];
        struct stat st;
        snprintf(name, sizeof name, "%s%s", path, beside[i]);
        if (lstat(name, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) && chmod(name, st.st_mode & 0700) != 0)
            return fault_errno(f, errno, "%s can be read by others, which cannot be changed", name);
    }
    return true;
}

bool store_open(struct store **ret, const char *data_directory, bool writable, struct fault *f)
{
    char path[600];
    struct store *s = calloc(1, sizeof *s);
    must(s);
    snprintf(path, sizeof path, "%s/office.db", data_directory);
    bool good = !writable || keep_private(path, f);
    good = good && (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK ||
                    fault_set(f, "cannot open %s: %s", path, sqlite3_errmsg(s->db)));
    good = good && ((configure(s, writable, f) && migrate(s, writable, f) && prepare_all(s, f)) || fault_wrap(f, "%s", path));
    if (good)
        *ret = s;
    else
        store_close(&s);
    return good;
}

void store_close(struct store **store)
{
    struct store *s = *store;
    *store = NULL;
    if (!s)
        return;
    for (int i = 0; i < STATEMENTS_MAX; i++) {
        sqlite3_finalize(s->statement[i]);
        sqlite3_finalize(s->of_lists[i]);
        sqlite3_finalize(s->of_waits[i]);
        sqlite3_finalize(s->of_returned[i]);
        sqlite3_finalize(s->of_reports[i]);
        sqlite3_finalize(s->of_tls[i]);
    }
    sqlite3_close(s->db);
    free(s);
}

bool store_begin(struct store *s, struct fault *f) { return run(s, BEGIN, f); }
bool store_commit(struct store *s, struct fault *f) { return run(s, COMMIT, f); }

void store_view_begin(struct store *s) { sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL); }
void store_view_end(struct store *s) { sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL); }

/* SQLite itself has rolled back after some faults; then there is nothing left to do. */
void store_rollback(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        run(s, ROLLBACK, NULL);
}

/* ---- stories ---- */

/* FNV-1a over the lower-cased address: it is kept on disk, so it depends on nothing but the text. Collisions show a message too
 * many, which the reader of the envelope sees. */
uint64_t store_address_hash(struct str address)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < address.n; i++) {
        unsigned char c = (unsigned char)address.p[i];
        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * UINT64_C(0x100000001b3);
    }
    return h;
}

bool store_add_message(struct store *s, struct id id, int64_t at_ms, struct str meta, const uint64_t *recipient,
                       uint32_t recipients, uint32_t open, bool waited, struct fault *f)
{
    sqlite3_stmt *q = ready(s, ADD_MESSAGE);
    bind_id(q, 1, &id);
    sqlite3_bind_int64(q, 2, at_ms);
    sqlite3_bind_int64(q, 3, open);
    sqlite3_bind_blob64(q, 4, meta.p, meta.n, SQLITE_STATIC);
    sqlite3_bind_int(q, 5, waited);
    bool good = run(s, ADD_MESSAGE, f);
    for (uint32_t i = 0; good && i < recipients; i++) {
        q = ready(s, ADD_RECIPIENT);
        sqlite3_bind_int64(q, 1, (int64_t)recipient[i]);
        bind_id(q, 2, &id);
        good = run(s, ADD_RECIPIENT, f);
    }
    return good;
}

bool store_add_note(struct store *s, struct id id, struct log_pos pos, int64_t at_ms, struct str note, struct fault *f)
{
    sqlite3_stmt *q = ready(s, ADD_NOTE);
    bind_id(q, 1, &id);
    sqlite3_bind_int64(q, 2, pos.segment);
    sqlite3_bind_int64(q, 3, pos.offset);
    sqlite3_bind_int64(q, 4, at_ms);
    sqlite3_bind_blob64(q, 5, note.p, note.n, SQLITE_STATIC);
    return run(s, ADD_NOTE, f);
}

static bool end_recipients(struct store *s, enum statement n, const struct id *id, uint32_t ended, struct fault *f)
{
    sqlite3_stmt *q = ready(s, n);
    bind_id(q, 1, id);
    sqlite3_bind_int64(q, 2, ended);
    return run(s, n, f);
}

/* Most messages never waited: for those there is one statement and nothing to look up. */
bool store_end_recipients(struct store *s, struct id id, uint32_t ended, bool *ret_waited, struct fault *f)
{
    if (!end_recipients(s, END_UNDISTURBED, &id, ended, f))
        return false;
    *ret_waited = sqlite3_changes(s->db) == 0;
    return !*ret_waited || end_recipients(s, END_RECIPIENTS, &id, ended, f);
}

bool store_set_waited(struct store *s, struct id id, struct fault *f)
{
    bind_id(ready(s, SET_WAITED), 1, &id);
    return run(s, SET_WAITED, f);
}

bool store_checkpoint(struct store *s, const char *log, struct log_pos pos, struct fault *f)
{
    sqlite3_stmt *q = ready(s, SET_CHECKPOINT);
    sqlite3_bind_text(q, 1, log, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, pos.segment);
    sqlite3_bind_int64(q, 3, pos.offset);
    return run(s, SET_CHECKPOINT, f);
}

bool store_checkpoint_get(struct store *s, const char *log, struct log_pos *ret, struct fault *f)
{
    sqlite3_stmt *q = ready(s, GET_CHECKPOINT);
    sqlite3_bind_text(q, 1, log, -1, SQLITE_STATIC);
    int code = sqlite3_step(q);
    *ret = (struct log_pos){0, 0};
    if (code == SQLITE_ROW)
        *ret = (struct log_pos){(uint32_t)sqlite3_column_int64(q, 0), (uint32_t)sqlite3_column_int64(q, 1)};
    sqlite3_reset(q);
    return code == SQLITE_ROW || code == SQLITE_DONE || db_fault(s, f, "the database cannot be read");
}

static void each_message(struct store *s, enum statement n, store_message_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, n);
    bool more = true;
    while (more && store_row(s, q))
        more = fn(ctx, store_id(q, 0), sqlite3_column_int64(q, 1), store_bytes(q, 2), (uint32_t)sqlite3_column_int64(q, 3));
    sqlite3_reset(q);
}

struct seen {
    store_message_fn *fn;
    void *ctx;
    bool any;
};

static bool see(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct seen *x = ctx;
    x->any = true;
    return x->fn(x->ctx, id, at_ms, meta, open);
}

bool store_message(struct store *s, struct id id, store_message_fn *fn, void *ctx)
{
    struct seen x = {fn, ctx, false};
    bind_id(ready(s, GET_MESSAGE), 1, &id);
    each_message(s, GET_MESSAGE, see, &x);
    return x.any;
}

void store_messages_between(struct store *s, struct id low, struct id high, store_message_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, GET_BETWEEN);
    bind_id(q, 1, &low);
    bind_id(q, 2, &high);
    each_message(s, GET_BETWEEN, fn, ctx);
}

void store_messages_to(struct store *s, uint64_t address, int most, store_message_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, GET_TO);
    sqlite3_bind_int64(q, 1, (int64_t)address);
    sqlite3_bind_int(q, 2, most);
    each_message(s, GET_TO, fn, ctx);
}

void store_queue(struct store *s, int most, store_message_fn *fn, void *ctx)
{
    sqlite3_bind_int(ready(s, GET_QUEUE), 1, most);
    each_message(s, GET_QUEUE, fn, ctx);
}

void store_notes(struct store *s, struct id id, store_note_fn *fn, void *ctx)
{
    sqlite3_stmt *q = ready(s, GET_NOTES);
    bind_id(q, 1, &id);
    while (store_row(s, q))
        fn(ctx, sqlite3_column_int64(q, 0), store_bytes(q, 1));
    sqlite3_reset(q);
}

uint64_t store_queue_length(struct store *s)
{
    sqlite3_stmt *q = ready(s, COUNT_QUEUE);
    uint64_t n = store_row(s, q) ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return n;
}

/* They lie in order of address: to find them by message would mean to look at all there are. */
static bool drop_recipients(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct store *s = ctx;
    struct arena a = {0};
    struct envelope e;
    struct str rest;
    (void)at_ms;
    (void)open;
    bool good = envelope_decode(meta, &a, &e, &rest);
    for (uint32_t i = 0; good && i < e.rcpts; i++) {
        sqlite3_bind_int64(ready(s, DROP_RECIPIENT), 1, (int64_t)store_address_hash(e.rcpt[i].address));
        bind_id(ready(s, DROP_RECIPIENT), 2, &id);
        run(s, DROP_RECIPIENT, NULL);
    }
    arena_done(&a);
    return false;
}

static void drop_message(struct store *s, struct id id)
{
    static const enum statement drops[] = {DROP_NOTES, DROP_RETURNED, DROP_MESSAGE};
    store_message(s, id, drop_recipients, s);
    for (size_t i = 0; i < sizeof drops / sizeof *drops; i++) {
        bind_id(ready(s, drops[i]), 1, &id);
        run(s, drops[i], NULL);
    }
}

/* Ids are in order of time, and so are rows: only the oldest are looked at. */
int store_forget(struct store *s, int64_t before_ms, int most)
{
    struct id *list = calloc((size_t)most, sizeof *list), from = id_first(before_ms);
    int n = 0;
    sqlite3_stmt *q = ready(s, OLD_MESSAGES);
    must(list);
    sqlite3_bind_int64(q, 1, before_ms);
    sqlite3_bind_int(q, 2, most);
    bind_id(q, 3, &from);
    while (n < most && store_row(s, q))
        list[n++] = store_id(q, 0);
    sqlite3_reset(q);
    for (int i = 0; i < n; i++)
        drop_message(s, list[i]);
    free(list);
    return n;
}

/* ---- accounts ---- */

static void bind_text(sqlite3_stmt *q, int at, const char *z) { sqlite3_bind_text(q, at, z, -1, SQLITE_STATIC); }

static bool taken(struct store *s) { return sqlite3_errcode(s->db) == SQLITE_CONSTRAINT; }

bool store_account_add(struct store *s, const struct store_account *a, struct fault *f)
{
    sqlite3_stmt *q = ready(s, ADD_ACCOUNT);
    bind_text(q, 1, a->name);
    bind_text(q, 2, a->status);
    if (!run(s, ADD_ACCOUNT, f))
        return taken(s) ? fault_set(f, "there is an account \"%s\" already", a->name) : false;
    q = ready(s, ADD_CREDENTIAL);
    bind_text(q, 1, a->login);
    bind_text(q, 2, a->name);
    bind_text(q, 3, a->kind);
    bind_text(q, 4, a->secret);
    bind_text(q, 5, a->stream);
    sqlite3_bind_int64(q, 6, a->sessions);
    return run(s, ADD_CREDENTIAL, f) || (taken(s) && fault_set(f, "there is a login \"%s\" already", a->login));
}

static bool changed(struct store *s, enum statement n, const char *what, const char *name, struct fault *f)
{
    return run(s, n, f) && (sqlite3_changes(s->db) > 0 || fault_set(f, "there is no %s \"%s\"", what, name));
}

bool store_account_status(struct store *s, const char *name, const char *status, struct fault *f)
{
    sqlite3_stmt *q = ready(s, SET_STATUS);
    bind_text(q, 1, name);
    bind_text(q, 2, status);
    return changed(s, SET_STATUS, "account", name, f);
}

bool store_account_language(struct store *s, const char *name, const char *language, struct fault *f)
{
    sqlite3_stmt *q = ready(s, SET_LANGUAGE);
    bind_text(q, 1, name);
    bind_text(q, 2, language);
    return changed(s, SET_LANGUAGE, "account", name, f);
}

bool store_account_secret(struct store *s, const char *login, const char *kind, const char *secret, struct fault *f)
{
    sqlite3_stmt *q = ready(s, SET_SECRET);
    bind_text(q, 1, login);
    bind_text(q, 2, kind);
    bind_text(q, 3, secret);
    return changed(s, SET_SECRET, "login", login, f);
}

bool store_account_remove(struct store *s, const char *name, struct fault *f)
{
    bind_text(ready(s, DROP_ACCOUNT), 1, name);
    return changed(s, DROP_ACCOUNT, "account", name, f);
}

void store_accounts(struct store *s, void (*fn)(void *ctx, const struct store_account *a), void *ctx)
{
    sqlite3_stmt *q = ready(s, GET_ACCOUNTS);
    while (store_row(s, q)) {
        const char *t[7];
        for (int i = 0; i < 7; i++)
            t[i] = (const char *)sqlite3_column_text(q, i);
        struct store_account a = {t[0], t[1], t[2], t[3], t[4], t[5], t[6], (uint32_t)sqlite3_column_int64(q, 7)};
        fn(ctx, &a);
    }
    sqlite3_reset(q);
}
