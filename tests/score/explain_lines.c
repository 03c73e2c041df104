/* explain_lines: explains every line of standard input, "HOST<TAB>REPLY", and prints a line for each: what the scores and the
 * examples of the rules are compared with. */
#include "explain/explain.h"

#include <stdio.h>
#include <stdlib.h>

static void tell(struct str line)
{
    char enhanced[12];
    struct str host = str_split(&line, '\t');
    struct explain_input in = {.text = line, .host = host};
    struct explanation e = explain(&in);
    enhanced_text(e.enhanced, enhanced);
    struct str words = str_mem(line.p + e.evidence.offset, e.evidence.length);
    printf("%s\t%s\t%s\t%s\t%s\t%u\t%s\t%s\t%d\t%s\t%.*s\n", e.cause->name, e.cause->class, e.cause->sisimai,
           action_name(e.action), e.permanent ? "permanent" : "temporary", e.confidence, e.rule, e.provider, e.code, enhanced,
           STR_ARGS(words));
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
        if (line[n - 1] == '\n')
            n--;
        tell(str_mem(line, (size_t)n));
    }
    free(line);
    return 0;
}
