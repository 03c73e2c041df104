/* Answers SPF questions from standard input: "zone NAME TYPE VALUE", "clear", "check IP HELO SENDER"; a line each, fields parted by
 * tabs. Prints "result<TAB>explanation". */
#include "zone.h"

#include "lib/net.h"
#include "verify/spf.h"

#include <stdio.h>
#include <stdlib.h>

static void check(struct str line, struct arena *a)
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
        } else {
            check(line, &a);
        }
        arena_done(&a);
    }
    free(text);
    zone_clear();
    return 0;
}
