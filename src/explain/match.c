/* match: see match.h. The automaton of Aho and Corasick tells every word that ends at a byte. A phrase is a row of steps; a word
 * counts for its step when the step before has just ended, and then notes its own end. A step that may be left out counts as
 * ended with the one before it. */
#include "explain/match.h"

#include "lib/must.h"

/* How far each phrase has come: per step the end of its latest word, and where the phrase began, with JUMPED if a gap was on the
 * way (places in a text need 13 bits). */
enum { JUMPED = 0x8000 };
struct progress {
    uint16_t end[RULE_SLOTS_MAX];
    uint16_t first[RULE_SLOTS_MAX];
};
_Static_assert(EXPLAIN_TEXT_MAX + 2 < JUMPED, "a place in a text and JUMPED fit together");

static bool edge(char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')); }

/* A word as it was found. */
struct hit {
    size_t first, end;
    bool at_start, at_end; /* begins and ends at a word's edge */
    uint32_t next;         /* the letter of the word behind it, as a bit */
};

/* The bit of a letter that a word may begin with (letter_bit in tools/compile-rules). */
static uint32_t letter_bit(char c)
{
    if (c >= 'a' && c <= 'z')
        return 1u << (c - 'a');
    return 1u << (c >= '0' && c <= '9' ? 26 : (unsigned char)c < 0x80 ? 27 : 28);
}

/* Where the phrase began if this word goes on with it, 0 if it does not. */
static size_t begun(const struct rule_use *u, size_t first, const struct progress *pr)
{
    size_t before = pr->end[u->before];
    if (before && before + 1 == first)
        return pr->first[u->before];
    if (before && u->gap && before < first && first - before <= RULE_GAP_MAX)
        return pr->first[u->before] | (size_t)JUMPED;
    return u->first ? first : 0;
}

static void use_word(const struct rule_use *u, const struct hit *h, struct progress *pr, match_found *found, void *ctx)
{
    size_t from = begun(u, h->first, pr);
    if (!from || (!u->open_start && !h->at_start) || (!u->open_end && !h->at_end))
        return;
    for (unsigned i = 0; i <= u->skipped; i++) {
        pr->end[u->slot + i] = (uint16_t)h->end;
        pr->first[u->slot + i] = (uint16_t)from;
    }
    if (u->final)
        found(ctx, &(struct match){u->owner, from & ~(size_t)JUMPED, h->end, from & JUMPED});
}

static void take_word(const struct rule_word *w, const struct plain *p, size_t end, struct progress *pr, match_found *found,
                      void *ctx)
{
    struct hit h = {end - w->length, end, edge(p->text[end - w->length - 1]), edge(p->text[end]),
                    end + 1 < p->n ? letter_bit(p->text[end + 1]) : 0};
    if ((!h.at_start && !w->open_start) || (!h.at_end && !w->open_end))
        return;
    for (const struct rule_use *u = &rulebook_use[w->use], *last = u + w->uses; u < last; u++)
        if ((u->final || u->next & h.next) && (u->first || pr->end[u->before]))
            use_word(u, &h, pr, found, ctx);
}

/* The node after this byte; at_start: a word may begin with it. */
static uint32_t step(uint32_t at, unsigned char c, bool at_start)
{
    for (;;) {
        if (at == 0 && !at_start && !rulebook_inner[c])
            return 0;
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
        at = step(at, (unsigned char)p->text[i], i == 0 || edge(p->text[i - 1]));
        uint32_t row = rulebook_node[at].hit;
        if (!(row & HIT_INNER) && !edge(p->text[i + 1]))
            continue;
        for (const uint16_t *hit = &rulebook_hit[row & ~HIT_INNER]; *hit; hit++)
            take_word(&rulebook_word[*hit], p, i + 1, &pr, found, ctx);
    }
}
