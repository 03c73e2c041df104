/* standing and tell: what waits comes in groups by receiver and cause, the most important first, and the sentences about it are
 * right in number and case in both languages. */
#include "explain/cause.h"
#include "report/tell.h"
#include "store/waiting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[40];
static struct store *store;
static struct fault fault;
static struct standing standing;
static unsigned made;

enum { DAY_MS = 24 * 3600 * 1000 };
#define NOON_MS INT64_C(1790000000000)

static void good(bool done)
{
    if (!done)
        fail_msg("%s", fault.text);
}

static int set_up(void **state)
{
    (void)state;
    made = 0;
    strcpy(folder, "/tmp/goniec-standing-XXXXXX");
    assert_non_null(mkdtemp(folder));
    good(store_open(&store, folder, true, &fault));
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[80];
    (void)state;
    standing_done(&standing);
    store_close(&store);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/office.db%s", folder, ends[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static int64_t trouble(const char *site, const char *domain, const char *cause)
{
    struct store_trouble t = {str_of(site), str_of(domain), str_of(cause), STR("451 4.7.1 come back")};
    int64_t n = 0;
    good(store_trouble(store, &t, NOON_MS, &n, &fault));
    return n;
}

/* n messages of so many recipients each. */
static void wait_for(const char *site, const char *domain, const char *cause, unsigned n, uint32_t recipients, int64_t since_ms)
{
    int64_t number = trouble(site, domain, cause);
    for (unsigned i = 0; i < n; i++) {
        struct id id = {{1}};
        made++;
        memcpy(id.b + 12, &made, sizeof made);
        for (uint32_t k = 0; k < recipients; k++)
            good(store_waiting_put(store, id, k, number, since_ms + i, since_ms + 600000 - i, &fault));
    }
}

static void read_for(const char *domain, const char *lanes)
{
    struct str text = str_of(lanes);
    standing_done(&standing);
    standing_read(&standing, store, lanes ? &text : NULL, str_of(domain), NOON_MS, NOON_MS - DAY_MS);
    good(store_good(store, &fault));
}

/* ---- words ---- */

static void the_form_of_a_noun_follows_the_number(void **state)
{
    static const struct {
        uint64_t n;
        unsigned pl;
    } rows[] = {{0, 2},   {1, 0},   {2, 1},   {3, 1},    {4, 1},    {5, 2},    {10, 2},   {11, 2},   {12, 2},     {13, 2},
                {14, 2},  {15, 2},  {21, 2},  {22, 1},   {24, 1},   {25, 2},   {100, 2},  {101, 2},  {102, 1},    {112, 2},
                {113, 2}, {114, 2}, {122, 1}, {1000, 2}, {1001, 2}, {1240, 2}, {1242, 1}, {1212, 2}, {1000002, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(tell_form(rows[i].n, "pl"), rows[i].pl);
        assert_int_equal(tell_form(rows[i].n, "en"), rows[i].n == 1 ? 0 : 2);
    }
}

static void numbers_are_parted_as_the_language_does(void **state)
{
    static const struct {
        uint64_t n;
        const char *en, *pl;
    } rows[] = {{0, "0", "0"},
                {999, "999", "999"},
                {1240, "1,240", "1240"},
                {12400, "12,400", "12\u00a0400"},
                {1000000, "1,000,000", "1\u00a0000\u00a0000"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = {0};
        tell_number(rows[i].n, "en", &b);
        assert_true(str_eq(buf_str(&b), str_of(rows[i].en)));
        b.n = 0;
        tell_number(rows[i].n, "pl", &b);
        assert_true(str_eq(buf_str(&b), str_of(rows[i].pl)));
        buf_done(&b);
    }
}

static void a_moment_of_another_day_has_its_date(void **state)
{
    char out[TELL_TIME], want[TELL_TIME];
    time_t at = NOON_MS / 1000, before = at - DAY_MS / 1000;
    struct tm tm;
    (void)state;
    tell_time(NOON_MS, NOON_MS, out);
    strftime(want, sizeof want, "%H:%M", localtime_r(&at, &tm));
    assert_string_equal(out, want);
    tell_time(NOON_MS - DAY_MS, NOON_MS, out);
    strftime(want, sizeof want, "%Y-%m-%d %H:%M", localtime_r(&before, &tm));
    assert_string_equal(out, want);
}

static void begins(const struct buf *b, const char *want)
{
    size_t n = strlen(want);
    if (b->n < n || memcmp(b->p, want, n) != 0)
        fail_msg("expected \"%s...\", got \"%.*s\"", want, (int)b->n, b->p);
}

/* The sentence about the first group: what stands before its moment and after it; NULL: what its cause says to postmasters. */
static void first_waits(const char *lang, const char *before, const char *after)
{
    struct buf b = {0}, want = {0};
    char moment[TELL_TIME];
    assert_true(standing.waiting_n > 0);
    tell_time(standing.waiting[0].since_ms, NOON_MS, moment);
    buf_addf(&want, "%s%s", before, moment);
    if (after)
        buf_add_str(&want, str_of(after));
    else
        buf_addf(&want, ": %s", cause_for_postmaster(cause_find(standing.waiting[0].cause), lang)->what);
    buf_add(&want, "", 1);
    tell_waiting(&standing.waiting[0], lang, NOON_MS, &b);
    begins(&b, want.p);
    buf_done(&b);
    buf_done(&want);
}

static void sentences_agree_in_number(void **state)
{
    static const struct {
        unsigned more; /* than before */
        const char *en, *pl;
    } rows[] = {
        {1, "1 message to w.test has been waiting since ", "1 wiadomość do domeny w.test czeka od "},
        {1, "2 messages to w.test have been waiting since ", "2 wiadomości do domeny w.test czekają od "},
        {3, "5 messages to w.test have been waiting since ", "5 wiadomości do domeny w.test czeka od "},
        {17, "22 messages to w.test have been waiting since ", "22 wiadomości do domeny w.test czekają od "},
        {1218, "1,240 messages to w.test have been waiting since ", "1240 wiadomości do domeny w.test czeka od "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        good(store_begin(store, &fault));
        wait_for("mx.w.test", "w.test", "greylisted", rows[i].more, 1, NOON_MS - 60000);
        good(store_commit(store, &fault));
        read_for("", NULL);
        first_waits("en", rows[i].en, NULL);
        first_waits("pl", rows[i].pl, NULL);
    }
}

static void what_an_operator_holds_is_said_to_be_held(void **state)
{
    (void)state;
    wait_for("", "w.test", STORE_HELD, 2, 1, NOON_MS - 60000);
    read_for("", NULL);
    first_waits("en", "2 messages to w.test have been held since ", ".");
    first_waits("pl", "2 wiadomości do domeny w.test są wstrzymane od ", ".");
    assert_non_null(strstr(tell_advice(standing.waiting[0].cause, "pl"), "goniec queue release"));
}

/* ---- groups ---- */

#define WORKSPACE "alt1.aspmx.l.google.com,aspmx.l.google.com"

static void domains_of_one_provider_wait_together_whatever_their_servers(void **state)
{
    (void)state;
    wait_for("gmail-smtp-in.l.google.com", "gmail.com", "rate-limited", 10, 1, NOON_MS - 5000);
    wait_for(WORKSPACE, "firma.test", "rate-limited", 3, 2, NOON_MS - 9000);
    wait_for("smtp.google.com", "shop.test", "rate-limited", 20, 1, NOON_MS - 1000);
    wait_for(WORKSPACE, "firma.test", "greylisted", 1, 1, NOON_MS - 1000);
    read_for("", NULL);
    assert_int_equal(standing.waiting_n, 2);
    const struct standing_group *g = &standing.waiting[0];
    assert_string_equal(g->to.provider, "gmail");
    assert_true(g->messages == 33 && g->recipients == 36 && g->since_ms == NOON_MS - 9000);
    assert_int_equal(g->to.domains, 3);
    assert_true(str_eq(g->to.domain[0].domain, STR("shop.test")) && g->to.domain[0].messages == 20);
    assert_true(str_eq(g->to.domain[2].domain, STR("firma.test")) && g->to.domain[2].messages == 3);
    assert_int_equal(g->next_ms, NOON_MS - 9000 + 600000 - 2);
    first_waits("en", "33 messages to Gmail have been waiting since ", NULL);
    first_waits("pl", "33 wiadomości do usługi Gmail czekają od ", NULL);
}

static void domains_of_servers_of_nobody_known_wait_together_by_site(void **state)
{
    (void)state;
    wait_for("mx1.hosting.test,mx2.hosting.test,mx3.hosting.test", "a.test", "timeout", 1, 1, NOON_MS);
    wait_for("mx1.hosting.test,mx2.hosting.test,mx3.hosting.test", "b.test", "timeout", 1, 1, NOON_MS);
    wait_for("", "lost.test", "dns-failure", 1, 1, NOON_MS);
    wait_for("", "gmail.com", "dns-failure", 1, 1, NOON_MS);
    read_for("", NULL);
    assert_int_equal(standing.waiting_n, 3);
    first_waits("en", "2 messages to the servers mx1.hosting.test, mx2.hosting.test, ... have been waiting since ", NULL);
    first_waits("pl", "2 wiadomości do serwerów mx1.hosting.test, mx2.hosting.test, ... czekają od ", NULL);
}

static void what_somebody_here_must_mend_comes_first(void **state)
{
    (void)state;
    wait_for("mx.a.test", "a.test", "greylisted", 50, 1, NOON_MS);
    wait_for("mx.b.test", "b.test", "greylisted", 60, 1, NOON_MS);
    wait_for("mx.c.test", "c.test", "ip-listed", 2, 1, NOON_MS);
    read_for("", NULL);
    assert_int_equal(standing.waiting_n, 3);
    assert_true(str_eq(standing.waiting[0].cause, STR("ip-listed")));
    assert_int_equal(standing.waiting[1].messages, 60);
    assert_int_equal(standing.waiting[2].messages, 50);
}

static void a_domain_or_a_provider_is_asked_for_alone(void **state)
{
    (void)state;
    wait_for(WORKSPACE, "firma.test", "timeout", 2, 1, NOON_MS);
    wait_for("smtp.google.com", "shop.test", "timeout", 3, 1, NOON_MS);
    wait_for("mx.a.test", "a.test", "timeout", 4, 1, NOON_MS);
    read_for("firma.test", NULL);
    assert_true(standing.waiting_n == 1 && standing.waiting[0].messages == 2);
    assert_string_equal(standing.waiting[0].to.provider, "gmail");
    first_waits("en", "2 messages to firma.test have been waiting since ", NULL);
    read_for("Gmail", NULL);
    assert_true(standing.waiting_n == 1 && standing.waiting[0].messages == 5);
    read_for("other.test", NULL);
    assert_int_equal(standing.waiting_n, 0);
}

static void what_was_refused_during_the_day_is_counted(void **state)
{
    struct buf b = {0};
    (void)state;
    int64_t a = trouble("mx.wp.pl", "wp.pl", "user-unknown"), o2 = trouble("mx.tlen.pl", "o2.pl", "user-unknown");
    for (int i = 0; i < 36; i++)
        good(store_refused_add(store, a, NOON_MS - 3600000 + i, &fault));
    good(store_refused_add(store, o2, NOON_MS - 1, &fault));
    good(store_refused_add(store, a, NOON_MS - 3 * (int64_t)DAY_MS, &fault));
    read_for("", NULL);
    assert_true(standing.waiting_n == 0 && standing.refused_n == 1);
    assert_int_equal(standing.refused[0].recipients, 37);
    assert_int_equal(standing.refused[0].since_ms, NOON_MS - 3600000);
    tell_refused(&standing.refused[0], "en", NOON_MS, &b);
    begins(&b, "Mail to 37 recipients at WP/o2 has been refused for good since ");
    b.n = 0;
    tell_refused(&standing.refused[0], "pl", NOON_MS, &b);
    begins(&b, "Poczta do 37 odbiorców w usłudze WP/o2 jest ostatecznie odrzucana od ");
    buf_done(&b);
}

/* An operator may hold mail for as long as he likes. */
static void what_waits_is_told_however_old_its_trouble_is_and_other_troubles_are_forgotten(void **state)
{
    (void)state;
    trouble("mx.b.test", "b.test", "timeout");
    wait_for("mx.a.test", "a.test", "timeout", 1, 1, NOON_MS);
    good(store_refused_add(store, trouble("mx.c.test", "c.test", "virus"), NOON_MS, &fault));
    good(store_waiting_forget(store, INT64_MAX, 0, &fault));
    read_for("", NULL);
    assert_true(standing.waiting_n == 1 && standing.refused_n == 1);
    assert_int_equal(trouble("mx.d.test", "d.test", "timeout"), 4);
    good(store_waiting_forget(store, INT64_MAX, INT64_MAX, &fault));
    read_for("", NULL);
    assert_true(standing.waiting_n == 1 && standing.refused_n == 0);
}

static void one_refusal_is_told_with_its_hour_and_its_day_if_that_is_another(void **state)
{
    static const struct {
        const char *lang, *today, *before;
    } want[] = {{"en", "Mail to 1 recipient at the servers mx.a.test was refused for good at ",
                 "Mail to 1 recipient at the servers mx.a.test was refused for good on 20"},
                {"pl", "Poczta do 1 odbiorcy na serwerach mx.a.test została ostatecznie odrzucona o ",
                 "Poczta do 1 odbiorcy na serwerach mx.a.test została ostatecznie odrzucona 20"}};
    struct standing_group g = {.to.site = STR("mx.a.test"), .cause = STR("user-unknown"), .recipients = 1, .since_ms = NOON_MS};
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct buf b = {0};
        tell_refused(&g, want[i].lang, NOON_MS, &b);
        begins(&b, want[i].today);
        b.n = 0;
        tell_refused(&g, want[i].lang, NOON_MS + 2 * (int64_t)DAY_MS, &b);
        begins(&b, want[i].before);
        assert_non_null(memmem(b.p, b.n, i ? " o " : " at ", i ? 3 : 4));
        buf_done(&b);
    }
}

/* ---- what rests ---- */

static const char lanes[] = "mx.a.test\ttransactional\tbarred\t7\t0\t3\t600\t1\t20\t0\t4\tip-listed\n"
                            "mx.a.test\tmarketing\tbarred\t1000\t0\t3\t600\t1\t20\t0\t4\tip-listed\n"
                            "mx.open.test\ttransactional\topen\t5\t1\t3\t0\t20\t20\t0\t0\t\n"
                            "mx.gone.test\ttransactional\tdown\t1\t0\t3\t20\t20\t20\t0.5\t0\t\n"
                            "mx.still.test\t\tpaused\t0\t0\t0\t0\t20\t20\t0\t0\t\n"
                            "a line of another make\n";

static void a_site_that_rests_is_told_once_with_its_reason(void **state)
{
    struct buf b = {0}, want = {0};
    char until[TELL_TIME];
    (void)state;
    wait_for("mx.a.test", "a.test", "ip-listed", 1, 1, NOON_MS);
    read_for("", lanes);
    assert_true(standing.engine && standing.rest_n == 3 && standing.in_line == 1013);
    assert_true(standing.rest[0].kind == REST_PAUSED && standing.rest[2].kind == REST_DOWN);
    const struct standing_rest *r = &standing.rest[1];
    assert_true(r->kind == REST_BARRED && r->recipients == 1007 && r->until_ms == NOON_MS + 600000);
    tell_time(r->until_ms, NOON_MS, until);
    buf_addf(&want, "Poczta do domeny a.test czeka do %s, bo 4 kolejne odmowy dotyczą tego serwera: %s", until,
             cause_for_postmaster(cause_find(STR("ip-listed")), "pl")->what);
    buf_add(&want, "", 1);
    tell_rest(r, "pl", NOON_MS, &b);
    begins(&b, want.p);
    buf_add(&b, "", 1);
    assert_non_null(strstr(b.p, " W kolejce jest 1007 odbiorców."));
    b.n = 0;
    tell_rest(&standing.rest[2], "en", NOON_MS, &b);
    begins(&b, "Mail to the servers mx.gone.test rests until ");
    buf_done(&b);
    buf_done(&want);
}

static void a_site_is_found_by_its_domains_and_hosts(void **state)
{
    (void)state;
    wait_for("mx.a.test", "shop.test", "ip-listed", 1, 1, NOON_MS);
    read_for("shop.test", lanes);
    assert_true(standing.rest_n == 1 && standing.rest[0].kind == REST_BARRED);
    read_for("gone.test", lanes);
    assert_true(standing.rest_n == 1 && standing.rest[0].kind == REST_DOWN);
    read_for("elsewhere.test", lanes);
    assert_int_equal(standing.rest_n, 0);
    read_for("", NULL);
    assert_true(!standing.engine && standing.rest_n == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_of_a_noun_follows_the_number),
        cmocka_unit_test(numbers_are_parted_as_the_language_does),
        cmocka_unit_test(a_moment_of_another_day_has_its_date),
        TEST(sentences_agree_in_number),
        TEST(what_an_operator_holds_is_said_to_be_held),
        TEST(domains_of_one_provider_wait_together_whatever_their_servers),
        TEST(domains_of_servers_of_nobody_known_wait_together_by_site),
        TEST(what_somebody_here_must_mend_comes_first),
        TEST(a_domain_or_a_provider_is_asked_for_alone),
        TEST(what_waits_is_told_however_old_its_trouble_is_and_other_troubles_are_forgotten),
        TEST(one_refusal_is_told_with_its_hour_and_its_day_if_that_is_another),
        TEST(what_was_refused_during_the_day_is_counted),
        TEST(a_site_that_rests_is_told_once_with_its_reason),
        TEST(a_site_is_found_by_its_domains_and_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
