/* report: see report.h. A message that ends in the same transaction as it came in is written once, as ended: what a transaction
 * adds is gathered first, and only notes on older messages change rows. */
#include "report/report.h"

#include "lib/must.h"
#include "log/follow.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "report/learn.h"
#include "report/waits.h"
#include "store/tls.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOGS_MAX = 64,
    BATCH = 5000,
    LOOK_MS = 1000,
    EAGER_MS = 2000,
    FORGET_MS = 60000,
    FORGET_AT_ONCE = 2000,
    WAIT_STEP_MS = 50,
    DAY_MS = 86400000
};
#define KEEP_TROUBLES_MS INT64_C(2592000000) /* 30 days: longer than any wait between two attempts */
#define KEEP_REFUSED_MS INT64_C(604800000)
enum { SLOTS = 16384 }; /* a power of two, more than twice a batch */

struct followed {
    char name[16];
    struct follow *follow;
    struct log_pos pos;
    int64_t given_ms; /* when it last gave something */
    bool moved;       /* in this transaction */
};

/* A message that this transaction adds; all of it lies in the transaction's arena. */
struct fresh {
    struct id id;
    int64_t at_ms;
    struct str meta;
    uint64_t *hash; /* of its recipients' addresses */
    uint32_t recipients, open;
    bool waited;
};

struct report {
    struct store *store;
    char directory[512];
    uint32_t keep_s;
    struct report_suppress rules;
    bool count_tls;
    struct followed log[LOGS_MAX];
    unsigned logs;
    int64_t looked_ms, forgot_ms;
    struct arena arena;         /* of the transaction */
    struct fresh *slot[SLOTS];  /* by id, open addressing */
    struct fresh *fresh[BATCH]; /* in order */
    unsigned fresh_n;
    struct str found; /* meta of an older message, in the arena */
    struct waits waits;
    struct report_stats stats, saved; /* saved: as of the last transaction */
};

/* ---- the logs there are ---- */

static bool known(const struct report *r, const char *name)
{
    for (unsigned i = 0; i < r->logs; i++)
        if (strcmp(r->log[i].name, name) == 0)
            return true;
    return false;
}

/* A log without its mapping is just being made: it is found the next time. */
static void look_for_logs(struct report *r)
{
    DIR *d = opendir(r->directory);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[800];
        struct fault f;
        struct followed *l = &r->log[r->logs];
        if (e->d_name[0] != 'w' || strlen(e->d_name) >= sizeof l->name || r->logs == LOGS_MAX || known(r, e->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", r->directory, e->d_name);
        if (store_checkpoint_get(r->store, e->d_name, &l->pos, &f) && follow_open(&l->follow, path, l->pos, &f)) {
            memcpy(l->name, e->d_name, strlen(e->d_name) + 1);
            follow_done_to(l->follow, l->pos);
            r->logs++;
        }
    }
    if (d)
        closedir(d);
}

/* ---- records ---- */

static struct fresh **slot_of(struct report *r, struct id id)
{
    uint64_t h;
    memcpy(&h, id.b + 8, sizeof h); /* the random part */
    size_t i = h & (SLOTS - 1);
    while (r->slot[i] && !id_eq(r->slot[i]->id, id))
        i = (i + 1) & (SLOTS - 1);
    return &r->slot[i];
}

static void add_message(struct report *r, const struct follow_record *rec)
{
    struct arena a = {0};
    struct envelope e;
    struct str rest;
    if (envelope_decode(rec->body, &a, &e, &rest)) {
        struct fresh *m = arena_alloc(&r->arena, sizeof *m);
        *m = (struct fresh){.id = e.id, .at_ms = e.accepted_ms, .recipients = e.rcpts, .open = e.rcpts};
        m->meta = arena_str(&r->arena, rec->body);
        m->hash = arena_alloc(&r->arena, e.rcpts * sizeof *m->hash + 1);
        for (uint32_t i = 0; i < e.rcpts; i++)
            m->hash[i] = store_address_hash(e.rcpt[i].address);
        *slot_of(r, m->id) = r->fresh[r->fresh_n++] = m;
        r->stats.messages++;
    } else {
        r->stats.skipped++;
    }
    arena_done(&a);
}

/* The last note of a message ends whoever is left, too: a bounce's record may have spoken for some, and the engine died before it
 * noted their outcome (engine/flow.c). */
static uint32_t ended_by(const struct outcome *o, bool ends)
{
    uint32_t n = ends ? UINT32_MAX : 0;
    for (uint32_t i = 0; !ends && i < o->rcpts; i++)
        n += o->rcpt[i].status <= OUTCOME_DROPPED;
    return n;
}

static bool keep_meta(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct report *r = ctx;
    (void)id;
    (void)at_ms;
    (void)open;
    r->found = arena_str(&r->arena, meta);
    return false;
}

/* Of a message of this transaction, or of an older one. */
static bool envelope_of(struct report *r, const struct fresh *m, struct id id, struct arena *a, struct envelope *ret)
{
    struct str rest;
    r->found = m ? m->meta : (struct str){0};
    if (!m)
        store_message(r->store, id, keep_meta, r);
    return r->found.n && envelope_decode(r->found, a, ret, &rest);
}

static bool put_off(struct report *r, struct fresh *m, const struct envelope *e, const struct outcome *o, struct fault *f)
{
    bool waits;
    if (!waits_begin(&r->waits, r->store, e, o, &waits, f))
        return false;
    if (m)
        m->waited |= waits;
    return m || !waits || store_set_waited(r->store, o->id, f);
}

/* What follows from an outcome beside the story: the lists learn from it, and what it puts off is written down. */
static bool conclude(struct report *r, struct fresh *m, const struct outcome *o, struct fault *f)
{
    struct arena a = {0};
    struct envelope e;
    bool learns = learn_wanted(&r->rules, o), waits = waits_wanted(o), good = true;
    if ((learns || waits) && envelope_of(r, m, o->id, &a, &e))
        good = (!learns || learn(r->store, &r->rules, &e, o, &r->stats.suppressed, f)) && (!waits || put_off(r, m, &e, o, f));
    arena_done(&a);
    return good;
}

/* Whom it ends is no longer open. *ret_waited: some of the outcome's recipients may be on the list of what is put off. */
static bool end_some(struct report *r, struct fresh *m, const struct outcome *o, bool ends, bool *ret_waited, struct fault *f)
{
    uint32_t ended = ended_by(o, ends);
    *ret_waited = m ? m->waited : ended < o->rcpts;
    if (!m)
        return !ended || store_end_recipients(r->store, o->id, ended, ret_waited, f);
    m->open -= ended < m->open ? ended : m->open;
    return true;
}

static bool add_sessions(struct report *r, const struct outcome *o, struct fault *f)
{
    for (uint32_t i = 0; r->count_tls && i < o->sessions; i++) {
        struct store_tls t = {.day = o->at_ms / DAY_MS, .domain = o->domain, .source_ip = o->source_ip, .session = o->session[i]};
        if (!store_tls_add(r->store, &t, f))
            return false;
    }
    return true;
}

static bool add_note(struct report *r, const struct follow_record *rec, struct fault *f)
{
    struct arena a = {0};
    struct outcome o;
    if (!outcome_decode(rec->body, &a, &o)) {
        r->stats.skipped++;
        arena_done(&a);
        return true;
    }
    r->stats.notes++;
    struct fresh *m = *slot_of(r, rec->id);
    bool waited, good = store_add_note(r->store, rec->id, rec->pos, o.at_ms, rec->body, f) &&
                        end_some(r, m, &o, rec->ends, &waited, f) && (!waited || waits_end(r->store, &o, rec->ends, f)) &&
                        conclude(r, m, &o, f) && add_sessions(r, &o, f);
    arena_done(&a);
    return good;
}

enum step { STEP_FINE, STEP_UNREADABLE /* the log */, STEP_UNSTORED };

static enum step follow_one(struct report *r, struct followed *l, int64_t wall_ms, int most, int *n, struct fault *f)
{
    struct follow_record rec;
    int before = *n, got = 0;
    bool eager = wall_ms - l->given_ms >= EAGER_MS || wall_ms < l->given_ms;
    while (*n - before < most && (got = follow_next(l->follow, eager, &rec, f)) > 0) {
        if (rec.kind == FOLLOW_ACCEPTED)
            add_message(r, &rec);
        else if (!add_note(r, &rec, f))
            return STEP_UNSTORED;
        l->pos = rec.pos;
        l->moved = true;
        l->given_ms = wall_ms;
        ++*n;
    }
    return got < 0 ? STEP_UNREADABLE : STEP_FINE;
}

static bool write_fresh(struct report *r, struct fault *f)
{
    for (unsigned i = 0; i < r->fresh_n; i++) {
        const struct fresh *m = r->fresh[i];
        if (!store_add_message(r->store, m->id, m->at_ms, m->meta, m->hash, m->recipients, m->open, m->waited, f))
            return false;
    }
    return true;
}

static void forget_fresh(struct report *r)
{
    if (r->fresh_n)
        memset(r->slot, 0, sizeof r->slot);
    r->fresh_n = 0;
    arena_done(&r->arena);
}

static bool save(struct report *r, struct fault *f)
{
    if (!write_fresh(r, f))
        return false;
    for (unsigned i = 0; i < r->logs; i++)
        if (r->log[i].moved && !store_checkpoint(r->store, r->log[i].name, r->log[i].pos, f))
            return false;
    if (!store_commit(r->store, f))
        return false;
    for (unsigned i = 0; i < r->logs; i++) {
        if (r->log[i].moved)
            follow_done_to(r->log[i].follow, r->log[i].pos);
        r->log[i].moved = false;
    }
    forget_fresh(r);
    r->saved = r->stats;
    return true;
}

static void close_logs(struct report *r)
{
    for (unsigned i = 0; i < r->logs; i++)
        follow_close(&r->log[i].follow);
    memset(r->log, 0, sizeof r->log);
    r->logs = 0;
}

/* Nothing of this transaction is stored: the logs are read again from where the store says. */
static void start_over(struct report *r)
{
    store_rollback(r->store);
    close_logs(r);
    forget_fresh(r);
    r->stats = r->saved;
    r->waits = (struct waits){0};
}

static void forget_old(struct report *r, int64_t wall_ms)
{
    if (wall_ms - r->forgot_ms < FORGET_MS)
        return;
    int gone = store_forget(r->store, wall_ms - (int64_t)r->keep_s * 1000, FORGET_AT_ONCE);
    r->stats.forgotten += (uint64_t)gone;
    store_waiting_forget(r->store, wall_ms - KEEP_TROUBLES_MS, wall_ms - KEEP_REFUSED_MS, NULL);
    if (gone < FORGET_AT_ONCE)
        r->forgot_ms = wall_ms;
}

int report_step(struct report *r, int64_t wall_ms, struct fault *f)
{
    int n = 0;
    enum step worst = STEP_FINE;
    if (wall_ms - r->looked_ms >= LOOK_MS || r->logs == 0) {
        r->looked_ms = wall_ms;
        look_for_logs(r);
    }
    if (!store_begin(r->store, f))
        return -1;
    for (unsigned i = 0; i < r->logs && worst != STEP_UNSTORED; i++) {
        enum step s = follow_one(r, &r->log[i], wall_ms, BATCH / (int)r->logs, &n, f);
        worst = s > worst ? s : worst;
    }
    if (n == 0 && worst == STEP_FINE)
        forget_old(r, wall_ms);
    if (worst == STEP_UNSTORED || !save(r, worst == STEP_FINE ? f : NULL)) {
        start_over(r);
        return -1;
    }
    return worst == STEP_FINE ? n : -1; /* what the other logs gave is kept */
}

/* ---- how far behind ---- */

struct gap {
    uint64_t unread;
    struct log_pos end; /* of the last record that was durable */
};

static struct gap gap_of(struct store *s, const char *path, const char *name, uint64_t most)
{
    struct gap g = {0};
    struct follow *w;
    struct follow_record rec;
    struct log_pos pos;
    struct fault f;
    if (!store_checkpoint_get(s, name, &pos, &f) || !follow_open(&w, path, pos, &f))
        return g;
    for (; g.unread < most && follow_next(w, true, &rec, &f) > 0; g.unread++)
        g.end = rec.pos;
    follow_close(&w);
    return g;
}

static bool reached(struct store *s, const char *name, struct log_pos end)
{
    struct log_pos pos;
    struct fault f;
    return store_checkpoint_get(s, name, &pos, &f) &&
           (pos.segment > end.segment || (pos.segment == end.segment && pos.offset >= end.offset));
}

static uint64_t still_unread(struct store *s, const char *path, const char *name, unsigned *wait_ms, uint64_t most)
{
    struct gap g = gap_of(s, path, name, most);
    while (g.unread && !reached(s, name, g.end)) {
        if (*wait_ms < WAIT_STEP_MS)
            return g.unread;
        nanosleep(&(struct timespec){0, WAIT_STEP_MS * 1000000L}, NULL);
        *wait_ms -= WAIT_STEP_MS;
    }
    return 0;
}

uint64_t report_behind(struct store *s, const char *data_directory, unsigned wait_ms, uint64_t most)
{
    char path[800];
    uint64_t n = 0;
    snprintf(path, sizeof path, "%s/log", data_directory);
    DIR *d = opendir(path);
    for (struct dirent *e; d && n < most && (e = readdir(d));)
        if (e->d_name[0] == 'w' && snprintf(path, sizeof path, "%s/log/%s", data_directory, e->d_name) < (int)sizeof path)
            n += still_unread(s, path, e->d_name, &wait_ms, most - n);
    if (d)
        closedir(d);
    return n;
}

bool report_open(struct report **ret, struct store *s, const char *data_directory, uint32_t keep_s,
                 const struct report_suppress *rules, struct fault *f)
{
    struct report *r = calloc(1, sizeof *r);
    (void)f;
    must(r);
    r->store = s;
    r->keep_s = keep_s;
    r->rules = *rules;
    snprintf(r->directory, sizeof r->directory, "%s/log", data_directory);
    *ret = r;
    return true;
}

void report_close(struct report **report)
{
    struct report *r = *report;
    *report = NULL;
    if (!r)
        return;
    close_logs(r);
    forget_fresh(r);
    free(r);
}

void report_count_tls(struct report *r) { r->count_tls = true; }

void report_stats(const struct report *r, struct report_stats *ret) { *ret = r->stats; }
