/* records: see records.h. RFC 7208, 6376, 9989, 8461, 8460. */
#include "domain/records.h"

#include "sign/key.h"

#include <stdarg.h>
#include <stdio.h>

static struct str text(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static struct str text(struct arena *a, const char *fmt, ...)
{
    char line[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return arena_str(a, str_of(line));
}

struct str records_sources(const struct sender *s, struct arena *a)
{
    const char *v4 = s->address[0], *v6 = s->address[1];
    if (!v4 && !v6)
        return text(a, "a:%.*s", STR_ARGS(s->host));
    return text(a, "%s%s%s%s%s", v4 ? "ip4:" : "", v4 ? v4 : "", v4 && v6 ? " " : "", v6 ? "ip6:" : "", v6 ? v6 : "");
}

struct str records_policy(const struct sender *s, struct arena *a)
{
    return text(a, "version: STSv1\r\nmode: testing\r\nmx: %.*s\r\nmax_age: 604800\r\n", STR_ARGS(s->host));
}

static bool add_key(const struct sender *s, struct key_row *k, struct arena *a, struct record *r, struct fault *f)
{
    char path[800];
    struct buf value = {0};
    key_index_path(s->keys, k, path);
    buf_addf(&value, "v=DKIM1; k=%s; p=", k->ed25519 ? "ed25519" : "rsa");
    bool good = key_public(path, &value, f);
    *r = (struct record){.kind = RECORD_DKIM,
                         .type = DNS_TXT,
                         .name = text(a, "%.*s._domainkey.%.*s", STR_ARGS(k->selector), STR_ARGS(k->domain)),
                         .value = arena_str(a, buf_str(&value)),
                         .key = k};
    buf_done(&value);
    return good;
}

bool records_make(const struct sender *s, struct key_index *x, struct arena *a, struct record *ret, unsigned *ret_n,
                  struct fault *f)
{
    struct str d = s->domain, sources = records_sources(s, a);
    unsigned n = 0;
    for (size_t i = 0; i < x->n && n < RECORDS_MAX - RECORD_KINDS; i++)
        if (str_eq(x->row[i].domain, d) && !x->row[i].retired_s && !add_key(s, &x->row[i], a, &ret[n++], f))
            return false;
    const struct record rows[] = {
        {RECORD_SPF, DNS_TXT, d, text(a, "v=spf1 %.*s ~all", STR_ARGS(sources)), 0, NULL},
        {RECORD_DMARC, DNS_TXT, text(a, "_dmarc.%.*s", STR_ARGS(d)),
         text(a, "v=DMARC1; p=none; rua=mailto:dmarc@bounces.%.*s", STR_ARGS(d)), 0, NULL},
        {RECORD_RETURN_MX, DNS_MX, text(a, "bounces.%.*s", STR_ARGS(d)), s->host, 10, NULL},
        {RECORD_RETURN_SPF, DNS_TXT, text(a, "bounces.%.*s", STR_ARGS(d)), text(a, "v=spf1 %.*s -all", STR_ARGS(sources)), 0,
         NULL},
        {RECORD_TRACKING, DNS_CNAME, text(a, "track.%.*s", STR_ARGS(d)), s->host, 0, NULL},
        {RECORD_TLS_REPORTS, DNS_TXT, text(a, "_smtp._tls.%.*s", STR_ARGS(d)),
         text(a, "v=TLSRPTv1; rua=mailto:tls-reports@bounces.%.*s", STR_ARGS(d)), 0, NULL},
        {RECORD_MTA_STS, DNS_TXT, text(a, "_mta-sts.%.*s", STR_ARGS(d)), STR("v=STSv1; id=1"), 0, NULL},
    };
    memcpy(ret + n, rows, sizeof rows);
    *ret_n = n + sizeof rows / sizeof *rows;
    return true;
}
