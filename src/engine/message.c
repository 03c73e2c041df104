/* message: see message.h. The meta that the log keeps is the encoded envelope followed by the jobs' states, if any differs from
 * "not tried yet": {u8 flags and held bit, u16 attempts, u32 due_s} each. */
#include "engine/message.h"

#include "lib/hash.h"
#include "lib/must.h"

#include <stdlib.h>
#include <unistd.h>

enum { STATE_HELD = 0x80 };

uint32_t message_number(struct str text) { return (uint32_t)siphash(hash_process_key(), text.p, text.n); }

static size_t message_bytes(uint32_t rcpts) { return sizeof(struct message) + rcpts * sizeof(struct job); }

static struct message *skeleton(struct worker *w, uint16_t log, const struct envelope *e)
{
    struct message *m = slab_alloc(&w->messages, message_bytes(e->rcpts));
    m->entry.id = e->id;
    m->home = w;
    m->log = log;
    m->rcpts = m->open = e->rcpts;
    m->has_return_path = e->return_path.n > 0;
    for (uint32_t i = 0; i < e->rcpts; i++) {
        m->job[i].message = m;
        m->job[i].rcpt = i;
        m->job[i].account = message_number(e->account);
        m->job[i].domain = message_number(e->rcpt[i].domain);
    }
    return m;
}

static void letter_set(struct message *m, struct arena *a, const struct envelope *e, struct content *c)
{
    struct letter *l = calloc(1, sizeof *l);
    must(l);
    l->arena = *a;
    *a = (struct arena){0};
    l->envelope = *e;
    l->content = c;
    m->letter = l;
    l->bytes = sizeof *l + l->arena.heap_bytes + sizeof *c + c->cap;
    m->home->letter_bytes += l->bytes;
}

struct message *message_new(struct worker *w, uint16_t log, struct arena *a, const struct envelope *e, struct content *c)
{
    struct message *m = skeleton(w, log, e);
    letter_set(m, a, e, c);
    return m;
}

static void letter_free(struct message *m)
{
    struct letter *l = m->letter;
    if (!l)
        return;
    m->home->letter_bytes -= l->bytes;
    content_free(&l->content);
    arena_done(&l->arena);
    free(l);
    m->letter = NULL;
}

void message_free(struct message *m)
{
    letter_free(m);
    slab_free(&m->home->messages, m, message_bytes(m->rcpts));
}

void message_unload(struct message *m)
{
    if (m->pins == 0)
        letter_free(m);
}

enum log_refusal message_commit(struct message *m, void (*fn)(void *ctx, bool durable))
{
    struct buf *meta = &m->home->scratch;
    meta->n = 0;
    envelope_encode(&m->letter->envelope, meta);
    m->letter->wait = (struct log_wait){.fn = fn, .ctx = m};
    struct str content = content_str(m->letter->content);
    return log_accept(message_log(m), &m->entry, buf_str(meta), &content, 1, &m->letter->wait);
}

bool message_load(struct message *m, struct str meta, struct str content)
{
    if (m->letter)
        return true;
    struct arena a = {0};
    struct envelope e;
    struct str rest, own = arena_str(&a, meta);
    if (!envelope_decode(own, &a, &e, &rest) || e.rcpts != m->rcpts) {
        arena_done(&a);
        return false;
    }
    struct content *c = content_new(content.n);
    memcpy(c->bytes + c->start, content.p, content.n);
    c->n = content.n;
    letter_set(m, &a, &e, c);
    m->home->counters.loads++;
    return true;
}

static void job_end(struct job *j)
{
    struct message *m = j->message;
    if (j->flags & JOB_ENDED)
        return;
    j->flags |= JOB_ENDED;
    m->open--;
}

void message_apply(struct message *m, uint32_t rcpt, enum outcome_status status, uint32_t attempts, int64_t next_ms)
{
    must(rcpt < m->rcpts);
    struct job *j = &m->job[rcpt];
    if (attempts)
        j->attempts = attempts > UINT16_MAX ? UINT16_MAX : (uint16_t)attempts;
    j->state = JOB_OUT;
    switch (status) {
    case OUTCOME_DELIVERED:
    case OUTCOME_FAILED:
    case OUTCOME_DROPPED:
        job_end(j);
        break;
    case OUTCOME_DEFERRED:
    case OUTCOME_RELEASED:
        j->due_s = (uint32_t)(next_ms / 1000);
        break;
    case OUTCOME_HELD:
        j->state = JOB_HELD;
        break;
    }
}

/* ---- recovery ---- */

static size_t slot_of(const struct worker *w, struct id id)
{
    uint64_t h;
    memcpy(&h, id.b + 8, sizeof h); /* the random part spreads by itself; ids are our own */
    return h & (w->recovered_cap - 1);
}

static struct message **find(const struct worker *w, struct id id)
{
    size_t i = slot_of(w, id);
    while (w->recovered[i] && !id_eq(w->recovered[i]->entry.id, id))
        i = (i + 1) & (w->recovered_cap - 1);
    return &w->recovered[i];
}

static void table_grow(struct worker *w)
{
    struct message **old = w->recovered;
    size_t n = w->recovered_cap;
    w->recovered_cap = n ? n * 2 : 1024;
    w->recovered = calloc(w->recovered_cap, sizeof *w->recovered);
    must(w->recovered);
    for (size_t i = 0; i < n; i++)
        if (old[i])
            *find(w, old[i]->entry.id) = old[i];
    free(old);
}

static void states_read(struct message *m, struct str rest)
{
    bool ok = true;
    for (uint32_t i = 0; i < m->rcpts && rest.n; i++) {
        struct job *j = &m->job[i];
        uint8_t flags = str_take_u8(&rest, &ok);
        j->attempts = str_take_u16(&rest, &ok);
        j->due_s = str_take_u32(&rest, &ok);
        j->flags = (uint8_t)((j->flags & JOB_ENDED) | (flags & JOB_WARNED));
        j->state = flags & STATE_HELD ? JOB_HELD : JOB_OUT;
        if (ok && flags & JOB_ENDED)
            job_end(j);
    }
}

/* A notification's acceptance is at the same time the outcome of the parent's jobs it speaks for. */
static void parent_apply(struct worker *w, const struct envelope *e)
{
    struct message *parent = e->dsn == DSN_NONE ? NULL : *find(w, e->parent);
    for (uint32_t i = 0; parent && i < e->parent_rcpts; i++)
        if (e->parent_rcpt[i] < parent->rcpts) {
            if (e->dsn == DSN_DELAYED)
                parent->job[e->parent_rcpt[i]].flags |= JOB_WARNED;
            else
                job_end(&parent->job[e->parent_rcpt[i]]);
        }
}

static struct log_entry *recover_message(void *ctx, struct id id, struct str meta, uint32_t content_bytes)
{
    struct worker *w = ctx;
    struct arena a = {0};
    struct envelope e;
    struct str rest;
    (void)content_bytes;
    if (w->recovered_n * 2 >= w->recovered_cap)
        table_grow(w);
    struct message *m = NULL, **at = find(w, id);
    if (envelope_decode(meta, &a, &e, &rest) && id_eq(e.id, id) && e.rcpts > 0) {
        m = *at;
        if (!m) {
            *at = m = skeleton(w, 0, &e);
            w->recovered_n++;
        }
        states_read(m, rest);
        parent_apply(w, &e);
    }
    arena_done(&a);
    return m ? &m->entry : NULL;
}

/* Takes a message out of the open-addressing table: what follows it in its run moves up to stay findable. */
static void forget(struct worker *w, const struct message *m)
{
    size_t mask = w->recovered_cap - 1, hole = (size_t)(find(w, m->entry.id) - w->recovered);
    for (size_t i = (hole + 1) & mask; w->recovered[i]; i = (i + 1) & mask) {
        size_t want = slot_of(w, w->recovered[i]->entry.id);
        if (((i - want) & mask) >= ((i - hole) & mask)) {
            w->recovered[hole] = w->recovered[i];
            hole = i;
        }
    }
    w->recovered[hole] = NULL;
    w->recovered_n--;
}

static void recover_note(void *ctx, struct log_entry *entry, struct str note, bool ends)
{
    struct worker *w = ctx;
    struct message *m = (struct message *)entry;
    struct arena a = {0};
    struct outcome o;
    if (outcome_decode(note, &a, &o))
        for (uint32_t i = 0; i < o.rcpts; i++)
            if (o.rcpt[i].rcpt < m->rcpts)
                message_apply(m, o.rcpt[i].rcpt, o.rcpt[i].status, o.attempt, o.rcpt[i].next_ms);
    arena_done(&a);
    if (!ends)
        return;
    forget(w, m);
    message_free(m);
}

static void restate(void *ctx, struct log_entry *entry, struct str old_meta, struct buf *meta)
{
    struct message *m = (struct message *)entry;
    struct arena a = {0};
    struct envelope e;
    struct str rest = {0};
    (void)ctx;
    must(envelope_decode(old_meta, &a, &e, &rest));
    arena_done(&a);
    buf_add(meta, old_meta.p, old_meta.n - rest.n);
    for (uint32_t i = 0; i < m->rcpts; i++) {
        const struct job *j = &m->job[i];
        buf_put_u8(meta, (uint8_t)((j->flags & (JOB_ENDED | JOB_WARNED)) | (j->state == JOB_HELD ? STATE_HELD : 0)));
        buf_put_u16(meta, j->attempts);
        buf_put_u32(meta, j->due_s);
    }
}

/* Nothing may be acknowledged after a failed sync; what is on disk is found by starting over (RFC 5321 6.1 asks no less). */
static void failed(void *ctx, const struct fault *f)
{
    struct worker *w = ctx;
    engine_log("log of worker %u failed, the engine stops at once and recovers from disk: %s", w->number, f->text);
    _exit(74);
}

const struct log_hooks message_log_hooks = {recover_message, recover_note, restate, failed};

void message_recovered(struct worker *w, uint16_t log, void (*fn)(struct message *m))
{
    struct message **table = w->recovered;
    size_t n = w->recovered_cap;
    w->recovered = NULL;
    w->recovered_n = w->recovered_cap = 0;
    for (size_t i = 0; i < n; i++)
        if (table[i]) {
            table[i]->log = log;
            table[i]->home = w;
            fn(table[i]);
        }
    free(table);
}
