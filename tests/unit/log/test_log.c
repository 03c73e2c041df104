/* The log's door, on the simulated disk: what it keeps, what it forgets, when it says no. */
#include "owner.h"

static struct owner o;

static int on_disk(void **state)
{
    (void)state;
    owner_on_disk(&o);
    return 0;
}

static int done(void **state)
{
    (void)state;
    owner_done(&o);
    return 0;
}

/* ---- what is kept ---- */

static void acceptance_is_told_only_when_its_batch_is_durable(void **state)
{
    (void)state;
    assert_int_equal(owner_accept(&o, 1, 5000), LOG_OK);
    assert_false(o.kept[1].durable || o.kept[1].refused);
    log_flush(o.log);
    assert_true(o.kept[1].durable);
    owner_power_cut(&o);
    assert_true(o.kept[1].live);
    assert_int_equal(o.kept[1].content_bytes, 5000);
    assert_true(owner_reads(&o, 1, NULL));
}

static void what_was_not_flushed_is_gone_after_a_power_cut(void **state)
{
    (void)state;
    assert_int_equal(owner_accept(&o, 1, 100), LOG_OK);
    log_flush(o.log);
    assert_int_equal(owner_accept(&o, 2, 100), LOG_OK);
    owner_power_cut(&o);
    assert_true(o.kept[1].live);
    assert_false(o.kept[2].live);
}

static void notes_come_back_in_their_order(void **state)
{
    (void)state;
    owner_accept(&o, 1, 100);
    for (char c = 'a'; c <= 'j'; c++) {
        assert_int_equal(owner_note(&o, 1, c, false), LOG_OK);
        if (c % 3 == 0) /* several to a batch, over several batches */
            log_flush(o.log);
    }
    log_flush(o.log);
    owner_power_cut(&o);
    assert_string_equal(o.kept[1].notes, "abcdefghij");
}

static void an_ended_message_stays_ended(void **state)
{
    (void)state;
    owner_accept(&o, 1, 100);
    owner_accept(&o, 2, 100);
    log_flush(o.log);
    owner_note(&o, 1, 'z', true);
    assert_false(o.kept[1].ended);
    log_flush(o.log);
    assert_true(o.kept[1].ended);
    owner_power_cut(&o);
    assert_false(o.kept[1].live);
    assert_true(o.kept[2].live);
    owner_close(&o);
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), 1);
}

static void an_end_that_was_not_durable_did_not_happen(void **state)
{
    (void)state;
    owner_accept(&o, 1, 100);
    log_flush(o.log);
    owner_note(&o, 1, 'z', true);
    owner_power_cut(&o);
    assert_true(o.kept[1].live);
    assert_string_equal(o.kept[1].notes, "");
}

/* ---- segments ---- */

static void live_messages_move_forward_and_segments_are_freed_in_order(void **state)
{
    (void)state;
    owner_accept(&o, 1, 30000);
    owner_note(&o, 1, 'a', false);
    log_flush(o.log);
    struct log_pos before = o.kept[1].entry.pos;
    owner_fill(&o, 30);
    assert_true(owner_stats(&o).moved > 0);
    assert_true(o.kept[1].entry.pos.segment > before.segment);
    assert_in_range(owner_stats(&o).segments, 1, 10);
    assert_true(owner_reads(&o, 1, NULL));
    owner_note(&o, 1, 'b', false);
    log_flush(o.log);
    owner_power_cut(&o);
    assert_int_equal(owner_live(&o), 1);
    assert_string_equal(o.kept[1].notes, "ab");
    assert_true(owner_reads(&o, 1, NULL));
}

static void what_a_recycled_segment_held_before_is_never_taken_for_new(void **state)
{
    (void)state;
    owner_fill(&o, 40);
    assert_true(disk_reused(o.disk) > 10);
    for (unsigned i = 1; i <= 5; i++) { /* a few records at the front of files full of old ones */
        owner_accept(&o, i, 10);
        log_flush(o.log);
        owner_power_cut(&o);
        assert_int_equal(owner_live(&o), i);
    }
}

static void a_note_of_a_message_that_lies_in_another_segment_finds_it(void **state)
{
    (void)state;
    owner_accept(&o, 1, 100);
    owner_fill(&o, 3);
    owner_note(&o, 1, 'a', false);
    log_flush(o.log);
    owner_power_cut(&o);
    assert_string_equal(o.kept[1].notes, "a");
}

static void a_record_larger_than_a_segment_is_refused(void **state)
{
    (void)state;
    assert_int_equal(owner_accept(&o, 1, OWNER_SEGMENT), LOG_TOO_LARGE);
    assert_int_equal(owner_accept(&o, 2, OWNER_SEGMENT - 5 * 4096), LOG_OK);
    log_flush(o.log);
    assert_true(o.kept[2].durable);
    assert_true(owner_reads(&o, 2, NULL));
    assert_int_equal(owner_live(&o), 1);
}

static void open_with(uint32_t segment_bytes)
{
    owner_close(&o);
    o.options.segment_bytes = segment_bytes;
    assert_true(owner_open(&o));
}

static void segments_of_another_size_are_read_and_not_used_for_records_they_cannot_hold(void **state)
{
    (void)state;
    owner_accept(&o, 1, 30000);
    owner_fill(&o, 3);
    open_with(4 * OWNER_SEGMENT);
    assert_true(owner_reads(&o, 1, NULL));
    owner_note(&o, 1, 'z', true); /* the small ones are freed while we run */
    owner_fill(&o, 8);
    for (unsigned i = 2; i <= 4; i++) {
        assert_int_equal(owner_accept(&o, i, 190000), LOG_OK);
        log_flush(o.log);
    }
    owner_power_cut(&o);
    for (unsigned i = 2; i <= 4; i++)
        assert_true(o.kept[i].live && owner_reads(&o, i, NULL));
    open_with(OWNER_SEGMENT);
    owner_fill(&o, 8);
    owner_power_cut(&o);
    assert_int_equal(owner_live(&o), 3);
    for (unsigned i = 2; i <= 4; i++)
        assert_true(owner_reads(&o, i, NULL));
}

/* ---- room ---- */

/* Messages that stay, until the log refuses one: how many it took. */
static unsigned accept_until_full(unsigned first, uint32_t bytes)
{
    for (unsigned n = 0; n < 500; n++) {
        enum log_refusal refused = owner_accept(&o, first + n, bytes);
        log_flush(o.log);
        if (refused == LOG_DISK_FULL)
            return n;
        assert_int_equal(refused, LOG_OK);
    }
    fail_msg("the disk never became full");
    return 0;
}

static void a_full_disk_refuses_messages_and_takes_notes_and_takes_messages_again_when_there_is_room(void **state)
{
    (void)state;
    disk_set_room(o.disk, 0);
    unsigned n = accept_until_full(1, 20000);
    assert_true(n > 3);
    assert_true(owner_stats(&o).disk_full);
    for (unsigned i = 1; i <= n; i++) {
        assert_int_equal(owner_note(&o, i, 'a', false), LOG_OK);
        log_flush(o.log);
        assert_true(o.kept[i].note_durable);
    }
    assert_int_equal(o.failures, 0);
    disk_set_room(o.disk, 1 << 30);
    owner_note(&o, 1, 'b', false); /* any flush looks at the disk again */
    log_flush(o.log);
    assert_int_equal(owner_accept(&o, 600, 20000), LOG_OK);
    owner_power_cut(&o);
    assert_int_equal(owner_live(&o), n);
    assert_string_equal(o.kept[1].notes, "ab");
}

static void messages_that_end_make_room_on_a_full_disk(void **state)
{
    (void)state;
    disk_set_room(o.disk, 0);
    unsigned n = accept_until_full(1, 20000);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 1; i <= n; i++)
            owner_note(&o, i, 'z', true);
        log_flush(o.log);
        assert_int_equal(o.failures, 0);
        n = accept_until_full(1, 20000);
    }
    assert_int_equal(o.failures, 0);
}

static void a_log_opens_on_a_full_disk_only_while_it_could_note_what_is_delivered(void **state)
{
    (void)state;
    unsigned starts = 0;
    disk_set_room(o.disk, 0);
    unsigned n = accept_until_full(1, 20000);
    for (bool open = true; open && starts < 20; starts++) {
        assert_int_equal(owner_accept(&o, 700, 20000), LOG_DISK_FULL);
        assert_int_equal(owner_note(&o, 1, 'a', false), LOG_OK); /* as each start's first delivery would */
        log_flush(o.log);
        assert_int_equal(o.failures, 0);
        assert_true(o.kept[1].note_durable);
        owner_close(&o);
        open = owner_open(&o);
    }
    assert_in_range(starts, 1, 19);
    assert_non_null(strstr(o.fault.text, "there is no room"));
    disk_set_room(o.disk, 1 << 30);
    assert_true(owner_open(&o));
    assert_int_equal(owner_live(&o), n);
    assert_int_equal(strlen(o.kept[1].notes), starts);
    assert_int_equal(owner_accept(&o, 700, 20000), LOG_OK);
}

static void what_is_to_stay_free_serves_for_notes(void **state)
{
    (void)state;
    o.options.disk_free_min = 2 * OWNER_SEGMENT;
    owner_close(&o);
    disk_set_room(o.disk, 2 * OWNER_SEGMENT);
    assert_true(owner_open(&o));
    accept_until_full(1, 20000);
    owner_note(&o, 1, 'a', false);
    for (int i = 0; i < 3; i++) {
        owner_close(&o);
        assert_true(owner_open(&o));
        assert_int_equal(owner_note(&o, 1, 'a', false), LOG_OK);
        log_flush(o.log);
        assert_int_equal(o.failures, 0);
    }
}

static void a_spare_that_cannot_be_made_means_full_although_the_disk_says_there_is_room(void **state)
{
    (void)state;
    o.options.disk_free_min = 0;
    disk_set_room(o.disk, 1 << 30);
    disk_fail_writes_at(o.disk, 1); /* as a quota would */
    unsigned n = accept_until_full(1, 20000);
    assert_true(n > 3);
    assert_int_equal(o.failures, 0);
    assert_int_equal(owner_note(&o, 1, 'a', false), LOG_OK);
    log_flush(o.log);
    assert_true(o.kept[1].note_durable);
}

/* ---- failure ---- */

static void after_a_failed_sync_nothing_is_acknowledged_any_more(void **state)
{
    (void)state;
    owner_accept(&o, 1, 100);
    log_flush(o.log);
    disk_fail_syncs_at(o.disk, 1);
    owner_accept(&o, 2, 100);
    owner_note(&o, 1, 'z', true);
    log_flush(o.log);
    assert_true(o.kept[2].refused);
    assert_false(o.kept[1].ended);
    assert_int_equal(o.failures, 1);
    assert_non_null(strstr(o.fault.text, "cannot write a batch"));
    disk_fail_syncs_at(o.disk, 0); /* the next sync would succeed, but proves nothing */
    assert_int_equal(owner_accept(&o, 3, 100), LOG_FAILED);
    assert_int_equal(owner_note(&o, 1, 'z', true), LOG_FAILED);
    log_flush(o.log);
    assert_false(o.kept[3].durable);
    assert_int_equal(o.failures, 1);
    assert_true(owner_stats(&o).failed);
    owner_power_cut(&o);
    assert_false(o.kept[3].live);
}

/* ---- reading back ---- */

static void a_message_is_read_back_before_and_after_its_flush(void **state)
{
    (void)state;
    owner_accept(&o, 1, 50000);
    owner_accept(&o, 2, 0);
    owner_accept(&o, 3, 77);
    for (unsigned i = 1; i <= 3; i++)
        assert_true(owner_reads(&o, i, NULL));
    log_flush(o.log);
    for (unsigned i = 1; i <= 3; i++)
        assert_true(owner_reads(&o, i, NULL));
}

static void the_figures_count_what_is_live(void **state)
{
    (void)state;
    owner_accept(&o, 1, 1000);
    owner_accept(&o, 2, 2000);
    log_flush(o.log);
    assert_int_equal(owner_stats(&o).live, 2);
    assert_int_equal(owner_stats(&o).live_bytes, 3000);
    assert_int_equal(owner_stats(&o).records, 2);
    assert_int_equal(owner_stats(&o).commits, 1);
    owner_note(&o, 1, 'z', true);
    log_flush(o.log);
    assert_int_equal(owner_stats(&o).live_bytes, 2000);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, on_disk, done)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(acceptance_is_told_only_when_its_batch_is_durable),
        CASE(what_was_not_flushed_is_gone_after_a_power_cut),
        CASE(notes_come_back_in_their_order),
        CASE(an_ended_message_stays_ended),
        CASE(an_end_that_was_not_durable_did_not_happen),
        CASE(live_messages_move_forward_and_segments_are_freed_in_order),
        CASE(what_a_recycled_segment_held_before_is_never_taken_for_new),
        CASE(a_note_of_a_message_that_lies_in_another_segment_finds_it),
        CASE(a_record_larger_than_a_segment_is_refused),
        CASE(segments_of_another_size_are_read_and_not_used_for_records_they_cannot_hold),
        CASE(a_full_disk_refuses_messages_and_takes_notes_and_takes_messages_again_when_there_is_room),
        CASE(messages_that_end_make_room_on_a_full_disk),
        CASE(a_log_opens_on_a_full_disk_only_while_it_could_note_what_is_delivered),
        CASE(what_is_to_stay_free_serves_for_notes),
        CASE(a_spare_that_cannot_be_made_means_full_although_the_disk_says_there_is_room),
        CASE(after_a_failed_sync_nothing_is_acknowledged_any_more),
        CASE(a_message_is_read_back_before_and_after_its_flush),
        CASE(the_figures_count_what_is_live),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
