/* nearest: see nearest.h. Three rows of the edit matrix are enough to see a swap of neighbours. */
#include "lib/nearest.h"

enum { WORD_MAX = 40 };

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

static unsigned distance(struct str a, struct str b)
{
    unsigned row[3][WORD_MAX + 1];
    for (size_t k = 0; k <= b.n; k++)
        row[0][k] = (unsigned)k;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *now = row[i % 3], *before = row[(i - 1) % 3], *earlier = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t k = 1; k <= b.n; k++) {
            now[k] = least(before[k - 1] + (a.p[i - 1] != b.p[k - 1]), least(before[k], now[k - 1]) + 1);
            if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1])
                now[k] = least(now[k], earlier[k - 2] + 1);
        }
    }
    return row[a.n % 3][b.n];
}

const char *nearest(struct str word, const char *const *names, size_t n)
{
    const char *best = NULL;
    unsigned best_distance = 0;
    for (size_t i = 0; i < n; i++) {
        struct str name = str_of(names[i]);
        if (word.n > WORD_MAX || name.n > WORD_MAX)
            continue;
        unsigned d = distance(word, name), longer = (unsigned)(word.n > name.n ? word.n : name.n);
        if (d <= (longer < 6 ? 1 + (longer > 3) : longer / 3) && d < longer && (!best || d < best_distance)) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
