/* report: see report.h. */
#include "report/report.h"

#include "lib/must.h"
#include "log/follow.h"
#include "mail/envelope.h"
#include "mail/outcome.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOGS_MAX = 64, BATCH = 5000, LOOK_MS = 5000, FORGET_MS = 60000, FORGET_AT_ONCE = 2000 };

struct followed {
    char name[16];
    struct follow *follow;
    struct log_pos pos;
    bool moved; /* in this transaction */
};

struct report {
    struct store *store;
    char directory[512];
    uint32_t keep_s;
    struct followed log[LOGS_MAX];
    unsigned logs;
    int64_t looked_ms, forgot_ms;
    struct report_stats stats;
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

static bool add_message(struct report *r, const struct follow_record *rec, struct fault *f)
{
    struct arena a = {0};
    struct envelope e;
    struct str rest;
    bool good = true;
    if (envelope_decode(rec->body, &a, &e, &rest)) {
        uint64_t *hash = arena_alloc(&a, e.rcpts * sizeof *hash + 1);
        for (uint32_t i = 0; i < e.rcpts; i++)
            hash[i] = store_address_hash(e.rcpt[i].address);
        good = store_add_message(r->store, e.id, e.accepted_ms, rec->body, hash, e.rcpts, f);
        r->stats.messages++;
    } else {
        r->stats.skipped++;
    }
    arena_done(&a);
    return good;
}

static bool add_note(struct report *r, const struct follow_record *rec, struct fault *f)
{
    struct arena a = {0};
    struct outcome o;
    uint32_t ended = 0;
    bool good = true;
    if (outcome_decode(rec->body, &a, &o)) {
        for (uint32_t i = 0; i < o.rcpts; i++)
            ended += o.rcpt[i].status <= OUTCOME_DROPPED;
        good = store_add_note(r->store, rec->id, rec->pos, o.at_ms, rec->body, ended, f);
        r->stats.notes++;
    } else {
        r->stats.skipped++;
    }
    arena_done(&a);
    return good;
}

static int follow_one(struct report *r, struct followed *l, int most, struct fault *f)
{
    struct follow_record rec;
    int n = 0, got = 0;
    while (n < most && (got = follow_next(l->follow, &rec, f)) > 0) {
        bool good = rec.kind == FOLLOW_ACCEPTED ? add_message(r, &rec, f) : add_note(r, &rec, f);
        if (!good)
            return -1;
        l->pos = rec.pos;
        l->moved = true;
        n++;
    }
    return got < 0 ? -1 : n;
}

static bool save(struct report *r, struct fault *f)
{
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
    return true;
}

int report_step(struct report *r, int64_t wall_ms, struct fault *f)
{
    int n = 0;
    if (wall_ms - r->looked_ms >= LOOK_MS || r->logs == 0) {
        r->looked_ms = wall_ms;
        look_for_logs(r);
    }
    if (!store_begin(r->store, f))
        return -1;
    for (unsigned i = 0; i < r->logs; i++) {
        int got = follow_one(r, &r->log[i], BATCH / (int)r->logs, f);
        if (got < 0) {
            save(r, NULL); /* what came before the trouble holds */
            return -1;
        }
        n += got;
    }
    if (n == 0 && wall_ms - r->forgot_ms >= FORGET_MS) {
        int gone = store_forget(r->store, wall_ms - (int64_t)r->keep_s * 1000, FORGET_AT_ONCE);
        r->stats.forgotten += (uint64_t)gone;
        if (gone < FORGET_AT_ONCE)
            r->forgot_ms = wall_ms;
    }
    return save(r, f) ? n : -1;
}

bool report_open(struct report **ret, struct store *s, const char *data_directory, uint32_t keep_s, struct fault *f)
{
    struct report *r = calloc(1, sizeof *r);
    (void)f;
    must(r);
    r->store = s;
    r->keep_s = keep_s;
    snprintf(r->directory, sizeof r->directory, "%s/log", data_directory);
    *ret = r;
    return true;
}

void report_close(struct report **report)
{
    struct report *r = *report;
    *report = NULL;
    for (unsigned i = 0; r && i < r->logs; i++)
        follow_close(&r->log[i].follow);
    free(r);
}

void report_stats(const struct report *r, struct report_stats *ret) { *ret = r->stats; }
