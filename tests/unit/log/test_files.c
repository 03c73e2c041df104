/* The log in a directory: torn tails, damaged records, what verify says of them, and the follower. */
#include "owner.h"

#include "lib/must.h"
#include "log/follow.h"
#include "log/format.h"
#include "log/inspect.h"

#include <fcntl.h>
#include <unistd.h>

static struct owner o;
static struct fault fault;
static struct log_finding finding;

static int in_directory(void **state)
{
    (void)state;
    owner_in_directory(&o);
    return 0;
}

static int done(void **state)
{
    (void)state;
    owner_done(&o);
    return 0;
}

/* Messages first..last, each in a batch of its own. */
static void accept_each(unsigned first, unsigned last, uint32_t bytes)
{
    for (unsigned i = first; i <= last; i++) {
        assert_int_equal(owner_accept(&o, i, bytes), LOG_OK);
        log_flush(o.log);
    }
}

static struct log_pos pos_of(unsigned number) { return o.kept[number].entry.pos; }

static uint32_t content_at(unsigned number)
{
    return pos_of(number).offset + (uint32_t)(sizeof(struct record) + sizeof(struct message_payload)) +
           o.kept[number].entry.meta_bytes;
}

static bool verify(void) { return log_verify(o.directory, NULL, &finding, &fault); }

static void assert_says(const char *text, const char *what)
{
    if (!strstr(text, what))
        fail_msg("\"%s\" does not say \"%s\"", text, what);
}

/* ---- ends and tails ---- */

static void a_clean_end_is_opened_by_its_index_alone(void **state)
{
    (void)state;
    accept_each(1, 5, 3000);
    owner_note(&o, 2, 'a', false);
    owner_note(&o, 3, 'z', true);
    uint32_t content = content_at(4), segment = pos_of(4).segment;
    owner_close(&o);
    assert_true(verify());
    owner_damage(&o, segment, content, 8); /* recovery does not read contents */
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 4);
    assert_string_equal(o.kept[2].notes, "a");
    assert_null(log_damage(o.log));
    assert_true(owner_reads(&o, 5, NULL));
    assert_false(owner_reads(&o, 4, &fault));
    assert_says(fault.text, "is damaged");
}

static void without_its_index_a_segment_is_read_record_by_record(void **state)
{
    (void)state;
    accept_each(1, 5, 3000);
    owner_note(&o, 3, 'z', true);
    uint32_t segment = pos_of(1).segment;
    owner_close(&o);
    owner_damage(&o, segment, OWNER_SEGMENT - BLOCK, 20);
    assert_true(verify());
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 4);
    assert_null(log_damage(o.log));
}

static void a_damaged_index_costs_nothing_and_is_told(void **state)
{
    (void)state;
    accept_each(1, 5, 100);
    uint32_t segment = pos_of(1).segment, index = (uint32_t)align_up(pos_of(5).offset + 1, BLOCK);
    owner_close(&o);
    owner_damage(&o, segment, index + 32, 4);
    assert_false(verify());
    assert_says(fault.text, "nothing is lost");
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 5);
}

static void a_torn_tail_ends_at_the_last_whole_record(void **state)
{
    (void)state;
    accept_each(1, 3, 3000);
    owner_accept(&o, 4, 3000); /* one batch of three */
    owner_accept(&o, 5, 3000);
    owner_accept(&o, 6, 3000);
    log_flush(o.log);
    uint32_t segment = pos_of(5).segment, at = content_at(5);
    owner_crash(&o);
    owner_damage(&o, segment, at, 100);
    assert_true(verify());
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 4);
    assert_true(o.kept[4].live);
    assert_null(log_damage(o.log));
    accept_each(7, 7, 100);
    assert_true(pos_of(7).segment > segment); /* a torn tail is never written over */
    owner_crash(&o);
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 5);
}

/* ---- damage ---- */

static void a_damaged_record_in_the_middle_is_reported_and_costs_only_itself(void **state)
{
    (void)state;
    accept_each(1, 2, 3000);
    owner_accept(&o, 3, 3000);
    owner_accept(&o, 4, 3000); /* damaged, between two of its own batch */
    owner_accept(&o, 5, 3000);
    log_flush(o.log);
    accept_each(6, 8, 3000);
    struct log_pos at = pos_of(4);
    uint32_t content = content_at(4);
    char place[40];
    snprintf(place, sizeof place, "offset %u of segment %u", at.offset, at.segment);
    owner_crash(&o);
    owner_damage(&o, at.segment, content, 1);
    assert_false(verify());
    assert_int_equal(finding.damaged, 1);
    assert_int_equal(finding.accepted, 7);
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 7);
    assert_false(o.kept[4].live);
    assert_non_null(log_damage(o.log));
    assert_says(log_damage(o.log), "1 damaged places");
    assert_says(log_damage(o.log), place);
    for (unsigned i = 1; i <= 8; i++)
        assert_true(i == 4 || owner_reads(&o, i, NULL));
}

static void a_batch_whose_beginning_is_lost_costs_only_that_batch(void **state)
{
    (void)state;
    accept_each(1, 6, 3000);
    struct log_pos at = pos_of(3);
    owner_crash(&o);
    owner_damage(&o, at.segment, at.offset / BLOCK * BLOCK, 64); /* its first records' headers */
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 5);
    assert_non_null(log_damage(o.log));
}

static void the_last_batch_of_a_sealed_segment_is_checked_against_its_footer(void **state)
{
    (void)state;
    accept_each(1, 3, 3000);
    uint32_t segment = pos_of(3).segment, content = content_at(3);
    owner_close(&o);
    owner_damage(&o, segment, content, 1);
    assert_false(verify());
    assert_int_equal(finding.damaged, 1);
    assert_says(fault.text, "is damaged at offset");
    assert_true(owner_open(&o));
}

static void every_broken_place_is_told_with_segment_file_and_offset(void **state)
{
    (void)state;
    char *told = NULL;
    size_t told_n = 0;
    accept_each(1, 30, 20000);
    struct log_pos a = pos_of(2), b = pos_of(20);
    uint32_t in_a = content_at(2), in_b = content_at(20);
    owner_close(&o);
    owner_damage(&o, a.segment, in_a, 1);
    owner_damage(&o, b.segment, in_b, 1);
    FILE *tell = open_memstream(&told, &told_n);
    must(tell);
    assert_false(log_verify(o.directory, tell, &finding, &fault));
    fclose(tell);
    char want[60];
    for (int i = 0; i < 2; i++) {
        snprintf(want, sizeof want, "segment %u (", (i ? b : a).segment);
        assert_says(told, want);
        snprintf(want, sizeof want, "offset %u:", (i ? b : a).offset);
        assert_says(told, want);
    }
    assert_says(fault.text, "2 places of the log are broken, the first: segment");
    free(told);
    assert_int_equal(finding.accepted, 28);
    assert_true(owner_open(&o));
}

static void a_missing_segment_stops_the_start_and_names_it(void **state)
{
    (void)state;
    char path[300], want[60];
    accept_each(1, 20, 20000);
    uint32_t segment = pos_of(10).segment;
    owner_close(&o);
    owner_path(&o, segment, path);
    unlink(path);
    assert_false(owner_open(&o));
    snprintf(want, sizeof want, "segment %u of the log is missing", segment);
    assert_says(o.fault.text, want);
    assert_false(verify());
    snprintf(want, sizeof want, "segment %u is missing", segment);
    assert_says(fault.text, want);
}

/* Damages the header of the segment that holds the message, and expects all n messages to be there. */
static void lose_header_of(unsigned number, unsigned n)
{
    uint32_t segment = pos_of(number).segment;
    char want[60];
    owner_crash(&o);
    owner_damage(&o, segment, 0, 512);
    snprintf(want, sizeof want, "segment %u (", segment);
    assert_false(verify());
    assert_says(fault.text, want);
    assert_says(fault.text, "its header at offset 0 is damaged");
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), n);
    assert_non_null(log_damage(o.log));
    snprintf(want, sizeof want, "that of segment %u:", segment);
    assert_says(log_damage(o.log), want);
    assert_true(owner_reads(&o, number, NULL));
    assert_true(verify());
    owner_close(&o);
    assert_true(owner_open(&o));
    assert_null(log_damage(o.log));
    assert_int_equal(owner_live(&o), n);
}

static void a_damaged_header_loses_nothing(void **state)
{
    (void)state;
    accept_each(1, 30, 20000);
    lose_header_of(12, 30); /* in the middle */
    accept_each(31, 31, 20000);
    lose_header_of(31, 31); /* the newest */
}

static void a_damaged_header_loses_nothing_though_it_is_the_only_one(void **state)
{
    (void)state;
    accept_each(1, 2, 1000);
    lose_header_of(1, 2);
}

struct dumped {
    unsigned accepted, notes, ends;
};

static void count_line(void *ctx, const struct log_line *l)
{
    struct dumped *d = ctx;
    d->accepted += strcmp(l->kind, "accepted") == 0;
    d->notes += strcmp(l->kind, "note") == 0;
    d->ends += l->ends;
}

static void dump_hands_over_what_is_whole_of_a_damaged_log(void **state)
{
    (void)state;
    struct dumped d = {0};
    accept_each(1, 4, 3000);
    owner_note(&o, 1, 'z', true);
    struct log_pos at = pos_of(2);
    uint32_t content = content_at(2);
    owner_close(&o);
    owner_damage(&o, at.segment, content, 1);
    assert_false(log_dump(o.directory, count_line, &d, &fault));
    assert_int_equal(d.accepted, 3);
    assert_int_equal(d.notes, 1);
    assert_int_equal(d.ends, 1);
    assert_true(owner_open(&o));
}

static void a_directory_without_a_log_is_said_to_hold_none(void **state)
{
    (void)state;
    assert_false(log_verify("/nonexistent/log", NULL, &finding, &fault));
    assert_says(fault.text, "cannot open /nonexistent/log");
    assert_false(log_verify("/usr/include", NULL, &finding, &fault));
    assert_says(fault.text, "holds no segment of a log");
}

/* ---- what this version does not know ---- */

/* Makes the record at pos one of a type that does not exist. */
static void retype(struct log_pos pos)
{
    static char bytes[OWNER_SEGMENT];
    char path[300];
    struct record r;
    owner_path(&o, pos.segment, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    must(fd >= 0 && pread(fd, bytes, sizeof bytes, pos.offset) > 0);
    memcpy(&r, bytes, sizeof r);
    r.type = 77;
    memcpy(bytes, &r, sizeof r);
    record_seal((struct record *)(void *)bytes);
    must(pwrite(fd, bytes, sizeof r, pos.offset) == sizeof r);
    close(fd);
}

static void a_record_of_an_unknown_type_is_passed_over_and_left_alone(void **state)
{
    (void)state;
    accept_each(1, 3, 1000);
    struct log_pos at = pos_of(2);
    owner_crash(&o);
    retype(at);
    assert_true(verify());
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 2);
    assert_null(log_damage(o.log));
    owner_close(&o);
    retype(at); /* it is still there */
    assert_true(verify());
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 2);
}

static void a_message_that_its_owner_does_not_understand_is_kept_until_somebody_does(void **state)
{
    (void)state;
    accept_each(1, 2, 5000);
    owner_close(&o);
    o.strange = 1;
    assert_true(owner_open(&o));
    assert_non_null(log_damage(o.log));
    assert_says(log_damage(o.log), "does not understand");
    owner_note(&o, 2, 'z', true);
    owner_fill(&o, 30); /* would have recycled its segment */
    assert_int_equal(owner_live(&o), 0);
    owner_close(&o);
    o.strange = 0;
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 1);
    assert_true(owner_reads(&o, 1, NULL));
    assert_null(log_damage(o.log));
}

static void a_log_is_open_once(void **state)
{
    (void)state;
    static struct owner second;
    memset(&second, 0, sizeof second);
    second.options = o.options;
    assert_false(owner_open(&second));
    assert_says(second.fault.text, "another process has the log open");
    accept_each(1, 1, 100); /* the first is none the worse */
    assert_true(o.kept[1].durable);
}

/* ---- following ---- */

static int in_followed_directory(void **state)
{
    in_directory(state);
    owner_close(&o);
    o.options.follow_hold = true;
    assert_true(owner_open(&o));
    return 0;
}

static unsigned follow_all(struct follow *w, struct log_pos *last)
{
    struct follow_record r;
    unsigned n = 0;
    for (int got; (got = follow_next(w, true, &r, &fault)) != 0; n++) {
        if (got < 0)
            fail_msg("%s", fault.text);
        *last = r.pos;
    }
    return n;
}

static void the_follower_sees_every_durable_record_once_and_none_before(void **state)
{
    (void)state;
    struct follow *w = NULL;
    struct log_pos last = {0};
    accept_each(1, 3, 1000);
    assert_true(follow_open(&w, o.directory, last, &fault));
    assert_int_equal(follow_all(w, &last), 3);
    owner_accept(&o, 4, 1000);
    assert_int_equal(follow_all(w, &last), 0);
    log_flush(o.log);
    assert_int_equal(follow_all(w, &last), 1);
    accept_each(5, 30, 20000); /* over several segments */
    owner_note(&o, 5, 'a', false);
    log_flush(o.log);
    assert_int_equal(follow_all(w, &last), 27);
    follow_close(&w);
    assert_true(follow_open(&w, o.directory, last, &fault)); /* from where it was */
    assert_int_equal(follow_all(w, &last), 0);
    owner_close(&o);
    assert_true(owner_open(&o));
    accept_each(40, 41, 1000);
    assert_int_equal(follow_all(w, &last), 2);
    follow_close(&w);
}

static void segments_are_kept_until_the_follower_has_read_past_them(void **state)
{
    (void)state;
    struct follow *w = NULL;
    struct log_pos last = {0};
    owner_fill(&o, 20);
    assert_true(owner_stats(&o).segments >= 20);
    assert_true(follow_open(&w, o.directory, last, &fault));
    unsigned n = follow_all(w, &last);
    assert_int_equal(n, 2 * 20 * (OWNER_SEGMENT / 20000));
    follow_done_to(w, last);
    accept_each(1, 1, 100);
    assert_in_range(owner_stats(&o).segments, 1, 4);
    follow_close(&w);
}

static void a_follower_in_no_hurry_leaves_a_filling_segment_until_its_index_is_there(void **state)
{
    (void)state;
    struct follow *w = NULL;
    struct follow_record r;
    struct log_pos last = {0};
    owner_close(&o);
    o.options.segment_bytes = 1 << 20;
    assert_true(owner_open(&o));
    accept_each(1, 20, 20000);
    assert_true(follow_open(&w, o.directory, (struct log_pos){0}, &fault));
    assert_int_equal(follow_next(w, false, &r, &fault), 0);
    assert_int_equal(follow_all(w, &last), 20); /* in a hurry it reads them */
    accept_each(21, 21, 100);
    assert_int_equal(follow_next(w, false, &r, &fault), 1); /* little is read at once */
    accept_each(22, 70, 20000);
    unsigned n = 0;
    while (follow_next(w, false, &r, &fault) == 1)
        n++;
    assert_in_range(n, 20, 40); /* the first segment is full by now: its index has them; the rest is in the next */
    assert_int_equal(follow_all(w, &last), 49 - n);
    follow_close(&w);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, in_directory, done)
#define FOLLOWED(fn) cmocka_unit_test_setup_teardown(fn, in_followed_directory, done)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_clean_end_is_opened_by_its_index_alone),
        CASE(without_its_index_a_segment_is_read_record_by_record),
        CASE(a_damaged_index_costs_nothing_and_is_told),
        CASE(a_torn_tail_ends_at_the_last_whole_record),
        CASE(a_damaged_record_in_the_middle_is_reported_and_costs_only_itself),
        CASE(a_batch_whose_beginning_is_lost_costs_only_that_batch),
        CASE(the_last_batch_of_a_sealed_segment_is_checked_against_its_footer),
        CASE(every_broken_place_is_told_with_segment_file_and_offset),
        CASE(a_missing_segment_stops_the_start_and_names_it),
        CASE(a_damaged_header_loses_nothing),
        CASE(a_damaged_header_loses_nothing_though_it_is_the_only_one),
        CASE(dump_hands_over_what_is_whole_of_a_damaged_log),
        CASE(a_directory_without_a_log_is_said_to_hold_none),
        CASE(a_record_of_an_unknown_type_is_passed_over_and_left_alone),
        CASE(a_message_that_its_owner_does_not_understand_is_kept_until_somebody_does),
        CASE(a_log_is_open_once),
        FOLLOWED(the_follower_sees_every_durable_record_once_and_none_before),
        FOLLOWED(segments_are_kept_until_the_follower_has_read_past_them),
        FOLLOWED(a_follower_in_no_hurry_leaves_a_filling_segment_until_its_index_is_there),
    };
    return cmocka_run_group_tests_name("log files", tests, NULL, NULL);
}
