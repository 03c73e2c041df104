/* report: what the real log library wrote is in the database once, wherever the follower was killed; and trouble with the
 * database is told, loses nothing, and passes. */
#include "lib/must.h"
#include "log/log.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "report/report.h"
#include "store/waiting.h"

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const struct report_suppress no_rules; /* nothing is suppressed by itself */
#include <sqlite3.h>

enum { MESSAGES_MAX = 20000, KEEP_S = 3600 };

/* Each message has two recipients; its first note defers both, its second one delivers both. */
struct world {
    char folder[40];
    struct log *log;
    struct log_entry entry[MESSAGES_MAX];
    unsigned made, ended;
};

static struct log_entry *no_message(void *ctx, struct id id, struct str meta, uint32_t content_bytes)
{
    (void)ctx;
    (void)id;
    (void)meta;
    (void)content_bytes;
    return NULL;
}
static void no_note(void *ctx, struct log_entry *e, struct str note, bool ends)
{
    (void)ctx;
    (void)e;
    (void)note;
    (void)ends;
}
static void no_restate(void *ctx, struct log_entry *e, struct str old_meta, struct buf *meta)
{
    (void)ctx;
    (void)e;
    buf_add_str(meta, old_meta);
}
static void log_failed(void *ctx, const struct fault *f)
{
    (void)ctx;
    fail_msg("the log failed: %s", f->text);
}

static void open_log(struct world *w, const char *name)
{
    static const struct log_hooks hooks = {no_message, no_note, no_restate, log_failed};
    char path[80];
    struct fault f = {0};
    snprintf(path, sizeof path, "%s/log/%s", w->folder, name);
    struct log_options o = {
        .directory = path, .segment_bytes = 4 * 1024 * 1024, .follow_hold = true, .io = &log_io_real, .is_inline = true};
    if (!log_open(&w->log, &o, NULL, &hooks, w, &f))
        fail_msg("%s", f.text);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[60];
    strcpy(w->folder, "/tmp/goniec-report-XXXXXX");
    must(mkdtemp(w->folder));
    snprintf(path, sizeof path, "%s/log", w->folder);
    must(mkdir(path, 0700) == 0);
    open_log(w, "w0");
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    log_close(&w->log);
    nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

/* ---- writing the log ---- */

static struct id id_of(unsigned n)
{
    struct id id = {{[6] = 1}};
    memcpy(id.b + 12, &n, sizeof n);
    return id;
}

static void accept_one(struct world *w)
{
    struct rcpt rcpt[2] = {{.address = STR("b@dest.test"), .domain = STR("dest.test")},
                           {.address = STR("c@dest.test"), .domain = STR("dest.test")}};
    struct envelope e = {
        .id = id_of(w->made), .accepted_ms = 1000 + w->made, .sender = STR("a@b.test"), .rcpts = 2, .rcpt = rcpt};
    struct buf meta = {0};
    struct str content = STR("Subject: x\r\n\r\nhi\r\n");
    envelope_encode(&e, &meta);
    w->entry[w->made].id = e.id;
    assert_int_equal(log_accept(w->log, &w->entry[w->made], buf_str(&meta), &content, 1, NULL), LOG_OK);
    w->made++;
    buf_done(&meta);
}

static void note_one(struct world *w, unsigned n, enum outcome_status status)
{
    struct outcome_rcpt rcpt[2] = {{.rcpt = 0, .status = status}, {.rcpt = 1, .status = status}};
    struct outcome o = {
        .id = id_of(n), .at_ms = 2000 + n, .attempt = status == OUTCOME_DELIVERED ? 2 : 1, .rcpts = 2, .rcpt = rcpt};
    struct buf note = {0};
    outcome_encode(&o, &note);
    bool ends = status == OUTCOME_DELIVERED;
    assert_int_equal(log_note(w->log, &w->entry[n], buf_str(&note), ends, NULL), LOG_OK);
    w->ended += ends;
    buf_done(&note);
}

/* n more messages that are deferred; of each three, two are then delivered. */
static void write_some(struct world *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        accept_one(w);
        note_one(w, w->made - 1, OUTCOME_DEFERRED);
        if (w->made % 3)
            note_one(w, w->made - 1, OUTCOME_DELIVERED);
        if (i % 50 == 0)
            log_flush(w->log);
    }
    log_flush(w->log);
}

/* ---- following it ---- */

static struct store *open_store(const struct world *w)
{
    struct store *s = NULL;
    struct fault f = {0};
    if (!store_open(&s, w->folder, true, &f))
        fail_msg("%s", f.text);
    return s;
}

/* All that there is; how many records that were. */
static unsigned follow_all(const struct world *w, struct report_stats *ret)
{
    struct store *s = open_store(w);
    struct report *r;
    struct fault f = {0};
    unsigned n = 0;
    int got;
    assert_true(report_open(&r, s, w->folder, KEEP_S, &no_rules, &f));
    /* seconds pass between two looks: what a busy log leaves until a segment is sealed is read then */
    for (int64_t wall_ms = 5000; (got = report_step(r, wall_ms, &f)) > 0; wall_ms += 3000)
        n += (unsigned)got;
    if (got < 0)
        fail_msg("%s", f.text);
    report_stats(r, ret);
    report_close(&r);
    store_close(&s);
    return n;
}

struct tally {
    struct store *store;
    unsigned messages, notes, open;
};

static void count_note(void *ctx, int64_t at_ms, struct str note)
{
    struct tally *t = ctx;
    (void)at_ms;
    (void)note;
    t->notes++;
}

static bool count_message(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct tally *t = ctx;
    unsigned before = t->notes, n;
    (void)meta;
    memcpy(&n, id.b + 12, sizeof n);
    store_notes(t->store, id, count_note, t);
    assert_int_equal(at_ms, 1000 + n);
    assert_int_equal(t->notes - before, (n + 1) % 3 ? 2 : 1);
    assert_int_equal(open, (n + 1) % 3 ? 0 : 2);
    t->messages++;
    return true;
}

static void count_waiting(void *ctx, const struct store_waiting *w)
{
    unsigned *n = ctx;
    unsigned message;
    memcpy(&message, w->id.b + 12, sizeof message);
    assert_int_equal(w->since_ms, 2000 + message);
    ++*n;
}

/* Everything that was written is there, once; and those recipients are put off that were and are not delivered yet. */
static void check_all(const struct world *w)
{
    struct tally t = {.store = open_store(w)};
    struct fault f;
    struct id high;
    unsigned waiting = 0;
    memset(&high, 0xff, sizeof high);
    store_messages_between(t.store, (struct id){{0}}, high, count_message, &t);
    assert_int_equal(t.messages, w->made);
    assert_int_equal(t.notes, w->made + w->ended);
    assert_int_equal(store_queue_length(t.store), w->made - w->ended);
    store_waiting_each(t.store, count_waiting, &waiting);
    assert_int_equal(waiting, 2 * (w->made - w->ended));
    assert_true(store_good(t.store, &f));
    store_close(&t.store);
}

static void a_log_becomes_stories_and_a_queue(void **state)
{
    struct world *w = *state;
    struct report_stats stats;
    write_some(w, 300);
    assert_int_equal(follow_all(w, &stats), w->made * 2 + w->ended);
    assert_int_equal(stats.messages, 300);
    assert_int_equal(stats.notes, 300 + w->ended);
    assert_int_equal(stats.skipped, 0);
    check_all(w);
    assert_int_equal(follow_all(w, &stats), 0);
    write_some(w, 3);
    assert_int_equal(follow_all(w, &stats), 8);
    check_all(w);
}

static void a_second_log_that_appears_later_is_found(void **state)
{
    struct world *w = *state;
    struct report_stats stats;
    write_some(w, 30);
    follow_all(w, &stats);
    log_close(&w->log);
    open_log(w, "w1");
    write_some(w, 30);
    follow_all(w, &stats);
    check_all(w);
}

/* A child follows and is killed at some moment, again and again, while the log grows. */
static void a_follower_that_is_killed_anywhere_counts_nothing_twice_and_misses_nothing(void **state)
{
    struct world *w = *state;
    struct report_stats stats;
    for (unsigned round = 0; round < 25; round++) {
        write_some(w, 400);
        pid_t pid = fork();
        if (pid == 0)
            for (;;)
                follow_all(w, &stats);
        nanosleep(&(struct timespec){0, (long)(round % 13) * 4000000L}, NULL);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    follow_all(w, &stats);
    check_all(w);
}

/* Writes it as the last note of the third message, after which nothing waits. */
static void last_note_leaves_nothing(struct world *w, const struct outcome *o)
{
    struct report_stats stats;
    struct buf note = {0};
    write_some(w, 3);
    follow_all(w, &stats);
    outcome_encode(o, &note);
    assert_int_equal(log_note(w->log, &w->entry[2], buf_str(&note), true, NULL), LOG_OK);
    log_flush(w->log);
    buf_done(&note);
    follow_all(w, &stats);
    struct store *s = open_store(w);
    unsigned waiting = 0;
    store_waiting_each(s, count_waiting, &waiting);
    assert_int_equal(waiting, 0);
    assert_int_equal(store_queue_length(s), 0);
    store_close(&s);
}

static void a_note_that_nobody_is_left_ends_the_message(void **state)
{
    last_note_leaves_nothing(*state, &(struct outcome){.id = id_of(2), .at_ms = 3000});
}

/* Killed between a bounce's record, which ends a recipient, and the note that tells so: the last note is about the others. */
static void a_message_that_ends_has_nobody_open_although_a_note_is_missing(void **state)
{
    struct outcome_rcpt second = {.rcpt = 1, .status = OUTCOME_DELIVERED};
    last_note_leaves_nothing(*state, &(struct outcome){.id = id_of(2), .at_ms = 3000, .rcpts = 1, .rcpt = &second});
}

static void records_that_are_not_understood_are_counted_and_passed_over(void **state)
{
    struct world *w = *state;
    struct report_stats stats;
    struct log_entry strange = {.id = id_of(777777)};
    struct str content = STR("x");
    write_some(w, 3);
    assert_int_equal(log_accept(w->log, &strange, STR("what is this"), &content, 1, NULL), LOG_OK);
    assert_int_equal(log_note(w->log, &strange, STR("and this"), true, NULL), LOG_OK);
    log_flush(w->log);
    write_some(w, 3);
    follow_all(w, &stats);
    assert_int_equal(stats.skipped, 2);
    check_all(w);
}

static void a_database_that_cannot_be_written_for_a_while_misses_nothing(void **state)
{
    struct world *w = *state;
    struct store *s = open_store(w);
    struct report *r;
    struct fault f = {0};
    struct report_stats stats;
    char path[60];
    sqlite3 *db;
    write_some(w, 60);
    assert_true(report_open(&r, s, w->folder, KEEP_S, &no_rules, &f));
    snprintf(path, sizeof path, "%s/office.db", w->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    /* a statement fails in the middle of a transaction: the trigger refuses the note of one message */
    assert_int_equal(
        sqlite3_exec(db, "CREATE TRIGGER no BEFORE INSERT ON note WHEN NEW.at = 2040 BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
                     NULL, NULL, NULL),
        SQLITE_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(report_step(r, 5000, &f), -1);
        assert_non_null(strstr(f.text, "the database cannot be written: full"));
    }
    report_stats(r, &stats);
    assert_int_equal(stats.messages, 0);
    assert_int_equal(sqlite3_exec(db, "DROP TRIGGER no", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_true(report_step(r, 5000, &f) > 0);
    assert_int_equal(report_step(r, 5000, &f), 0);
    report_stats(r, &stats);
    assert_int_equal(stats.messages, w->made);
    report_close(&r);
    store_close(&s);
    check_all(w);
}

static void how_far_the_store_is_behind_is_known(void **state)
{
    struct world *w = *state;
    struct report_stats stats;
    write_some(w, 30);
    struct store *s = open_store(w);
    assert_int_equal(report_behind(s, w->folder, 0, 1000), 30 * 2 + 20);
    assert_int_equal(report_behind(s, w->folder, 0, 10), 10);
    follow_all(w, &stats);
    assert_int_equal(report_behind(s, w->folder, 0, 1000), 0);
    write_some(w, 1);
    assert_int_equal(report_behind(s, w->folder, 100, 1000), 3);
    assert_int_equal(report_behind(s, "/nowhere", 0, 1000), 0);
    store_close(&s);
}

static void stories_older_than_asked_are_forgotten(void **state)
{
    struct world *w = *state;
    struct report *r;
    struct fault f;
    struct report_stats stats;
    write_some(w, 30);
    follow_all(w, &stats);
    struct store *s = open_store(w);
    assert_true(report_open(&r, s, w->folder, KEEP_S, &no_rules, &f));
    assert_int_equal(report_step(r, 2000 + KEEP_S * 1000ll, &f), 0);
    report_stats(r, &stats);
    assert_int_equal(stats.forgotten, 20);
    assert_int_equal(store_queue_length(s), 10);
    report_close(&r);
    store_close(&s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_log_becomes_stories_and_a_queue),
        TEST(a_second_log_that_appears_later_is_found),
        TEST(a_follower_that_is_killed_anywhere_counts_nothing_twice_and_misses_nothing),
        TEST(a_note_that_nobody_is_left_ends_the_message),
        TEST(a_message_that_ends_has_nobody_open_although_a_note_is_missing),
        TEST(records_that_are_not_understood_are_counted_and_passed_over),
        TEST(a_database_that_cannot_be_written_for_a_while_misses_nothing),
        TEST(how_far_the_store_is_behind_is_known),
        TEST(stories_older_than_asked_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
