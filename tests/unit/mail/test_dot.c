#include "check.h"
#include "lib/buf.h"
#include "mail/dot.h"

/* The decoder byte by byte, written from the RFC alone: the oracle. Refusing mode only. */
struct oracle {
    struct buf out;
    size_t taken, bare_at;
    bool end, bare;
};

static struct oracle oracle_decode(struct str in)
{
    struct oracle o = {.taken = in.n};
    for (size_t i = 0; i < in.n; i++) {
        bool at_line = i == 0 || (i >= 2 && in.p[i - 1] == '\n' && in.p[i - 2] == '\r');
        if (at_line && in.n - i >= 3 && memcmp(in.p + i, ".\r\n", 3) == 0) {
            o.end = true;
            o.taken = i + 3;
            break;
        }
        bool lone_lf = in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r');
        bool lone_cr = in.p[i] == '\r' && i + 1 < in.n && in.p[i + 1] != '\n';
        if ((lone_lf || lone_cr) && !o.bare) {
            o.bare = true;
            o.bare_at = i;
        }
        if (!(at_line && in.p[i] == '.'))
            buf_add(&o.out, in.p + i, 1);
    }
    return o;
}

struct decoded {
    struct buf out;
    size_t taken;
    bool end;
    unsigned bare_reports;
    struct dot_decoder d;
};

/* Decodes in chunks of `step` bytes, going on after a report of a bare newline. */
static struct decoded decode(struct str in, size_t step, struct dot_decoder d)
{
    struct decoded r = {.d = d};
    while (r.taken < in.n && !r.end) {
        size_t n = in.n - r.taken < step ? in.n - r.taken : step, taken = 0, out_n = 0;
        size_t room = dot_room(&r.d, n);
        char *to = malloc(room); /* exactly as promised, so that the sanitizer sees a byte too many */
        enum dot_status s = dot_decode(&r.d, in.p + r.taken, n, &taken, to, &out_n);
        assert_true(out_n <= room && taken <= n);
        buf_add(&r.out, to, out_n);
        free(to);
        r.taken += taken;
        r.end = s == DOT_END;
        r.bare_reports += s == DOT_BARE;
        assert_true(s != DOT_MORE || taken == n);
    }
    return r;
}

static void decodes(const char *in, const char *out)
{
    for (size_t step = 1; step <= strlen(in); step++) {
        struct decoded r = decode(str_of(in), step, (struct dot_decoder){0});
        assert_true(r.end);
        assert_int_equal(r.taken, strlen(in));
        assert_int_equal(r.bare_reports, 0);
        assert_str(buf_str(&r.out), out);
        buf_done(&r.out);
    }
}

static void leading_dots_are_dropped_and_the_end_is_found(void **state)
{
    (void)state;
    decodes(".\r\n", "");
    decodes("a\r\n.\r\n", "a\r\n");
    decodes("a\r\n..\r\n.\r\n", "a\r\n.\r\n");
    decodes("..\r\n...b\r\n.\r\n", ".\r\n..b\r\n");
    decodes("a.\r\nb..c\r\n.\r\n", "a.\r\nb..c\r\n");
    decodes(".a\r\n.\r\n", "a\r\n"); /* RFC 5321 4.5.2: the first dot goes whatever follows */
}

static void what_follows_the_end_is_left(void **state)
{
    (void)state;
    struct decoded r = decode(STR("a\r\n.\r\nQUIT \xC5\x82\r\n"), 100, (struct dot_decoder){0});
    assert_true(r.end);
    assert_int_equal(r.taken, 6);
    assert_int_equal(r.d.seen, 6);
    assert_false(r.d.has_8bit); /* the command's bytes are not the content's */
    buf_done(&r.out);
}

static void random_input_agrees_with_the_oracle(void **state)
{
    (void)state;
    static const char alphabet[] = "\r\n.\r\n.ax\xC5";
    srandom(7);
    for (int round = 0; round < 60000; round++) {
        char in[400];
        size_t n = (size_t)random() % sizeof in, sparse = (size_t)random() % 30;
        for (size_t i = 0; i < n; i++)
            in[i] = (size_t)random() % 30 < sparse ? 'x' : alphabet[(size_t)random() % (sizeof alphabet - 1)];
        for (size_t i = 0; i + 1 < n && round % 2; i++) /* half of the rounds: mostly whole newlines */
            if (in[i] == '\r')
                in[i + 1] = '\n';
        struct oracle o = oracle_decode(str_mem(in, n));
        struct decoded r = decode(str_mem(in, n), 1 + (size_t)random() % 200, (struct dot_decoder){0});
        assert_int_equal(r.end, o.end);
        assert_int_equal(r.taken, o.taken);
        assert_int_equal(r.d.bare, o.bare);
        assert_int_equal(r.bare_reports, o.bare);
        if (o.bare)
            assert_int_equal(r.d.bare_at, o.bare_at);
        if (o.end && !o.bare) {
            assert_int_equal(r.out.n, o.out.n);
            assert_memory_equal(r.out.p, o.out.p ? o.out.p : "", o.out.n);
        }
        buf_done(&o.out);
        buf_done(&r.out);
    }
}

static void bare_at_is(const char *in, size_t at)
{
    for (size_t step = 1; step <= strlen(in); step++) {
        struct decoded r = decode(str_of(in), step, (struct dot_decoder){0});
        assert_int_equal(r.bare_reports, 1);
        assert_int_equal(r.d.bare_at, at);
        buf_done(&r.out);
    }
}

static void bare_newlines_are_told_with_their_place(void **state)
{
    (void)state;
    bare_at_is("ab\ncd", 2);
    bare_at_is("ab\rcd", 2);
    bare_at_is("\n.\n", 0);
    bare_at_is("a\r\n.\nb", 4);
    bare_at_is("a\r\n.\rb", 4);
    bare_at_is("a\r\n.\r\r\n", 4);
    bare_at_is("0123456789012345678901234567890123456789012345678901234567890123456789\nx\r\n0123456789", 70);
}

static void nothing_but_crlf_dot_crlf_ends_the_message(void **state)
{
    (void)state;
    const char *ends[] = {"\n.\n",   "\n.\r\n", "\r.\r",         "\r.\r\n",     "\r\n.\r",
                          "\r\n.\n", "\n.\r",   "\r\r\n.\r\r\n", "\r\n.\r\r\n", "\r.\n"};
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        for (int normalise = 0; normalise < 2; normalise++) {
            char in[200];
            int n = snprintf(in, sizeof in, "text%sMAIL FROM:<a@b>\r\n.\r\n", ends[i]);
            for (size_t step = 1; step < 30; step++) {
                struct decoded r = decode(str_mem(in, (size_t)n), step, (struct dot_decoder){.normalise = normalise});
                assert_true(r.end);
                assert_int_equal(r.taken, n);
                assert_true(r.d.bare);
                assert_true(!normalise || dot_newlines_whole(buf_str(&r.out), NULL));
                assert_non_null(memmem(r.out.p, r.out.n, "MAIL FROM", 9));
                buf_done(&r.out);
            }
        }
    }
}

static void smuggling_corpus_never_ends_the_message(void **state)
{
    (void)state;
    FILE *f = corpus_open("smtp-attacks/expected.tsv");
    if (!f)
        skip();
    char line[4096];
    unsigned cases = 0;
    while (fgets(line, sizeof line, f)) {
        struct str rest = str_of(line), field[5];
        for (int i = 0; i < 5; i++)
            field[i] = str_split(&rest, '\t');
        if (!str_eq(field[1], STR("eod-sequence")))
            continue;
        char in[512];
        size_t n = 4;
        memcpy(in, "body", n);
        n += unhex(field[4], in + n);
        memcpy(in + n, "MAIL FROM:<evil@example.org>\r\n.\r\n", 33);
        n += 33;
        struct decoded r = decode(str_mem(in, n), 5, (struct dot_decoder){0});
        assert_int_equal(r.taken, n);
        assert_true(r.d.bare || r.d.has_nul);
        buf_done(&r.out);
        cases++;
    }
    fclose(f);
    assert_true(cases > 0);
}

static void normalises(const char *in, const char *out)
{
    for (size_t step = 1; step <= strlen(in); step++) {
        struct decoded r = decode(str_of(in), step, (struct dot_decoder){.normalise = true});
        assert_true(r.end);
        assert_int_equal(r.bare_reports, 0);
        assert_str(buf_str(&r.out), out);
        buf_done(&r.out);
    }
}

static void bare_newlines_are_made_whole(void **state)
{
    (void)state;
    normalises("a\nb\r\n.\r\n", "a\r\nb\r\n");
    normalises("a\rb\r\n.\r\n", "a\r\nb\r\n");
    normalises("a\n\nb\r\n.\r\n", "a\r\n\r\nb\r\n");
    normalises("a\r\r\nb\r\n.\r\n", "a\r\nb\r\n");
    normalises("a\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n");
    normalises("a\r\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n");
    normalises("a\r\n.\rb\r\n.\r\n", "a\r\n.\r\nb\r\n");
    normalises("a\n..b\r\n.\r\n", "a\r\n..b\r\n"); /* a dot is special after a true CRLF only */
}

static void high_bytes_and_nul_are_noticed(void **state)
{
    (void)state;
    char in[300];
    for (size_t at = 0; at < sizeof in - 5; at += 7) {
        memset(in, 'x', sizeof in);
        memcpy(in + sizeof in - 5, "\r\n.\r\n", 5);
        struct decoded r = decode(str_mem(in, sizeof in), 128, (struct dot_decoder){0});
        assert_false(r.d.has_8bit || r.d.has_nul);
        buf_done(&r.out);
        in[at] = '\xC4';
        r = decode(str_mem(in, sizeof in), 128, (struct dot_decoder){0});
        assert_true(r.d.has_8bit && !r.d.has_nul);
        buf_done(&r.out);
        in[at] = '\0';
        r = decode(str_mem(in, sizeof in), 128, (struct dot_decoder){0});
        assert_true(r.d.has_nul && !r.d.has_8bit);
        buf_done(&r.out);
    }
}

static void chunks_have_no_transparency_and_no_end(void **state)
{
    (void)state;
    struct str in = STR("..a\r\n.\r\n..\r\nfin");
    struct decoded r = decode(in, 3, (struct dot_decoder){.chunked = true});
    char more[1];
    size_t n;
    assert_false(r.end);
    assert_str(buf_str(&r.out), in.p);
    assert_true(dot_chunks_end(&r.d, more, &n));
    assert_int_equal(n, 0);
    buf_done(&r.out);
}

static void a_chunk_that_ends_with_cr_is_bare(void **state)
{
    (void)state;
    char more[1];
    size_t n;
    struct decoded r = decode(STR("a\r"), 3, (struct dot_decoder){.chunked = true});
    assert_false(dot_chunks_end(&r.d, more, &n));
    assert_int_equal(r.d.bare_at, 1);
    buf_done(&r.out);
    r = decode(STR("a\r"), 3, (struct dot_decoder){.chunked = true, .normalise = true});
    assert_true(dot_chunks_end(&r.d, more, &n));
    assert_int_equal(n, 1);
    assert_int_equal(more[0], '\n');
    buf_done(&r.out);
}

static void whole_newlines_are_told_from_others(void **state)
{
    (void)state;
    char text[200];
    size_t at;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 10 == 8 ? '\r' : i % 10 == 9 ? '\n' : 'x';
    assert_true(dot_newlines_whole(str_mem(text, sizeof text), &at));
    assert_true(dot_newlines_whole(STR(""), &at));
    for (size_t i = 0; i < sizeof text; i++) {
        char saved = text[i];
        text[i] = saved == '\n' ? 'x' : '\n';
        assert_false(dot_newlines_whole(str_mem(text, sizeof text), &at));
        assert_true(at == i || at + 1 == i || at == i + 1);
        text[i] = saved;
    }
    assert_false(dot_newlines_whole(str_mem(text, sizeof text - 1), &at));
    assert_int_equal(at, sizeof text - 2);
}

/* Gathers all spans, asked for `ask` at a time. */
static struct buf encode(struct str content, size_t ask)
{
    struct buf out = {0};
    struct dot_encoder e;
    struct str span[8];
    size_t n;
    dot_encoder_init(&e, content);
    while ((n = dot_encode(&e, span, ask)) > 0)
        for (size_t i = 0; i < n; i++)
            buf_add_str(&out, span[i]);
    assert_int_equal(dot_encode(&e, span, ask), 0);
    return out;
}

static void encodes(const char *content, const char *wire)
{
    for (size_t ask = 1; ask <= 8; ask++) {
        struct buf out = encode(str_of(content), ask);
        assert_str(buf_str(&out), wire);
        buf_done(&out);
    }
}

static void leading_dots_are_doubled(void **state)
{
    (void)state;
    encodes("", ".\r\n");
    encodes("a\r\n", "a\r\n.\r\n");
    encodes("a", "a\r\n.\r\n");
    encodes(".", "..\r\n.\r\n");
    encodes(".\r\n.\r\n", "..\r\n..\r\n.\r\n");
    encodes("..x\r\na.b\r\n.", "...x\r\na.b\r\n..\r\n.\r\n");
}

static void clean_content_is_one_span_of_the_callers_bytes(void **state)
{
    (void)state;
    struct str content = STR("Subject: x\r\n\r\na line\r\nanother.\r\n"), span[4];
    struct dot_encoder e;
    dot_encoder_init(&e, content);
    assert_int_equal(dot_encode(&e, span, 4), 2);
    assert_ptr_equal(span[0].p, content.p);
    assert_int_equal(span[0].n, content.n);
}

static void what_is_encoded_decodes_to_itself(void **state)
{
    (void)state;
    static const char *pieces[] = {
        "\r\n", ".", "..", "\r\n.", "word", "\r\n.\r\n", "a long line that goes past a block of bytes "};
    srandom(11);
    for (int round = 0; round < 20000; round++) {
        struct buf content = {0};
        for (long k = random() % 30; k > 0; k--)
            buf_add_str(&content, str_of(pieces[random() % 7]));
        buf_add_str(&content, STR("\r\n"));
        struct buf wire = encode(buf_str(&content), 1 + (size_t)random() % 8);
        struct decoded r = decode(buf_str(&wire), 1 + (size_t)random() % 300, (struct dot_decoder){0});
        assert_true(r.end);
        assert_int_equal(r.taken, wire.n);
        assert_int_equal(r.out.n, content.n);
        assert_memory_equal(r.out.p, content.p, content.n);
        buf_done(&content);
        buf_done(&wire);
        buf_done(&r.out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leading_dots_are_dropped_and_the_end_is_found),
        cmocka_unit_test(what_follows_the_end_is_left),
        cmocka_unit_test(random_input_agrees_with_the_oracle),
        cmocka_unit_test(bare_newlines_are_told_with_their_place),
        cmocka_unit_test(nothing_but_crlf_dot_crlf_ends_the_message),
        cmocka_unit_test(smuggling_corpus_never_ends_the_message),
        cmocka_unit_test(bare_newlines_are_made_whole),
        cmocka_unit_test(high_bytes_and_nul_are_noticed),
        cmocka_unit_test(chunks_have_no_transparency_and_no_end),
        cmocka_unit_test(a_chunk_that_ends_with_cr_is_bare),
        cmocka_unit_test(whole_newlines_are_told_from_others),
        cmocka_unit_test(leading_dots_are_doubled),
        cmocka_unit_test(clean_content_is_one_span_of_the_callers_bytes),
        cmocka_unit_test(what_is_encoded_decodes_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
