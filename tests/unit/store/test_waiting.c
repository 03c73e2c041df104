/* waiting: what is put off is listed once a recipient, since when it waits for the same; what was refused is counted by spans. */
#include "store/waiting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[40];
static struct store *store;
static struct fault fault;

static void good(bool done)
{
    if (!done)
        fail_msg("%s", fault.text);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/goniec-waiting-XXXXXX");
    assert_non_null(mkdtemp(folder));
    good(store_open(&store, folder, true, &fault));
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[80];
    (void)state;
    store_close(&store);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/office.db%s", folder, ends[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static int64_t trouble(const char *site, const char *domain, const char *cause, const char *said, int64_t at_ms)
{
    struct store_trouble t = {str_of(site), str_of(domain), str_of(cause), str_of(said)};
    int64_t n = 0;
    good(store_trouble(store, &t, at_ms, &n, &fault));
    return n;
}

static struct id id_of(uint8_t n) { return (struct id){{n}}; }

struct found {
    unsigned n;
    struct store_waiting row[10];
    struct store_refused refused[10];
    char text[200];
};

static void on_waiting(void *ctx, const struct store_waiting *w)
{
    struct found *x = ctx;
    x->row[x->n++] = *w;
}

static void on_refused(void *ctx, const struct store_refused *w)
{
    struct found *x = ctx;
    x->refused[x->n++] = *w;
}

static void on_trouble(void *ctx, int64_t number, const struct store_trouble *t)
{
    struct found *x = ctx;
    x->n++;
    snprintf(x->text, sizeof x->text, "%d %.*s %.*s %.*s %.*s", (int)number, STR_ARGS(t->site), STR_ARGS(t->domain),
             STR_ARGS(t->cause), STR_ARGS(t->said));
}

static struct found look(void)
{
    struct found x = {0};
    store_waiting_each(store, on_waiting, &x);
    good(store_good(store, &fault));
    return x;
}

static void a_trouble_has_one_number_and_the_newest_words(void **state)
{
    struct found x = {0};
    (void)state;
    int64_t n = trouble("mx.a", "a.test", "greylisted", "451 later", 1000);
    assert_int_equal(trouble("mx.a", "a.test", "greylisted", "450 again", 2000), n);
    store_troubles(store, on_trouble, &x);
    assert_int_equal(x.n, 1);
    assert_string_equal(x.text, "1 mx.a a.test greylisted 450 again");
    assert_int_not_equal(trouble("mx.b", "a.test", "greylisted", "", 2000), n);
    assert_int_not_equal(trouble("mx.a", "b.test", "greylisted", "", 2000), n);
    assert_int_not_equal(trouble("mx.a", "a.test", "timeout", "", 2000), n);
}

static void who_waits_for_the_same_waits_since_the_first_time(void **state)
{
    (void)state;
    int64_t a = trouble("mx", "a.test", "greylisted", "", 1), b = trouble("mx", "a.test", "timeout", "", 1);
    good(store_waiting_put(store, id_of(1), 0, a, 1000, 1300, &fault));
    good(store_waiting_put(store, id_of(1), 0, a, 1300, 1900, &fault));
    struct found x = look();
    assert_int_equal(x.n, 1);
    assert_true(x.row[0].trouble == a && x.row[0].since_ms == 1000 && x.row[0].next_ms == 1900);
    good(store_waiting_put(store, id_of(1), 0, b, 1900, 3000, &fault));
    x = look();
    assert_true(x.n == 1 && x.row[0].trouble == b && x.row[0].since_ms == 1900 && x.row[0].next_ms == 3000);
}

static void recipients_end_one_by_one_or_all_together(void **state)
{
    (void)state;
    int64_t a = trouble("mx", "a.test", "greylisted", "", 1);
    for (uint32_t i = 0; i < 6; i++)
        good(store_waiting_put(store, id_of((uint8_t)(1 + i / 3)), i % 3, a, 1000, 1300, &fault));
    good(store_waiting_end(store, id_of(1), 1, &fault));
    good(store_waiting_end(store, id_of(7), 0, &fault)); /* who never waited */
    assert_int_equal(look().n, 5);
    good(store_waiting_end_all(store, id_of(2), &fault));
    struct found x = look();
    assert_true(x.n == 2 && id_eq(x.row[0].id, id_of(1)) && id_eq(x.row[1].id, id_of(1)));
}

static void refusals_are_counted_by_spans_and_looked_at_since_a_time(void **state)
{
    struct found x = {0};
    (void)state;
    int64_t a = trouble("mx", "a.test", "user-unknown", "550", 1);
    good(store_refused_add(store, a, 1000, &fault) && store_refused_add(store, a, 5000, &fault));
    good(store_refused_add(store, a, STORE_SPAN_MS + 7, &fault));
    store_refused_each(store, 0, on_refused, &x);
    assert_int_equal(x.n, 2);
    assert_true(x.refused[0].recipients == 2 && x.refused[0].first_ms == 1000 && x.refused[0].last_ms == 5000);
    assert_true(x.refused[1].recipients == 1 && x.refused[1].first_ms == STORE_SPAN_MS + 7);
    x.n = 0;
    store_refused_each(store, STORE_SPAN_MS, on_refused, &x);
    assert_int_equal(x.n, 1);
}

static void what_was_last_seen_long_ago_is_forgotten(void **state)
{
    struct found x = {0};
    (void)state;
    trouble("old", "a.test", "timeout", "", 1000);
    int64_t a = trouble("new", "b.test", "timeout", "", 3000);
    good(store_refused_add(store, a, 3000, &fault) && store_refused_add(store, a, 9 * STORE_SPAN_MS, &fault));
    good(store_waiting_forget(store, 2000, 2 * STORE_SPAN_MS, &fault));
    store_troubles(store, on_trouble, &x);
    assert_int_equal(x.n, 1);
    assert_non_null(strstr(x.text, "new b.test"));
    x.n = 0;
    store_refused_each(store, 0, on_refused, &x);
    assert_true(x.n == 1 && x.refused[0].first_ms == 9 * STORE_SPAN_MS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_trouble_has_one_number_and_the_newest_words),
        TEST(who_waits_for_the_same_waits_since_the_first_time),
        TEST(recipients_end_one_by_one_or_all_together),
        TEST(refusals_are_counted_by_spans_and_looked_at_since_a_time),
        TEST(what_was_last_seen_long_ago_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
