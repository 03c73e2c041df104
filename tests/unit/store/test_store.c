/* store: what is put in comes out, once; and a database that is damaged, locked, foreign or not to be read says so. */
#include "mail/envelope.h"
#include "store/returned.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

struct world {
    char folder[40], path[60];
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->folder, "/tmp/goniec-store-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/office.db", w->folder);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char path[80];
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", w->path, ends[i]);
        unlink(path);
    }
    rmdir(w->folder);
    free(w);
    return 0;
}

static struct store *open_store(const struct world *w, bool writable)
{
    struct store *s = NULL;
    struct fault f = {0};
    if (!store_open(&s, w->folder, writable, &f))
        fail_msg("cannot be opened: %s", f.text);
    return s;
}

static void refused(const struct world *w, bool writable, const char *want)
{
    struct store *s = NULL;
    struct fault f = {0};
    assert_false(store_open(&s, w->folder, writable, &f));
    assert_null(s);
    if (!strstr(f.text, want) || !strstr(f.text, w->path))
        fail_msg("said \"%s\", expected \"%s\" and the path in it", f.text, want);
}

static struct id id_of(unsigned n)
{
    struct id id = {{0}};
    id.b[6] = 1; /* behind the time */
    id.b[14] = (uint8_t)(n >> 8);
    id.b[15] = (uint8_t)n;
    return id;
}

static void add(struct store *s, unsigned n, uint64_t rcpt, uint32_t rcpts)
{
    uint64_t hash[3] = {rcpt, 7, 8};
    struct fault f;
    assert_true(store_add_message(s, id_of(n), 1000 + n, STR("meta"), hash, rcpts, rcpts, false, &f));
}

static bool count_message(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    unsigned *n = ctx;
    (void)id;
    (void)open;
    assert_true(at_ms >= 1000 && str_eq(meta, STR("meta")));
    return ++*n, true;
}

static void count_note(void *ctx, int64_t at_ms, struct str note)
{
    unsigned *n = ctx;
    (void)at_ms;
    assert_true(str_eq(note, STR("note")));
    ++*n;
}

static void end_one(struct store *s, unsigned n, uint32_t ended, bool waited)
{
    struct fault f;
    bool told = !waited;
    assert_true(store_end_recipients(s, id_of(n), ended, &told, &f));
    assert_int_equal(told, waited);
}

static void what_is_added_twice_counts_once(void **state)
{
    struct store *s = open_store(*state, true);
    struct fault f;
    unsigned n = 0;
    assert_true(store_begin(s, &f));
    for (int again = 0; again < 2; again++) {
        add(s, 1, 42, 3);
        assert_true(store_add_note(s, id_of(1), (struct log_pos){1, 512}, 5, STR("note"), &f));
        assert_true(store_add_note(s, id_of(1), (struct log_pos){1, 1024}, 6, STR("note"), &f));
    }
    end_one(s, 1, 2, false);
    assert_true(store_commit(s, &f));
    assert_int_equal(store_queue_length(s), 1); /* the third recipient is open */
    store_notes(s, id_of(1), count_note, &n);
    assert_int_equal(n, 2);
    assert_true(store_add_note(s, id_of(1), (struct log_pos){2, 512}, 7, STR("note"), &f));
    assert_true(store_set_waited(s, id_of(1), &f));
    end_one(s, 1, 1, true);
    assert_int_equal(store_queue_length(s), 0);
    assert_true(store_good(s, &f));
    store_close(&s);
}

static void messages_are_found_by_id_range_recipient_and_queue(void **state)
{
    struct store *s = open_store(*state, true);
    unsigned n = 0;
    for (unsigned i = 0; i < 10; i++)
        add(s, i, i % 2 ? 42 : 43, 1);
    store_messages_between(s, id_of(3), id_of(5), count_message, &n);
    assert_int_equal(n, 3);
    store_messages_to(s, 42, 100, count_message, &n);
    assert_int_equal(n, 3 + 5);
    store_messages_to(s, 42, 2, count_message, &n);
    assert_int_equal(n, 8 + 2);
    store_queue(s, 100, count_message, &n);
    assert_int_equal(n, 10 + 10);
    assert_true(store_message(s, id_of(9), count_message, &n));
    assert_false(store_message(s, id_of(10), count_message, &n));
    store_close(&s);
}

static void an_address_is_found_however_its_letters_are_written(void **state)
{
    (void)state;
    assert_true(store_address_hash(STR("Jan.Kowalski@Example.PL")) == store_address_hash(STR("jan.kowalski@example.pl")));
    assert_false(store_address_hash(STR("jan@example.pl")) == store_address_hash(STR("jan@example.com")));
}

static void what_is_rolled_back_never_was(void **state)
{
    struct store *s = open_store(*state, true);
    struct fault f;
    struct log_pos pos;
    assert_true(store_begin(s, &f));
    add(s, 1, 42, 1);
    assert_true(store_checkpoint(s, "w0", (struct log_pos){3, 4}, &f));
    store_rollback(s);
    store_rollback(s); /* with nothing under way it does nothing */
    assert_int_equal(store_queue_length(s), 0);
    assert_true(store_checkpoint_get(s, "w0", &pos, &f) && pos.segment == 0);
    assert_true(store_begin(s, &f) && store_checkpoint(s, "w0", (struct log_pos){3, 4}, &f) && store_commit(s, &f));
    store_close(&s);
    s = open_store(*state, true);
    assert_true(store_checkpoint_get(s, "w0", &pos, &f) && pos.segment == 3 && pos.offset == 4);
    store_close(&s);
}

static void old_stories_are_forgotten_but_never_open_ones(void **state)
{
    struct store *s = open_store(*state, true);
    struct fault f;
    unsigned n = 0;
    for (unsigned i = 0; i < 6; i++)
        add(s, i, 42, 1);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(store_add_note(s, id_of(i), (struct log_pos){1, 512 * i}, 5, STR("note"), &f));
        end_one(s, i, 1, false);
    }
    assert_int_equal(store_forget(s, 1002, 100), 2);
    assert_int_equal(store_forget(s, 9999, 1), 1);
    assert_int_equal(store_forget(s, 9999, 100), 1);
    assert_int_equal(store_forget(s, 9999, 100), 0);
    store_messages_to(s, 42, 100, count_message, &n);
    assert_int_equal(n, 2);
    store_notes(s, id_of(0), count_note, &n);
    assert_int_equal(n, 2);
    store_close(&s);
}

static void what_a_story_was_found_by_goes_with_it(void **state)
{
    struct world *w = *state;
    struct store *s = open_store(w, true);
    struct rcpt rcpt[2] = {{.address = STR("B@dest.test"), .domain = STR("dest.test")},
                           {.address = STR("c@dest.test"), .domain = STR("dest.test")}};
    uint64_t hash[2] = {store_address_hash(rcpt[0].address), store_address_hash(rcpt[1].address)};
    sqlite3_stmt *q;
    sqlite3 *db;
    struct fault f;
    for (int64_t at_ms = 1000; at_ms <= 2000; at_ms += 1000) {
        struct envelope e = {.id = id_new(at_ms), .accepted_ms = at_ms, .rcpts = 2, .rcpt = rcpt};
        struct buf meta = {0};
        envelope_encode(&e, &meta);
        assert_true(store_add_message(s, e.id, at_ms, buf_str(&meta), hash, 2, 0, false, &f));
        buf_done(&meta);
    }
    assert_int_equal(store_forget(s, 1000, 100), 0);
    assert_int_equal(store_forget(s, 1001, 100), 1);
    store_close(&s);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM recipient", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 0), 2); /* the younger one's */
    sqlite3_finalize(q);
    sqlite3_close(db);
}

static void count_account(void *ctx, const struct store_account *a)
{
    unsigned *n = ctx;
    assert_string_equal(a->status, "active");
    ++*n;
}

static void an_account_or_login_that_is_taken_is_refused_by_name(void **state)
{
    struct store *s = open_store(*state, true);
    struct fault f;
    unsigned n = 0;
    struct store_account a = {"shop", "active", "shop", "key", "x", "transactional", "", 0};
    assert_true(store_account_add(s, &a, &f));
    assert_false(store_account_add(s, &a, &f));
    assert_string_equal(f.text, "there is an account \"shop\" already");
    a.name = "other";
    assert_true(store_begin(s, &f));
    assert_false(store_account_add(s, &a, &f));
    assert_string_equal(f.text, "there is a login \"shop\" already");
    store_rollback(s);
    assert_false(store_account_remove(s, "other", &f));
    store_accounts(s, count_account, &n);
    assert_int_equal(n, 1);
    assert_true(store_account_remove(s, "shop", &f));
    store_accounts(s, count_account, &n);
    assert_int_equal(n, 1); /* its login went with it */
    store_close(&s);
}

/* ---- trouble ---- */

static void a_missing_database_is_not_made_by_reading(void **state)
{
    refused(*state, false, "unable to open");
    assert_int_not_equal(access(((struct world *)*state)->path, F_OK), 0);
}

static void overwrite(const struct world *w, long at, size_t n)
{
    FILE *out = fopen(w->path, at ? "r+" : "w");
    assert_non_null(out);
    fseek(out, at, SEEK_SET);
    for (size_t i = 0; i < n; i++)
        fputc('x', out);
    fclose(out);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    overwrite(*state, 0, 9000);
    refused(*state, true, "not a database");
    refused(*state, false, "not a database");
}

static void a_damaged_database_is_told_and_never_read_as_empty(void **state)
{
    struct world *w = *state;
    struct store *s = open_store(w, true);
    struct stat st;
    struct fault f;
    unsigned n = 0;
    assert_true(store_begin(s, &f));
    for (unsigned i = 0; i < 3000; i++)
        add(s, i, 42, 1);
    assert_true(store_commit(s, &f));
    store_close(&s);
    assert_int_equal(stat(w->path, &st), 0);
    overwrite(w, 4096 * 40, (size_t)st.st_size - 4096 * 40); /* behind the schema */
    s = open_store(w, false);
    store_messages_between(s, id_of(0), id_of(5000), count_message, &n);
    store_messages_to(s, 42, 5000, count_message, &n);
    assert_false(store_good(s, &f));
    assert_non_null(strstr(f.text, "the database cannot be read: database disk image is malformed"));
    store_close(&s);
}

static void a_database_of_a_newer_version_is_left_alone(void **state)
{
    struct world *w = *state;
    struct store *s = open_store(w, true);
    sqlite3 *db;
    store_close(&s);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    refused(w, true, "of version 99");
    refused(w, false, "of version 99");
}

static void a_database_of_an_older_version_is_brought_up_to_date(void **state)
{
    struct world *w = *state;
    struct store *s = open_store(w, true);
    struct fault f;
    unsigned n = 0;
    sqlite3 *db;
    assert_true(store_account_add(s, &(struct store_account){"shop", "active", "shop", "key", "x", "transactional", "", 0}, &f));
    store_close(&s);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(
            db,
            "ALTER TABLE account DROP COLUMN language; DROP TRIGGER account_lists; DROP TABLE suppression; DROP TABLE allow; "
            "DROP TABLE failure;"
            "DROP TABLE unpublished; DROP TABLE report_row; DROP TABLE report; DROP TABLE returned; DROP TABLE tls_session; DROP "
            "TABLE trouble; DROP TABLE waiting; DROP TABLE refused; ALTER TABLE message DROP COLUMN waited;"
            "PRAGMA user_version = 1",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    refused(w, false, "of version 1");
    s = open_store(w, true);
    store_accounts(s, count_account, &n);
    assert_int_equal(n, 1);
    assert_true(store_account_language(s, "shop", "pl", &f));
    assert_false(store_account_language(s, "nobody", "pl", &f));
    store_close(&s);
}

/* Everything that makes up the schema, in order. */
static char *schema_of(sqlite3 *db)
{
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT group_concat(line, char(10)) FROM (SELECT m.type || ' ' || m.name || ' ' || "
                                        "ifnull((SELECT group_concat(c.name || c.type || c.\"notnull\" || ifnull(c.dflt_value, "
                                        "'') || c.pk) FROM pragma_table_info(m.name) c), m.sql) AS line FROM sqlite_master m "
                                        "WHERE m.name NOT LIKE 'sqlite%' ORDER BY m.type, m.name)",
                                        -1, &q, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return text;
}

/* What takes a database back by one version; the first to the last but one. */
static const char *const undo[] = {
    "ALTER TABLE account DROP COLUMN language",
    "DROP TRIGGER account_lists; DROP TABLE suppression; DROP TABLE allow; DROP TABLE failure; DROP TABLE unpublished",
    "DROP TABLE trouble; DROP TABLE waiting; DROP TABLE refused; ALTER TABLE message DROP COLUMN waited",
    "DROP TABLE returned; ALTER TABLE failure DROP COLUMN returned",
    "DROP TABLE report_row; DROP TABLE report",
    "DROP TABLE tls_session",
    ("DROP INDEX returned_about; ALTER TABLE returned DROP COLUMN rcpt; CREATE INDEX returned_message ON returned(message);"
     "DROP INDEX returned_tried; CREATE INDEX returned_pass ON returned(at) WHERE pass IN (1, 2)"),
};
enum { NEWEST = sizeof undo / sizeof *undo + 1 };

static void taken_back(const struct world *w, int version, char **ret_schema)
{
    char set[60];
    sqlite3 *db;
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    *ret_schema = schema_of(db);
    for (int v = NEWEST - 1; v >= version; v--)
        if (sqlite3_exec(db, undo[v - 1], NULL, NULL, NULL) != SQLITE_OK)
            fail_msg("%d: %s", v, sqlite3_errmsg(db));
    snprintf(set, sizeof set, "PRAGMA user_version = %d", version);
    assert_int_equal(sqlite3_exec(db, set, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void count_returned(void *ctx, const struct store_returned *r)
{
    assert_int_equal(r->kind, RETURNED_ANSWER);
    ++*(unsigned *)ctx;
}

static void a_database_of_any_older_version_becomes_like_a_new_one_and_keeps_what_is_in_it(void **state)
{
    struct world *w = *state;
    for (int version = 1; version < NEWEST; version++) {
        struct store *s = open_store(w, true);
        struct fault f;
        unsigned messages = 0, returned = 0;
        bool new;
        char *want, *got;
        sqlite3 *db;
        struct store_returned r = {.mail = id_of(9),
                                   .message = id_of(1),
                                   .kind = RETURNED_ANSWER,
                                   .at_ms = 5,
                                   .body = STR("x"),
                                   .pass = RETURNED_PASSED};
        add(s, 1, 5, 2);
        assert_true(store_returned_put(s, &r, &new, &f) && new);
        store_close(&s);
        taken_back(w, version, &want);
        s = open_store(w, true);
        store_messages_between(s, id_of(0), id_of(5), count_message, &messages);
        store_returned_each(s, id_of(1), count_returned, &returned);
        assert_int_equal(messages, 1);
        assert_int_equal(returned, version > 4);
        assert_int_equal(store_queue_length(s), 1);
        assert_true(store_good(s, &f));
        store_close(&s);
        assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
        got = schema_of(db);
        assert_string_equal(got, want);
        sqlite3_close(db);
        free(got);
        free(want);
        unlink(w->path);
    }
}

static void a_database_that_somebody_holds_is_waited_for_and_then_told(void **state)
{
    struct world *w = *state;
    struct store *s = open_store(w, true);
    struct fault f = {0};
    sqlite3 *db;
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(store_begin(s, &f));
    assert_string_equal(f.text, "the database cannot be written: database is locked");
    assert_int_equal(store_queue_length(s), 0); /* reading goes on */
    assert_true(store_good(s, &f));
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_true(store_begin(s, &f) && store_commit(s, &f));
    store_close(&s);
}

static void a_database_that_may_not_be_written_is_refused_for_writing(void **state)
{
    struct world *w = *state;
    struct store *s = open_store(w, true);
    struct fault f = {0};
    store_close(&s);
    assert_int_equal(chmod(w->path, 0444), 0);
    assert_int_equal(chmod(w->folder, 0555), 0);
    bool root = geteuid() == 0;
    assert_true(!root || seteuid(65534) == 0);
    bool good = store_open(&s, w->folder, true, &f) && store_begin(s, &f);
    if (s)
        store_close(&s);
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(chmod(w->folder, 0755), 0);
    assert_false(good);
    assert_non_null(strstr(f.text, "readonly"));
}

static void all_are_private(const struct world *w)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[80];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", w->path, ends[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void the_database_and_what_lies_beside_it_are_for_its_owner_alone(void **state)
{
    struct world *w = *state;
    mode_t before = umask(0);
    struct store *s = open_store(w, true);
    add(s, 1, 5, 1);
    all_are_private(w);
    store_close(&s);
    umask(before);
}

static void one_that_others_could_read_is_mended_by_its_owner(void **state)
{
    struct world *w = *state;
    bool root = geteuid() == 0;
    if (root)
        assert_true(chown(w->folder, 65534, 65534) == 0 && seteuid(65534) == 0);
    struct store *first = open_store(w, true); /* holds the files beside it in being */
    assert_int_equal(chmod(w->path, 0644), 0);
    char path[80];
    snprintf(path, sizeof path, "%s-wal", w->path);
    assert_int_equal(chmod(path, 0664), 0);
    snprintf(path, sizeof path, "%s-shm", w->path);
    assert_int_equal(chmod(path, 0604), 0);
    struct store *second = open_store(w, true);
    all_are_private(w);
    store_close(&second);
    store_close(&first);
    assert_true(!root || seteuid(0) == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_added_twice_counts_once),
        TEST(messages_are_found_by_id_range_recipient_and_queue),
        TEST(an_address_is_found_however_its_letters_are_written),
        TEST(what_is_rolled_back_never_was),
        TEST(old_stories_are_forgotten_but_never_open_ones),
        TEST(what_a_story_was_found_by_goes_with_it),
        TEST(an_account_or_login_that_is_taken_is_refused_by_name),
        TEST(a_missing_database_is_not_made_by_reading),
        TEST(a_file_that_is_no_database_is_refused),
        TEST(a_damaged_database_is_told_and_never_read_as_empty),
        TEST(a_database_of_a_newer_version_is_left_alone),
        TEST(a_database_of_an_older_version_is_brought_up_to_date),
        TEST(a_database_of_any_older_version_becomes_like_a_new_one_and_keeps_what_is_in_it),
        TEST(a_database_that_somebody_holds_is_waited_for_and_then_told),
        TEST(a_database_that_may_not_be_written_is_refused_for_writing),
        TEST(the_database_and_what_lies_beside_it_are_for_its_owner_alone),
        TEST(one_that_others_could_read_is_mended_by_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
