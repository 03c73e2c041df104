/* The list as the mail path asks it, and its file: written whole, appended to, torn, foreign. */
#include "../mail/check.h"

#include "lib/crc32c.h"
#include "suppress/format.h"
#include "suppress/writer.h"

#include <sys/stat.h>
#include <unistd.h>

enum { NOW = 1700000000 };

static char folder[64], path[80];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/goniec-suppress-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/suppression", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct suppress_mark mark(const char *account, const char *value, unsigned flags)
{
    return (struct suppress_mark){str_of(account), str_of(value), flags, SUPPRESS_HARDBOUNCE, NOW - 100, 0};
}

static void write_file(const struct suppress_mark *m, size_t n)
{
    struct fault f;
    struct suppress_writer *w = suppress_writer_new(path);
    for (size_t i = 0; i < n; i++)
        suppress_writer_add(w, &m[i]);
    assert_true(suppress_writer_finish(&w, path, &f));
}

static struct suppress_list *load(struct suppress_list *before)
{
    struct suppress_list *l = NULL;
    struct fault f = {0};
    if (!suppress_load(&l, path, before, &f))
        fail_msg("%s", f.text);
    return l;
}

static bool blocked_at(const struct suppress_list *l, const char *account, const char *address, int64_t now_s)
{
    struct suppress_hit hit;
    const char *domain = strrchr(address, '@') + 1;
    return suppress_blocks(l, str_of(account), str_of(address), str_of(domain), now_s, &hit);
}

static bool blocked(const char *account, const char *address)
{
    struct suppress_list *l = load(NULL);
    bool is = blocked_at(l, account, address, NOW);
    suppress_free(&l);
    return is;
}

static void refused(const char *word)
{
    struct suppress_list *l = NULL;
    struct fault f = {0};
    assert_false(suppress_load(&l, path, NULL, &f));
    assert_null(l);
    if (!strstr(f.text, word) || !strstr(f.text, path))
        fail_msg("the sentence lacks \"%s\" or the path: %s", word, f.text);
}

/* Changes one byte of the file. */
static void spoil(long at)
{
    FILE *io = fopen(path, "r+");
    assert_non_null(io);
    assert_int_equal(fseek(io, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int c = fgetc(io);
    assert_int_equal(fseek(io, -1, SEEK_CUR), 0);
    fputc(c ^ 1, io);
    fclose(io);
}

static off_t file_bytes(void)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* ---- who is blocked ---- */

static void a_missing_file_is_an_empty_list(void **state)
{
    (void)state;
    assert_false(blocked("shop", "b@dest.test"));
}

static void an_entry_blocks_its_account_only_and_the_servers_blocks_all(void **state)
{
    struct suppress_mark m[] = {mark("shop", "b@dest.test", SUPPRESS_MANUAL), mark("*", "trap@dest.test", SUPPRESS_MANUAL),
                                mark("", "c@dest.test", SUPPRESS_AUTOMATIC)};
    (void)state;
    write_file(m, 3);
    assert_true(blocked("shop", "B@dest.test"));
    assert_false(blocked("other", "b@dest.test"));
    assert_false(blocked("", "b@dest.test"));
    assert_true(blocked("shop", "trap@dest.test") && blocked("", "trap@dest.test"));
    assert_true(blocked("", "c@dest.test"));
    assert_false(blocked("shop", "c@dest.test"));
}

static void a_domain_blocks_its_addresses_but_not_those_of_domains_below_it(void **state)
{
    struct suppress_mark m = mark("shop", "dest.test", SUPPRESS_MANUAL);
    (void)state;
    write_file(&m, 1);
    assert_true(blocked("shop", "any@dest.test"));
    assert_false(blocked("shop", "any@sub.dest.test"));
}

static void an_allowed_address_is_spared_by_automatic_entries_not_by_those_made_by_hand(void **state)
{
    struct suppress_mark m[] = {mark("shop", "auto@dest.test", SUPPRESS_AUTOMATIC | SUPPRESS_ALLOWED),
                                mark("shop", "hand@dest.test", SUPPRESS_MANUAL | SUPPRESS_ALLOWED),
                                mark("*", "auto@safe.test", SUPPRESS_AUTOMATIC), mark("shop", "safe.test", SUPPRESS_ALLOWED)};
    (void)state;
    write_file(m, 4);
    assert_false(blocked("shop", "auto@dest.test"));
    assert_true(blocked("shop", "hand@dest.test"));
    assert_false(blocked("shop", "auto@safe.test"));
    assert_true(blocked("other", "auto@safe.test"));
}

static void an_expired_entry_blocks_no_more(void **state)
{
    struct suppress_mark m = mark("shop", "b@dest.test", SUPPRESS_AUTOMATIC);
    (void)state;
    m.expires_s = NOW;
    write_file(&m, 1);
    struct suppress_list *l = load(NULL);
    assert_true(blocked_at(l, "shop", "b@dest.test", NOW - 1));
    assert_false(blocked_at(l, "shop", "b@dest.test", NOW));
    suppress_free(&l);
}

static void the_answer_tells_which_entry_it_was(void **state)
{
    struct suppress_mark m[] = {mark("shop", "b@dest.test", SUPPRESS_AUTOMATIC), mark("*", "dest.test", SUPPRESS_MANUAL)};
    struct suppress_hit hit;
    (void)state;
    m[1].reason = SUPPRESS_ABUSE;
    write_file(m, 2);
    struct suppress_list *l = load(NULL);
    assert_true(suppress_blocks(l, STR("shop"), STR("b@dest.test"), STR("dest.test"), NOW, &hit));
    assert_true(hit.reason == SUPPRESS_ABUSE && !hit.automatic && hit.of_domain && hit.of_server && hit.at_s == NOW - 100);
    suppress_free(&l);
}

static void ten_thousand_entries_are_all_found_and_no_others(void **state)
{
    char value[40];
    struct suppress_writer *w = suppress_writer_new(path);
    struct fault f;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(value, sizeof value, "r%d@dest.test", i);
        struct suppress_mark m = mark("shop", value, SUPPRESS_MANUAL);
        suppress_writer_add(w, &m);
    }
    assert_true(suppress_writer_finish(&w, path, &f));
    struct suppress_list *l = load(NULL);
    assert_int_equal(suppress_size(l), 10000);
    for (int i = 0; i < 20000; i++) {
        snprintf(value, sizeof value, "r%d@dest.test", i);
        assert_int_equal(blocked_at(l, "shop", value, NOW), i < 10000);
    }
    suppress_free(&l);
}

/* ---- single changes ---- */

static void a_change_is_appended_and_the_last_word_counts(void **state)
{
    struct suppress_mark m = mark("shop", "b@dest.test", SUPPRESS_MANUAL), gone = mark("shop", "b@dest.test", 0);
    struct fault f;
    (void)state;
    write_file(&m, 1);
    off_t before = file_bytes();
    assert_true(suppress_append(path, &gone, 1, NOW, &f));
    assert_int_equal(file_bytes(), before + (off_t)sizeof(struct row));
    assert_false(blocked("shop", "b@dest.test"));
    struct suppress_mark more[] = {m, mark("shop", "c@dest.test", SUPPRESS_AUTOMATIC), gone};
    assert_true(suppress_append(path, more, 3, NOW, &f));
    assert_false(blocked("shop", "b@dest.test"));
    assert_true(blocked("shop", "c@dest.test"));
    assert_true(suppress_append(path, &m, 1, NOW, &f));
    assert_true(blocked("shop", "b@dest.test"));
}

static void a_new_list_shares_what_has_not_changed_and_the_old_one_stays_as_it_was(void **state)
{
    struct suppress_mark m = mark("shop", "b@dest.test", SUPPRESS_MANUAL), c = mark("shop", "c@dest.test", SUPPRESS_MANUAL);
    struct fault f;
    (void)state;
    write_file(&m, 1);
    struct suppress_list *old = load(NULL);
    assert_true(suppress_append(path, &c, 1, NOW, &f));
    struct suppress_list *new = load(old), *held = suppress_ref(new);
    assert_false(blocked_at(old, "shop", "c@dest.test", NOW));
    suppress_free(&old);
    suppress_free(&new);
    assert_true(blocked_at(held, "shop", "b@dest.test", NOW) && blocked_at(held, "shop", "c@dest.test", NOW));
    suppress_free(&held);
}

static void a_long_tail_is_folded_into_the_file_without_what_has_expired(void **state)
{
    enum { MANY = 16400 };
    static struct suppress_mark m[MANY];
    static char value[MANY][24];
    struct fault f;
    (void)state;
    write_file(NULL, 0);
    for (int i = 0; i < MANY; i++) {
        snprintf(value[i], sizeof value[i], "r%d@dest.test", i / 2);
        m[i] = mark("shop", value[i], SUPPRESS_MANUAL);
        m[i].expires_s = i % 4 == 3 ? NOW - 1 : 0; /* of every second address, the last word has expired */
    }
    assert_true(suppress_append(path, m, MANY, NOW, &f));
    assert_int_equal(file_bytes(), sizeof(struct head) + MANY / 4 * sizeof(struct row));
    assert_true(blocked("shop", "r0@dest.test"));
    assert_false(blocked("shop", "r1@dest.test"));
}

static void what_a_power_cut_tore_off_does_not_count_and_the_next_change_takes_its_place(void **state)
{
    struct suppress_mark b = mark("shop", "b@dest.test", SUPPRESS_MANUAL), c = mark("shop", "c@dest.test", SUPPRESS_MANUAL),
                         d = mark("shop", "d@dest.test", SUPPRESS_MANUAL);
    struct fault f;
    (void)state;
    write_file(&b, 1);
    assert_true(suppress_append(path, &c, 1, NOW, &f));
    for (int cut = 1; cut < 32; cut += 10) { /* within the last record */
        assert_int_equal(truncate(path, file_bytes() - cut), 0);
        assert_true(blocked("shop", "b@dest.test"));
        assert_false(blocked("shop", "c@dest.test"));
        assert_true(suppress_append(path, &c, 1, NOW, &f));
        assert_true(blocked("shop", "c@dest.test"));
    }
    spoil(-3); /* whole in length, but not in what it says */
    assert_false(blocked("shop", "c@dest.test"));
    assert_true(suppress_append(path, &d, 1, NOW, &f));
    assert_true(blocked("shop", "d@dest.test") && blocked("shop", "b@dest.test"));
    assert_int_equal(file_bytes(), sizeof(struct head) + 2 * sizeof(struct row));
}

/* ---- bad files ---- */

static void every_damaged_byte_of_head_rows_and_tail_is_noticed(void **state)
{
    struct suppress_mark m[] = {mark("shop", "b@dest.test", SUPPRESS_MANUAL), mark("shop", "c@dest.test", SUPPRESS_MANUAL)};
    struct fault f;
    (void)state;
    write_file(m, 2);
    assert_true(suppress_append(path, m, 2, NOW, &f));
    for (long at = 0; at < (long)(sizeof(struct head) + 3 * sizeof(struct row)); at++) { /* all but the last record */
        spoil(at);
        refused("publish");
        spoil(at);
    }
    assert_true(blocked("shop", "b@dest.test"));
}

static void a_foreign_a_short_and_an_empty_file_are_refused(void **state)
{
    struct suppress_mark m = mark("shop", "b@dest.test", SUPPRESS_MANUAL);
    struct fault f;
    (void)state;
    write_file(&m, 1);
    assert_int_equal(truncate(path, sizeof(struct head) + 5), 0);
    refused("cut short");
    assert_false(suppress_append(path, &m, 1, NOW, &f));
    assert_int_equal(truncate(path, 0), 0);
    refused("cut short");
    FILE *out = fopen(path, "w");
    for (int i = 0; i < 20; i++)
        fputs("b@dest.test,hardbounce\n", out);
    fclose(out);
    refused("no suppression list");
    assert_false(suppress_append(path, &m, 1, NOW, &f));
    write_file(&m, 1); /* and a new one takes its place */
    assert_true(blocked("shop", "b@dest.test"));
}

static void rows_out_of_order_are_refused_though_their_checksum_is_right(void **state)
{
    struct suppress_mark m[] = {mark("shop", "b@dest.test", SUPPRESS_MANUAL), mark("shop", "c@dest.test", SUPPRESS_MANUAL)};
    struct {
        struct head head;
        struct row row[2];
    } x;
    (void)state;
    write_file(m, 2);
    FILE *io = fopen(path, "r+");
    assert_int_equal(fread(&x, sizeof x, 1, io), 1);
    struct row first = x.row[0];
    x.row[0] = x.row[1];
    x.row[1] = first;
    x.head.rows_crc = crc32c(0, x.row, sizeof x.row);
    x.head.crc = format_head_crc(&x.head);
    rewind(io);
    assert_int_equal(fwrite(&x, sizeof x, 1, io), 1);
    fclose(io);
    refused("order");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_missing_file_is_an_empty_list),
        CASE(an_entry_blocks_its_account_only_and_the_servers_blocks_all),
        CASE(a_domain_blocks_its_addresses_but_not_those_of_domains_below_it),
        CASE(an_allowed_address_is_spared_by_automatic_entries_not_by_those_made_by_hand),
        CASE(an_expired_entry_blocks_no_more),
        CASE(the_answer_tells_which_entry_it_was),
        CASE(ten_thousand_entries_are_all_found_and_no_others),
        CASE(a_change_is_appended_and_the_last_word_counts),
        CASE(a_new_list_shares_what_has_not_changed_and_the_old_one_stays_as_it_was),
        CASE(a_long_tail_is_folded_into_the_file_without_what_has_expired),
        CASE(what_a_power_cut_tore_off_does_not_count_and_the_next_change_takes_its_place),
        CASE(every_damaged_byte_of_head_rows_and_tail_is_noticed),
        CASE(a_foreign_a_short_and_an_empty_file_are_refused),
        CASE(rows_out_of_order_are_refused_though_their_checksum_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
