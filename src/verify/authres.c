/* authres: see authres.h. */
#include "verify/authres.h"

#include "mail/mailbox.h"
#include "verify/tags.h"

enum { VALUE_MAX = 253, SHOWN_MAX = DKIM_SIGNATURES_MAX };

/* ---- writing ---- */

/* A token, a domain or an address goes as it is, all else in quotation marks (2.2 value, pvalue), as much as VALUE_MAX bytes tell
 * of it: strangers choose three values of a line of 998 bytes. */
static void put_value(struct str s, struct buf *b)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+@";
    bool token = s.n > 0 && s.n <= VALUE_MAX;
    for (size_t i = 0; i < s.n && token; i++)
        token = s.p[i] && strchr(plain, s.p[i]);
    if (token) {
        buf_add_str(b, s);
        return;
    }
    buf_add_str(b, STR("\""));
    for (size_t i = 0, end = b->n + VALUE_MAX; i < s.n && b->n < end; i++) {
        char c = s.p[i] < ' ' || s.p[i] > '~' ? '?' : s.p[i] == ';' ? ',' : s.p[i]; /* so that semicolons part methods alone */
        if (c == '"' || c == '\\')
            buf_add_str(b, STR("\\"));
        buf_add(b, &c, 1);
    }
    buf_add_str(b, STR("\""));
}

static void put_property(const char *name, struct str value, struct buf *b)
{
    if (!value.n)
        return;
    buf_addf(b, " %s=", name);
    put_value(value, b);
}

static void put_reason(struct str reason, struct buf *b) { put_property("reason", reason, b); }

static void put_dkim(const struct dkim_answer *d, struct buf *b)
{
    buf_addf(b, "dkim=%s", auth_result_name(d->result));
    put_reason(d->reason, b);
    put_property("header.d", d->domain, b);
    put_property("header.s", d->selector, b);
    put_property("header.a", d->algorithm, b);
}

void authres_write(const struct verified *v, struct str sender, struct str helo, struct buf *b)
{
    buf_addf(b, "spf=%s", spf_result_name(v->spf.result));
    put_reason(v->spf.reason, b);
    put_property(sender.n ? "smtp.mailfrom" : "smtp.helo", sender.n ? sender : helo, b);
    if (v->dkims == 0)
        buf_add_str(b, STR("; dkim=none"));
    for (unsigned i = 0; i < v->dkims && i < SHOWN_MAX; i++) {
        buf_add_str(b, STR("; "));
        put_dkim(&v->dkim[i], b);
    }
    buf_addf(b, "; dmarc=%s", auth_result_name(v->dmarc.result));
    put_reason(v->dmarc.reason, b);
    put_property("header.from", v->author, b);
    put_property("policy.dmarc", str_of(dmarc_policy_name(v->dmarc.policy)), b);
    buf_addf(b, "; arc=%s", auth_result_name(v->arc.result));
    put_reason(v->arc.reason, b);
}

void authres_field(struct str authserv, struct str results, struct buf *b)
{
    buf_addf(b, "Authentication-Results: %.*s", STR_ARGS(authserv));
    while (results.p) {
        struct str one = tags_item(&results, ';');
        buf_addf(b, ";\r\n\t%.*s", STR_ARGS(one));
    }
    buf_add_str(b, STR("\r\n"));
}

/* ---- reading ---- */

static bool is_in_id(char c) { return ((unsigned char)c > ' ' && c != 0x7f && !strchr(";(/", c)); }

/* Takes the authserv-id off the front, a token or a quoted string (2.2), and appends what it stands for. */
static void take_id(struct str *rest, struct buf *id)
{
    *rest = tags_uncommented(*rest);
    bool quoted = rest->n && rest->p[0] == '"';
    size_t n = quoted;
    for (; n < rest->n && (quoted ? rest->p[n] != '"' : is_in_id(rest->p[n])); n++) {
        n += quoted && rest->p[n] == '\\' && n + 1 < rest->n;
        buf_add(id, &rest->p[n], 1);
    }
    n += quoted && n < rest->n;
    *rest = str_mem(rest->p + n, rest->n - n);
}

/* "żółw.test." is "xn--w-uga1v8h.test". */
static bool is_same_name(struct str id, struct str authserv)
{
    struct arena a = {0};
    struct str x, y;
    const char *why;
    bool same =
        str_eq_nocase(id, authserv) || (domain_ascii(id, &a, &x, &why) && domain_ascii(authserv, &a, &y, &why) && str_eq(x, y));
    arena_done(&a);
    return same;
}

bool authres_claims(struct str value, struct str authserv)
{
    struct buf id = {0};
    take_id(&value, &id);
    bool claims = is_same_name(buf_str(&id), authserv);
    buf_done(&id);
    return claims;
}

struct str authres_results(struct str value)
{
    struct buf id = {0};
    take_id(&value, &id);
    buf_done(&id);
    str_split(&value, ';');
    return value.p ? tags_trim(value) : (struct str){"", 0};
}
