/* publish: from the database's lists to the file that the engine reads (see suppression.h).
 *
 * Writers, which are the office and everybody's `goniec suppression`, keep apart by a lock on a file beside it. Under the lock
 * the changes that wait are read, then what the database says about each now is appended to the file, then the notes are deleted:
 * a change made meanwhile has a higher number and waits for the next time. What cannot be read to its end is not published: an
 * address that is missing would get mail again. */
#include "lib/must.h"
#include "store/inner.h"
#include "store/suppression.h"
#include "suppress/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SINGLE_MAX = 5000, PATH_BYTES = 600 }; /* of more changes than that, the file is written anew */

struct waiting {
    struct arena arena;
    struct suppress_mark *mark; /* of SINGLE_MAX; account and value only */
    size_t n;
    int64_t last;
    bool whole;
};

static bool gather(void *ctx, int64_t number, bool whole, struct str account, struct str value)
{
    struct waiting *w = ctx;
    w->last = number;
    w->whole |= whole || w->n == SINGLE_MAX;
    if (!w->whole)
        w->mark[w->n++] = (struct suppress_mark){.account = arena_str(&w->arena, account), .value = arena_str(&w->arena, value)};
    return true;
}

/* ---- what the database says ---- */

static bool mark_suppressed(void *ctx, const struct store_entry *e)
{
    struct suppress_mark *m = ctx;
    m->flags |= e->automatic ? SUPPRESS_AUTOMATIC : SUPPRESS_MANUAL;
    m->reason = e->reason;
    m->at_s = e->at_s;
    m->expires_s = e->expires_s;
    return true;
}

static bool mark_allowed(void *ctx, const struct store_entry *e)
{
    struct suppress_mark *m = ctx;
    (void)e;
    m->flags |= SUPPRESS_ALLOWED;
    return true;
}

static void look_up(struct store *s, struct suppress_mark *m)
{
    struct store_list_filter filter = {.account = &m->account, .value = &m->value};
    store_list_each(s, LIST_SUPPRESSED, &filter, mark_suppressed, m);
    store_list_each(s, LIST_ALLOWED, &filter, mark_allowed, m);
}

static bool add_whole(void *ctx, const struct store_entry *e)
{
    struct suppress_mark m = {.account = e->account, .value = e->value};
    mark_suppressed(&m, e);
    suppress_writer_add(ctx, &m);
    return true;
}

static bool add_allowed(void *ctx, const struct store_entry *e)
{
    struct suppress_mark m = {.account = e->account, .value = e->value, .flags = SUPPRESS_ALLOWED};
    suppress_writer_add(ctx, &m);
    return true;
}

/* ---- the file ---- */

static bool write_whole(struct store *s, const char *path, struct waiting *w, struct fault *f)
{
    static const struct store_list_filter all;
    struct suppress_writer *out = suppress_writer_new(path);
    bool reading = sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK; /* one view of notes and lists */
    w->whole = true;
    store_pending(s, gather, w);
    store_list_each(s, LIST_SUPPRESSED, &all, add_whole, out);
    store_list_each(s, LIST_ALLOWED, &all, add_allowed, out);
    if (reading)
        sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    if (store_good(s, f))
        return suppress_writer_finish(&out, path, f);
    suppress_writer_free(&out);
    return false;
}

static bool append(struct store *s, const char *path, struct waiting *w, int64_t now_s, struct fault *f)
{
    for (size_t i = 0; i < w->n; i++)
        look_up(s, &w->mark[i]);
    return store_good(s, f) && suppress_append(path, w->mark, w->n, now_s, f);
}

static bool is_sound(const char *path)
{
    struct suppress_list *l;
    bool good = access(path, F_OK) == 0 && suppress_load(&l, path, NULL, NULL);
    if (good)
        suppress_free(&l);
    return good;
}

static bool bring_up(struct store *s, const char *path, bool check, int64_t now_s, bool *ret_changed, struct fault *f)
{
    struct waiting w = {.mark = calloc(SINGLE_MAX, sizeof *w.mark)};
    must(w.mark);
    store_pending(s, gather, &w);
    bool broken = check && !is_sound(path), good = true;
    *ret_changed = w.last > 0 || broken;
    if (*ret_changed)
        good = (!broken && !w.whole && append(s, path, &w, now_s, NULL)) || write_whole(s, path, &w, f);
    if (good && w.last)
        good = store_pending_done(s, w.last, f);
    free(w.mark);
    arena_done(&w.arena);
    return good;
}

static bool nothing(void *ctx, int64_t number, bool whole, struct str account, struct str value)
{
    (void)number;
    (void)whole;
    (void)account;
    (void)value;
    *(bool *)ctx = false;
    return false;
}

static bool take_lock(const char *data_directory, int *ret, struct fault *f)
{
    char path[PATH_BYTES];
    struct stat st;
    snprintf(path, sizeof path, "%s/suppression.lock", data_directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && (geteuid() != 0 || (stat(data_directory, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0));
    while (good && flock(fd, LOCK_EX) != 0)
        good = errno == EINTR;
    if (good)
        *ret = fd;
    else
        fault_errno(f, errno, "cannot lock %s", path);
    if (!good && fd >= 0)
        close(fd);
    return good;
}

bool store_publish(struct store *s, const char *data_directory, bool check, int64_t now_s, bool *ret_changed, struct fault *f)
{
    char path[PATH_BYTES];
    bool quiet = !check;
    int lock;
    *ret_changed = false;
    if (quiet)
        store_pending(s, nothing, &quiet);
    if (quiet)
        return true;
    if (!take_lock(data_directory, &lock, f))
        return false;
    snprintf(path, sizeof path, "%s/suppression", data_directory);
    int before = s->read_error;
    s->read_error = 0; /* what could not be read at another time is no reason */
    bool good = bring_up(s, path, check, now_s, ret_changed, f);
    s->read_error = before ? before : s->read_error;
    close(lock);
    return good;
}
