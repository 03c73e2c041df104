/* resolver: see resolver.h. */
#include "domain/resolver.h"

#include "lib/must.h"
#include "lib/net.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>

struct resolver {
    struct ub_ctx *ctx;
};

static int use_server(struct ub_ctx *ctx, const char *server)
{
    struct sockaddr_storage sa;
    socklen_t len;
    char ip[NET_TEXT], forward[NET_TEXT + 8];
    if (!net_parse(str_of(server), &sa, &len) || sa.ss_family == AF_UNIX)
        return UB_SYNTAX;
    net_text((struct sockaddr *)&sa, ip);
    snprintf(forward, sizeof forward, "%s@%u", ip, net_port((struct sockaddr *)&sa));
    int code = ub_ctx_set_option(ctx, "do-not-query-localhost:", "no");
    code = code ? code : ub_ctx_set_fwd(ctx, forward);
    ub_ctx_zone_remove(ctx, "test."); /* what libunbound answers by itself (RFC 6761); last, because it ends the setting up */
    return code;
}

bool resolver_open(struct resolver **ret, const char *server, struct fault *f)
{
    struct resolver *r = calloc(1, sizeof *r);
    must(r);
    r->ctx = ub_ctx_create();
    int code = !r->ctx ? UB_NOMEM : server ? use_server(r->ctx, server) : ub_ctx_resolvconf(r->ctx, NULL);
    if (code == 0) {
        *ret = r;
        return true;
    }
    resolver_close(&r);
    return server && code == UB_SYNTAX ? fault_set(f, "%s is no resolver: expected IP:PORT, such as 127.0.0.1:53", server)
                                       : fault_set(f, "the resolver cannot be set up: %s", ub_strerror(code));
}

void resolver_close(struct resolver **r)
{
    if (*r && (*r)->ctx)
        ub_ctx_delete((*r)->ctx);
    free(*r);
    *r = NULL;
}

/* A name in wire form, which libunbound gives without compression. */
static bool read_name(const uint8_t *p, size_t n, struct arena *a, struct str *ret)
{
    char *out = arena_alloc(a, n + 1);
    size_t to = 0;
    for (size_t at = 0; at < n;) {
        size_t label = p[at++];
        if (label == 0) {
            *ret = str_mem(out, to);
            return true;
        }
        if (label > 63 || label > n - at)
            return false;
        if (to)
            out[to++] = '.';
        for (; label > 0; label--)
            out[to++] = (char)tolower(p[at++]);
    }
    return false;
}

static bool read_text(const uint8_t *p, size_t n, struct arena *a, struct str *ret)
{
    char *out = arena_alloc(a, n + 1);
    size_t to = 0;
    for (size_t at = 0; at < n;) {
        size_t part = p[at++];
        if (part > n - at)
            return false;
        memcpy(out + to, p + at, part);
        to += part;
        at += part;
    }
    *ret = str_mem(out, to);
    return true;
}

static bool read_record(enum dns_type type, const uint8_t *p, size_t n, struct arena *a, struct dns_record *r)
{
    size_t address = type == DNS_A ? 4 : 16;
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        if (n == address)
            memcpy(r->address, p, n);
        return n == address;
    case DNS_MX:
        if (n < 3)
            return false;
        r->preference = (uint16_t)(p[0] << 8 | p[1]);
        return read_name(p + 2, n - 2, a, &r->text);
    case DNS_CNAME:
    case DNS_PTR:
        return read_name(p, n, a, &r->text);
    case DNS_TXT:
        return read_text(p, n, a, &r->text);
    }
    return false;
}

static enum dns_result take(struct ub_result *u, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    if (u->bogus || (u->rcode != 0 && u->rcode != 3))
        return DNS_TROUBLE;
    if (u->nxdomain)
        return DNS_NO_NAME;
    ret->record = arena_alloc(a, DNS_RECORDS_MAX * sizeof *ret->record);
    for (int i = 0; u->havedata && u->data[i] && ret->n < DNS_RECORDS_MAX; i++)
        if (u->len[i] >= 0 && read_record(type, (const uint8_t *)u->data[i], (size_t)u->len[i], a, &ret->record[ret->n]))
            ret->n++;
    return ret->n ? DNS_FOUND : DNS_NO_DATA;
}

static enum dns_result ask(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    struct resolver *r = ctx;
    struct ub_result *u = NULL;
    *ret = (struct dns_answer){0};
    if (ub_resolve(r->ctx, arena_strz(a, name), (int)type, 1, &u) != 0 || !u)
        return DNS_TROUBLE;
    enum dns_result got = take(u, type, a, ret);
    ub_resolve_free(u);
    return got;
}

struct verify_dns resolver_dns(struct resolver *r) { return (struct verify_dns){ask, r}; }
