#include "check.h"
#include "mail/content.h"

static struct content *with(const char *text)
{
    size_t n = strlen(text);
    struct content *c = content_new(n);
    memcpy(c->bytes + c->start, text, n);
    c->n = n;
    return c;
}

static void grows_and_keeps_bytes(void **state)
{
    (void)state;
    struct content *c = with("hello");
    c = content_grow(c, 1 << 20);
    assert_true(c->cap - c->start >= 1 << 20);
    assert_str(content_str(c), "hello");
    memset(c->bytes + c->start + 5, 'x', (1 << 20) - 5);
    content_free(&c);
    assert_null(c);
}

static void prepends_within_the_headroom(void **state)
{
    (void)state;
    struct content *c = with("body");
    size_t before = c->cap;
    c = content_prepend(c, STR("B: 2\r\n"));
    c = content_prepend(c, STR("A: 1\r\n"));
    assert_str(content_str(c), "A: 1\r\nB: 2\r\nbody");
    assert_int_equal(c->cap, before);
    content_free(&c);
}

static void prepends_past_the_headroom(void **state)
{
    (void)state;
    struct content *c = with("body");
    static char big[CONTENT_HEADROOM * 3];
    memset(big, 'h', sizeof big);
    c = content_prepend(c, str_mem(big, sizeof big));
    assert_int_equal(c->n, sizeof big + 4);
    assert_memory_equal(content_str(c).p, big, sizeof big);
    assert_memory_equal(content_str(c).p + sizeof big, "body", 4);
    c = content_prepend(c, STR("again "));
    assert_memory_equal(content_str(c).p, "again hhh", 9);
    content_free(&c);
}

static void lives_as_long_as_a_reference(void **state)
{
    (void)state;
    struct content *a = with("x"), *b = content_ref(a), *none = NULL;
    content_free(&a);
    assert_null(a);
    assert_str(content_str(b), "x");
    content_free(&b);
    content_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_bytes),
        cmocka_unit_test(prepends_within_the_headroom),
        cmocka_unit_test(prepends_past_the_headroom),
        cmocka_unit_test(lives_as_long_as_a_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
