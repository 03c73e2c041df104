/* The canonical forms beside ones that are written byte by byte from RFC 6376 3.4, over bodies and fields of every shape: what is
 * hashed many bytes at once must be the same. */
#include "lib/buf.h"
#include "verify/canon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HASH = 32, ROUNDS = 20000 };

/* One line after the other (LF alone ends one too); blanks at ends go, runs become one (3.4.4); empty lines at the end go
 * (3.4.3). */
static void relaxed_body(struct str s, struct buf *b)
{
    size_t full = 0;
    while (s.n > 0) {
        const char *newline = memchr(s.p, '\n', s.n);
        size_t n = newline ? (size_t)(newline - s.p) : s.n, end = n;
        if (newline && n > 0 && s.p[n - 1] == '\r')
            end--;
        while (end > 0 && (s.p[end - 1] == ' ' || s.p[end - 1] == '\t'))
            end--;
        for (size_t i = 0; i < end; i++) {
            bool blank = s.p[i] == ' ' || s.p[i] == '\t', before = i > 0 && (s.p[i - 1] == ' ' || s.p[i - 1] == '\t');
            if (!blank || !before)
                buf_add(b, blank ? " " : &s.p[i], 1);
        }
        buf_add_str(b, STR("\r\n"));
        if (end > 0)
            full = b->n;
        n += newline != NULL;
        s = str_mem(s.p + n, s.n - n);
    }
    b->n = full;
}

static void hash_of(struct str s, unsigned char out[HASH])
{
    assert_int_equal(EVP_Digest(s.n ? s.p : "", s.n, out, NULL, EVP_sha256(), NULL), 1);
}

static void check_body(struct str body, uint64_t limit)
{
    unsigned char want[HASH], got[HASH];
    struct buf form = {0};
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    relaxed_body(body, &form);
    size_t n = form.n < limit ? form.n : (size_t)limit;
    hash_of(str_mem(form.p, n), want);
    assert_int_equal(EVP_DigestInit_ex(md, EVP_sha256(), NULL), 1);
    assert_int_equal(canon_body(md, body, true, limit), form.n);
    assert_int_equal(EVP_DigestFinal_ex(md, got, NULL), 1);
    if (memcmp(want, got, HASH) != 0)
        fail_msg("%zu bytes: \"%.*s\"", body.n, STR_ARGS(body));
    EVP_MD_CTX_free(md);
    buf_done(&form);
}

static uint32_t next_random(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u; }

/* Bytes that matter, at a rate that makes lines of all lengths. */
static size_t fill(uint32_t *seed, char *out, size_t most)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.,;=<>\xc5\xbc";
    size_t n = next_random(seed) >> 8, rare = 2 + (next_random(seed) >> 20) % 40;
    n %= most;
    for (size_t i = 0; i < n; i++) {
        uint32_t r = next_random(seed) >> 8;
        if (r % rare)
            out[i] = plain[r % (sizeof plain - 1)];
        else if (r / rare % 3 || i + 1 == n)
            out[i] = " \t\r\n "[r / 7 % 5];
        else {
            out[i++] = '\r';
            out[i] = '\n';
        }
    }
    return n;
}

static void the_relaxed_body_is_the_standards_whatever_its_lines(void **state)
{
    char *text = malloc(12000);
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = fill(&seed, text, i % 50 ? 200 : 12000);
        struct str copy = str_mem(memcpy(malloc(n + 1), text, n), n); /* its own, so that a byte read past it is seen */
        check_body(copy, i % 3 ? UINT64_MAX : next_random(&seed) % 300);
        free((void *)(uintptr_t)copy.p);
    }
    free(text);
}

static void ordinary_text_keeps_its_form(void **state)
{
    static const char *const bodies[] = {
        "",
        "\r\n",
        "\r\n\r\n\r\n",
        "one line of usual length, and then some\r\n",
        "one line of usual length, and then some",
        "one line of usual length, and then some\r\n\r\n\r\n",
        "one line of usual length, and then some\r\nanother line of usual length, and then some\r\n",
        "one line of usual length, and then some \r\nanother line of usual length,  and then some\r\n",
        "a paragraph of some length to be plain\r\n\r\nand one behind an empty line that is plain\r\n",
        "\r\nan empty line before, and it counts here\r\n",
        " a blank at the beginning stays where it is\r\n \r\n\t\r\n",
        "a carriage return\ralone is a letter like any other\r\n\rand here\r\r\n",
        "lines that end with LF alone get the CR that they lack\nall of them\nwhatever is before\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        check_body(str_of(bodies[i]), UINT64_MAX);
}

static void field_is(const char *raw, const char *form)
{
    unsigned char want[HASH], got[HASH];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    hash_of(str_of(form), want);
    assert_int_equal(EVP_DigestInit_ex(md, EVP_sha256(), NULL), 1);
    canon_field(md, str_of(raw), true, false);
    assert_int_equal(EVP_DigestFinal_ex(md, got, NULL), 1);
    if (memcmp(want, got, HASH) != 0)
        fail_msg("\"%s\"", raw);
    EVP_MD_CTX_free(md);
}

static void a_relaxed_field_is_unfolded_with_single_blanks(void **state)
{
    (void)state;
    field_is("SubJect : AbC\r\n", "subject:AbC\r\n");
    field_is("B:  Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"); /* RFC 6376 3.4.5 */
    field_is("a:\r\n x\r\n\r\n", "a:x\r\n");
    field_is("a:", "a:\r\n");
    field_is("a: \t \r\n", "a:\r\n");
    field_is("a: one two\n three", "a:one two three\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_relaxed_body_is_the_standards_whatever_its_lines),
        cmocka_unit_test(ordinary_text_keeps_its_form),
        cmocka_unit_test(a_relaxed_field_is_unfolded_with_single_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
