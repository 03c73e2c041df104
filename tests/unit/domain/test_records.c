/* The records that a sending domain is told to publish, each by its standard, and the key's halves as files. */
#include "domain/records.h"
#include "sign/key.h"
#include "verify/key.h"
#include "verify/spf_term.h"
#include "verify/tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct key_index keys;

static void add_key(const char *domain, const char *selector, bool ed25519, int64_t retired_s)
{
    struct fault f;
    char path[800];
    struct key_row r = {str_of(domain), STR(""), str_of(selector), ed25519, 1, 1, 1, retired_s};
    key_index_path(folder, &r, path);
    assert_true(key_index_folder(folder, r.domain, &f) && key_make(path, ed25519, &f));
    key_index_add(&keys, &r);
}

static int make_keys(void **state)
{
    struct fault f;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/goniec-records-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_true(key_index_open(&keys, folder, true, &f));
    add_key("shop.test", "r1", false, 0);
    add_key("shop.test", "e1", true, 0);
    add_key("shop.test", "old", true, 5);
    add_key("other.test", "r1", true, 0);
    return 0;
}

static int remove_keys(void **state)
{
    char command[100];
    (void)state;
    key_index_done(&keys);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

struct made {
    struct arena arena;
    struct record record[RECORDS_MAX];
    unsigned n;
};

static struct made make(const char *v4, const char *v6)
{
    struct made m = {0};
    struct fault f;
    struct sender s = {STR("shop.test"), STR("mail.goniec.test"), {v4, v6}, folder};
    if (!records_make(&s, &keys, &m.arena, m.record, &m.n, &f))
        fail_msg("%s", f.text);
    return m;
}

static const struct record *find(const struct made *m, enum record_kind k)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->record[i].kind == k)
            return &m->record[i];
    return NULL;
}

static void is(const struct record *r, const char *name, enum dns_type type, const char *value)
{
    assert_non_null(r);
    if (!str_eq(r->name, str_of(name)) || r->type != type || !str_eq(r->value, str_of(value)))
        fail_msg("%.*s \"%.*s\", expected %s \"%s\"", STR_ARGS(r->name), STR_ARGS(r->value), name, value);
}

static void each_record_is_what_its_standard_asks_for(void **state)
{
    struct made m = make(NULL, NULL);
    (void)state;
    is(find(&m, RECORD_SPF), "shop.test", DNS_TXT, "v=spf1 a:mail.goniec.test ~all");
    is(find(&m, RECORD_DMARC), "_dmarc.shop.test", DNS_TXT, "v=DMARC1; p=none; rua=mailto:dmarc@bounces.shop.test");
    is(find(&m, RECORD_RETURN_MX), "bounces.shop.test", DNS_MX, "mail.goniec.test");
    assert_int_equal(find(&m, RECORD_RETURN_MX)->preference, 10);
    is(find(&m, RECORD_RETURN_SPF), "bounces.shop.test", DNS_TXT, "v=spf1 a:mail.goniec.test -all");
    is(find(&m, RECORD_TRACKING), "track.shop.test", DNS_CNAME, "mail.goniec.test");
    is(find(&m, RECORD_TLS_REPORTS), "_smtp._tls.shop.test", DNS_TXT, "v=TLSRPTv1; rua=mailto:tls-reports@bounces.shop.test");
    is(find(&m, RECORD_MTA_STS), "_mta-sts.shop.test", DNS_TXT, "v=STSv1; id=1");
    arena_done(&m.arena);
}

static void spf_names_the_addresses_that_the_settings_name(void **state)
{
    static const struct {
        const char *v4, *v6, *want;
    } rows[] = {{"192.0.2.1", NULL, "v=spf1 ip4:192.0.2.1 ~all"},
                {NULL, "2001:db8::1", "v=spf1 ip6:2001:db8::1 ~all"},
                {"192.0.2.1", "2001:db8::1", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct made m = make(rows[i].v4, rows[i].v6);
        is(find(&m, RECORD_SPF), "shop.test", DNS_TXT, rows[i].want);
        assert_true(spf_is_record(find(&m, RECORD_SPF)->value));
        arena_done(&m.arena);
    }
}

static void a_keys_record_is_for_keys_in_use_and_holds_the_very_key(void **state)
{
    struct made m = make(NULL, NULL);
    struct tags t;
    unsigned found = 0;
    (void)state;
    for (unsigned i = 0; i < m.n; i++) {
        const struct record *r = &m.record[i];
        if (r->kind != RECORD_DKIM)
            continue;
        found++;
        assert_true(tags_read(r->value, &t));
        assert_true(str_eq(tags_get(&t, "v"), STR("DKIM1")));
        assert_true(str_eq(tags_get(&t, "k"), r->key->ed25519 ? STR("ed25519") : STR("rsa")));
        struct buf p = {0};
        assert_true(tags_base64(tags_get(&t, "p"), &p));
        assert_int_equal(p.n, r->key->ed25519 ? 32 : 294); /* the raw key (RFC 8463 4.2); an RSA-2048 SubjectPublicKeyInfo */
        buf_done(&p);
        assert_int_equal(r->value.n > RECORD_STRING_MAX, !r->key->ed25519);
    }
    assert_int_equal(found, 2); /* neither the replaced key nor the other domain's */
    is(&m.record[1], "e1._domainkey.shop.test", DNS_TXT, arena_strz(&m.arena, m.record[1].value));
    arena_done(&m.arena);
}

static void the_policy_is_one_that_a_sender_of_rfc_8461_reads(void **state)
{
    struct arena a = {0};
    struct sender s = {STR("shop.test"), STR("mail.goniec.test"), {NULL, NULL}, folder};
    (void)state;
    assert_true(
        str_eq(records_policy(&s, &a), STR("version: STSv1\r\nmode: testing\r\nmx: mail.goniec.test\r\nmax_age: 604800\r\n")));
    arena_done(&a);
}

static void private_halves_are_readable_by_the_servers_user_alone(void **state)
{
    char path[200];
    struct stat st;
    (void)state;
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(path, sizeof path, "%s/shop.test", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(path, sizeof path, "%s/shop.test/r1.pem", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_key_that_is_gone_is_told_by_its_files_name(void **state)
{
    struct made m = {0};
    struct fault f = {0};
    struct sender s = {STR("gone.test"), STR("mail.goniec.test"), {NULL, NULL}, folder};
    struct key_index x = {.lock = -1};
    (void)state;
    key_index_add(&x, &(struct key_row){STR("gone.test"), STR(""), STR("s"), true, 1, 0, 0, 0});
    assert_false(records_make(&s, &x, &m.arena, m.record, &m.n, &f));
    assert_non_null(strstr(f.text, "gone.test/s.pem"));
    key_index_done(&x);
    arena_done(&m.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_is_what_its_standard_asks_for),
        cmocka_unit_test(spf_names_the_addresses_that_the_settings_name),
        cmocka_unit_test(a_keys_record_is_for_keys_in_use_and_holds_the_very_key),
        cmocka_unit_test(the_policy_is_one_that_a_sender_of_rfc_8461_reads),
        cmocka_unit_test(private_halves_are_readable_by_the_servers_user_alone),
        cmocka_unit_test(a_key_that_is_gone_is_told_by_its_files_name),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
