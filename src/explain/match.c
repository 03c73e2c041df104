/* match: see match.h. The automaton of Aho and Corasick tells every word that ends at a byte. A phrase is a row of steps; a word
 * counts for its step when the step before has just ended, and then notes its own end. A step that may be left out counts as
 * ended with the one before it. */
#include "explain/match.h"

#include "lib/must.h"

/* How far each phrase has come: per step the end of its latest word, and where the phrase began. */
struct progress {
    uint16_t end[RULE_SLOTS_MAX];
    uint16_t first[RULE_SLOTS_MAX];
};

static bool edge(char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')); }

/* Where the phrase began if this word goes on with it, 0 if it does not. */
static size_t begun(const struct rule_use *u, size_t first, const struct progress *pr)
{
    size_t before = pr->end[u->before];
    if (before && (before + 1 == first || (u->gap && before < first && first - before <= RULE_GAP_MAX)))
        return pr->first[u->before];
    return u->first ? first : 0;
}

static void use_word(const struct rule_use *u, const struct plain *p, size_t first, size_t end, struct progress *pr,
                     match_found *found, void *ctx)
{
    size_t from = begun(u, first, pr);
    if (!from || (!u->open_start && !edge(p->text[first - 1])) || (!u->open_end && !edge(p->text[end])))
        return;
    for (unsigned i = 0; i <= u->skipped; i++) {
        pr->end[u->slot + i] = (uint16_t)end;
        pr->first[u->slot + i] = (uint16_t)from;
    }
    if (u->final)
        found(ctx, u->owner, from, end);
}

static uint32_t step(uint32_t at, unsigned char c)
{
    for (;;) {
        int32_t next = rulebook_node[at].base + c;
        if (rulebook_node[next].parent == (int32_t)at)
            return (uint32_t)next;
        if (at == 0)
            return 0;
        at = rulebook_node[at].fail;
    }
}

void match_all(const struct plain *p, match_found *found, void *ctx)
{
    struct progress pr;
    must(rulebook_slots <= RULE_SLOTS_MAX);
    memset(pr.end, 0, rulebook_slots * sizeof pr.end[0]);
    uint32_t at = 0;
    for (size_t i = 0; i < p->n; i++) {
        at = step(at, (unsigned char)p->text[i]);
        for (const uint16_t *hit = &rulebook_hit[rulebook_node[at].hit]; *hit; hit++) {
            const struct rule_word *w = &rulebook_word[*hit];
            for (uint16_t k = 0; k < w->uses; k++)
                use_word(&rulebook_use[w->use + k], p, i + 1 - w->length, i + 1, &pr, found, ctx);
        }
    }
}
