/* show: see show.h. What DNS says is a stranger's: it is shown without control characters. */
#include "domain/show.h"

#include "cli/catalogue.h"

#include <stdio.h>

enum { LABEL = 12 /* letters */ };

CATALOGUE(domain_text, DOMAIN_TEXTS)

static const char *const words[RECORD_KINDS] = {"dkim",       "spf",      "dmarc",       "return-path",
                                                "return-spf", "tracking", "tls-reports", "mta-sts"};
static const char *const states[CHECK_STATES] = {"right", "missing", "different", "others", "no-answer"};

static const char *type_word(enum dns_type t) { return t == DNS_TXT ? "TXT" : t == DNS_MX ? "MX" : "CNAME"; }

/* ---- for people ---- */

static void paragraph(const char *text, const char *indent)
{
    size_t column = 0;
    for (struct str rest = str_of(text); rest.p;) {
        struct str word = str_split(&rest, ' ');
        if (column > 0 && column + word.n > 88) {
            printf("\n");
            column = 0;
        }
        column += (size_t)printf("%s%.*s", column ? " " : indent, STR_ARGS(word));
    }
    printf("\n");
}

static void quoted(struct str value, const char *gap)
{
    for (struct str rest = value; rest.n > 0;) {
        size_t n = rest.n < RECORD_STRING_MAX ? rest.n : RECORD_STRING_MAX;
        printf("%s\"%.*s\"\n", rest.p == value.p ? "" : gap, (int)n, rest.p);
        rest = str_mem(rest.p + n, rest.n - n);
    }
}

/* "    label      " with its letters counted, not its bytes. */
static void print_label(const char *label)
{
    int n = 0;
    for (const char *p = label; *p; p++)
        n += (*p & 0xc0) != 0x80;
    printf("    %s%*s ", label, n < LABEL ? LABEL - n : 0, "");
}

static void print_value(const struct record *r, const char *label, enum lang l)
{
    print_label(label);
    if (r->type == DNS_TXT)
        quoted(r->value, "                 ");
    else
        printf("%.*s%s\n", STR_ARGS(r->value), ".");
    if (r->type == DNS_MX) {
        print_label(domain_text(l, DT_PRIORITY));
        printf("%u\n", r->preference);
    }
    if (r->value.n > RECORD_STRING_MAX)
        paragraph(domain_text(l, DT_STRINGS), "    ");
}

static void print_found(const struct checked *c, enum lang l)
{
    struct buf b = {0};
    for (unsigned i = 0; i < c->n; i++) {
        b.n = 0;
        common_safe(c->found[i], 600, &b);
        print_label(domain_text(l, DT_IS));
        printf("\"%.*s\"\n", STR_ARGS(buf_str(&b)));
    }
    b.n = 0;
    common_safe(c->detail, 300, &b);
    if (c->why != WHY_NONE)
        printf("    -> %s %.*s\n", domain_text(l, (enum domain_text)(DT_DIFF_0 + (int)c->why)), STR_ARGS(buf_str(&b)));
    buf_done(&b);
}

static void print_policy(const struct sender *s, enum lang l)
{
    struct arena a = {0};
    printf("    %s https://mta-sts.%.*s/.well-known/mta-sts.txt\n", domain_text(l, DT_FILE), STR_ARGS(s->domain));
    for (struct str rest = records_policy(s, &a); rest.n > 0;) {
        struct str line = str_split(&rest, '\r');
        printf("        %.*s\n", STR_ARGS(line));
        if (rest.n > 0)
            rest = str_mem(rest.p + 1, rest.n - 1);
    }
    arena_done(&a);
}

static enum domain_text weight_of(const struct record *r)
{
    bool optional = r->kind == RECORD_TRACKING || r->kind == RECORD_TLS_REPORTS || r->kind == RECORD_MTA_STS;
    return r->kind == RECORD_DKIM ? DT_NEEDED : optional ? DT_OPTIONAL : DT_ADVISED;
}

/* What it is for; of several keys it is said once, and what the newer kind is there for. */
static void print_why(const struct record *r, bool again, enum lang l)
{
    if (!again)
        paragraph(domain_text(l, (enum domain_text)(DT_WHY_0 + (int)r->kind)), "  ");
    else if (r->key && r->key->ed25519)
        paragraph(domain_text(l, DT_WHY_NEWER), "  ");
}

static void print_record(const struct sender *s, const struct record *r, const struct checked *c, bool again, enum lang l)
{
    printf("\n%s%s (%s)", domain_text(l, (enum domain_text)(DT_KIND_0 + (int)r->kind)),
           !r->key           ? ""
           : r->key->ed25519 ? ", Ed25519"
                             : ", RSA",
           domain_text(l, weight_of(r)));
    if (c)
        printf(": %s", domain_text(l, (enum domain_text)(DT_STATE_0 + (int)c->state)));
    printf("\n");
    if (!c || c->state == CHECK_MISSING)
        print_why(r, again, l);
    print_label(domain_text(l, DT_NAME));
    printf("%.*s\n", STR_ARGS(r->name));
    if (c && c->state == CHECK_RIGHT)
        return;
    print_label(domain_text(l, DT_TYPE));
    printf("%s\n", type_word(r->type));
    print_value(r, domain_text(l, c ? DT_SHOULD : DT_VALUE), l);
    if (c)
        print_found(c, l);
    if (r->kind == RECORD_MTA_STS)
        print_policy(s, l);
}

void show_text(const struct sender *s, const struct record *r, const struct checked *checked, unsigned n, enum lang l)
{
    struct buf intro = {0};
    buf_addf(&intro, "%s %.*s", domain_text(l, DT_INTRO), STR_ARGS(s->domain));
    buf_add(&intro, "", 1);
    if (!checked)
        paragraph(intro.p, "");
    for (unsigned i = 0; i < n; i++)
        print_record(s, &r[i], checked ? &checked[i] : NULL, i > 0 && r[i].kind == r[i - 1].kind, l);
    buf_done(&intro);
}

/* ---- for programs ---- */

static void member(struct buf *b, const char *name, struct str value)
{
    buf_addf(b, ",\"%s\":", name);
    common_json(value, b);
}

static void strings_json(const struct record *r, struct buf *b)
{
    const char *gap = "";
    buf_addf(b, ",\"strings\":[");
    for (struct str rest = r->value; rest.n > 0; gap = ",") {
        size_t n = rest.n < RECORD_STRING_MAX ? rest.n : RECORD_STRING_MAX;
        buf_add_str(b, str_of(gap));
        common_json(str_mem(rest.p, n), b);
        rest = str_mem(rest.p + n, rest.n - n);
    }
    buf_addf(b, "]");
}

static void checked_json(const struct checked *c, struct buf *b)
{
    struct buf why = {0};
    buf_addf(b, ",\"status\":\"%s\",\"found\":[", states[c->state]);
    for (unsigned i = 0; i < c->n; i++) {
        buf_add_str(b, str_of(i ? "," : ""));
        common_json(c->found[i], b);
    }
    buf_addf(&why, "%s %.*s", domain_text(LANG_EN, (enum domain_text)(DT_DIFF_0 + (int)c->why)), STR_ARGS(c->detail));
    buf_addf(b, "]");
    member(b, "difference", str_trim(buf_str(&why)));
    buf_done(&why);
}

void show_json(const struct sender *s, struct str account, const struct record *r, const struct checked *checked, unsigned n,
               bool ready)
{
    struct buf b = {0};
    struct arena a = {0};
    buf_addf(&b, "{\"domain\":\"%.*s\"", STR_ARGS(s->domain));
    member(&b, "account", account);
    if (checked)
        buf_addf(&b, ",\"ready\":%s", ready ? "true" : "false");
    buf_addf(&b, ",\"records\":[");
    for (unsigned i = 0; i < n; i++) {
        buf_addf(&b, "%s\n{\"purpose\":\"%s\",\"needed\":%s,\"type\":\"%s\"", i ? "," : "", words[r[i].kind],
                 r[i].kind == RECORD_DKIM ? "true" : "false", type_word(r[i].type));
        member(&b, "name", r[i].name);
        member(&b, "value", r[i].value);
        if (r[i].type == DNS_TXT)
            strings_json(&r[i], &b);
        if (r[i].type == DNS_MX)
            buf_addf(&b, ",\"preference\":%u", r[i].preference);
        if (checked)
            checked_json(&checked[i], &b);
        buf_addf(&b, "}");
    }
    buf_addf(&b, "],\n\"policy\":{\"url\":\"https://mta-sts.%.*s/.well-known/mta-sts.txt\"", STR_ARGS(s->domain));
    member(&b, "text", records_policy(s, &a));
    printf("%.*s}}\n", STR_ARGS(buf_str(&b)));
    buf_done(&b);
    arena_done(&a);
}

/* ---- for a zone file (RFC 1035 5) ---- */

void show_zone(const struct record *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        printf("%.*s. 3600 IN %s ", STR_ARGS(r[i].name), type_word(r[i].type));
        if (r[i].type == DNS_MX)
            printf("%u ", r[i].preference);
        if (r[i].type != DNS_TXT)
            printf("%.*s.\n", STR_ARGS(r[i].value));
        else if (r[i].value.n <= RECORD_STRING_MAX)
            quoted(r[i].value, "");
        else {
            printf("( ");
            quoted(r[i].value, "    ");
            printf("    )\n");
        }
    }
}
