/* gather: reads the reports that were mailed to this server, which report/inbound.h puts into DATA/inbound/dmarc and
 * DATA/inbound/tls, a file a mail. A mail to dmarc@bounces.DOMAIN speaks of DOMAIN: reports on another are not kept, so that
 * strangers cannot fill the database with domains of their own invention.
 *
 * A file is renamed before it is read, and deleted afterwards, whatever was in it: killed in between, it is read again, which
 * changes nothing; one that the office dies of some times over goes. */
#include "aggregate/inner.h"
#include "mail/header.h"
#include "mail/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { TRIES_MAX = 3, NAME_BYTES = 200, CHUNK = 65536, HEADER_MAX = 64 * 1024 };

/* One file: "NAME", or "NAME:TRIES" when it has been begun before. */
struct found {
    char folder[600], path[900];
    char name[NAME_BYTES]; /* without the tries */
    unsigned tries;
};

static void say(const struct found *x, const char *what) { fprintf(stderr, "office: %s: %s\n", x->path, what); }

static bool parse_name(struct found *x, const char *name)
{
    struct str rest = str_of(name), plain = str_split(&rest, ':');
    uint64_t tries = 0;
    if (plain.n == 0 || plain.n >= sizeof x->name || *name == '.' || (rest.p && !str_to_u64(rest, 1000, &tries)))
        return false;
    snprintf(x->name, sizeof x->name, "%.*s", STR_ARGS(plain));
    snprintf(x->path, sizeof x->path, "%s/%s", x->folder, name);
    x->tries = (unsigned)tries;
    return true;
}

static bool find_one(struct found *x)
{
    DIR *d = opendir(x->folder);
    bool any = false;
    for (struct dirent *e; d && !any && (e = readdir(d));)
        any = parse_name(x, e->d_name);
    if (d)
        closedir(d);
    return any;
}

static bool call_it(struct found *x, unsigned tries)
{
    char to[900];
    snprintf(to, sizeof to, "%s/%s:%u", x->folder, x->name, tries);
    if (rename(x->path, to) != 0)
        return false;
    memcpy(x->path, to, sizeof to);
    return true;
}

static bool read_file(const struct found *x, struct buf *b)
{
    int fd = open(x->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : 1;
    for (char *to; n > 0 && b->n <= AGGREGATE_BYTES_MAX && (to = buf_reserve(b, CHUNK)); b->n += n > 0 ? (size_t)n : 0)
        n = read(fd, to, CHUNK);
    if (fd >= 0)
        close(fd);
    return n >= 0;
}

/* ---- whose report it may be ---- */

/* The DOMAIN of the address bounces.DOMAIN that the engine delivered it to: its own line stands before what the mail says. */
static struct str domain_asked(struct str mail, struct arena *a)
{
    static const char prefix[] = "bounces.";
    struct header_field f;
    struct mailbox m;
    const char *why;
    struct str domain;
    size_t n = sizeof prefix - 1;
    if (!header_find(mail, STR("Delivered-To"), HEADER_MAX, &f) || !mailbox_parse(f.value, true, &m, &why) ||
        !domain_ascii(m.domain, a, &domain, &why) || !str_starts_nocase(domain, str_of(prefix)))
        return STR("");
    return str_mem(domain.p + n, domain.n - n);
}

static bool is_asked(void *ctx, struct str domain)
{
    const struct str *asked = ctx;
    return asked->n > 0 && str_eq(*asked, domain);
}

/* False: the database cannot take it now. */
static bool take_in(struct store *s, const struct found *x, struct str mail, int64_t now_s, struct fault *f)
{
    struct arena a = {0};
    struct str asked = domain_asked(mail, &a);
    struct aggregate_keeper k = {.store = s, .now_s = now_s, .wanted = is_asked, .ctx = &asked};
    enum aggregate_result got = aggregate_keep(&k, mail, NULL, f);
    arena_done(&a);
    if (got == AGGREGATE_NONE || got == AGGREGATE_REFUSED)
        say(x, f->text);
    return got != AGGREGATE_FAILED;
}

/* 1: it is gone. -1: fault. */
static int take_one(struct store *s, struct found *x, int64_t now_s, struct fault *f)
{
    struct buf mail = {0};
    bool good = true;
    if (x->tries >= TRIES_MAX)
        say(x, "it was begun several times and never read to its end: it is dropped");
    else if (!call_it(x, x->tries + 1))
        good = fault_errno(f, errno, "cannot rename %s", x->path);
    else if (!read_file(x, &mail))
        say(x, strerror(errno));
    else
        good = take_in(s, x, buf_str(&mail), now_s, f) || (call_it(x, x->tries), false); /* it is not the mail's fault */
    buf_done(&mail);
    if (good && unlink(x->path) != 0)
        good = fault_errno(f, errno, "cannot delete %s", x->path);
    return good ? 1 : -1;
}

int aggregate_gather(struct store *s, const char *data_directory, int64_t now_s, struct fault *f)
{
    static const char *const folders[] = {"dmarc", "tls"};
    int taken = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && taken >= 0; i++) {
        struct found x = {0};
        snprintf(x.folder, sizeof x.folder, "%s/inbound/%s", data_directory, folders[i]);
        int got = find_one(&x) ? take_one(s, &x, now_s, f) : 0;
        taken = got < 0 ? -1 : taken + got;
    }
    return taken;
}
