#include "zone.h"

#include "lib/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
    struct str name, type, value;
};
static struct entry entries[20000];
static unsigned n;
static struct arena arena;

void zone_add(struct str name, struct str type, struct str value)
{
    if (n < sizeof entries / sizeof *entries)
        entries[n++] = (struct entry){arena_str(&arena, name), arena_str(&arena, type), arena_str(&arena, value)};
}

void zone_clear(void)
{
    n = 0;
    arena_done(&arena);
}

static bool fill(struct dns_record *r, enum dns_type type, struct str value, struct arena *a)
{
    char text[300];
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        snprintf(text, sizeof text, "%.*s", STR_ARGS(value));
        return inet_pton(type == DNS_A ? AF_INET : AF_INET6, text, r->address) == 1;
    case DNS_MX:
        r->preference = (uint16_t)atoi(value.p);
        str_split(&value, ' ');
        r->text = arena_str(a, value);
        return true;
    default:
        r->text = arena_str(a, value);
        return true;
    }
}

static struct str type_name(enum dns_type t)
{
    return t == DNS_A ? STR("A") : t == DNS_AAAA ? STR("AAAA") : t == DNS_MX ? STR("MX") : t == DNS_PTR ? STR("PTR") : STR("TXT");
}

static enum dns_result ask_at(struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret, int depth)
{
    bool known = false;
    ret->record = arena_alloc(a, DNS_RECORDS_MAX * sizeof *ret->record);
    for (unsigned i = 0; i < n; i++) {
        if (!str_eq_nocase(entries[i].name, name))
            continue;
        known = true;
        if (str_eq(entries[i].type, STR("TIMEOUT")))
            return ret->n ? DNS_FOUND : DNS_TROUBLE;
        if (str_eq(entries[i].type, STR("CNAME")) && depth < 10)
            return ask_at(entries[i].value, type, a, ret, depth + 1);
        if (str_eq(entries[i].type, type_name(type)) && ret->n < DNS_RECORDS_MAX)
            ret->n += fill(&ret->record[ret->n], type, entries[i].value, a);
    }
    return ret->n ? DNS_FOUND : known ? DNS_NO_DATA : DNS_NO_NAME;
}

static enum dns_result ask(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    (void)ctx;
    *ret = (struct dns_answer){0};
    return ask_at(name, type, a, ret, 0);
}

const struct verify_dns zone_dns = {ask, NULL};

static int hex(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

struct str field_take(struct str *line, struct arena *a)
{
    struct str raw = str_split(line, '\t');
    char *out = arena_alloc(a, raw.n + 1);
    size_t to = 0;
    for (size_t i = 0; i < raw.n; i++)
        if (raw.p[i] == '\\' && i + 3 < raw.n + 0 && raw.p[i + 1] == 'x') {
            out[to++] = (char)(hex(raw.p[i + 2]) << 4 | hex(raw.p[i + 3]));
            i += 3;
        } else if (raw.p[i] == '\\' && i + 1 < raw.n) {
            out[to++] = raw.p[++i];
        } else {
            out[to++] = raw.p[i];
        }
    return str_mem(out, to);
}
