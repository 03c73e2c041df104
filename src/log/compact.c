/* compact: moves the few live messages of the oldest segment forward, so that the segment can be used again.
 *
 * When: the log holds more than twice its live bytes (plus a few segments). Each live byte is then moved at most about once per
 * time the log writes as much again as it holds live. A moved message's old record stays valid until the segment is freed, and
 * that waits for the batch with the new record to be durable. */
#include "log/inner.h"

#include "lib/must.h"

#include <stdlib.h>

enum { MOVES_AT_ONCE = 64, SLACK_SEGMENTS = 6 };

struct move {
    struct move *next;
    struct log *log;
    struct log_entry *entry; /* NULL: it ended while it was being read */
    struct log_read read;
};

static void unlist(struct log *g, const struct move *m)
{
    struct move **at = &g->moves;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    g->moving--;
}

void compact_forget(struct log *g, const struct log_entry *e)
{
    for (struct move *m = g->moves; m; m = m->next)
        if (m->entry == e)
            m->entry = NULL;
}

static void move_forward(struct log *g, struct log_entry *e, struct str old_meta, struct str content)
{
    struct buf meta = {0};
    struct log_pos pos;
    struct segment *from = segment_find(g, e->pos.segment);
    g->hooks->restate(g->ctx, e, old_meta, &meta);
    if (log_append(g, RECORD_MOVED, 0, e->id, buf_str(&meta), &content, 1, &pos) == LOG_OK) {
        struct batch *b = log_gathering(g);
        entry_unlink(g, e);
        e->pos = pos;
        e->meta_bytes = meta.n & LOG_LENGTH_MAX;
        entry_link(g, b->segment, e);
        from->free_after = b->number;
        g->stats.moved++;
    }
    buf_done(&meta);
}

static void on_read(void *ctx, bool ok, struct str meta, struct str content, const struct fault *f)
{
    struct move *m = ctx;
    struct log *g = m->log;
    struct log_entry *e = m->entry;
    (void)f;
    unlist(g, m);
    free(m);
    if (!e)
        return;
    e->moving = false;
    if (ok && !e->ending && !g->failed)
        move_forward(g, e, meta, content);
    else if (!ok)
        e->moving = true; /* unreadable: it stays where it is, and so does its segment */
}

static bool worth_it(const struct log *g)
{
    uint64_t live = 2 * g->stats.live_bytes / g->o.segment_bytes;
    return g->segments > SLACK_SEGMENTS + live && g->oldest != g->newest && g->oldest->sealed;
}

void compact_some(struct log *g)
{
    if (g->failed || g->closing || !worth_it(g))
        return;
    for (struct log_entry *e = g->oldest->entries, *next; e && g->moving < MOVES_AT_ONCE; e = next) {
        next = e->next;
        if (e->moving || e->ending)
            continue;
        struct move *m = calloc(1, sizeof *m);
        must(m);
        *m = (struct move){.next = g->moves, .log = g, .entry = e, .read = {.done = on_read, .ctx = m}};
        g->moves = m;
        g->moving++;
        e->moving = true;
        log_fetch(g, e, &m->read);
        if (g->o.is_inline)
            return; /* the list has changed under us */
    }
}
