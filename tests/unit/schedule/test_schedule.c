/* What goes next and when, with time as a parameter. */
#include "../mail/check.h"

#include "schedule/schedule.h"

#include <stdio.h>

enum { JOBS = 4000 };

static struct lane_rule rule = {{"*", 1}, {.connections = 4, .recipients = 100}};
static struct schedule_settings settings = {.rule = &rule,
                                            .rules = 1,
                                            .retry_first_s = 300,
                                            .retry_max_s = 14400,
                                            .lifetime_s = 432000,
                                            .lifetime_short_s = 172800,
                                            .warn_after_s = 14400};
static struct job jobs[JOBS];
static int messages[JOBS];

static struct schedule *fresh(void)
{
    struct schedule *s = NULL;
    rule.limits = (struct lane_limits){.connections = 4, .recipients = 100};
    memset(jobs, 0, sizeof jobs);
    assert_true(schedule_open(&s, &settings, 1, 1700000000000));
    return s;
}

static struct lane *lane_of(struct schedule *s, const char *site, const char *stream, bool urgent)
{
    return schedule_lane(s, str_of(site), STR("pool"), str_of(stream), urgent);
}

/* Job i: its own message, of the account. */
static struct job *ready(struct schedule *s, struct lane *l, int i, uint32_t account)
{
    jobs[i].message = &messages[i];
    jobs[i].account = account;
    schedule_ready(s, &jobs[i], l);
    return &jobs[i];
}

static unsigned length(const struct job *j)
{
    unsigned n = 0;
    for (; j; j = j->next)
        n++;
    return n;
}

static struct job *take(struct schedule *s, int64_t now)
{
    int64_t wake;
    return schedule_take(s, now, &wake);
}

static void a_site_has_as_many_attempts_as_connections_and_the_last_is_for_urgent_mail(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *bulk = lane_of(s, "mx.test", "newsletter", false), *fast = lane_of(s, "mx.test", "transactional", true);
    for (int i = 0; i < 10; i++)
        ready(s, bulk, i, 1);
    for (int i = 0; i < 3; i++)
        assert_non_null(take(s, 0));
    assert_null(take(s, 0));
    for (int i = 10; i < 20; i++)
        ready(s, fast, i, 1);
    assert_ptr_equal(take(s, 0)->lane, fast);
    assert_null(take(s, 0));
    schedule_finished(s, fast, LANE_OK, 1);
    assert_ptr_equal(take(s, 1)->lane, fast);
    assert_null(take(s, 1));
    schedule_close(&s);
}

static void jobs_of_one_message_that_demand_different_things_of_their_connection_share_no_attempt(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "transactional", true);
    const uint32_t policy[] = {0, 0, 7, 7, 7, 0};
    for (int i = 0; i < 6; i++) {
        jobs[i].message = &messages[0];
        jobs[i].policy = policy[i];
        schedule_ready(s, &jobs[i], l);
    }
    assert_int_equal(length(take(s, 0)), 2);
    assert_int_equal(length(take(s, 0)), 3);
    assert_int_equal(length(take(s, 0)), 1);
    schedule_close(&s);
}

static void jobs_of_one_message_share_an_attempt_up_to_the_limit(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "t", false);
    for (int i = 0; i < 150; i++) {
        jobs[i].message = &messages[0];
        schedule_ready(s, &jobs[i], l);
    }
    ready(s, l, 200, 0);
    assert_int_equal(length(take(s, 0)), 100);
    assert_int_equal(length(take(s, 0)), 50);
    assert_int_equal(length(take(s, 0)), 1);
    schedule_close(&s);
}

static void a_job_that_is_to_go_alone_shares_no_attempt(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "t", true);
    for (int i = 0; i < 6; i++) {
        jobs[i].message = &messages[0];
        jobs[i].alone = i == 2 || i == 3;
        schedule_ready(s, &jobs[i], l);
    }
    assert_int_equal(length(take(s, 0)), 2);
    assert_int_equal(length(take(s, 0)), 1);
    assert_int_equal(length(take(s, 0)), 1);
    assert_int_equal(length(take(s, 0)), 2);
    schedule_close(&s);
}

static void one_accounts_flood_leaves_the_others_their_turn(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "t", false);
    for (int i = 0; i < 1000; i++)
        ready(s, l, i, 1);
    ready(s, l, 2000, 2);
    ready(s, l, 2001, 2);
    unsigned before = 0, found = 0;
    for (unsigned i = 0; i < 20 && found < 2; i++) {
        struct job *j = take(s, 0);
        found += j->account == 2;
        before += j->account == 1;
        schedule_finished(s, l, LANE_OK, 0);
    }
    assert_int_equal(found, 2);
    assert_true(before <= 3);
    schedule_close(&s);
}

static void order_among_one_accounts_jobs_is_kept(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "t", false);
    for (int i = 0; i < 50; i++)
        ready(s, l, i, 1);
    for (int i = 0; i < 50; i++) {
        assert_ptr_equal(take(s, 0), &jobs[i]);
        schedule_finished(s, l, LANE_OK, 0);
    }
    schedule_close(&s);
}

static void an_urgent_stream_goes_before_a_newsletter_at_the_same_site(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *bulk = lane_of(s, "mx.test", "newsletter", false), *fast = lane_of(s, "mx.test", "transactional", true);
    for (int i = 0; i < 3000; i++)
        ready(s, bulk, i, 1);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(take(s, 0)->lane, bulk);
    ready(s, fast, 3500, 2);
    assert_ptr_equal(take(s, 0), &jobs[3500]);
    schedule_close(&s);
}

static void a_rate_lets_through_as_many_as_it_says(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    rule.limits = (struct lane_limits){.connections = 1000, .recipients = 100, .messages_per_s = 10};
    struct lane *l = lane_of(s, "mx.test", "t", false);
    unsigned sent = 0;
    for (int i = 0; i < 500; i++)
        ready(s, l, i, 1);
    for (int64_t now = 0; now <= 20000; now += 5)
        while (take(s, now)) {
            sent++;
            schedule_finished(s, l, LANE_OK, now);
        }
    assert_in_range(sent, 195, 215);
    schedule_close(&s);
}

static void waking_is_told_and_is_soon_enough(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    int64_t now = 0, wake = 0;
    rule.limits = (struct lane_limits){.connections = 1000, .recipients = 100, .messages_per_s = 2};
    struct lane *l = lane_of(s, "mx.test", "t", false);
    for (int i = 0; i < 20; i++)
        ready(s, l, i, 1);
    for (unsigned sent = 0; sent < 20;) { /* only the times that it names are needed to get all of them out */
        if (schedule_take(s, now, &wake)) {
            schedule_finished(s, l, LANE_OK, now);
            sent++;
            continue;
        }
        assert_true(wake > now && wake < now + 1000);
        now = wake;
    }
    assert_null(schedule_take(s, now, &wake));
    assert_true(wake == INT64_MAX);
    schedule_close(&s);
}

static void a_site_that_is_down_costs_one_probe_at_a_time(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "t", false);
    int64_t wake = 0, now = 0;
    unsigned probes = 0;
    for (int i = 0; i < 1000; i++)
        ready(s, l, i, 1);
    assert_non_null(take(s, 0));
    schedule_finished(s, l, LANE_DOWN, 0);
    for (; now < 3600 * 1000; now = wake) { /* an hour of it */
        if (!schedule_take(s, now, &wake)) {
            assert_true(wake > now);
            continue;
        }
        probes++;
        assert_null(schedule_take(s, now, &wake)); /* one at a time */
        schedule_finished(s, l, LANE_DOWN, now);
        wake = now;
    }
    assert_in_range(probes, 2, 60);
    while (!schedule_take(s, now, &wake))
        now = wake;
    schedule_finished(s, l, LANE_OK, now);
    for (int i = 0; i < 20; i++) {
        assert_non_null(schedule_take(s, now, &wake));
        schedule_finished(s, l, LANE_OK, now);
    }
    for (int i = 0; i < 3; i++)
        assert_non_null(schedule_take(s, now, &wake)); /* all of its connections again, now that it is back */
    schedule_close(&s);
}

static int64_t refused(struct schedule *s, struct lane *l, int64_t now)
{
    assert_non_null(take(s, now));
    return schedule_finished(s, l, LANE_BARRED, now);
}

static void is_barred_for_its_listing(void *ctx, const struct lane_stats *l)
{
    (void)ctx;
    assert_true(l->barred && l->bars == 3 && l->rest_until_ms > 0);
    assert_string_equal(l->blame, "ip-listed");
}

static void a_site_that_refuses_our_address_rests_after_a_few_in_a_row(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "t", false);
    int64_t wake = 0, now = 0;
    for (int i = 0; i < 100; i++)
        ready(s, l, i, 1);
    assert_int_equal(refused(s, l, 0), 0);
    assert_int_equal(refused(s, l, 0), 0);
    assert_non_null(take(s, 0));
    assert_int_equal(schedule_finished(s, l, LANE_OK, 0), 0); /* mail was taken: it counts anew */
    assert_int_equal(refused(s, l, 0), 0);
    assert_int_equal(refused(s, l, 0), 0);
    schedule_blame(l, "ip-listed");
    int64_t rest = refused(s, l, 0), longer = 0;
    assert_in_range(rest, 400 * 1000, 900 * 1000);
    schedule_lanes(s, is_barred_for_its_listing, NULL);
    unsigned probes = 0;
    for (; now < INT64_C(24) * 3600 * 1000; now = wake) /* a day of it */
        if (schedule_take(s, now, &wake)) {
            probes++;
            assert_null(schedule_take(s, now, &wake));
            longer = schedule_finished(s, l, LANE_BARRED, now);
            assert_true(longer > 0);
            wake = now;
        }
    assert_in_range(probes, 5, 20); /* of a hundred jobs */
    assert_true(longer > rest);
    while (!schedule_take(s, now, &wake))
        now = wake;
    schedule_finished(s, l, LANE_OK, now);
    assert_non_null(take(s, now));
    assert_null(take(s, now)); /* and then slowly */
    schedule_close(&s);
}

static void an_attempt_that_reached_nobody_for_reasons_of_ours_teaches_nothing(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "t", false);
    int64_t wake = 0;
    for (int i = 0; i < 10; i++)
        ready(s, l, i, 1);
    assert_non_null(take(s, 0));
    schedule_finished(s, l, LANE_DOWN, 0);
    assert_null(schedule_take(s, 0, &wake));
    assert_non_null(take(s, wake));
    schedule_finished(s, l, LANE_UNTRIED, wake);
    assert_non_null(take(s, wake));
    assert_null(take(s, wake)); /* still one probe at a time */
    schedule_close(&s);
}

static void a_waiting_job_comes_back_when_its_time_has_come(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "mx.test", "t", false);
    const int64_t base = 1700000000000;
    for (int i = 0; i < JOBS; i++) {
        jobs[i].lane = l;
        schedule_wait(s, &jobs[i], base + (int64_t)(i * 7919 % JOBS) * 60000);
    }
    unsigned back = 0;
    for (int64_t minute = 0; minute <= JOBS; minute++)
        for (struct job *j; (j = schedule_due(s, base + minute * 60000 + 1000)); back++) {
            int64_t due = (int64_t)j->due_s * 1000;
            assert_true(due <= base + minute * 60000 + 1000);
            assert_true(due > base + (minute - 1) * 60000 - 1000);
            assert_int_equal(j->state, JOB_OUT);
        }
    assert_int_equal(back, JOBS);
    schedule_close(&s);
}

static void a_held_job_stays_until_it_is_taken_out(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct schedule_stats stats;
    struct lane *l = lane_of(s, "mx.test", "t", false);
    ready(s, l, 0, 1);
    schedule_remove(s, &jobs[0]);
    schedule_hold(s, &jobs[0]);
    assert_null(take(s, 0));
    assert_null(schedule_due(s, INT64_C(4000000000000)));
    schedule_stats(s, &stats);
    assert_int_equal(stats.held, 1);
    schedule_remove(s, &jobs[0]);
    schedule_ready(s, &jobs[0], l);
    assert_ptr_equal(take(s, 0), &jobs[0]);
    schedule_close(&s);
}

static void waits_between_tries_double_and_are_jittered_within_a_quarter(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    int64_t least = INT64_MAX, most = 0;
    for (uint16_t attempts = 1; attempts < 40; attempts++)
        for (int i = 0; i < 200; i++) {
            int64_t whole = INT64_C(300000) << (attempts > 10 ? 10 : attempts - 1);
            whole = whole > 14400000 ? 14400000 : whole;
            int64_t ms = schedule_retry_ms(s, attempts);
            assert_true(ms >= whole * 3 / 4 - 1 && ms <= whole * 5 / 4 + 1);
            least = attempts == 1 && ms < least ? ms : least;
            most = attempts == 1 && ms > most ? ms : most;
        }
    assert_true(most - least > 100000); /* not all at once again */
    schedule_close(&s);
}

static void a_paused_site_waits_and_the_others_go_on(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *a = lane_of(s, "a.test", "t", false), *b = lane_of(s, "b.test", "t", false);
    ready(s, a, 0, 1);
    ready(s, b, 1, 1);
    assert_int_equal(schedule_pause(s, STR("nobody.test"), true), 0);
    assert_int_equal(schedule_pause(s, STR("a.test"), true), 1);
    assert_ptr_equal(take(s, 0), &jobs[1]);
    assert_null(take(s, 0));
    ready(s, lane_of(s, "a.test", "another", true), 2, 1); /* a new stream waits too */
    assert_null(take(s, 0));
    schedule_remove(s, &jobs[2]);
    assert_int_equal(schedule_pause(s, STR("*"), false), 2);
    assert_ptr_equal(take(s, 0), &jobs[0]);
    schedule_close(&s);
}

static void a_site_whose_jobs_are_taken_away_while_it_sleeps_is_not_waited_for(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    int64_t wake = 0;
    struct lane *l = lane_of(s, "down.test", "t", false);
    ready(s, l, 0, 1);
    ready(s, l, 1, 1);
    assert_non_null(take(s, 0));
    schedule_finished(s, l, LANE_DOWN, 0);
    assert_null(schedule_take(s, 1, &wake));
    assert_true(wake != INT64_MAX);
    schedule_remove(s, &jobs[1]); /* an operator drops it, or its lifetime is over */
    assert_null(schedule_take(s, wake + 1, &wake));
    assert_true(wake == INT64_MAX);
    ready(s, l, 2, 1);
    assert_ptr_equal(take(s, 100000), &jobs[2]);
    schedule_close(&s);
}

/* ---- what strangers can make grow ---- */

enum { DOMAINS = 100000 };

static uint64_t lanes_of(struct schedule *s)
{
    struct schedule_stats stats;
    schedule_stats(s, &stats);
    return stats.lanes;
}

static uint64_t sites_of(struct schedule *s)
{
    struct schedule_stats stats;
    schedule_stats(s, &stats);
    return stats.sites;
}

static struct lane *nth_lane(struct schedule *s, int i)
{
    char site[40];
    snprintf(site, sizeof site, "mx.d%d.test", i);
    return lane_of(s, site, "t", false);
}

/* One job for each of many domains, each attempt with the same end. Returns when it was. */
static int64_t visit_many(struct schedule *s, enum lane_feedback how)
{
    int64_t now = 0;
    for (int i = 0; i < DOMAINS; i++, now++) {
        struct lane *l = nth_lane(s, i);
        ready(s, l, 0, 1);
        assert_ptr_equal(take(s, now), &jobs[0]);
        schedule_finished(s, l, how, now);
    }
    return now;
}

static unsigned calls_until_forgotten(struct schedule *s, int64_t now, uint64_t (*count)(struct schedule *s))
{
    unsigned calls = 0;
    for (; count(s) > 0 && calls < 100000; calls++)
        schedule_forget(s, now);
    return calls;
}

static void lanes_and_sites_without_work_are_forgotten_a_few_at_a_time(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    int64_t now = visit_many(s, LANE_OK);
    assert_int_equal(lanes_of(s), DOMAINS);
    schedule_forget(s, now); /* the first of them have been idle for a minute and more, the last have not */
    assert_in_range(lanes_of(s), DOMAINS - 5000, DOMAINS - 100);
    unsigned calls = calls_until_forgotten(s, now + 61000, lanes_of);
    assert_in_range(calls, 20, 1000);
    calls_until_forgotten(s, now + 61000, sites_of);
    assert_int_equal(sites_of(s), 0);
    schedule_close(&s);
}

static void remember_site_without_lane(void *ctx, const struct lane_stats *l)
{
    const struct lane_stats **seen = ctx;
    static struct lane_stats kept;
    if (l->stream.n)
        return;
    assert_null(*seen);
    kept = *l;
    *seen = &kept;
}

static void a_lane_with_jobs_or_attempts_stays_and_so_does_a_site_on_pause(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *busy = lane_of(s, "a.test", "t", false), *full = lane_of(s, "b.test", "t", false),
                *paused = lane_of(s, "c.test", "t", false), *gone = lane_of(s, "d.test", "t", false);
    ready(s, busy, 0, 1);
    assert_ptr_equal(take(s, 0), &jobs[0]);
    assert_non_null(paused);
    assert_int_equal(schedule_pause(s, STR("c.test"), true), 1);
    assert_int_equal(schedule_pause(s, STR("b.test"), true), 1);
    ready(s, full, 1, 1);
    ready(s, gone, 2, 1);
    schedule_remove(s, &jobs[2]);
    for (int64_t now = 0; now < 100 * 3600 * 1000; now += 600 * 1000)
        schedule_forget(s, now);
    assert_int_equal(lanes_of(s), 2);
    assert_ptr_equal(lane_of(s, "a.test", "t", false), busy);
    assert_ptr_equal(lane_of(s, "b.test", "t", false), full);
    const struct lane_stats *seen = NULL;
    schedule_lanes(s, remember_site_without_lane, &seen);
    assert_non_null(seen); /* an operator who looks for what is on pause finds it */
    assert_str(seen->site, "c.test");
    assert_true(seen->paused);
    ready(s, lane_of(s, "c.test", "t", false), 3, 1);
    assert_null(take(s, 100 * 3600 * 1000));
    schedule_close(&s);
}

static void lanes_of_a_site_share_its_number_which_is_never_used_again(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    uint64_t first = lane_site_number(lane_of(s, "a.test", "t", false));
    assert_int_equal(lane_site_number(lane_of(s, "a.test", "newsletter", false)), first); /* connections are kept for both */
    assert_true(lane_site_number(lane_of(s, "b.test", "t", false)) != first);
    schedule_forget(s, 1);
    assert_int_equal(lane_site_number(lane_of(s, "a.test", "t", false)), first);
    schedule_forget(s, 100000);
    schedule_forget(s, 100000);
    assert_int_equal(sites_of(s), 0);
    assert_true(lane_site_number(lane_of(s, "a.test", "t", false)) != first);
    schedule_close(&s);
}

static void a_site_that_is_down_is_remembered_while_its_mail_waits_elsewhere(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct lane *l = lane_of(s, "down.test", "t", false);
    ready(s, l, 0, 1);
    assert_non_null(take(s, 0));
    schedule_finished(s, l, LANE_DOWN, 0);
    int64_t now = 4 * 3600 * 1000; /* all of its jobs wait for their time */
    schedule_forget(s, now);
    schedule_forget(s, now);
    assert_int_equal(lanes_of(s), 0);
    assert_int_equal(sites_of(s), 1);
    l = lane_of(s, "down.test", "t", false);
    ready(s, l, 1, 1);
    ready(s, l, 2, 1);
    assert_non_null(take(s, now)); /* a probe, */
    assert_null(take(s, now));     /* and only one */
    schedule_finished(s, l, LANE_DOWN, now);
    schedule_remove(s, &jobs[2]);
    assert_null(take(s, now));
    calls_until_forgotten(s, now + 100000, lanes_of);
    calls_until_forgotten(s, now + 7 * 3600 * 1000, sites_of);
    assert_int_equal(sites_of(s), 0); /* at last */
    schedule_close(&s);
}

static void a_site_that_owes_its_pace_is_not_forgotten_to_be_rid_of_the_debt(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    rule.limits = (struct lane_limits){.connections = 4, .recipients = 100, .messages_per_s = 0.001};
    struct lane *l = lane_of(s, "slow.test", "t", false);
    ready(s, l, 0, 1);
    assert_non_null(take(s, 0));
    schedule_finished(s, l, LANE_OK, 0);
    for (int64_t now = 0; now < 300000; now += 1000)
        schedule_forget(s, now);
    l = lane_of(s, "slow.test", "t", false);
    ready(s, l, 1, 1);
    assert_null(take(s, 300000));
    assert_non_null(take(s, 1000001));
    schedule_close(&s);
}

/* ---- all attempts together ---- */

static void sites_that_were_never_reached_leave_a_quarter_of_all_attempts_to_the_others(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct schedule_settings bounded = settings;
    unsigned unknown = 0;
    bounded.attempts_max = 100;
    schedule_settings_use(s, &bounded);
    struct lane *good = lane_of(s, "good.test", "t", false);
    ready(s, good, 0, 1);
    assert_non_null(take(s, 0));
    schedule_finished(s, good, LANE_OK, 0);
    for (int i = 1; i < 1000; i++)
        ready(s, nth_lane(s, i), i, 1);
    while (take(s, 0))
        unknown++;
    assert_int_equal(unknown, 75);
    ready(s, good, 1000, 2);
    assert_ptr_equal(take(s, 0), &jobs[1000]);
    schedule_finished(s, good, LANE_OK, 0);
    schedule_finished(s, nth_lane(s, 1), LANE_DOWN, 0); /* a place is free: the next of them has it */
    assert_non_null(take(s, 0));
    assert_null(take(s, 0));
    schedule_close(&s);
}

static void attempts_in_all_are_bounded_and_both_kinds_of_sites_take_turns(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    struct schedule_settings bounded = settings;
    unsigned known = 0, fresh_ones = 0;
    for (int i = 0; i < 100; i++) {
        ready(s, nth_lane(s, i), i, 1);
        assert_non_null(take(s, 0));
        schedule_finished(s, nth_lane(s, i), LANE_OK, 0);
    }
    bounded.attempts_max = 40;
    schedule_settings_use(s, &bounded);
    for (int i = 0; i < 200; i++)
        ready(s, nth_lane(s, i), i, 1);
    for (struct job *j; (j = take(s, 0));) {
        known += j < &jobs[100];
        fresh_ones += j >= &jobs[100];
    }
    assert_int_equal(known + fresh_ones, 40);
    assert_in_range(known, 15, 25);
    schedule_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_site_has_as_many_attempts_as_connections_and_the_last_is_for_urgent_mail),
        cmocka_unit_test(jobs_of_one_message_share_an_attempt_up_to_the_limit),
        cmocka_unit_test(a_job_that_is_to_go_alone_shares_no_attempt),
        cmocka_unit_test(jobs_of_one_message_that_demand_different_things_of_their_connection_share_no_attempt),
        cmocka_unit_test(one_accounts_flood_leaves_the_others_their_turn),
        cmocka_unit_test(order_among_one_accounts_jobs_is_kept),
        cmocka_unit_test(an_urgent_stream_goes_before_a_newsletter_at_the_same_site),
        cmocka_unit_test(a_rate_lets_through_as_many_as_it_says),
        cmocka_unit_test(waking_is_told_and_is_soon_enough),
        cmocka_unit_test(a_site_that_is_down_costs_one_probe_at_a_time),
        cmocka_unit_test(a_site_that_refuses_our_address_rests_after_a_few_in_a_row),
        cmocka_unit_test(an_attempt_that_reached_nobody_for_reasons_of_ours_teaches_nothing),
        cmocka_unit_test(a_waiting_job_comes_back_when_its_time_has_come),
        cmocka_unit_test(a_held_job_stays_until_it_is_taken_out),
        cmocka_unit_test(waits_between_tries_double_and_are_jittered_within_a_quarter),
        cmocka_unit_test(a_paused_site_waits_and_the_others_go_on),
        cmocka_unit_test(a_site_whose_jobs_are_taken_away_while_it_sleeps_is_not_waited_for),
        cmocka_unit_test(lanes_and_sites_without_work_are_forgotten_a_few_at_a_time),
        cmocka_unit_test(a_lane_with_jobs_or_attempts_stays_and_so_does_a_site_on_pause),
        cmocka_unit_test(lanes_of_a_site_share_its_number_which_is_never_used_again),
        cmocka_unit_test(a_site_that_is_down_is_remembered_while_its_mail_waits_elsewhere),
        cmocka_unit_test(a_site_that_owes_its_pace_is_not_forgotten_to_be_rid_of_the_debt),
        cmocka_unit_test(sites_that_were_never_reached_leave_a_quarter_of_all_attempts_to_the_others),
        cmocka_unit_test(attempts_in_all_are_bounded_and_both_kinds_of_sites_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
