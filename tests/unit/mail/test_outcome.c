#include "check.h"
#include "mail/outcome.h"

static struct outcome_line lines[] = {{5, false, {"220 mx ESMTP", 12}}, {9, true, {"EHLO us", 7}}};
static struct outcome_rcpt rcpts[] = {
    {0,
     OUTCOME_FAILED,
     PHASE_RCPT,
     {550, {5, 1, 1}, {"no such\nuser", 12}},
     {{"user-unknown", 12}, WHOSE_RECIPIENT, true, 95, ACTION_SUPPRESS, {"words/no-such-user", 18}},
     0},
    {7,
     OUTCOME_DEFERRED,
     PHASE_CONNECT,
     {0},
     {{"timeout", 7}, WHOSE_NETWORK, false, 80, ACTION_RETRY, {"note/timeout", 12}},
     1767225600000},
};

static struct outcome_tls sessions[] = {{STR("mx.x.pl"), STR("192.0.2.9"), BY_DANE, FLAW_TLSA, STR("3 1 1 ab")},
                                        {STR("mx2.x.pl"), STR(""), BY_STS, FLAW_NOT_LISTED, STR("")}};

static struct outcome sample(void)
{
    return (struct outcome){.id = id_new(1767225600000),
                            .at_ms = 1767225601000,
                            .attempt = 3,
                            .took_ms = 812,
                            .host = STR("mx.x.pl"),
                            .ip = STR("192.0.2.9"),
                            .port = 25,
                            .source_ip = STR("192.0.2.1"),
                            .ehlo = STR("us.pl"),
                            .tls_version = STR("TLSv1.3"),
                            .tls_cipher = STR("TLS_AES_256_GCM_SHA384"),
                            .tls_verified = true,
                            .domain = STR("x.pl"),
                            .sessions = 2,
                            .session = sessions,
                            .secure = {SECURE_VERIFIED, BY_STS, FLAW_NAME, STR("old.x.pl")},
                            .rest_s = 600,
                            .note = STR("note"),
                            .lines = 2,
                            .line = lines,
                            .rcpts = 2,
                            .rcpt = rcpts};
}

static void same_rcpt(const struct outcome_rcpt *a, const struct outcome_rcpt *b)
{
    assert_true(a->rcpt == b->rcpt && a->status == b->status && a->phase == b->phase && a->next_ms == b->next_ms);
    assert_true(a->reply.code == b->reply.code && str_eq(a->reply.text, b->reply.text));
    assert_true(a->reply.enhanced.class == b->reply.enhanced.class && a->reply.enhanced.subject == b->reply.enhanced.subject);
    assert_true(a->reply.enhanced.detail == b->reply.enhanced.detail);
    assert_true(str_eq(a->verdict.cause, b->verdict.cause) && a->verdict.whose == b->verdict.whose);
    assert_true(a->verdict.action == b->verdict.action && str_eq(a->verdict.rule, b->verdict.rule));
    assert_true(a->verdict.permanent == b->verdict.permanent && a->verdict.confidence == b->verdict.confidence);
}

static void same(const struct outcome *a, const struct outcome *b)
{
    assert_true(id_eq(a->id, b->id) && a->at_ms == b->at_ms && a->attempt == b->attempt && a->took_ms == b->took_ms);
    assert_true(str_eq(a->host, b->host) && str_eq(a->ip, b->ip) && a->port == b->port && str_eq(a->source_ip, b->source_ip));
    assert_true(str_eq(a->ehlo, b->ehlo) && str_eq(a->tls_version, b->tls_version) && str_eq(a->tls_cipher, b->tls_cipher));
    assert_true(a->secure.level == b->secure.level && a->secure.by == b->secure.by && a->secure.flaw == b->secure.flaw);
    assert_true(str_eq(a->secure.shown, b->secure.shown));
    assert_true(str_eq(a->domain, b->domain) && a->sessions == b->sessions);
    for (uint32_t i = 0; i < a->sessions; i++) {
        const struct outcome_tls *s = &a->session[i], *t = &b->session[i];
        assert_true(str_eq(s->host, t->host) && str_eq(s->ip, t->ip) && str_eq(s->policy, t->policy));
        assert_true(s->by == t->by && s->flaw == t->flaw);
    }
    assert_true(a->tls_verified == b->tls_verified && a->rest_s == b->rest_s && str_eq(a->note, b->note));
    assert_int_equal(a->lines, b->lines);
    for (uint32_t i = 0; i < a->lines; i++) {
        assert_true(a->line[i].at_ms == b->line[i].at_ms && a->line[i].ours == b->line[i].ours);
        assert_true(str_eq(a->line[i].text, b->line[i].text));
    }
    assert_true(str_eq(a->site, b->site));
    assert_int_equal(a->rcpts, b->rcpts);
    for (uint32_t i = 0; i < a->rcpts; i++)
        same_rcpt(&a->rcpt[i], &b->rcpt[i]);
}

static void comes_back_whole(void **state)
{
    (void)state;
    struct outcome o = sample(), back, empty = {0};
    struct buf b = {0};
    struct arena a = {0};
    outcome_encode(&o, &b);
    assert_true(outcome_decode(buf_str(&b), &a, &back));
    same(&o, &back);
    b.n = 0;
    outcome_encode(&empty, &b);
    assert_true(outcome_decode(buf_str(&b), &a, &back));
    same(&empty, &back);
    buf_done(&b);
    arena_done(&a);
}

static void the_dialogue_is_bounded(void **state)
{
    (void)state;
    static struct outcome_line many[OUTCOME_LINES_MAX + 10];
    struct outcome o = {.lines = OUTCOME_LINES_MAX + 10, .line = many}, back;
    struct buf b = {0};
    struct arena a = {0};
    outcome_encode(&o, &b);
    assert_true(outcome_decode(buf_str(&b), &a, &back));
    assert_int_equal(back.lines, OUTCOME_LINES_MAX);
    buf_done(&b);
    arena_done(&a);
}

static void a_cut_encoding_is_refused(void **state)
{
    (void)state;
    struct outcome o = sample(), back;
    struct buf b = {0};
    outcome_encode(&o, &b);
    for (size_t n = 0; n < b.n; n++) {
        struct arena a = {0};
        char *cut = malloc(n + 1);
        memcpy(cut, b.p, n);
        assert_false(outcome_decode(str_mem(cut, n), &a, &back));
        free(cut);
        arena_done(&a);
    }
    buf_done(&b);
}

static void a_changed_byte_does_no_harm(void **state)
{
    (void)state;
    struct outcome o = sample(), back;
    struct buf b = {0};
    unsigned refused = 0;
    outcome_encode(&o, &b);
    for (size_t i = 0; i < b.n; i++) {
        struct arena a = {0};
        b.p[i] = (char)(b.p[i] ^ 0xFF);
        refused += !outcome_decode(buf_str(&b), &a, &back);
        b.p[i] = (char)(b.p[i] ^ 0xFF);
        assert_true(a.heap_bytes < 100000);
        arena_done(&a);
    }
    assert_true(refused > 20);
    buf_done(&b);
}

static void every_phase_has_a_name(void **state)
{
    (void)state;
    for (unsigned p = PHASE_NONE; p <= PHASE_LOCAL; p++)
        assert_true(strlen(phase_name((enum phase)p)) > 2);
    assert_string_equal(phase_name(PHASE_MAIL), "MAIL FROM");
    assert_non_null(phase_name((enum phase)99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_whole),          cmocka_unit_test(the_dialogue_is_bounded),
        cmocka_unit_test(a_cut_encoding_is_refused), cmocka_unit_test(a_changed_byte_does_no_harm),
        cmocka_unit_test(every_phase_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
