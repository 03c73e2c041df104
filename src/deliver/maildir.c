/* maildir: delivery into a local directory, on a chore thread (https://cr.yp.to/proto/maildir.html): written under tmp/, synced,
 * renamed into new/, the directory synced. %u and %d in the route's path are the recipient's local part and domain. */
#include "deliver/inner.h"

#include "lib/must.h"
#include "mail/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, PART_MAX = 128 };

/* One recipient's delivery. */
struct delivery {
    bool good, permanent;
    char note[NOTE_MAX];
};

struct maildir {
    struct delivery *delivery; /* one for each recipient of the attempt */
};

/* ---- where ---- */

/* A part of a path from an address: nothing that could lead elsewhere. */
static bool part_safe(struct str s)
{
    if (s.n == 0 || s.n > PART_MAX || s.p[0] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 33 || s.p[i] == '/' || s.p[i] == 127)
            return false;
    return true;
}

static bool path_of(const char *pattern, struct str local, struct str domain, char out[PATH_BYTES])
{
    struct buf b = {.max = PATH_BYTES - 1};
    bool good = true;
    for (const char *p = pattern; good && *p; p++)
        if (p[0] == '%' && (p[1] == 'u' || p[1] == 'd')) {
            struct str part = p[1] == 'u' ? local : domain;
            good = part_safe(part) && buf_add_str(&b, part);
            p++;
        } else {
            good = buf_add(&b, p, 1);
        }
    if (good) {
        memcpy(out, b.p ? b.p : "", b.n);
        out[b.n] = '\0';
    }
    buf_done(&b);
    return good && out[0] == '/';
}

/* ---- writing ---- */

static int make_directories(const char *path)
{
    char part[PATH_BYTES];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, 0700) != 0 && errno != EEXIST)
                return errno;
            *p = '/';
        }
    return mkdir(part, 0700) != 0 && errno != EEXIST ? errno : 0;
}

static int open_box(const char *path, int *ret_fd)
{
    static const char *const subs[] = {"tmp", "new", "cur"};
    int code = make_directories(path), fd;
    if (code)
        return code;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    for (size_t i = 0; i < 3; i++)
        if (mkdirat(fd, subs[i], 0700) != 0 && errno != EEXIST) {
            code = errno;
            close(fd);
            return code;
        }
    *ret_fd = fd;
    return 0;
}

static bool write_all(int fd, struct str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = str_mem(s.p + n, s.n - (size_t)n);
    }
    return true;
}

/* Local files have LF line ends. */
static bool write_content(int fd, struct str c)
{
    struct buf b = {0};
    for (size_t i = 0; i < c.n; i++)
        if (!(c.p[i] == '\r' && i + 1 < c.n && c.p[i + 1] == '\n'))
            buf_add(&b, &c.p[i], 1);
    bool good = write_all(fd, buf_str(&b));
    buf_done(&b);
    return good;
}

static int sync_directory(int box, const char *sub)
{
    int fd = openat(box, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return code;
}

static int deliver_file(int box, const struct envelope *e, const struct rcpt *r, uint32_t index, struct str content)
{
    char id[ID_TEXT + 1], name[100], from[120], to[120];
    struct buf head = {0};
    id_text(e->id, id);
    snprintf(name, sizeof name, "%lld.%s_%u.goniec", (long long)(e->accepted_ms / 1000), id, index);
    snprintf(from, sizeof from, "tmp/%s", name);
    snprintf(to, sizeof to, "new/%s", name);
    unlinkat(box, from, 0);
    int fd = openat(box, from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    buf_addf(&head, "Return-Path: <%.*s>\nDelivered-To: %.*s\n", STR_ARGS(e->sender), STR_ARGS(r->address));
    int code = write_all(fd, buf_str(&head)) && write_content(fd, content) && fsync(fd) == 0 ? 0 : errno;
    buf_done(&head);
    close(fd);
    if (!code && renameat(box, from, box, to) != 0)
        code = errno;
    if (code)
        unlinkat(box, from, 0);
    return code ? code : sync_directory(box, "new");
}

static void deliver_one(const struct attempt *a, uint32_t i, struct delivery *d)
{
    const struct rcpt *r = &a->envelope->rcpt[a->rcpt[i]];
    struct mailbox box;
    const char *why = "";
    char path[PATH_BYTES];
    int fd = -1;
    if (!mailbox_parse(r->address, true, &box, &why) || !path_of(a->route->maildir, box.local, r->domain, path)) {
        d->permanent = true;
        note_put(d->note, NOTE_BOX_NAME, "");
        return;
    }
    int code = open_box(path, &fd);
    if (!code) {
        code = deliver_file(fd, a->envelope, r, a->rcpt[i], content_str(a->content));
        close(fd);
    }
    d->good = code == 0;
    if (code)
        note_put(d->note, NOTE_BOX_FAILED, strerrorname_np(code));
    else
        note_put(d->note, NOTE_BOX_WRITTEN, "");
}

/* ---- the chore ---- */

static void on_work(void *ctx)
{
    struct talk *t = ctx;
    for (uint32_t i = 0; i < t->attempt->rcpts; i++)
        deliver_one(t->attempt, i, &t->maildir->delivery[i]);
}

static void on_done(void *ctx)
{
    struct talk *t = ctx;
    struct smtp_out m = {0};
    m.result = arena_alloc(&t->arena, t->attempt->rcpts * sizeof *m.result);
    for (uint32_t i = 0; i < t->attempt->rcpts; i++) {
        const struct delivery *d = &t->maildir->delivery[i];
        struct reply r = {250, {2, 0, 0}, str_of(d->note)}; /* what a server would have said; the words are ours */
        if (!d->good)
            r = d->permanent ? (struct reply){550, {5, 1, 3}, r.text} : (struct reply){451, {4, 3, 0}, r.text};
        m.result[i] = (struct result){true, d->good,
                                      d->good        ? OUTCOME_DELIVERED
                                      : d->permanent ? OUTCOME_FAILED
                                                     : OUTCOME_DEFERRED,
                                      PHASE_LOCAL, r};
    }
    t->reached = true;
    talk_finish(t, &m, OUTCOME_DEFERRED);
}

void maildir_start(struct talk *t)
{
    t->maildir = arena_alloc(&t->arena, sizeof *t->maildir);
    t->maildir->delivery = arena_alloc(&t->arena, t->attempt->rcpts * sizeof *t->maildir->delivery);
    t->chore = (struct chore){.work = on_work, .done = on_done, .ctx = t, .home = t->deliver->loop};
    chore_start(t->deliver->chores, &t->chore);
}
