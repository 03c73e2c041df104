/* Answers questions from standard input, a line each, fields parted by tabs:
 *   clear | zone NAME TYPE VALUE          the DNS that the questions below see
 *   spf IP HELO SENDER                    result, explanation, reason
 *   dkim FILE EPOCH                       a line a signature: result, domain, selector, algorithm, reason; then an empty line
 *   arc FILE                              result, how many sets, domain of the newest seal, reason
 *   dmarc tree|psl FROM SPF DKIM...       what was asked for, a line each; result, policy, domain, alignments; an empty line
 *   registrable DOMAIN                    by the public suffix list */
#include "zone.h"

#include "lib/net.h"
#include "verify/arc.h"
#include "verify/dkim.h"
#include "verify/dmarc.h"
#include "verify/spf.h"

#include <stdio.h>
#include <stdlib.h>

static void spf(struct str line, struct arena *a)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct spf_answer answer;
    struct str ip = field_take(&line, a), helo = field_take(&line, a), sender = field_take(&line, a);
    if (!net_parse_ip(ip, 0, &sa, &len))
        exit(2);
    struct spf_input in = {(struct sockaddr *)&sa, helo, sender, STR("receiver.test"), 1700000000};
    spf_check(&in, &zone_dns, a, &answer);
    printf("%s\t%.*s\t%.*s\n", spf_result_name(answer.result), STR_ARGS(answer.explanation), STR_ARGS(answer.reason));
}

static struct str slurp(struct str path, struct arena *a)
{
    char name[4096];
    snprintf(name, sizeof name, "%.*s", STR_ARGS(path));
    FILE *f = fopen(name, "r");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        exit(3);
    size_t n = (size_t)ftell(f);
    char *p = arena_alloc(a, n + 1);
    rewind(f);
    if (fread(p, 1, n, f) != n)
        exit(3);
    fclose(f);
    return str_mem(p, n);
}

static int64_t number(struct str s) { return strtoll(s.p, NULL, 10); }

static bool trace;

static enum dns_result traced_ask(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    if (trace && type == DNS_TXT)
        printf("asked\t%.*s\n", STR_ARGS(name));
    return zone_dns.ask(ctx, name, type, a, ret);
}

static void dmarc(struct str line, struct arena *a)
{
    static const struct verify_dns traced = {traced_ask, NULL};
    struct str dkim_domain[50];
    struct dmarc_answer answer;
    struct dmarc_input in = {.dkim = dkim_domain};
    in.public_suffixes = str_eq(field_take(&line, a), STR("psl"));
    in.from = field_take(&line, a);
    in.spf = field_take(&line, a);
    for (struct str list = field_take(&line, a); list.p && list.n && in.dkims < 50;)
        dkim_domain[in.dkims++] = str_split(&list, ' ');
    trace = true;
    dmarc_check(&in, &traced, a, &answer);
    trace = false;
    printf("%s\t%s\t%.*s\t%d\t%d\n\n", auth_result_name(answer.result), dmarc_policy_name(answer.policy), STR_ARGS(answer.domain),
           answer.spf_aligned, answer.dkim_aligned);
}

static void dkim(struct str line, struct arena *a)
{
    struct view v;
    struct dkim_answer *list;
    struct str path = field_take(&line, a);
    view_make(&v, slurp(path, a), a);
    unsigned n = dkim_verify(&v, &zone_dns, number(arena_str(a, line)), a, &list);
    for (unsigned i = 0; i < n; i++)
        printf("%s\t%.*s\t%.*s\t%.*s\t%.*s\n", auth_result_name(list[i].result), STR_ARGS(list[i].domain),
               STR_ARGS(list[i].selector), STR_ARGS(list[i].algorithm), STR_ARGS(list[i].reason));
    printf("\n");
}

static void arc(struct str line, struct arena *a)
{
    struct view v;
    struct arc_answer answer;
    view_make(&v, slurp(field_take(&line, a), a), a);
    arc_verify(&v, &zone_dns, a, &answer);
    printf("%s\t%u\t%.*s\t%.*s\n", auth_result_name(answer.result), answer.sets, STR_ARGS(answer.domain), STR_ARGS(answer.reason));
}

int main(void)
{
    char *text = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&text, &cap, stdin)) > 0;) {
        struct arena a = {0};
        struct str line = str_mem(text, (size_t)n - (text[n - 1] == '\n')), word = str_split(&line, '\t');
        if (str_eq(word, STR("clear"))) {
            zone_clear();
        } else if (str_eq(word, STR("zone"))) {
            struct str name = field_take(&line, &a), type = field_take(&line, &a);
            zone_add(name, type, field_take(&line, &a));
        } else if (str_eq(word, STR("spf"))) {
            spf(line, &a);
        } else if (str_eq(word, STR("dkim"))) {
            dkim(line, &a);
        } else if (str_eq(word, STR("arc"))) {
            arc(line, &a);
        } else if (str_eq(word, STR("dmarc"))) {
            dmarc(line, &a);
        } else if (str_eq(word, STR("registrable"))) {
            struct str top = dmarc_registrable(field_take(&line, &a), &a);
            printf("%.*s\n", STR_ARGS(top));
        } else {
            return 2;
        }
        fflush(stdout);
        arena_done(&a);
    }
    free(text);
    zone_clear();
    return 0;
}
