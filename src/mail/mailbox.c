/* mailbox: see mailbox.h. The grammar of RFC 5321 4.1.2 and 4.1.3 with the extensions of RFC 6531 3.3, one function a rule.
 *
 * A rule's function takes what it matches from the front of *s and says whether it matched. Comments, folding white space and
 * obsolete forms belong to message headers (RFC 5322) and are no part of an envelope. */
#include "mail/mailbox.h"

#include "mail/utf8.h"

#include <idn2.h>

enum { LOCAL_MAX = 64, DOMAIN_MAX = 255, LABEL_MAX = 63, PATH_MAX_BYTES = 254 /* RFC 5321 4.5.3.1.3: 256 with the brackets */ };

static void skip(struct str *s, size_t n)
{
    s->p += n;
    s->n -= n;
}

static bool char_take(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    skip(s, 1);
    return true;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_high(char c) { return (unsigned char)c >= 0x80; }

/* RFC 5322 3.2.3, with UTF8-non-ascii (RFC 6531 3.3). */
static bool is_atext(char c) { return is_alnum(c) || is_high(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c)); }

static size_t atom_bytes(struct str s)
{
    size_t n = 0;
    while (n < s.n && is_atext(s.p[n]))
        n++;
    return n;
}

static bool dot_string_take(struct str *s)
{
    do {
        size_t n = atom_bytes(*s);
        if (n == 0)
            return false;
        skip(s, n);
    } while (char_take(s, '.'));
    return true;
}

/* qtextSMTP or quoted-pairSMTP; not the closing quote. */
static bool qcontent_take(struct str *s)
{
    bool pair = char_take(s, '\\');
    if (s->n == 0)
        return false;
    char c = s->p[0];
    bool printable = c >= 0x20 && c <= 0x7E;
    if (pair ? !printable : !(is_high(c) || (printable && c != '"')))
        return false;
    skip(s, 1);
    return true;
}

static bool quoted_string_take(struct str *s)
{
    if (!char_take(s, '"'))
        return false;
    while (!char_take(s, '"'))
        if (!qcontent_take(s))
            return false;
    return true;
}

static bool is_label_char(char c) { return is_alnum(c) || is_high(c) || c == '-'; }

/* sub-domain. A label with UTF-8 may be longer than 63 bytes: its A-label is what counts, and domain_ascii judges that. */
static bool label_take(struct str *s)
{
    size_t n = 0;
    bool high = false;
    while (n < s->n && is_label_char(s->p[n]))
        high |= is_high(s->p[n++]);
    if (n == 0 || s->p[0] == '-' || s->p[n - 1] == '-' || (n > LABEL_MAX && !high))
        return false;
    skip(s, n);
    return true;
}

static bool domain_take(struct str *s)
{
    do {
        if (!label_take(s))
            return false;
    } while (char_take(s, '.'));
    return true;
}

/* Snum: a decimal of up to three digits, 0 to 255. */
static bool snum_take(struct str *s)
{
    uint64_t v;
    size_t n = 0;
    while (n < s->n && is_digit(s->p[n]))
        n++;
    if (n > 3 || !str_to_u64(str_mem(s->p, n), 255, &v))
        return false;
    skip(s, n);
    return true;
}

static bool ipv4_is(struct str s)
{
    for (unsigned i = 0; i < 4; i++)
        if ((i > 0 && !char_take(&s, '.')) || !snum_take(&s))
            return false;
    return s.n == 0;
}

static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/* Counts the 16-bit groups of "1:2:3" (an IPv4 tail counts two); 0 for none or a malformed row. */
static unsigned ipv6_groups(struct str s, bool ipv4_tail)
{
    unsigned groups = 0;
    while (s.p) {
        struct str group = str_split(&s, ':');
        if (!s.p && ipv4_tail && ipv4_is(group))
            return groups + 2;
        if (group.n == 0 || group.n > 4 || ++groups > 8)
            return 0;
        for (size_t i = 0; i < group.n; i++)
            if (!is_hex(group.p[i]))
                return 0;
    }
    return groups;
}

/* IPv6-full, IPv6-comp, IPv6v4-full or IPv6v4-comp. "::" stands for one group or more: RFC 5321 4.1.3 says two, RFC 4291 and
 * everyone's software one. */
static bool ipv6_is(struct str s)
{
    const char *gap = s.n ? memmem(s.p, s.n, "::", 2) : NULL;
    if (!gap)
        return ipv6_groups(s, true) == 8;
    struct str before = str_mem(s.p, (size_t)(gap - s.p));
    struct str after = str_mem(gap + 2, s.n - before.n - 2);
    unsigned left = before.n ? ipv6_groups(before, false) : 0;
    unsigned right = after.n ? ipv6_groups(after, true) : 0;
    if ((before.n && left == 0) || (after.n && right == 0))
        return false;
    return left + right <= 7;
}

/* Of the tagged literals only IPv6 is registered (RFC 5321 4.1.3): other tags are refused. */
static bool literal_is(struct str s)
{
    if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
        return false;
    s = str_mem(s.p + 1, s.n - 2);
    if (!str_starts_nocase(s, STR("IPv6:")))
        return ipv4_is(s);
    skip(&s, 5);
    return ipv6_is(s);
}

/* Valid UTF-8 without what can break a line or hide in it: C1 controls, the line and paragraph separators. */
static bool utf8_is_clean(struct str s)
{
    while (s.n > 0) {
        uint32_t point = utf8_take(&s);
        if (point == UTF8_BAD || (point >= 0x80 && point <= 0x9F) || point == 0x2028 || point == 0x2029)
            return false;
    }
    return true;
}

static bool refuse(const char **why, const char *reason)
{
    *why = reason;
    return false;
}

static bool local_take(struct str *s, struct str *ret, const char **why)
{
    struct str all = *s;
    bool ok = s->n > 0 && s->p[0] == '"' ? quoted_string_take(s) : dot_string_take(s);
    if (!ok)
        return refuse(why, "the part before the @ is malformed");
    *ret = str_mem(all.p, all.n - s->n);
    return ret->n <= LOCAL_MAX || refuse(why, "the part before the @ is longer than 64 bytes");
}

static bool domain_check(struct str s, bool *ret_literal, const char **why)
{
    *ret_literal = s.n > 0 && s.p[0] == '[';
    if (s.n == 0)
        return refuse(why, "the domain is missing");
    if (s.n > DOMAIN_MAX)
        return refuse(why, "the domain is longer than 255 bytes");
    if (*ret_literal)
        return literal_is(s) || refuse(why, "the address literal is malformed");
    return (domain_take(&s) && s.n == 0) || refuse(why, "the domain is malformed");
}

bool mailbox_parse(struct str s, bool utf8_ok, struct mailbox *ret, const char **why)
{
    struct mailbox m = {.text = s, .utf8 = utf8_needed(s)};
    if (m.utf8 && !utf8_ok)
        return refuse(why, "the address has non-ASCII characters, which need SMTPUTF8");
    if (m.utf8 && !utf8_is_clean(s))
        return refuse(why, "the address is not clean UTF-8");
    struct str rest = s;
    if (!local_take(&rest, &m.local, why))
        return false;
    if (!char_take(&rest, '@'))
        return refuse(why, rest.n ? "the address has a character where it may not be" : "the @ and the domain are missing");
    if (!domain_check(rest, &m.literal, why))
        return false;
    if (s.n > PATH_MAX_BYTES)
        return refuse(why, "the address is longer than 254 bytes");
    m.domain = rest;
    *ret = m;
    return true;
}

bool domain_valid(struct str domain, bool utf8_ok)
{
    if (domain.n > DOMAIN_MAX || (utf8_needed(domain) && !(utf8_ok && utf8_is_clean(domain))))
        return false;
    return domain_take(&domain) && domain.n == 0;
}

static struct str lowered(struct str s, struct arena *a)
{
    struct str copy = arena_str(a, s);
    char *p = (char *)copy.p; /* our own fresh copy */
    for (size_t i = 0; i < copy.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
    return copy;
}

static bool domain_from_utf8(struct str domain, struct arena *a, struct str *ret, const char **why)
{
    uint8_t *ascii = NULL;
    const char *z = arena_strz(a, domain);
    if (strlen(z) != domain.n || !utf8_is_clean(domain))
        return refuse(why, "the domain is not clean UTF-8");
    int rc = idn2_lookup_u8((const uint8_t *)z, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK)
        return refuse(why, "the domain is not a valid internationalized name (IDNA 2008)");
    *ret = arena_str(a, str_of((const char *)ascii));
    idn2_free(ascii);
    return true;
}

bool domain_ascii(struct str domain, struct arena *a, struct str *ret, const char **why)
{
    struct str ascii;
    if (domain.n > DOMAIN_MAX)
        return refuse(why, "the domain is longer than 255 bytes");
    if (domain.n > 0 && domain.p[0] == '[') {
        if (!literal_is(domain))
            return refuse(why, "the address literal is malformed");
        *ret = lowered(domain, a);
        return true;
    }
    if (domain.n > 1 && domain.p[domain.n - 1] == '.')
        domain.n--;
    if (!utf8_needed(domain))
        ascii = lowered(domain, a);
    else if (!domain_from_utf8(domain, a, &ascii, why))
        return false;
    if (!domain_valid(ascii, false))
        return refuse(why, "the domain is malformed");
    *ret = ascii;
    return true;
}

bool domain_among(const struct str *sorted, size_t n, struct str domain)
{
    size_t lo = 0;
    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;
        struct str at = sorted[mid];
        int order = memcmp(domain.p, at.p, domain.n < at.n ? domain.n : at.n);
        if (order == 0 && domain.n == at.n)
            return true;
        if (order > 0 || (order == 0 && domain.n > at.n))
            lo = mid + 1;
        else
            n = mid;
    }
    return false;
}
