/* view: see view.h. */
#include "verify/view.h"

#include "verify/result.h"

const char *auth_result_name(enum auth_result r)
{
    static const char *const names[] = {
        [AUTH_NONE] = "none",       [AUTH_PASS] = "pass",           [AUTH_FAIL] = "fail",          [AUTH_POLICY] = "policy",
        [AUTH_NEUTRAL] = "neutral", [AUTH_TEMPERROR] = "temperror", [AUTH_PERMERROR] = "permerror"};
    return names[r];
}

void view_make(struct view *v, struct str message, struct arena *a)
{
    struct header_scan s;
    struct header_field f;
    unsigned n = 0, cap = 64;
    struct header_field *list = arena_alloc(a, cap * sizeof *list);
    enum header_step step;
    header_scan_init(&s, message, VIEW_HEADER_MAX);
    while ((step = header_next(&s, &f)) <= HEADER_JUNK && n < VIEW_FIELDS_MAX) {
        if (n == cap) {
            struct header_field *more = arena_alloc(a, 2 * cap * sizeof *more);
            memcpy(more, list, n * sizeof *list);
            list = more;
            cap *= 2;
        }
        list[n++] = f;
    }
    *v = (struct view){list, n, {"", 0}, step == HEADER_END};
    if (v->whole)
        v->body = str_mem(message.p + s.at, message.n - s.at);
}

const struct header_field *view_find(const struct view *v, struct str name, unsigned n)
{
    for (unsigned i = 0; i < v->fields; i++)
        if (str_eq_nocase(v->field[i].name, name) && n-- == 0)
            return &v->field[i];
    return NULL;
}

unsigned view_count(const struct view *v, struct str name)
{
    unsigned n = 0;
    for (unsigned i = 0; i < v->fields; i++)
        n += str_eq_nocase(v->field[i].name, name);
    return n;
}
