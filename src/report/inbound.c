/* inbound: see inbound.h. What a file's way is:
 *
 *     new/NAME  ->  cur/NAME:TRIES  ->  its row and its suppression, in one transaction  ->  gone, or pass/ (report/pass.h)
 *
 * The name says which mail it is and for which of its recipients: that is the row's identity, so that a file that is read again
 * (the office was killed before it could delete it, or the engine delivered it again) changes nothing. It is moved before it is
 * read: one that the office dies of some times over is put aside, or it would keep it from all the others. */
#include "report/inbound.h"

#include "lib/must.h"
#include "mail/mailbox.h"
#include "report/finding.h"
#include "report/learn.h"
#include "report/pass.h"
#include "store/waiting.h"
#include "verp/verp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STEP_MAX = 50,
    TRIES_MAX = 5,
    ABOUT_MAX = 50, /* mails about one recipient of a message: whoever has its return path can send any number */
    NAME_BYTES = 128,
    KEPT_MAX = 10000,
    KEPT_BYTES_MAX = 256 * 1024 * 1024,
    PATIENCE_MS = 10000,
    HEAD_MAX = 1000
};

struct inbound {
    struct store *store;
    struct inbound_options options;
    struct pass pass;
    char box[512], keys[512];
    struct inbound_stats stats;
};

/* One mail being taken. */
struct parcel {
    struct inbound *in;
    const struct verp *verp;
    char name[NAME_BYTES]; /* as the engine gave it */
    char path[800];        /* where it is now */
    unsigned tries;
    struct id mail;
    uint32_t place;
    int64_t came_ms;
    struct buf text; /* its beginning */
    struct str to, content;
    struct arena arena;
    struct str meta;       /* of the message that it is about */
    unsigned earlier;      /* rows about the same recipient */
    bool written, bounced; /* one of them is its own; another one is a bounce */
};

/* What becomes of it. */
enum fate { FATE_GONE, FATE_WAITS, FATE_MOVED, FATE_FAULT };

static void say(const struct parcel *p, const char *what) { fprintf(stderr, "office: %s: %s\n", p->path, what); }

/* ---- names ---- */

/* "SECONDS.ID_PLACE.goniec", as deliver/ writes them. */
static bool name_parse(struct parcel *p)
{
    struct str rest = str_of(p->name);
    uint64_t seconds, place;
    if (!str_to_u64(str_split(&rest, '.'), INT64_MAX, &seconds) || !rest.p || !id_parse(str_split(&rest, '_'), &p->mail) ||
        !rest.p || !str_to_u64(str_split(&rest, '.'), UINT32_MAX, &place) || !str_eq(rest, STR("goniec")))
        return false;
    p->place = (uint32_t)place;
    p->came_ms = id_wall_ms(p->mail);
    return true;
}

static bool move_to(struct parcel *p, const char *folder, const char *name)
{
    char to[800];
    snprintf(to, sizeof to, "%s/%s", p->in->box, folder);
    if (mkdir(to, 0700) != 0 && errno != EEXIST)
        return false;
    snprintf(to, sizeof to, "%s/%s/%s", p->in->box, folder, name);
    if (rename(p->path, to) != 0)
        return false;
    memcpy(p->path, to, sizeof to);
    return true;
}

/* Before it is read. */
static bool mark(struct parcel *p)
{
    char name[NAME_BYTES + 16];
    snprintf(name, sizeof name, "%s:%u", p->name, p->tries + 1);
    return move_to(p, "cur", name);
}

/* ---- what the engine wrote ---- */

static bool read_front(struct parcel *p)
{
    int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : 1;
    for (char *to; n > 0 && p->text.n < BOUNCE_BYTES_MAX + HEAD_MAX && (to = buf_reserve(&p->text, 65536));
         p->text.n += n > 0 ? (size_t)n : 0)
        n = read(fd, to, 65536);
    if (fd >= 0)
        close(fd);
    return n >= 0;
}

static bool take_line(struct str *rest, struct str name, struct str *ret)
{
    struct str line = str_split(rest, '\n');
    if (!rest->p || !str_starts_nocase(line, name))
        return false;
    *ret = str_mem(line.p + name.n, line.n - name.n);
    return true;
}

static bool open_up(struct parcel *p)
{
    struct str sender;
    p->content = buf_str(&p->text);
    return take_line(&p->content, STR("Return-Path: "), &sender) && take_line(&p->content, STR("Delivered-To: "), &p->to);
}

/* ---- about a message ---- */

static bool keep_meta(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct parcel *p = ctx;
    (void)id;
    (void)at_ms;
    (void)open;
    p->meta = arena_str(&p->arena, meta);
    return false;
}

static void count(struct inbound_stats *s, enum returned_kind k)
{
    uint64_t *at = k == RETURNED_FAILED ? &s->bounces : k == RETURNED_COMPLAINT ? &s->complaints : &s->others;
    ++*at;
}

/* What came back earlier about the same recipient. */
static void on_earlier(void *ctx, const struct store_returned *r)
{
    struct parcel *p = ctx;
    bool itself = id_eq(r->mail, p->mail) && r->place == p->place;
    p->earlier++;
    p->written |= itself;
    p->bounced |= !itself && r->kind == RETURNED_FAILED;
}

/* Some servers send a bounce twice; its reader gets one. */
static enum returned_pass goes_on(const struct parcel *p, const struct envelope *e, const struct finding *x)
{
    bool again = x->kind == RETURNED_FAILED && p->bounced;
    return !again && pass_wanted(x->kind, e, &x->outcome) ? RETURNED_DUE : RETURNED_STAYS;
}

/* A bounce is a refusal that came late: it counts among those of its receiver. */
static bool note_refused(struct parcel *p, const struct envelope *e, const struct finding *x, struct fault *f)
{
    struct store_trouble t = {.domain = e->rcpt[x->rcpt.rcpt].domain, .cause = x->rcpt.verdict.cause, .said = x->rcpt.reply.text};
    int64_t number;
    if (x->kind != RETURNED_FAILED || !t.cause.n)
        return true;
    return store_trouble(p->in->store, &t, p->came_ms, &number, f) && store_refused_add(p->in->store, number, p->came_ms, f);
}

static bool write_down(struct parcel *p, const struct envelope *e, struct verp_token about, const struct finding *x,
                       struct fault *f)
{
    struct inbound *in = p->in;
    struct buf body = {0};
    uint64_t added = 0;
    bool new = false;
    outcome_encode(&x->outcome, &body);
    struct store_returned row = {p->mail, p->place, e->id, about.rcpt, x->kind, p->came_ms, buf_str(&body), goes_on(p, e, x), 0};
    bool good = store_begin(in->store, f) && store_returned_put(in->store, &row, &new, f);
    if (good && new && x->suppress)
        good =
            learn_returned(in->store, &in->options.suppress, e, about.rcpt, x->suppress, x->proof, p->came_ms / 1000, &added, f);
    good = good && (!new || note_refused(p, e, x, f)) && store_commit(in->store, f);
    if (!good)
        store_rollback(in->store);
    else if (new)
        count(&in->stats, x->kind);
    if (good)
        in->stats.suppressed += added;
    buf_done(&body);
    return good;
}

static void on_written(void *ctx, const struct store_returned *r)
{
    *(bool *)ctx = pass_as_it_is(r->kind) && (r->pass == RETURNED_DUE || r->pass == RETURNED_BEGUN);
}

/* Its row is written: the file goes, unless it is to go on. */
static enum fate part_with(struct parcel *p)
{
    char name[PASS_NAME];
    bool as_it_is = false;
    store_returned_one(p->in->store, p->mail, p->place, on_written, &as_it_is);
    if (!as_it_is)
        return FATE_GONE;
    pass_name(p->mail, p->place, name);
    return move_to(p, "pass", name) ? FATE_MOVED : FATE_WAITS;
}

static enum fate take_about(struct parcel *p, struct verp_token about, int64_t read_ms, struct fault *f)
{
    struct envelope e;
    struct finding x;
    struct str rest;
    store_message(p->in->store, about.message, keep_meta, p);
    bool known = p->meta.n && envelope_decode(p->meta, &p->arena, &e, &rest) && about.rcpt < e.rcpts;
    if (!known && read_ms < p->came_ms + PATIENCE_MS)
        return FATE_WAITS;
    if (!known) {
        p->in->stats.unknown++;
        return FATE_GONE;
    }
    store_returned_about(p->in->store, about.message, about.rcpt, on_earlier, p);
    if (p->earlier >= ABOUT_MAX && !p->written) {
        p->in->stats.surplus++;
        return FATE_GONE;
    }
    if (!mark(p)) {
        say(p, "it cannot be moved");
        return FATE_WAITS;
    }
    finding_make(p->content, &e, about.rcpt, p->came_ms, &p->arena, &x);
    return write_down(p, &e, about, &x, f) ? part_with(p) : FATE_FAULT;
}

/* ---- about a domain ---- */

struct heap {
    uint64_t files, bytes;
};

static struct heap heap_of(const char *box, const char *folder)
{
    char path[800];
    struct heap h = {0};
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", box, folder);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            h.files++;
            h.bytes += (uint64_t)st.st_size;
        }
    if (d)
        closedir(d);
    return h;
}

/* Nobody has read those that are there for long: strangers must not fill the disk. */
static enum fate keep(struct parcel *p, const char *folder)
{
    struct heap h = heap_of(p->in->box, folder);
    if (h.files >= KEPT_MAX || h.bytes >= KEPT_BYTES_MAX) {
        say(p, "there are too many reports that nobody has read: this one is dropped");
        return FATE_GONE;
    }
    if (!move_to(p, folder, p->name)) {
        say(p, "it cannot be moved");
        return FATE_WAITS;
    }
    p->in->stats.kept++;
    return FATE_MOVED;
}

/* ---- one mail ---- */

static enum fate dispatch(struct parcel *p, int64_t read_ms, struct fault *f)
{
    struct verp_token about;
    struct mailbox m;
    const char *why;
    if (!open_up(p) || !mailbox_parse(p->to, true, &m, &why)) {
        say(p, "it is none that the engine wrote, and is put aside");
        return move_to(p, "aside", p->name) ? FATE_MOVED : FATE_WAITS;
    }
    struct str domain;
    enum verp_use use = domain_ascii(m.domain, &p->arena, &domain, &why)
                            ? verp_read(p->verp, m.local, domain, p->came_ms, INT64_MAX, &about)
                            : VERP_NOBODY;
    if (use == VERP_DMARC || use == VERP_TLS_REPORTS)
        return keep(p, use == VERP_DMARC ? "dmarc" : "tls");
    if (use == VERP_RETURN || (use == VERP_COMPLAINTS && verp_find(p->verp, p->content, &about)))
        return take_about(p, about, read_ms, f);
    p->in->stats.unknown++;
    return FATE_GONE;
}

static enum fate take(struct parcel *p, int64_t read_ms, struct fault *f)
{
    enum fate end = FATE_WAITS;
    if (p->tries >= TRIES_MAX || !name_parse(p)) {
        say(p, "it cannot be read, and is put aside");
        end = move_to(p, "aside", p->name) ? FATE_MOVED : FATE_WAITS;
    } else if (read_front(p)) {
        end = dispatch(p, read_ms, f);
    } else {
        say(p, strerror(errno));
    }
    if (end == FATE_GONE)
        unlink(p->path);
    else if (end == FATE_FAULT || (end == FATE_WAITS && p->tries))
        move_to(p, "new", p->name); /* it is not the mail's fault */
    buf_done(&p->text);
    arena_done(&p->arena);
    return end;
}

/* ---- all that is there ---- */

/* "NAME", or "NAME:TRIES" in cur/. */
static bool parcel_open(struct inbound *in, const struct verp *v, const char *folder, const char *name, struct parcel *ret)
{
    struct str rest = str_of(name), plain = str_split(&rest, ':');
    uint64_t tries = 0;
    *ret = (struct parcel){.in = in, .verp = v};
    if (plain.n == 0 || plain.n >= sizeof ret->name || name[0] == '.' || (rest.p && !str_to_u64(rest, 1000, &tries)))
        return false;
    memcpy(ret->name, plain.p, plain.n);
    ret->tries = (unsigned)tries;
    snprintf(ret->path, sizeof ret->path, "%s/%s/%s", in->box, folder, name);
    return true;
}

struct names {
    char name[STEP_MAX * 4][NAME_BYTES + 16]; /* more than a step: some may have to wait */
    unsigned n;
};

static void list(const struct inbound *in, const char *folder, struct names *ret)
{
    char path[800];
    snprintf(path, sizeof path, "%s/%s", in->box, folder);
    DIR *d = opendir(path);
    ret->n = 0;
    for (struct dirent *e; d && ret->n < STEP_MAX * 4 && (e = readdir(d));)
        if (e->d_name[0] != '.' && strlen(e->d_name) < sizeof ret->name[0])
            memcpy(ret->name[ret->n++], e->d_name, strlen(e->d_name) + 1);
    if (d)
        closedir(d);
}

/* False: a fault. */
static bool take_all(struct inbound *in, const struct verp *v, const char *folder, const struct names *names, int64_t read_ms,
                     int *taken, struct fault *f)
{
    for (unsigned i = 0; i < names->n && *taken < STEP_MAX; i++) {
        struct parcel p;
        if (!parcel_open(in, v, folder, names->name[i], &p))
            continue;
        enum fate end = take(&p, read_ms, f);
        if (end == FATE_FAULT)
            return false;
        *taken += end != FATE_WAITS;
    }
    return true;
}

int inbound_step(struct inbound *in, int64_t wall_ms, int64_t read_ms, struct fault *f)
{
    static struct names left, fresh; /* one office a process */
    struct verp *v = NULL;
    int taken = 0;
    list(in, "cur", &left); /* of an office that was killed */
    list(in, "new", &fresh);
    if (left.n + fresh.n > 0) {
        if (!verp_load(&v, in->keys, wall_ms / 1000, false, f))
            return -1;
        bool good = take_all(in, v, "cur", &left, read_ms, &taken, f) && take_all(in, v, "new", &fresh, read_ms, &taken, f);
        verp_free(&v);
        if (!good)
            return -1;
    }
    int passed = pass_step(&in->pass, wall_ms, read_ms, f);
    return passed < 0 ? -1 : taken + passed;
}

bool inbound_open(struct inbound **ret, struct store *s, const struct inbound_options *o, struct fault *f)
{
    struct inbound *in = calloc(1, sizeof *in);
    (void)f;
    must(in);
    in->store = s;
    in->options = *o;
    snprintf(in->box, sizeof in->box, "%s/inbound", o->data_directory);
    snprintf(in->keys, sizeof in->keys, "%s/keys", o->data_directory);
    in->pass = (struct pass){.store = s, .options = &in->options};
    snprintf(in->pass.folder, sizeof in->pass.folder, "%s/pass", in->box);
    pass_tidy(&in->pass);
    *ret = in;
    return true;
}

void inbound_close(struct inbound **inbound)
{
    free(*inbound);
    *inbound = NULL;
}

void inbound_stats(const struct inbound *in, struct inbound_stats *ret)
{
    *ret = in->stats;
    ret->passed = in->pass.passed;
}
