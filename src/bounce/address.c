/* address: where an address stands in a text that people read. Not a parser of RFC 5322: a report's sentence may hold anything
 * beside it, and what is found is shown and compared, never sent to before mailbox_parse has seen it. */
#include "bounce/inner.h"

/* What the local part of an address in a sentence is made of (RFC 5321 atext and dots; UTF-8). */
static bool is_local(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}
static bool is_domain(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 || c == '-' ||
           c == '.' || c == '_';
}

/* Where the local part that ends before `at` begins. */
static size_t local_begin(struct str s, size_t at)
{
    size_t i = at;
    if (i > 1 && s.p[i - 1] == '"') { /* a quoted local part on this line */
        size_t q = i - 1;
        while (q > 0 && s.p[q - 1] != '"' && s.p[q - 1] != '\n' && i - q < 70)
            q--;
        return q > 0 && s.p[q - 1] == '"' ? q - 1 : at;
    }
    while (i > 0 && is_local(s.p[i - 1]) && at - i < 129)
        i--;
    while (i < at && s.p[i] && strchr("'*|!#`", s.p[i]))
        i++;
    static const char *const gateways[] = {"smtp=", "rfc822=", "smtp:"}; /* X.400 and Notes: "dda:SMTP=a@b" */
    for (size_t g = 0; g < 3; g++)
        if (str_starts_nocase(str_mem(s.p + i, at - i), str_of(gateways[g])))
            i += strlen(gateways[g]);
    return i;
}

static size_t domain_end(struct str s, size_t at)
{
    size_t i = at;
    if (i < s.n && s.p[i] == '[') {
        while (i < s.n && s.p[i] != ']' && s.p[i] != '\n' && i - at < 64)
            i++;
        return i < s.n && s.p[i] == ']' ? i + 1 : at;
    }
    while (i < s.n && is_domain(s.p[i]) && i - at < 254)
        i++;
    const char *dots = memmem(s.p + at, i - at, "..", 2); /* "a@b.example... No such user" */
    if (dots)
        i = (size_t)(dots - s.p);
    while (i > at && strchr(".-_", s.p[i - 1]))
        i--;
    return i;
}

static bool local_good(struct str local)
{
    return local.n > 0 && local.n <= 128 && local.p[local.n - 1] != '.' && local.p[0] != '.' &&
           (local.p[0] == '"' || !memmem(local.p, local.n, "..", 2));
}

/* "user@exam..." tells no address. */
static bool is_masked(struct str s, size_t domain, size_t end)
{
    return end + 3 <= s.n && memcmp(s.p + end, "...", 3) == 0 && !memchr(s.p + domain, '.', end - domain);
}

bool address_find(struct str s, struct str *ret, size_t *begin, size_t *end)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '@')
            continue;
        size_t from = local_begin(s, i), to = domain_end(s, i + 1);
        if (!local_good(str_mem(s.p + from, i - from)) || to == i + 1 || is_masked(s, i + 1, to))
            continue;
        *ret = str_mem(s.p + from, to - from);
        static const char *const before[] = {"mailto:", "SMTP:", "smtp:", "rfc822;", "RFC822;"};
        for (size_t g = 0; g < sizeof before / sizeof *before; g++) {
            size_t n = strlen(before[g]);
            if (from >= n && memcmp(s.p + from - n, before[g], n) == 0)
                from -= n;
        }
        while (from > 0 && s.p[from - 1] && strchr("<\"'[`", s.p[from - 1]))
            from--;
        while (to < s.n && s.p[to] && strchr(">\"'`", s.p[to]))
            to++;
        if (from < i && s.p[from] == '[' && to < s.n && s.p[to] == ']')
            to++;
        *begin = from;
        *end = to;
        return true;
    }
    return false;
}

struct bounce_rcpt *found_get(struct found *f, struct str address)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (str_eq_nocase(f->rcpt[i].address, address))
            return &f->rcpt[i];
    return NULL;
}

struct bounce_rcpt *found_add(struct found *f, struct str address)
{
    struct bounce_rcpt *r = found_get(f, address);
    if (r || address.n == 0 || f->n == BOUNCE_RCPTS_MAX)
        return r;
    f->rcpt[f->n] = (struct bounce_rcpt){.address = address};
    return &f->rcpt[f->n++];
}
