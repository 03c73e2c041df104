/* record: see sts.h: the TXT record and the policy, strangers' text both. */
#include "sts/sts.h"

#include <stdio.h>

enum { PATTERNS_MAX = 1000 };

static bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* ---- the TXT record ---- */

static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]))
            return false;
    return s.n > 0 && s.n <= STS_ID_MAX;
}

enum sts_record sts_record_parse(struct str text, struct str *ret_id)
{
    struct str rest = text, id = {0};
    struct str version = str_trim(str_split(&rest, ';'));
    if (!str_eq(version, STR("v=STSv1")) || !rest.p || (text.n && (text.p[0] == ' ' || text.p[0] == '\t')))
        return STS_OTHER;
    while (rest.p) {
        struct str value = str_trim(str_split(&rest, ';'));
        if (value.n == 0 && !rest.p)
            break; /* the last semicolon */
        struct str name = str_split(&value, '=');
        if (!value.p || name.n == 0)
            return STS_BAD;
        if (!str_eq(name, STR("id")))
            continue;
        if (id.n || !is_id(value))
            return STS_BAD;
        id = value;
    }
    if (!id.n)
        return STS_BAD;
    *ret_id = id;
    return STS_GOOD;
}

/* ---- the policy ---- */

/* "mail.example.pl" or "*.example.pl", lower-cased in place. */
static bool take_pattern(char *p, size_t n)
{
    size_t at = n > 2 && p[0] == '*' && p[1] == '.' ? 2 : 0;
    if (n == 0 || n > 253 + 2)
        return false;
    for (size_t i = at, label = 0; i < n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
        if (p[i] == '.' ? label == 0 || i + 1 == n : !is_alnum(p[i]) && p[i] != '-' && p[i] != '_')
            return false;
        label = p[i] == '.' ? 0 : label + 1;
    }
    return true;
}

struct reading {
    struct sts_policy policy;
    struct buf mx;
    unsigned patterns;
    bool version, mode, max_age;
    const char *trouble;
};

static bool read_mode(struct str value, enum sts_mode *ret)
{
    static const struct {
        const char *name;
        enum sts_mode mode;
    } modes[] = {{"none", STS_NONE}, {"testing", STS_TESTING}, {"enforce", STS_ENFORCE}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (str_eq_nocase(value, str_of(modes[i].name))) {
            *ret = modes[i].mode;
            return true;
        }
    return false;
}

static void read_mx(struct reading *r, struct str value)
{
    size_t at = r->mx.n;
    buf_add_str(&r->mx, value);
    if (!take_pattern(r->mx.p + at, value.n))
        r->trouble = "it names a mail host that can be none";
    else if (++r->patterns > PATTERNS_MAX)
        r->trouble = "it names too many mail hosts";
    buf_add_str(&r->mx, STR(" "));
}

/* Of a field that stands twice the first counts, but for mx (3.2). Fields that are not known are passed over. */
static void read_field(struct reading *r, struct str name, struct str value)
{
    uint64_t age;
    if (str_eq_nocase(name, STR("version")) && !r->version) {
        r->version = true;
        if (!str_eq(value, STR("STSv1")))
            r->trouble = "its version is not STSv1";
    } else if (str_eq_nocase(name, STR("mode")) && !r->mode) {
        r->mode = true;
        if (!read_mode(value, &r->policy.mode))
            r->trouble = "its mode is not enforce, testing or none";
    } else if (str_eq_nocase(name, STR("max_age")) && !r->max_age) {
        r->max_age = true;
        if (value.n > 10 || !str_to_u64(value, UINT64_MAX, &age))
            r->trouble = "its max_age is no number of seconds";
        else
            r->policy.max_age_s = age > STS_AGE_MAX_S ? STS_AGE_MAX_S : (uint32_t)age;
    } else if (str_eq_nocase(name, STR("mx"))) {
        read_mx(r, value);
    }
}

static void read_lines(struct reading *r, struct str text)
{
    for (struct str rest = text; rest.p && !r->trouble;) {
        struct str value = str_split(&rest, '\n');
        if (value.n && value.p[value.n - 1] == '\r')
            value.n--;
        if (str_trim(value).n == 0)
            continue;
        struct str name = str_split(&value, ':');
        if (!value.p)
            r->trouble = "a line of it has no colon";
        else
            read_field(r, name, str_trim(value));
    }
}

bool sts_policy_parse(struct str text, struct arena *a, struct sts_policy *ret, char why[100])
{
    struct reading r = {0};
    if (text.n > STS_POLICY_MAX)
        r.trouble = "it is larger than 64 KB";
    else
        read_lines(&r, text);
    if (!r.trouble)
        r.trouble = !r.version                                     ? "it has no version"
                    : !r.mode                                      ? "it has no mode"
                    : !r.max_age                                   ? "it has no max_age"
                    : r.policy.mode != STS_NONE && r.patterns == 0 ? "it names no mail host"
                                                                   : NULL;
    if (r.trouble) {
        snprintf(why, 100, "%s", r.trouble);
    } else {
        r.policy.mx = arena_str(a, buf_str(&r.mx));
        *ret = r.policy;
    }
    buf_done(&r.mx);
    return !r.trouble;
}

bool sts_lists(struct str mx, struct str host)
{
    while (mx.n) {
        struct str pattern = str_split(&mx, ' '), below = host;
        if (pattern.n > 2 && pattern.p[0] == '*') {
            struct str label = str_split(&below, '.');
            if (label.n && below.p && str_eq(below, str_mem(pattern.p + 2, pattern.n - 2)))
                return true;
        } else if (pattern.n && str_eq(pattern, host)) {
            return true;
        }
        if (!mx.p)
            break;
    }
    return false;
}
