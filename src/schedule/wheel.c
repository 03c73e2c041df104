/* wheel: jobs that wait for a wall-clock second. Five levels of 256 slots, singly linked, nothing allocated: a waiting job costs
 * its own struct and nothing more. A slot of a coarser level is dealt out when its time comes. Order within a second is not kept.
 */
#include "schedule/inner.h"

static struct job **slot_of(struct schedule *s, uint32_t due_s)
{
    uint64_t due = due_s < s->wheel_s ? s->wheel_s : due_s, away = due - s->wheel_s;
    unsigned level = 0;
    while (level < WHEEL_LEVELS - 1 && away >> (WHEEL_BITS * (level + 1)))
        level++;
    return &s->slot[level][(due >> (WHEEL_BITS * level)) & (WHEEL_SLOTS - 1)];
}

void wheel_add(struct schedule *s, struct job *j)
{
    struct job **at = slot_of(s, j->due_s);
    j->next = *at;
    *at = j;
}

static bool unlink_from(struct job **at, struct job *j)
{
    for (; *at; at = &(*at)->next)
        if (*at == j) {
            *at = j->next;
            return true;
        }
    return false;
}

void wheel_remove(struct schedule *s, struct job *j)
{
    if (unlink_from(&s->due, j))
        return;
    /* It lies in the slot its due time names at one of the levels: which one depends on when it was added. */
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        uint64_t due = j->due_s < s->wheel_s ? s->wheel_s : j->due_s;
        if (unlink_from(&s->slot[level][(due >> (WHEEL_BITS * level)) & (WHEEL_SLOTS - 1)], j))
            return;
    }
    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        for (unsigned i = 0; i < WHEEL_SLOTS; i++)
            if (unlink_from(&s->slot[level][i], j))
                return;
}

static void deal_out(struct schedule *s, unsigned level)
{
    struct job **at = &s->slot[level][(s->wheel_s >> (WHEEL_BITS * level)) & (WHEEL_SLOTS - 1)], *list = *at;
    *at = NULL;
    while (list) {
        struct job *j = list;
        list = j->next;
        wheel_add(s, j);
    }
}

static void empty_second(struct schedule *s)
{
    for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--)
        if ((s->wheel_s & ((UINT64_C(1) << (WHEEL_BITS * level)) - 1)) == 0)
            deal_out(s, level);
    struct job **at = &s->slot[0][s->wheel_s & (WHEEL_SLOTS - 1)];
    while (*at) {
        struct job *j = *at;
        *at = j->next;
        j->next = s->due;
        s->due = j;
    }
    s->wheel_s++;
}

struct job *wheel_due(struct schedule *s, int64_t wall_ms)
{
    uint64_t now_s = (uint64_t)(wall_ms / 1000);
    if (s->stats.waiting == 0 && !s->due && s->wheel_s < now_s)
        s->wheel_s = now_s;
    while (!s->due && s->wheel_s <= now_s && s->stats.waiting)
        empty_second(s);
    struct job *j = s->due;
    if (j)
        s->due = j->next;
    return j;
}

static void each_in(struct job *list, void (*fn)(void *ctx, struct job *j), void *ctx)
{
    for (struct job *j = list, *next; j; j = next) {
        next = j->next;
        fn(ctx, j);
    }
}

void wheel_each(struct schedule *s, void (*fn)(void *ctx, struct job *j), void *ctx)
{
    each_in(s->due, fn, ctx);
    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        for (unsigned i = 0; i < WHEEL_SLOTS; i++)
            each_in(s->slot[level][i], fn, ctx);
}
