/* What a list of a million entries costs: writing, loading, one change, a look-up on the mail path. `meson test --benchmark`. */
#include "suppress/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 1000000, ASKED = 4000000 };

static double now_s(void) /* of processor time: others may be busy too */
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct suppress_mark entry(unsigned i, char text[40])
{
    int n = snprintf(text, 40, "recipient%u@dest%u.test", i, i % 1000);
    return (struct suppress_mark){STR("shop"), {text, (size_t)n}, SUPPRESS_AUTOMATIC, SUPPRESS_HARDBOUNCE, 1700000000, 0};
}

int main(void)
{
    char folder[] = "/tmp/goniec-suppress-XXXXXX", path[64], text[40];
    struct fault f;
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/suppression", folder);
    double at = now_s();
    struct suppress_writer *w = suppress_writer_new(path);
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct suppress_mark m = entry(i, text);
        suppress_writer_add(w, &m);
    }
    if (!suppress_writer_finish(&w, path, &f))
        return 1;
    printf("write %d entries       %.0f ms\n", ENTRIES, (now_s() - at) * 1e3);

    struct suppress_list *l, *again;
    at = now_s();
    if (!suppress_load(&l, path, NULL, &f))
        return 1;
    printf("load them             %.1f ms\n", (now_s() - at) * 1e3);

    at = now_s();
    struct suppress_mark one = entry(ENTRIES, text);
    if (!suppress_append(path, &one, 1, 1700000000, &f) || !suppress_load(&again, path, l, &f))
        return 1;
    printf("append one, load it   %.2f ms\n", (now_s() - at) * 1e3);

    unsigned blocked = 0, seed = 1;
    double without = 0;
    for (int ask = 0; ask < 2; ask++) { /* first without asking: making the address is not the look-up's cost */
        at = now_s();
        for (unsigned i = 0; i < ASKED; i++) {
            struct suppress_hit hit;
            struct suppress_mark m = entry((seed = seed * 1664525 + 1013904223) % (2 * ENTRIES), text);
            struct str domain = {text, m.value.n};
            str_split(&domain, '@');
            if (ask)
                blocked += suppress_blocks(again, m.account, m.value, domain, 1700000000, &hit);
        }
        if (!ask)
            without = now_s() - at;
    }
    printf("one look-up           %.0f ns (%u of %d blocked)\n", (now_s() - at - without) / ASKED * 1e9, blocked, ASKED);
    suppress_free(&l);
    suppress_free(&again);
    unlink(path);
    rmdir(folder);
    return 0;
}
