/* value: what may stand in a list (suppress.h), and why. The free-mail providers stand in one table here. */
#include "mail/mailbox.h"
#include "suppress/suppress.h"

#include <stdlib.h>

/* ---- reasons ---- */

/* The first row of a reason is its own name; the others are what services call it whose exports people bring. */
static const struct reason_row {
    enum suppress_reason reason;
    const char *name;
} reasons[] = {
    {SUPPRESS_HARDBOUNCE, "hardbounce"},
    {SUPPRESS_HARDBOUNCE, "hard bounce"},
    {SUPPRESS_HARDBOUNCE, "bounce"},
    {SUPPRESS_HARDBOUNCE, "bounced"},
    {SUPPRESS_HARDBOUNCE, "permanent"},
    {SUPPRESS_HARDBOUNCE, "invalid"},
    {SUPPRESS_HARDBOUNCE, "invalid email"},
    {SUPPRESS_HARDBOUNCE, "user unknown"},
    {SUPPRESS_COMPLAINT, "spam complaint"},
    {SUPPRESS_COMPLAINT, "complaint"},
    {SUPPRESS_COMPLAINT, "spam"},
    {SUPPRESS_COMPLAINT, "spam report"},
    {SUPPRESS_COMPLAINT, "spamreport"},
    {SUPPRESS_COMPLAINT, "feedback"},
    {SUPPRESS_UNSUBSCRIBE, "unsubscribe"},
    {SUPPRESS_UNSUBSCRIBE, "unsubscribed"},
    {SUPPRESS_UNSUBSCRIBE, "optout"},
    {SUPPRESS_UNSUBSCRIBE, "opt out"},
    {SUPPRESS_UNSUBSCRIBE, "list unsubscribe"},
    {SUPPRESS_UNSUBSCRIBE, "global unsubscribe"},
    {SUPPRESS_UNSUBSCRIBE, "group unsubscribe"},
    {SUPPRESS_ABUSE, "abuse"},
    {SUPPRESS_SPAMTRAP, "spamtrap"},
    {SUPPRESS_SPAMTRAP, "spam trap"},
    {SUPPRESS_HAND, "manual"},
    {SUPPRESS_OTHER, "other"},
};
enum { REASONS = sizeof reasons / sizeof reasons[0] };

const char *suppress_reason_name(enum suppress_reason r)
{
    switch (r) {
    case SUPPRESS_HARDBOUNCE:
        return "hardbounce";
    case SUPPRESS_COMPLAINT:
        return "spam_complaint";
    case SUPPRESS_UNSUBSCRIBE:
        return "unsubscribe";
    case SUPPRESS_ABUSE:
        return "abuse";
    case SUPPRESS_SPAMTRAP:
        return "spamtrap";
    case SUPPRESS_HAND:
        return "manual";
    case SUPPRESS_OTHER:
        break;
    }
    return "other";
}

bool suppress_reason_parse(struct str s, enum suppress_reason *ret)
{
    char words[32]; /* "spam_complaint", "Spam-Complaint" and "spam complaint" are one */
    s = str_trim(s);
    if (s.n >= sizeof words)
        return false;
    for (size_t i = 0; i < s.n; i++)
        words[i] = s.p[i] == '_' || s.p[i] == '-' ? ' ' : s.p[i];
    for (size_t i = 0; i < REASONS; i++)
        if (str_eq_nocase(str_mem(words, s.n), str_of(reasons[i].name))) {
            *ret = reasons[i].reason;
            return true;
        }
    return false;
}

/* ---- values ---- */

/* "jan kowalski" keeps its quotes, "jan" does not: what is left must be a local part by itself. */
static size_t unquoted(struct str local, char out[64])
{
    char text[64 + 2];
    struct mailbox m;
    const char *why;
    size_t n = 0;
    if (local.n < 2 || local.n > 64 || local.p[0] != '"')
        return 0;
    for (size_t i = 1; i + 1 < local.n; i++)
        text[n++] = local.p[i] == '\\' && i + 2 < local.n ? local.p[++i] : local.p[i];
    memcpy(text + n, "@x", 2);
    if (n == 0 || text[0] == '"' || !mailbox_parse(str_mem(text, n + 2), true, &m, &why))
        return 0;
    memcpy(out, text, n);
    return n;
}

size_t suppress_normal(struct str address, struct str domain, char out[SUPPRESS_VALUE_MAX])
{
    const char *at = address.p ? memrchr(address.p, '@', address.n) : NULL;
    struct str local = {address.p, at ? (size_t)(at - address.p) : address.n};
    size_t n = unquoted(local, out), tail = domain.n < 255 ? domain.n : 255;
    if (n == 0 && local.n) {
        n = local.n < 64 ? local.n : 64;
        memcpy(out, local.p, n);
    }
    for (size_t i = 0; i < n; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] + 32);
    out[n++] = '@';
    if (tail)
        memcpy(out + n, domain.p, tail);
    return n + tail;
}

bool suppress_value_parse(struct str s, struct arena *a, struct suppress_value *ret, const char **why)
{
    char normal[SUPPRESS_VALUE_MAX];
    struct suppress_value v = {0};
    struct mailbox m;
    const char *at = s.p ? memrchr(s.p, '@', s.n) : NULL;
    v.is_domain = !at || at == s.p;
    if (v.is_domain) {
        if (at)
            s = str_mem(s.p + 1, s.n - 1);
        *why = "a domain has at least two parts, such as example.pl";
        if (!s.n || !memchr(s.p, '.', s.n) || s.p[0] == '[' || !domain_ascii(s, a, &v.domain, why))
            return false;
        v.text = v.domain;
    } else {
        if (!mailbox_parse(s, true, &m, why) || !domain_ascii(m.domain, a, &v.domain, why))
            return false;
        v.text = arena_str(a, str_mem(normal, suppress_normal(s, v.domain, normal)));
    }
    *ret = v;
    return true;
}

/* ---- free-mail providers ---- */

/* Sorted: it is searched. Where anybody may have a mailbox, one person's refusal says nothing of the others. */
static const char *const freemail[] = {
    "126.com",     "163.com",     "abv.bg",        "aim.com",        "alice.it",       "aol.com",        "arcor.de",
    "att.net",     "autograf.pl", "azet.sk",       "bk.ru",          "bluewin.ch",     "btinternet.com", "buziaczek.pl",
    "centrum.cz",  "centrum.sk",  "comcast.net",   "duck.com",       "email.cz",       "email.it",       "fastmail.com",
    "free.fr",     "freenet.de",  "gazeta.pl",     "gmail.com",      "gmx.at",         "gmx.ch",         "gmx.com",
    "gmx.de",      "gmx.fr",      "gmx.net",       "go2.pl",         "googlemail.com", "hey.com",        "hotmail.co.uk",
    "hotmail.com", "hotmail.de",  "hotmail.es",    "hotmail.fr",     "hotmail.it",     "icloud.com",     "inbox.lv",
    "inbox.ru",    "interia.com", "interia.eu",    "interia.pl",     "intmail.pl",     "laposte.net",    "libero.it",
    "list.ru",     "live.com",    "live.fr",       "mac.com",        "mail.com",       "mail.ru",        "me.com",
    "msn.com",     "naver.com",   "o2.pl",         "onet.com.pl",    "onet.eu",        "onet.pl",        "op.pl",
    "orange.fr",   "outlook.com", "outlook.de",    "outlook.fr",     "poczta.fm",      "poczta.onet.eu", "poczta.onet.pl",
    "poczta.pl",   "proton.me",   "protonmail.ch", "protonmail.com", "qq.com",         "rambler.ru",     "rediffmail.com",
    "seznam.cz",   "sfr.fr",      "sina.com",      "spoko.pl",       "t-online.de",    "tlen.pl",        "tutanota.com",
    "ukr.net",     "verizon.net", "vip.onet.pl",   "virgilio.it",    "vp.pl",          "wanadoo.fr",     "web.de",
    "wp.eu",       "wp.pl",       "yahoo.co.uk",   "yahoo.com",      "yahoo.de",       "yahoo.es",       "yahoo.fr",
    "yahoo.it",    "yandex.com",  "yandex.ru",     "ymail.com",      "zoho.com",
};

static int by_name(const void *key, const void *row)
{
    const struct str *s = key;
    const char *z = *(const char *const *)row;
    int order = strncmp(s->p, z, s->n);
    return order ? order : (z[s->n] ? -1 : 0);
}

bool suppress_is_freemail(struct str domain)
{
    return domain.n && bsearch(&domain, freemail, sizeof freemail / sizeof freemail[0], sizeof freemail[0], by_name);
}
