/* metrics: the engine's lines, worker by worker, become metrics with their heads, each once. */
#include "api/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect(const char *engine, const struct metric *own, size_t n, const char *want)
{
    struct buf b = {0};
    metrics_put(str_of(engine), own, n, &b);
    buf_add(&b, "", 1);
    assert_string_equal(b.p, want);
    buf_done(&b);
}

static void samples_of_a_metric_stand_together_behind_one_head(void **state)
{
    (void)state;
    expect("goniec_lanes{worker=\"0\"} 3\ngoniec_smtp_refused_total{worker=\"0\"} 5\ngoniec_lanes{worker=\"1\"} 4\n"
           "goniec_smtp_refused_total{worker=\"1\"} 0\n",
           &(struct metric){"engine_up", 1}, 1,
           "# HELP goniec_lanes Lanes: receiving site, pool and stream.\n# TYPE goniec_lanes gauge\n"
           "goniec_lanes{worker=\"0\"} 3\ngoniec_lanes{worker=\"1\"} 4\n"
           "# HELP goniec_smtp_refused_total Connections refused.\n# TYPE goniec_smtp_refused_total counter\n"
           "goniec_smtp_refused_total{worker=\"0\"} 5\ngoniec_smtp_refused_total{worker=\"1\"} 0\n"
           "# HELP goniec_engine_up Whether the engine answers.\n# TYPE goniec_engine_up gauge\ngoniec_engine_up 1\n");
}

static void a_name_that_begins_another_is_not_mixed_up_with_it(void **state)
{
    (void)state;
    expect("goniec_log_segments_free{worker=\"0\"} 1\ngoniec_log_segments{worker=\"0\"} 2\n", NULL, 0,
           "# HELP goniec_log_segments Segment files.\n# TYPE goniec_log_segments gauge\ngoniec_log_segments{worker=\"0\"} 2\n"
           "# HELP goniec_log_segments_free Segment files ready for use.\n# TYPE goniec_log_segments_free gauge\n"
           "goniec_log_segments_free{worker=\"0\"} 1\n");
}

static void lines_that_are_cut_or_strange_are_left_out(void **state)
{
    (void)state;
    expect("error unknown command\ngoniec_lanes\n\ngoniec_lanes{worker\ngoniec_lanes{worker=\"0\"} 3", NULL, 0, "");
    expect("", NULL, 0, "");
}

static void a_number_other_than_zero_is_found_in_any_worker(void **state)
{
    (void)state;
    assert_true(
        metrics_any(STR("goniec_log_disk_full{worker=\"0\"} 0\ngoniec_log_disk_full{worker=\"1\"} 1\n"), "log_disk_full"));
    assert_true(metrics_any(STR("goniec_log_disk_full{worker=\"0\"} 10\n"), "log_disk_full"));
    assert_false(metrics_any(STR("goniec_log_disk_full{worker=\"0\"} 0\ngoniec_lanes{worker=\"1\"} 1\n"), "log_disk_full"));
    assert_false(metrics_any(STR(""), "log_disk_full"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_a_metric_stand_together_behind_one_head),
        cmocka_unit_test(a_name_that_begins_another_is_not_mixed_up_with_it),
        cmocka_unit_test(lines_that_are_cut_or_strange_are_left_out),
        cmocka_unit_test(a_number_other_than_zero_is_found_in_any_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
