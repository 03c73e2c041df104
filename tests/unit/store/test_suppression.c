/* The lists in the database, how they get there from the version before, and their way into the file that the engine reads. */
#include "../mail/check.h"

#include "store/suppression.h"
#include "suppress/writer.h"

#include <sqlite3.h>
#include <unistd.h>

enum { NOW = 1700000000 };

static char folder[64];
static struct store *store;
static struct fault fault;

static void path_of(const char *name, char out[128]) { snprintf(out, 128, "%s/%s", folder, name); }

static void good(bool is)
{
    if (!is)
        fail_msg("%s", fault.text);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/goniec-store-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int setup(void **state)
{
    make_folder(state);
    return store_open(&store, folder, true, &fault) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"office.db", "office.db-wal", "office.db-shm", "suppression", "suppression.lock"};
    char path[128];
    (void)state;
    store_close(&store);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        path_of(names[i], path);
        unlink(path);
    }
    return rmdir(folder);
}

static struct store_entry entry(const char *account, const char *value)
{
    return (struct store_entry){.account = str_of(account),
                                .value = str_of(value),
                                .reason = SUPPRESS_HARDBOUNCE,
                                .text = STR("550 5.1.1 No such user"),
                                .message = {{1, 2, 3}},
                                .at_s = NOW - 50,
                                .by = STR("goniec"),
                                .automatic = true};
}

static bool put(enum store_list list, struct store_entry e, unsigned how)
{
    bool added = false;
    good(store_list_put(store, list, &e, NOW, how, &added, &fault));
    return added;
}

struct found {
    struct arena arena;
    struct store_entry entry;
    unsigned n;
};

static bool keep(void *ctx, const struct store_entry *e)
{
    struct found *f = ctx;
    f->n++;
    f->entry = *e;
    f->entry.account = arena_str(&f->arena, e->account);
    f->entry.value = arena_str(&f->arena, e->value);
    f->entry.text = arena_str(&f->arena, e->text);
    f->entry.by = arena_str(&f->arena, e->by);
    return true;
}

static struct found look(enum store_list list, const char *account, const char *value, enum suppress_reason reason)
{
    struct found f = {0};
    struct str a = str_of(account), v = str_of(value);
    struct store_list_filter filter = {account ? &a : NULL, value ? &v : NULL, reason};
    store_list_each(store, list, &filter, keep, &f);
    return f;
}

static bool publish(bool check)
{
    bool changed;
    good(store_publish(store, folder, check, NOW, &changed, &fault));
    return changed;
}

static bool blocked(const char *account, const char *address)
{
    char path[128];
    struct suppress_list *l = NULL;
    struct suppress_hit hit;
    path_of("suppression", path);
    good(suppress_load(&l, path, NULL, &fault));
    bool is = suppress_blocks(l, str_of(account), str_of(address), str_of(strchr(address, '@') + 1), NOW, &hit);
    suppress_free(&l);
    return is;
}

/* ---- rows ---- */

static void an_entry_keeps_its_proof(void **state)
{
    (void)state;
    assert_true(put(LIST_SUPPRESSED, entry("shop", "b@dest.test"), 0));
    struct found f = look(LIST_SUPPRESSED, "shop", "b@dest.test", 0);
    assert_int_equal(f.n, 1);
    assert_str(f.entry.text, "550 5.1.1 No such user");
    assert_str(f.entry.by, "goniec");
    assert_true(f.entry.reason == SUPPRESS_HARDBOUNCE && f.entry.automatic && f.entry.at_s == NOW - 50);
    assert_int_equal(f.entry.message.b[2], 3);
    arena_done(&f.arena);
}

static void one_that_is_there_stays_unless_it_expired_or_a_hand_replaces_it(void **state)
{
    struct store_entry first = entry("shop", "b@dest.test"), second = first;
    (void)state;
    first.expires_s = NOW + 10;
    second.reason = SUPPRESS_ABUSE;
    second.text = STR("");
    assert_true(put(LIST_SUPPRESSED, first, 0));
    assert_false(put(LIST_SUPPRESSED, second, 0));
    assert_true(put(LIST_SUPPRESSED, second, PUT_REPLACE));
    struct found f = look(LIST_SUPPRESSED, "shop", "b@dest.test", 0);
    assert_true(f.n == 1 && f.entry.reason == SUPPRESS_ABUSE && f.entry.expires_s == 0);
    assert_str(f.entry.text, "550 5.1.1 No such user"); /* a proof does not go for nothing */
    assert_int_equal(f.entry.message.b[2], 3);
    arena_done(&f.arena);
    first.expires_s = NOW;
    put(LIST_SUPPRESSED, first, PUT_REPLACE);
    assert_true(put(LIST_SUPPRESSED, second, 0));
}

static void lists_are_found_by_account_value_and_reason(void **state)
{
    struct store_entry trap = entry("*", "dest.test");
    (void)state;
    trap.reason = SUPPRESS_SPAMTRAP;
    put(LIST_SUPPRESSED, entry("shop", "b@dest.test"), 0);
    put(LIST_SUPPRESSED, entry("other", "b@dest.test"), 0);
    put(LIST_SUPPRESSED, entry("", "c@dest.test"), 0);
    put(LIST_SUPPRESSED, trap, 0);
    static const struct {
        const char *account, *value;
        enum suppress_reason reason;
        unsigned n;
    } asked[] = {{NULL, NULL, 0, 4},          {"shop", NULL, 0, 1}, {"", NULL, 0, 1},
                 {NULL, "b@dest.test", 0, 2}, {"*", NULL, 0, 1},    {NULL, NULL, SUPPRESS_SPAMTRAP, 1},
                 {"*", "b@dest.test", 0, 0}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct found f = look(LIST_SUPPRESSED, asked[i].account, asked[i].value, asked[i].reason);
        assert_int_equal(f.n, asked[i].n);
        arena_done(&f.arena);
    }
}

static void the_white_list_spares_by_address_domain_account_and_server(void **state)
{
    (void)state;
    put(LIST_ALLOWED, entry("shop", "b@dest.test"), 0);
    put(LIST_ALLOWED, entry("*", "safe.test"), 0);
    assert_true(store_is_allowed(store, STR("shop"), STR("b@dest.test"), STR("dest.test")));
    assert_false(store_is_allowed(store, STR("other"), STR("b@dest.test"), STR("dest.test")));
    assert_true(store_is_allowed(store, STR("other"), STR("any@safe.test"), STR("safe.test")));
}

static void failures_count_messages_and_a_new_entry_or_a_delivery_ends_the_count(void **state)
{
    uint32_t n;
    (void)state;
    struct str a = STR("shop"), v = STR("b@dest.test");
    good(store_failure_add(store, a, v, (struct id){{1}}, NOW, false, &n, &fault));
    good(store_failure_add(store, a, v, (struct id){{1}}, NOW, false, &n, &fault));
    assert_int_equal(n, 1);
    good(store_failure_add(store, a, v, (struct id){{2}}, NOW, false, &n, &fault));
    assert_int_equal(n, 2);
    good(store_failure_add(store, a, v, (struct id){{9}}, NOW, true, &n, &fault));
    good(store_failure_taken(store, a, v, &fault));
    assert_int_equal(store_failures(store, a, v), 1); /* what was taken and came back still counts */
    good(store_failure_clear(store, a, v, &fault));
    assert_int_equal(store_failures(store, a, v), 0);
    good(store_failure_add(store, a, v, (struct id){{3}}, NOW, false, &n, &fault));
    put(LIST_SUPPRESSED, entry("shop", "b@dest.test"), 0);
    assert_int_equal(store_failures(store, a, v), 0);
}

static void a_removed_account_takes_its_lists_along(void **state)
{
    (void)state;
    struct store_account a = {"shop", "active", "shop", "key", "x", "transactional", 0};
    good(store_account_add(store, &a, &fault));
    put(LIST_SUPPRESSED, entry("shop", "b@dest.test"), 0);
    put(LIST_ALLOWED, entry("shop", "c@dest.test"), 0);
    put(LIST_SUPPRESSED, entry("*", "d@dest.test"), 0);
    publish(false);
    good(store_account_remove(store, "shop", &fault));
    assert_true(publish(false));
    assert_false(blocked("shop", "b@dest.test"));
    assert_true(blocked("shop", "d@dest.test"));
    struct found f = look(LIST_ALLOWED, NULL, NULL, 0);
    assert_int_equal(f.n, 0);
    arena_done(&f.arena);
}

static void what_expired_long_ago_is_forgotten(void **state)
{
    struct store_entry old = entry("shop", "old@dest.test"), young = entry("shop", "b@dest.test");
    (void)state;
    old.expires_s = NOW - 100;
    young.expires_s = NOW;
    put(LIST_SUPPRESSED, old, 0);
    put(LIST_SUPPRESSED, young, 0);
    put(LIST_SUPPRESSED, entry("shop", "c@dest.test"), 0);
    good(store_list_forget(store, NOW - 50, &fault));
    struct found f = look(LIST_SUPPRESSED, NULL, NULL, 0);
    assert_int_equal(f.n, 2);
    arena_done(&f.arena);
}

/* ---- publishing ---- */

static void what_changes_is_published_once(void **state)
{
    bool was;
    (void)state;
    assert_false(publish(false));
    put(LIST_SUPPRESSED, entry("shop", "b@dest.test"), 0);
    assert_true(publish(false));
    assert_false(publish(false));
    assert_true(blocked("shop", "b@dest.test"));
    put(LIST_ALLOWED, entry("shop", "b@dest.test"), 0);
    publish(false);
    assert_false(blocked("shop", "b@dest.test"));
    good(store_list_remove(store, LIST_ALLOWED, STR("shop"), STR("b@dest.test"), &was, &fault));
    assert_true(was);
    publish(false);
    assert_true(blocked("shop", "b@dest.test"));
    good(store_list_remove(store, LIST_SUPPRESSED, STR("shop"), STR("b@dest.test"), &was, &fault));
    publish(false);
    assert_false(blocked("shop", "b@dest.test"));
    good(store_list_remove(store, LIST_SUPPRESSED, STR("shop"), STR("b@dest.test"), &was, &fault));
    assert_false(was);
    assert_false(publish(false));
}

static void a_transaction_that_is_rolled_back_publishes_nothing(void **state)
{
    (void)state;
    good(store_begin(store, &fault));
    put(LIST_SUPPRESSED, entry("shop", "b@dest.test"), 0);
    store_rollback(store);
    assert_false(publish(false));
}

static void many_changes_and_both_lists_come_in_one_new_file(void **state)
{
    char value[40];
    (void)state;
    put(LIST_SUPPRESSED, entry("shop", "first@dest.test"), 0);
    publish(false);
    good(store_begin(store, &fault));
    for (int i = 0; i < 6000; i++) {
        snprintf(value, sizeof value, "r%d@dest.test", i);
        put(LIST_SUPPRESSED, entry("shop", value), i % 2 ? PUT_BULK : 0);
    }
    put(LIST_ALLOWED, entry("shop", "r7@dest.test"), PUT_BULK);
    good(store_republish(store, &fault));
    good(store_commit(store, &fault));
    assert_true(publish(false));
    assert_true(blocked("shop", "r5998@dest.test") && blocked("shop", "r5999@dest.test") && blocked("shop", "first@dest.test"));
    assert_false(blocked("shop", "r7@dest.test"));
    assert_false(publish(false));
}

static void a_damaged_or_missing_file_is_written_anew(void **state)
{
    char path[128];
    (void)state;
    path_of("suppression", path);
    put(LIST_SUPPRESSED, entry("shop", "b@dest.test"), 0);
    publish(false);
    FILE *out = fopen(path, "w");
    fputs("not a list", out);
    fclose(out);
    assert_false(publish(false));
    assert_true(publish(true));
    assert_true(blocked("shop", "b@dest.test"));
    assert_false(publish(true));
    unlink(path);
    assert_true(publish(true));
    assert_true(blocked("shop", "b@dest.test"));
    out = fopen(path, "w"); /* and when a change cannot be appended */
    fputs("not a list", out);
    fclose(out);
    put(LIST_SUPPRESSED, entry("shop", "c@dest.test"), 0);
    assert_true(publish(false));
    assert_true(blocked("shop", "b@dest.test") && blocked("shop", "c@dest.test"));
}

static void a_database_that_cannot_be_read_is_not_published_in_part(void **state)
{
    char path[128], value[40];
    bool changed;
    (void)state;
    good(store_begin(store, &fault));
    for (int i = 0; i < 6000; i++) {
        snprintf(value, sizeof value, "r%d@dest.test", i);
        put(LIST_SUPPRESSED, entry("shop", value), PUT_BULK);
    }
    good(store_republish(store, &fault));
    good(store_commit(store, &fault));
    store_close(&store);
    path_of("office.db", path);
    FILE *out = fopen(path, "r+");
    fseek(out, 4096 * 60, SEEK_SET); /* behind the schema */
    for (int i = 0; i < 4096 * 100; i++)
        fputc('x', out);
    fclose(out);
    good(store_open(&store, folder, true, &fault));
    assert_false(store_publish(store, folder, true, NOW, &changed, &fault));
    assert_non_null(strstr(fault.text, "the database cannot be read"));
    path_of("suppression", path);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- versions ---- */

static void run_sql(const char *sql)
{
    char path[128];
    sqlite3 *db;
    path_of("office.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* As the first version made it, with something in it. */
static const char version_1[] =
    "CREATE TABLE message(id BLOB PRIMARY KEY, at INTEGER NOT NULL, open INTEGER NOT NULL, meta BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX message_open ON message(at) WHERE open > 0;"
    "CREATE TABLE note(id BLOB, segment INTEGER, offset INTEGER, at INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(id, "
    "segment, offset)) WITHOUT ROWID;"
    "CREATE TABLE recipient(address INTEGER, id BLOB, PRIMARY KEY(address, id)) WITHOUT ROWID;"
    "CREATE TABLE checkpoint(log TEXT PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL);"
    "CREATE TABLE account(name TEXT PRIMARY KEY, status TEXT NOT NULL, created INTEGER NOT NULL DEFAULT (unixepoch()));"
    "CREATE TABLE credential(login TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account(name) ON DELETE CASCADE, kind TEXT "
    "NOT NULL, secret TEXT NOT NULL, stream TEXT NOT NULL, sessions INTEGER NOT NULL);"
    "INSERT INTO checkpoint VALUES('w0', 7, 42);"
    "PRAGMA user_version = 1;";

static void the_first_version_is_brought_up_to_date_and_keeps_what_it_has(void **state)
{
    struct log_pos pos;
    (void)state;
    run_sql(version_1);
    good(store_open(&store, folder, true, &fault));
    good(store_checkpoint_get(store, "w0", &pos, &fault));
    assert_true(pos.segment == 7 && pos.offset == 42);
    assert_true(put(LIST_SUPPRESSED, entry("shop", "b@dest.test"), 0));
    store_close(&store);
    good(store_open(&store, folder, false, &fault)); /* and now it is */
    struct found f = look(LIST_SUPPRESSED, "shop", NULL, 0);
    assert_int_equal(f.n, 1);
    arena_done(&f.arena);
}

static void who_only_reads_is_told_of_an_older_and_of_a_newer_version(void **state)
{
    (void)state;
    run_sql(version_1);
    assert_false(store_open(&store, folder, false, &fault));
    assert_non_null(strstr(fault.text, "version 1"));
    run_sql("PRAGMA user_version = 99;");
    assert_false(store_open(&store, folder, false, &fault));
    assert_non_null(strstr(fault.text, "newer"));
    assert_false(store_open(&store, folder, true, &fault));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BARE(name) cmocka_unit_test_setup_teardown(name, make_folder, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_entry_keeps_its_proof),
        CASE(one_that_is_there_stays_unless_it_expired_or_a_hand_replaces_it),
        CASE(lists_are_found_by_account_value_and_reason),
        CASE(the_white_list_spares_by_address_domain_account_and_server),
        CASE(failures_count_messages_and_a_new_entry_or_a_delivery_ends_the_count),
        CASE(a_removed_account_takes_its_lists_along),
        CASE(what_expired_long_ago_is_forgotten),
        CASE(what_changes_is_published_once),
        CASE(a_transaction_that_is_rolled_back_publishes_nothing),
        CASE(many_changes_and_both_lists_come_in_one_new_file),
        CASE(a_damaged_or_missing_file_is_written_anew),
        CASE(a_database_that_cannot_be_read_is_not_published_in_part),
        BARE(the_first_version_is_brought_up_to_date_and_keeps_what_it_has),
        BARE(who_only_reads_is_told_of_an_older_and_of_a_newer_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
