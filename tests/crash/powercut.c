/* powercut: the log on a disk that loses what was not synced. For each seed: random acceptances, notes, ends and reads on small
 * segments, on a disk that fails syncs and writes and runs out of room now and then; the power goes at a random call, while the
 * log is opened again too; then what the log says is compared with what was acknowledged. Ten cuts in a row.
 *
 *   powercut [SEEDS [FIRST]]    prints a line of counts; exit 1 at the first loss, with its seed
 *
 * Before that it shows that a disk which only says that batches, headers or names are durable is found out: so would be a log
 * that leaves out one of those syncs. */
#include "disk.h"
#include "lib/must.h"
#include "log/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGES = 600, ROUNDS = 10, STEPS = 60, SEGMENT = 128 * 1024, CONTENT_MAX = 40000 };

enum truth { UNKNOWN, ISSUED, ACKNOWLEDGED, ENDING, ENDED };

/* What the test knows of a message, and what the log says of it. */
struct known {
    struct log_entry entry;
    struct log_wait accept_wait, note_wait;
    enum truth truth;
    uint32_t content_bytes, noted, waits_for, acknowledged;
    bool live, read_well;
    uint32_t recovered_state;
};

struct totals;

struct world {
    uint64_t seed;
    struct disk *disk;
    struct log *log;
    struct known known[MESSAGES];
    unsigned made, lost, resurrected, wrong;
    struct totals *totals;
    bool failed;
};

struct totals {
    unsigned cuts, cuts_in_recovery, accepted, ended, moved, reused, failed, full, lost;
};

static uint64_t chance(struct world *w)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return w->seed;
}

static struct id id_of(unsigned i)
{
    struct id id = {{0}};
    memcpy(id.b + 8, &(uint64_t){(i + 1) * UINT64_C(0x9e3779b97f4a7c15)}, 8);
    memcpy(id.b, &i, sizeof i);
    return id;
}

static void fill(char *p, size_t n, unsigned i)
{
    for (size_t k = 0; k < n; k += sizeof(uint32_t))
        memcpy(p + k, &(uint32_t){(uint32_t)k * 2654435761u + i}, n - k < sizeof(uint32_t) ? n - k : sizeof(uint32_t));
}

/* ---- the log's hooks ---- */

static struct log_entry *on_message(void *ctx, struct id id, struct str meta, uint32_t content_bytes)
{
    struct world *w = ctx;
    unsigned i;
    memcpy(&i, id.b, sizeof i);
    must(i < MESSAGES && meta.n == 8);
    struct known *k = &w->known[i];
    memcpy(&k->recovered_state, meta.p, 4);
    k->live = true;
    if (content_bytes != k->content_bytes)
        w->wrong++;
    return &k->entry;
}

static void on_note(void *ctx, struct log_entry *e, struct str note, bool ends)
{
    struct known *k = (struct known *)e;
    (void)ctx;
    must(note.n == 4);
    memcpy(&k->recovered_state, note.p, 4);
    if (ends)
        k->live = false;
}

static void on_restate(void *ctx, struct log_entry *e, struct str old_meta, struct buf *meta)
{
    struct known *k = (struct known *)e;
    (void)ctx;
    (void)old_meta;
    buf_put_u32(meta, k->noted);
    buf_put_u32(meta, 0);
}

static void on_failed(void *ctx, const struct fault *f)
{
    struct world *w = ctx;
    (void)f;
    w->failed = true;
    w->totals->failed += !disk_is_off(w->disk);
}

static const struct log_hooks hooks = {on_message, on_note, on_restate, on_failed};

/* ---- steps ---- */

static void on_accepted(void *ctx, bool durable)
{
    struct known *k = ctx;
    if (durable && k->truth == ISSUED)
        k->truth = ACKNOWLEDGED;
}

static void on_noted(void *ctx, bool durable)
{
    struct known *k = ctx;
    if (durable)
        k->acknowledged = k->waits_for;
    k->waits_for = 0;
}

static void on_ended(void *ctx, bool durable)
{
    struct known *k = ctx;
    if (durable)
        k->truth = ENDED;
}

static void accept_one(struct world *w, uint32_t content_bytes)
{
    if (w->made == MESSAGES)
        return;
    static char content[CONTENT_MAX];
    unsigned i = w->made++;
    struct known *k = &w->known[i];
    char meta[8] = {0};
    k->content_bytes = content_bytes;
    fill(content, k->content_bytes, i);
    k->entry.id = id_of(i);
    k->truth = ISSUED;
    k->accept_wait = (struct log_wait){.fn = on_accepted, .ctx = k};
    struct str c = str_mem(content, k->content_bytes);
    enum log_refusal refused = log_accept(w->log, &k->entry, str_mem(meta, 8), &c, 1, &k->accept_wait);
    if (refused != LOG_OK)
        k->truth = UNKNOWN;
    w->totals->accepted += refused == LOG_OK;
    w->totals->full += refused == LOG_DISK_FULL;
}

static struct known *pick(struct world *w)
{
    for (int tries = 0; w->made && tries < 20; tries++) {
        struct known *k = &w->known[chance(w) % w->made];
        if ((k->truth == ISSUED || k->truth == ACKNOWLEDGED) && k->entry.at)
            return k;
    }
    return NULL;
}

static void note_one(struct world *w, bool ends)
{
    struct known *k = pick(w);
    char note[4];
    if (!k)
        return;
    if (k->waits_for) /* one wait a message */
        return;
    uint32_t state = k->noted + 1;
    memcpy(note, &state, 4);
    k->note_wait = (struct log_wait){.fn = ends ? on_ended : on_noted, .ctx = k};
    if (log_note(w->log, &k->entry, str_mem(note, 4), ends, &k->note_wait) != LOG_OK)
        return;
    k->noted = k->waits_for = state;
    if (ends) {
        k->truth = ENDING;
        w->totals->ended++;
    }
}

static void on_fetched(void *ctx, bool ok, struct str meta, struct str content, const struct fault *f)
{
    struct known *k = ctx;
    static char want[CONTENT_MAX];
    unsigned i;
    (void)f;
    memcpy(&i, k->entry.id.b, sizeof i);
    fill(want, k->content_bytes, i);
    k->read_well = ok && meta.n == 8 && content.n == k->content_bytes && memcmp(content.p, want, content.n) == 0;
}

static bool reads_well(struct world *w, struct known *k)
{
    struct log_read r = {.done = on_fetched, .ctx = k};
    k->read_well = false;
    log_fetch(w->log, &k->entry, &r);
    return k->read_well || disk_is_off(w->disk);
}

static void step(struct world *w)
{
    uint64_t what = chance(w) % 100;
    if (what == 0 && chance(w) % 8 == 0) /* more in one turn than spares were made for */
        for (int i = 0; i < 25; i++)
            accept_one(w, (uint32_t)(chance(w) % CONTENT_MAX));
    else if (what < 35)
        accept_one(w, (uint32_t)(chance(w) % (chance(w) % 8 ? 4000 : CONTENT_MAX)));
    else if (what < 45)
        note_one(w, false);
    else if (what < 72)
        note_one(w, true);
    else if (what < 78) {
        struct known *k = pick(w);
        if (k && !reads_well(w, k))
            w->wrong++;
    } else
        log_flush(w->log);
}

/* ---- cuts ---- */

static bool open_log(struct world *w, struct fault *f)
{
    uint32_t segment_bytes = chance(w) % 8 ? SEGMENT : 2 * SEGMENT; /* the setting changes now and then */
    struct log_options o = {.directory = "",
                            .segment_bytes = segment_bytes,
                            .disk_free_min = 0,
                            .io = &disk_io,
                            .io_ctx = w->disk,
                            .is_inline = true};
    w->failed = false;
    return log_open(&w->log, &o, NULL, &hooks, w, f);
}

static void close_log(struct world *w)
{
    struct log_stats s;
    log_stats(w->log, &s);
    w->totals->moved += (unsigned)s.moved;
    log_close(&w->log);
}

/* After recovery: every acknowledged message is there unless its end was issued; none comes back whose end was acknowledged; and
 * its state is not older than the newest durable note, nor newer than any that was written. */
static void compare(struct world *w)
{
    for (unsigned i = 0; i < w->made; i++) {
        struct known *k = &w->known[i];
        if (k->truth == ACKNOWLEDGED && !k->live)
            w->lost++;
        if ((k->truth == ENDED || k->truth == UNKNOWN) && k->live)
            w->resurrected++;
        if (k->live && !reads_well(w, k))
            w->wrong++;
        if (k->live && (k->recovered_state > k->noted || k->recovered_state < k->acknowledged))
            w->wrong++;
        k->truth = k->live ? ACKNOWLEDGED : ENDED;
        k->noted = k->acknowledged = k->recovered_state;
        k->waits_for = 0;
    }
}

static void forget_recovered(struct world *w)
{
    for (unsigned i = 0; i < w->made; i++) {
        w->known[i].live = false;
        w->known[i].entry = (struct log_entry){0};
        w->known[i].recovered_state = 0;
    }
}

/* Opens the log after a cut; the power may go again meanwhile, so often as chance wants. */
static bool reopen(struct world *w, struct fault *f)
{
    for (bool good = false; !good;) {
        forget_recovered(w);
        disk_power_up(w->disk);
        disk_set_room(w->disk, UINT64_C(1) << 40);
        if (chance(w) % 4 == 0)
            disk_cut_at(w->disk, 1 + chance(w) % 60);
        good = open_log(w, f);
        if (!good && !disk_is_off(w->disk))
            return false;
        if (good && disk_is_off(w->disk)) {
            log_close(&w->log);
            good = false;
        }
        w->totals->cuts_in_recovery += !good;
    }
    disk_cut_at(w->disk, 0);
    compare(w);
    return true;
}

/* What shall go wrong until the next cut, besides the cut. */
static void choose_trouble(struct world *w)
{
    uint64_t what = chance(w) % 8;
    if (what < 2)
        disk_fail_syncs_at(w->disk, 1 + chance(w) % 40);
    if (what == 2)
        disk_fail_writes_at(w->disk, 1 + chance(w) % 8);
    disk_set_room(w->disk, what == 3 ? chance(w) % (8 * SEGMENT) : UINT64_C(1) << 40);
    disk_cut_at(w->disk, 1 + chance(w) % 150);
}

/* One seed. False: something was lost; *f says what. */
static bool run(uint64_t seed, enum disk_lie lie, struct totals *totals, struct fault *f)
{
    static struct world world;
    struct world *w = &world;
    *w = (struct world){.seed = seed * UINT64_C(0xd1342543de82ef95) | 1, .disk = disk_new(seed), .totals = totals};
    disk_lie(w->disk, lie);
    bool good = open_log(w, f);
    for (int round = 0; good && round < ROUNDS; round++) {
        choose_trouble(w);
        for (int i = 0; i < STEPS && !w->failed && !disk_is_off(w->disk); i++)
            step(w);
        close_log(w);
        totals->cuts++;
        good = reopen(w, f);
    }
    if (w->log)
        close_log(w);
    totals->reused += disk_reused(w->disk);
    disk_free(w->disk);
    totals->lost += w->lost + w->resurrected + w->wrong;
    if (good && (w->lost || w->resurrected || w->wrong))
        good = fault_set(f, "%u lost, %u came back, %u wrong", w->lost, w->resurrected, w->wrong);
    return good;
}

static bool lies_are_found_out(void)
{
    static const char *const of[] = {
        [DISK_LIES_OF_BATCHES] = "batches", [DISK_LIES_OF_HEADERS] = "headers", [DISK_LIES_OF_NAMES] = "names"};
    enum { RUNS = 20, ENOUGH = 10 };
    bool good = true;
    for (unsigned lie = DISK_LIES_OF_BATCHES; lie <= DISK_LIES_OF_NAMES; lie++) {
        struct totals ignored = {0};
        struct fault f;
        unsigned found = 0;
        for (unsigned long i = 1; i <= RUNS; i++)
            found += !run(i, (enum disk_lie)lie, &ignored, &f);
        printf("a disk that lies of %s was found out in %u of %u runs\n", of[lie], found, RUNS);
        good &= found >= ENOUGH;
    }
    return good;
}

int main(int argc, char **argv)
{
    unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000, first = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    struct totals t = {0};
    struct fault f;
    if (!lies_are_found_out()) {
        printf("the harness is blind\n");
        return 1;
    }
    for (unsigned long i = first; i < first + seeds; i++)
        if (!run(i, DISK_HONEST, &t, &f)) {
            printf("seed %lu: %s\n", i, f.text);
            return 1;
        }
    printf("%lu seeds, %u power cuts and %u more during recovery, %u failed syncs or writes, %u refusals for want of room; %u "
           "messages "
           "accepted, %u ended, %u moved by compaction, %u segments used again; %u lost or wrong\n",
           seeds, t.cuts, t.cuts_in_recovery, t.failed, t.full, t.accepted, t.ended, t.moved, t.reused, t.lost);
    return t.moved && t.reused && t.failed && t.full && t.cuts_in_recovery ? 0 : 1;
}
