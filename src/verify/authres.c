/* authres: see authres.h. */
#include "verify/authres.h"

#include "verify/tags.h"

enum { VALUE_MAX = 253, SHOWN_MAX = DKIM_SIGNATURES_MAX };

/* ---- writing ---- */

/* A token, a domain or an address goes as it is, all else in quotation marks (2.2 value, pvalue). */
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
    for (size_t i = 0; i < s.n && i < VALUE_MAX; i++) {
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

/* Takes the authserv-id off the front: a token or a quoted string, without its quotation marks. */
static struct str take_id(struct str *rest)
{
    size_t n = 0;
    *rest = tags_uncommented(*rest);
    if (rest->n && rest->p[0] == '"') {
        *rest = str_mem(rest->p + 1, rest->n - 1);
        while (n < rest->n && rest->p[n] != '"')
            n++;
        struct str id = str_mem(rest->p, n);
        *rest = str_mem(rest->p + n + (n < rest->n), rest->n - n - (n < rest->n));
        return id;
    }
    while (n < rest->n && rest->p[n] > ' ' && rest->p[n] != 0x7f && !strchr(";(/", rest->p[n]))
        n++;
    struct str id = str_mem(rest->p, n);
    *rest = str_mem(rest->p + n, rest->n - n);
    return id;
}

bool authres_claims(struct str value, struct str authserv) { return str_eq_nocase(take_id(&value), authserv); }

struct str authres_results(struct str value)
{
    take_id(&value);
    str_split(&value, ';');
    return value.p ? tags_trim(value) : (struct str){"", 0};
}
