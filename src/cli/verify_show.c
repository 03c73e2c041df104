/* verify_show: see verify_show.h. Each method is told as the question that it answers, the steps, and the answer: its word of RFC
 * 8601 comes first, for those who know it. */
#include "cli/verify_show.h"

#include "cli/catalogue.h"
#include "cli/verify_text.h"
#include "lib/arena.h"
#include "lib/net.h"

#include <ctype.h>

enum { SHOWN_MAX = 500, STARS_MAX = 4 };

CATALOGUE(verify_text, VERIFY_TEXTS)

/* ---- sentences of verify/ ---- */

/* Matches a text with a pattern whose stars stand for anything; the pieces are what they stood for. */
static bool fits(struct str text, const char *pattern, struct str *piece)
{
    for (;;) {
        const char *star = strchr(pattern, '*');
        size_t plain = star ? (size_t)(star - pattern) : strlen(pattern);
        if (text.n < plain || memcmp(text.p, pattern, plain) != 0)
            return false;
        text = str_mem(text.p + plain, text.n - plain);
        if (!star)
            return text.n == 0;
        pattern = star + 1;
        size_t next = strcspn(pattern, "*");
        const char *end = next == 0 ? text.p + text.n : memmem(text.p, text.n, pattern, next);
        if (!end)
            return false;
        *piece++ = str_mem(text.p, (size_t)(end - text.p));
        text = str_mem(end, text.n - (size_t)(end - text.p));
    }
}

static void put_polish(const char *pattern, const struct str *piece, struct buf *b)
{
    for (const char *star; (star = strchr(pattern, '*')); pattern = star + 1) {
        buf_add(b, pattern, (size_t)(star - pattern));
        verify_phrase(*piece++, LANG_PL, b);
    }
    buf_add_str(b, str_of(pattern));
}

void verify_phrase(struct str sentence, enum lang l, struct buf *b)
{
#define ROW(en, pl) {en, pl},
    static const char *const rows[][2] = {VERIFY_PHRASES(ROW)};
#undef ROW
    struct str piece[STARS_MAX];
    for (size_t i = 0; l == LANG_PL && i < sizeof rows / sizeof *rows; i++)
        if (fits(sentence, rows[i][0], piece)) {
            put_polish(rows[i][1], piece, b);
            return;
        }
    common_safe(sentence, SHOWN_MAX, b);
}

static void put_because(struct str reason, enum lang l, struct buf *b)
{
    if (!reason.n)
        return;
    buf_add_str(b, STR(": "));
    verify_phrase(reason, l, b);
}

static void put_line(struct buf *b, const char *indent, const char *text, struct str stranger)
{
    buf_addf(b, "%s%s ", indent, text);
    common_safe(stranger, SHOWN_MAX, b);
    buf_add_str(b, STR("\n"));
}

/* ---- SPF ---- */

/* What a term names, and what it says of them: "-all" -> "everybody else: they may not". */
static void tell_term(struct str term, enum lang l, struct buf *b)
{
    static const struct {
        const char *name;
        enum verify_text t;
    } rows[] = {{"all", VT_TERM_ALL}, {"include", VT_TERM_INCLUDE}, {"a", VT_TERM_A},
                {"mx", VT_TERM_MX},   {"ptr", VT_TERM_PTR},         {"ip4", VT_TERM_IP},
                {"ip6", VT_TERM_IP},  {"exists", VT_TERM_EXISTS},   {"redirect", VT_TERM_REDIRECT}};
    char sign = term.n && memchr("+-~?", term.p[0], 4) ? term.p[0] : '\0';
    struct str name = sign ? str_mem(term.p + 1, term.n - 1) : term;
    size_t n = 0;
    while (n < name.n && !memchr(":/=", name.p[n], 3))
        n++;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_eq_nocase(str_mem(name.p, n), str_of(rows[i].name))) {
            buf_addf(b, " (%s", verify_text(l, rows[i].t));
            if (rows[i].t != VT_TERM_REDIRECT)
                buf_addf(b, ": %s",
                         verify_text(l, sign == '-'   ? VT_MAY_NOT
                                        : sign == '~' ? VT_SHOULD_NOT
                                        : sign == '?' ? VT_UNSAID
                                                      : VT_MAY));
            buf_add_str(b, STR(")"));
            return;
        }
}

static void tell_spf_steps(const struct spf_answer *s, enum lang l, struct buf *b)
{
    if (s->steps)
        buf_addf(b, "  %s\n", verify_text(l, VT_STEPS));
    for (unsigned i = 0; i < s->steps; i++) {
        const struct spf_step *t = &s->step[i];
        buf_addf(b, "    %*s", (int)t->depth * 2, "");
        common_safe(t->domain, 253, b);
        buf_add_str(b, STR("  "));
        common_safe(t->term, SHOWN_MAX, b);
        tell_term(t->term, l, b);
        buf_add_str(b, STR("  -> "));
        verify_phrase(t->note, l, b);
        buf_add_str(b, STR("\n"));
    }
}

static void tell_spf(const struct verify_input *in, const struct spf_answer *s, enum lang l, struct buf *b)
{
    char ip[NET_TEXT] = "?";
    if (in->client)
        net_text(in->client, ip);
    buf_addf(b, "%s\n", verify_text(l, VT_SPF_WHAT));
    if (in->client) {
        buf_addf(b, "  %s ", verify_text(l, VT_SPF_FOR));
        common_safe(s->domain, 253, b);
        buf_addf(b, "%s%s %s %s.\n", in->sender.n ? "" : " ", in->sender.n ? "" : verify_text(l, VT_SPF_HELO),
                 verify_text(l, VT_SPF_FROM), ip);
    }
    tell_spf_steps(s, l, b);
    buf_addf(b, "  => %s: %s", spf_result_name(s->result), verify_text(l, (enum verify_text)(VT_SPF_NONE + (int)s->result)));
    put_because(s->reason, l, b);
    buf_add_str(b, STR("\n"));
    if (s->mechanism.n)
        put_line(b, "     ", verify_text(l, VT_DECIDED), s->mechanism);
    if (s->explanation.n)
        put_line(b, "     ", verify_text(l, VT_OWNER_SAYS), s->explanation);
}

/* ---- DKIM ---- */

static void tell_signature(const struct dkim_answer *d, unsigned number, enum lang l, struct buf *b)
{
    buf_addf(b, "  %u. %s ", number, verify_text(l, d->domain.n ? VT_SIGNED_BY : VT_DKIM_UNREADABLE));
    common_safe(d->domain, 253, b);
    if (d->selector.n) {
        buf_addf(b, " (%s ", verify_text(l, VT_KEY_AT));
        common_safe(d->selector, 253, b);
        buf_add_str(b, STR("._domainkey."));
        common_safe(d->domain, 253, b);
        buf_add_str(b, STR("; "));
        common_safe(d->algorithm, 40, b);
        if (d->bits)
            buf_addf(b, ", %u bit", d->bits);
        buf_add_str(b, STR(")"));
    }
    buf_addf(b, "\n     => %s", auth_result_name(d->result));
    if (d->result == AUTH_PASS)
        buf_addf(b, ": %s", verify_text(l, VT_GOOD));
    put_because(d->reason, l, b);
    buf_addf(b, "%s%s", d->partial ? " " : "", d->partial ? verify_text(l, VT_PARTIAL) : "");
    buf_addf(b, "%s%s\n", d->testing ? " " : "", d->testing ? verify_text(l, VT_TESTING) : "");
}

static void tell_dkim(const struct verified *v, enum lang l, struct buf *b)
{
    buf_addf(b, "\n%s\n", verify_text(l, VT_DKIM_WHAT));
    if (v->dkims == 0)
        buf_addf(b, "  => none: %s\n", verify_text(l, VT_DKIM_NONE));
    for (unsigned i = 0; i < v->dkims; i++)
        tell_signature(&v->dkim[i], i + 1, l, b);
}

/* ---- DMARC ---- */

static enum verify_text dmarc_text(enum auth_result r)
{
    return r == AUTH_PASS        ? VT_DMARC_PASS
           : r == AUTH_FAIL      ? VT_DMARC_FAIL
           : r == AUTH_TEMPERROR ? VT_DMARC_TEMPERROR
           : r == AUTH_PERMERROR ? VT_DMARC_PERMERROR
                                 : VT_DMARC_NONE;
}

static void tell_alignment(const struct dmarc_answer *d, enum lang l, struct buf *b)
{
    buf_addf(b, "  %s: %s\n", verify_text(l, VT_BY_SPF), verify_text(l, d->spf_aligned ? VT_YES : VT_NO));
    buf_addf(b, "  %s: %s\n", verify_text(l, VT_BY_DKIM), verify_text(l, d->dkim_aligned ? VT_YES : VT_NO));
}

static void tell_dmarc(const struct verified *v, enum lang l, struct buf *b)
{
    const struct dmarc_answer *d = &v->dmarc;
    bool judged = d->result == AUTH_PASS || d->result == AUTH_FAIL;
    buf_addf(b, "\n%s\n", verify_text(l, VT_DMARC_WHAT));
    if (v->author.n)
        put_line(b, "  ", verify_text(l, VT_AUTHOR), v->author);
    if (d->steps)
        buf_addf(b, "  %s\n", verify_text(l, VT_STEPS));
    for (unsigned i = 0; i < d->steps; i++) {
        buf_add_str(b, STR("    "));
        common_safe(d->step[i].name, 253, b);
        buf_add_str(b, STR("  -> "));
        verify_phrase(d->step[i].note, l, b);
        buf_add_str(b, STR("\n"));
    }
    if (d->record.n)
        put_line(b, "    ", "=", d->record);
    if (judged)
        tell_alignment(d, l, b);
    buf_addf(b, "  => %s: %s", auth_result_name(d->result), verify_text(l, dmarc_text(d->result)));
    put_because(d->reason, l, b);
    buf_add_str(b, STR("\n"));
    if (d->policy == DMARC_NO_POLICY)
        return;
    buf_addf(b, "     %s: %s", verify_text(l, VT_ASKS), verify_text(l, (enum verify_text)(VT_ASKS_NONE + (int)d->policy - 1)));
    put_line(b, "; ", verify_text(l, VT_RECORD_OF), d->domain);
}

/* ---- ARC ---- */

static void tell_arc(const struct arc_answer *a, enum lang l, struct buf *b)
{
    enum verify_text t = a->result == AUTH_PASS        ? VT_ARC_PASS
                         : a->result == AUTH_FAIL      ? VT_ARC_FAIL
                         : a->result == AUTH_TEMPERROR ? VT_ARC_TEMPERROR
                                                       : VT_ARC_NONE;
    buf_addf(b, "\n%s\n  => %s: %s", verify_text(l, VT_ARC_WHAT), auth_result_name(a->result), verify_text(l, t));
    if (a->result == AUTH_PASS) {
        buf_addf(b, " %u, %s ", a->sets, verify_text(l, VT_NEWEST));
        common_safe(a->domain, 253, b);
    }
    put_because(a->reason, l, b);
    buf_add_str(b, STR("\n"));
}

void verify_tell(const struct verify_input *in, const struct verified *v, bool message, enum lang l, struct buf *b)
{
    tell_spf(in, &v->spf, l, b);
    if (!message)
        return;
    tell_dkim(v, l, b);
    tell_dmarc(v, l, b);
    tell_arc(&v->arc, l, b);
}

/* ---- in a story ---- */

/* The value at the front, unquoted in the arena; leaves what follows it. */
static struct str take_value(struct str *rest, struct arena *a)
{
    char *out = arena_alloc(a, rest->n + 1);
    bool quoted = rest->n && rest->p[0] == '"';
    size_t n = 0, at = quoted;
    for (; at < rest->n && rest->p[at] != (quoted ? '"' : ' '); at++) {
        at += quoted && rest->p[at] == '\\' && at + 1 < rest->n;
        out[n++] = rest->p[at];
    }
    at += at < rest->n;
    *rest = str_trim(str_mem(rest->p + at, rest->n - at));
    return str_mem(out, n);
}

/* The value of a property such as "header.d" or "reason"; "" if it is not there. What strangers wrote may look like one, and is
 * stepped over. */
static struct str property(struct str text, const char *name, struct arena *a)
{
    while (text.n) {
        struct str key = str_split(&text, '='), value = text.p ? take_value(&text, a) : STR("");
        if (str_eq(key, str_of(name)))
            return value;
    }
    return STR("");
}

static enum verify_text spf_text(struct str word)
{
    unsigned r = SPF_NONE;
    while (r < SPF_PERMERROR && !str_eq(word, str_of(spf_result_name((enum spf_result)r))))
        r++;
    return (enum verify_text)(VT_SPF_NONE + (int)r);
}

/* What a word means; NULL: its reason says all. */
static const char *meaning(struct str method, struct str word, enum lang l)
{
    unsigned r = AUTH_NONE;
    while (r < AUTH_PERMERROR && !str_eq(word, str_of(auth_result_name((enum auth_result)r))))
        r++;
    if (str_eq(method, STR("spf")))
        return verify_text(l, spf_text(word));
    if (str_eq(method, STR("dmarc")))
        return verify_text(l, dmarc_text((enum auth_result)r));
    if (str_eq(method, STR("dkim")))
        return r == AUTH_PASS ? verify_text(l, VT_GOOD) : r == AUTH_NONE ? verify_text(l, VT_DKIM_NONE) : NULL;
    return r == AUTH_FAIL ? verify_text(l, VT_ARC_FAIL) : r == AUTH_NONE ? verify_text(l, VT_ARC_NONE) : NULL;
}

static void tell_noted(struct str one, enum lang l, struct arena *a, struct buf *b)
{
    struct str rest = one, pair = str_split(&rest, ' '), word = pair, method = str_split(&word, '=');
    struct str reason = property(one, "reason", a), policy = property(one, "policy.dmarc", a);
    const char *means = meaning(method, word, l);
    static const char *const whose[] = {"smtp.mailfrom", "smtp.helo", "header.d", "header.from"};
    buf_add_str(b, STR("    "));
    for (size_t i = 0; i < method.n; i++)
        buf_addf(b, "%c", toupper((unsigned char)method.p[i]));
    for (size_t i = 0; i < sizeof whose / sizeof *whose; i++) {
        struct str domain = property(one, whose[i], a);
        buf_add_str(b, domain.n ? STR(" ") : STR(""));
        common_safe(domain, 253, b);
    }
    buf_add_str(b, STR(" "));
    common_safe(word, 20, b);
    if (means)
        buf_addf(b, ": %s", means);
    put_because(reason, l, b);
    for (int p = DMARC_POLICY_NONE; str_eq(word, STR("fail")) && p <= DMARC_REJECT; p++)
        if (str_eq(policy, str_of(dmarc_policy_name((enum dmarc_policy)p))))
            buf_addf(b, "; %s %s", verify_text(l, VT_OWNER_ASKS), verify_text(l, (enum verify_text)(VT_ASKS_NONE + p - 1)));
    buf_add_str(b, STR("\n"));
}

void verify_story(struct str results, enum lang l, struct buf *b)
{
    struct arena a = {0};
    if (results.n)
        buf_addf(b, "  %s\n", verify_text(l, VT_CHECKED));
    while (results.n) {
        struct str one = str_trim(str_split(&results, ';'));
        tell_noted(one, l, &a, b);
        results = results.p ? results : (struct str){"", 0};
    }
    arena_done(&a);
}

/* ---- JSON ---- */

static void put_text(const char *lead, struct str s, struct buf *b)
{
    buf_add_str(b, str_of(lead));
    common_json(s, b);
}

static void json_spf(const struct spf_answer *s, struct buf *b)
{
    buf_addf(b, "{\"spf\":{\"result\":\"%s\"", spf_result_name(s->result));
    put_text(",\"explanation\":", s->explanation, b);
    put_text(",\"domain\":", s->domain, b);
    buf_add_str(b, STR(",\"steps\":["));
    for (unsigned i = 0; i < s->steps; i++) {
        buf_addf(b, "%s{\"depth\":%u", i ? "," : "", s->step[i].depth);
        put_text(",\"domain\":", s->step[i].domain, b);
        put_text(",\"term\":", s->step[i].term, b);
        put_text(",\"note\":", s->step[i].note, b);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("]}"));
}

static void json_dkim(const struct verified *v, struct buf *b)
{
    buf_add_str(b, STR(",\"dkim\":["));
    for (unsigned i = 0; i < v->dkims; i++) {
        const struct dkim_answer *d = &v->dkim[i];
        put_text(i ? ",{\"domain\":" : "{\"domain\":", d->domain, b);
        put_text(",\"selector\":", d->selector, b);
        put_text(",\"algorithm\":", d->algorithm, b);
        buf_addf(b, ",\"result\":\"%s\"", auth_result_name(d->result));
        put_text(",\"reason\":", d->reason, b);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("]"));
}

void verify_json(const struct verified *v, bool message, struct buf *b)
{
    json_spf(&v->spf, b);
    if (message) {
        json_dkim(v, b);
        buf_addf(b, ",\"dmarc\":{\"result\":\"%s\"", auth_result_name(v->dmarc.result));
        put_text(",\"domain\":", v->dmarc.domain, b);
        buf_addf(b, ",\"policy\":\"%s\",\"aligned\":{\"spf\":%s,\"dkim\":%s}}", dmarc_policy_name(v->dmarc.policy),
                 v->dmarc.spf_aligned ? "true" : "false", v->dmarc.dkim_aligned ? "true" : "false");
        buf_addf(b, ",\"arc\":{\"cv\":\"%s\"", auth_result_name(v->arc.result));
        put_text(",\"reason\":", v->arc.reason, b);
        buf_add_str(b, STR("}"));
    }
    buf_add_str(b, STR("}\n"));
}
