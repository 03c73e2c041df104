/* owner: see owner.h. */
#include "owner.h"

#include "lib/must.h"
#include "log/format.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILL_BYTES = 20000, CONTENT_MAX = 200000 };

static struct id id_of(unsigned number)
{
    struct id id = {{0}};
    memcpy(id.b + 8, &(uint64_t){(number + 1) * UINT64_C(0x9e3779b97f4a7c15)}, 8);
    memcpy(id.b, &number, sizeof number);
    return id;
}

static unsigned number_of(struct id id)
{
    unsigned number;
    memcpy(&number, id.b, sizeof number);
    must(number < OWNER_MESSAGES);
    return number;
}

static struct str content_of(unsigned number, uint32_t n)
{
    static char bytes[CONTENT_MAX];
    must(n <= sizeof bytes);
    for (uint32_t i = 0; i < n; i++)
        bytes[i] = (char)(number * 31 + i * 7 + i / 251);
    return str_mem(bytes, n);
}

/* ---- the log's hooks: the meta is the notes so far ---- */

static struct log_entry *on_message(void *ctx, struct id id, struct str meta, uint32_t content_bytes)
{
    struct owner *o = ctx;
    struct kept *k = &o->kept[number_of(id)];
    if (o->strange && number_of(id) == o->strange)
        return NULL;
    snprintf(k->notes, sizeof k->notes, "%.*s", STR_ARGS(meta));
    k->content_bytes = content_bytes;
    k->live = true;
    return &k->entry;
}

static void add_note(struct kept *k, char letter)
{
    size_t n = strlen(k->notes);
    must(n + 1 < sizeof k->notes);
    k->notes[n] = letter;
    k->notes[n + 1] = '\0';
}

static void on_note(void *ctx, struct log_entry *e, struct str note, bool ends)
{
    struct kept *k = (struct kept *)e;
    (void)ctx;
    must(note.n == 1);
    add_note(k, *note.p);
    if (ends)
        k->live = false;
}

static void on_restate(void *ctx, struct log_entry *e, struct str old_meta, struct buf *meta)
{
    (void)ctx;
    (void)old_meta;
    buf_add_str(meta, str_of(((struct kept *)e)->notes));
}

static void on_failed(void *ctx, const struct fault *f)
{
    struct owner *o = ctx;
    o->failures++;
    o->fault = *f;
}

static const struct log_hooks hooks = {on_message, on_note, on_restate, on_failed};

/* ---- opening and closing ---- */

bool owner_open(struct owner *o)
{
    memset(o->kept, 0, sizeof o->kept);
    o->failures = 0;
    return log_open(&o->log, &o->options, NULL, &hooks, o, &o->fault);
}

void owner_close(struct owner *o) { log_close(&o->log); }

static void prepare(struct owner *o)
{
    memset(o, 0, sizeof *o);
    o->next = OWNER_MESSAGES / 4; /* fillers do not meet what a test numbers itself */
    o->options = (struct log_options){.directory = o->directory, .segment_bytes = OWNER_SEGMENT, .is_inline = true};
}

void owner_on_disk(struct owner *o)
{
    prepare(o);
    o->disk = disk_new(1);
    o->options.io = &disk_io;
    o->options.io_ctx = o->disk;
    assert_true(owner_open(o));
}

static void make_directory(struct owner *o)
{
    const char *base = getenv("TMPDIR");
    snprintf(o->directory, sizeof o->directory, "%s/goniec-log-XXXXXX", base ? base : "/tmp");
    must(mkdtemp(o->directory));
}

void owner_in_directory(struct owner *o)
{
    prepare(o);
    make_directory(o);
    o->options.io = &log_io_real;
    assert_true(owner_open(o));
}

static void each_file(const char *directory, void (*fn)(const char *path, const char *name, void *arg), void *arg)
{
    DIR *d = opendir(directory);
    must(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[500];
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        if (e->d_name[0] != '.')
            fn(path, e->d_name, arg);
    }
    closedir(d);
}

static void remove_file(const char *path, const char *name, void *arg)
{
    (void)name;
    (void)arg;
    unlink(path);
}

static void remove_directory(const char *directory)
{
    each_file(directory, remove_file, NULL);
    rmdir(directory);
}

void owner_done(struct owner *o)
{
    log_close(&o->log);
    if (o->disk)
        disk_free(o->disk);
    else
        remove_directory(o->directory);
}

void owner_power_cut(struct owner *o)
{
    disk_cut_at(o->disk, 1);
    log_close(&o->log);
    disk_power_up(o->disk);
    assert_true(owner_open(o));
}

static void copy_file(const char *path, const char *name, void *arg)
{
    char to[500], bytes[OWNER_SEGMENT];
    snprintf(to, sizeof to, "%s/%s", (const char *)arg, name);
    int in = open(path, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    must(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, bytes, sizeof bytes)) > 0;)
        must(write(out, bytes, (size_t)n) == n);
    close(in);
    close(out);
}

void owner_crash(struct owner *o)
{
    char old[sizeof o->directory];
    memcpy(old, o->directory, sizeof old);
    make_directory(o);
    each_file(old, copy_file, o->directory);
    log_close(&o->log);
    remove_directory(old);
}

/* ---- messages ---- */

static void on_accepted(void *ctx, bool durable)
{
    struct kept *k = ctx;
    k->durable = durable;
    k->refused = !durable;
}

static void on_noted(void *ctx, bool durable)
{
    struct kept *k = ctx;
    k->note_durable = durable;
    k->waiting = false;
}

static void on_ended(void *ctx, bool durable)
{
    struct kept *k = ctx;
    k->ended = durable;
    k->live = !durable;
}

enum log_refusal owner_accept(struct owner *o, unsigned number, uint32_t content_bytes)
{
    struct kept *k = &o->kept[number];
    struct str content = content_of(number, content_bytes);
    *k = (struct kept){.content_bytes = content_bytes, .live = true};
    k->entry.id = id_of(number);
    k->accepted_wait = (struct log_wait){.fn = on_accepted, .ctx = k};
    enum log_refusal refused = log_accept(o->log, &k->entry, STR(""), &content, 1, &k->accepted_wait);
    if (refused != LOG_OK)
        k->live = false;
    return refused;
}

enum log_refusal owner_note(struct owner *o, unsigned number, char letter, bool ends)
{
    struct kept *k = &o->kept[number];
    struct log_wait *wait = ends ? &k->end_wait : k->waiting ? NULL : &k->note_wait; /* each in one batch at a time */
    if (wait)
        *wait = (struct log_wait){.fn = ends ? on_ended : on_noted, .ctx = k};
    enum log_refusal refused = log_note(o->log, &k->entry, str_mem(&letter, 1), ends, wait);
    if (refused != LOG_OK)
        return refused;
    k->waiting |= wait == &k->note_wait;
    add_note(k, letter);
    return LOG_OK;
}

struct reading {
    unsigned number;
    uint32_t content_bytes;
    bool good;
    struct fault fault;
};

static void on_fetched(void *ctx, bool ok, struct str meta, struct str content, const struct fault *f)
{
    struct reading *r = ctx;
    (void)meta;
    r->good = ok && str_eq(content, content_of(r->number, r->content_bytes));
    if (!ok)
        r->fault = *f;
}

bool owner_reads(struct owner *o, unsigned number, struct fault *f)
{
    struct kept *k = &o->kept[number];
    struct reading r = {.number = number, .content_bytes = k->content_bytes};
    struct log_read read = {.done = on_fetched, .ctx = &r};
    log_fetch(o->log, &k->entry, &read);
    if (f)
        *f = r.fault;
    return r.good;
}

unsigned owner_live(const struct owner *o)
{
    unsigned n = 0;
    for (unsigned i = 0; i < OWNER_MESSAGES; i++)
        n += o->kept[i].live;
    return n;
}

void owner_fill(struct owner *o, unsigned segments)
{
    for (unsigned i = 0; i < segments * (OWNER_SEGMENT / FILL_BYTES); i++) {
        unsigned number = o->next++;
        must(number < OWNER_MESSAGES);
        assert_int_equal(owner_accept(o, number, FILL_BYTES), LOG_OK);
        log_flush(o->log);
        assert_int_equal(owner_note(o, number, 'z', true), LOG_OK);
        log_flush(o->log);
    }
}

struct log_stats owner_stats(const struct owner *o)
{
    struct log_stats s;
    log_stats(o->log, &s);
    return s;
}

/* ---- files ---- */

struct search {
    uint32_t segment;
    char *path;
};

static void look_at(const char *path, const char *name, void *arg)
{
    struct search *s = arg;
    struct segment_header h;
    char block[BLOCK];
    int fd = strstr(name, ".seg") ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0 && read(fd, block, sizeof block) == BLOCK && header_read(block, &h) && h.sequence == s->segment)
        snprintf(s->path, 300, "%s", path);
    if (fd >= 0)
        close(fd);
}

void owner_path(const struct owner *o, uint32_t segment, char path[300])
{
    struct search s = {segment, path};
    *path = '\0';
    each_file(o->directory, look_at, &s);
    if (!*path)
        fail_msg("no file holds segment %u", segment);
}

void owner_damage(const struct owner *o, uint32_t segment, uint32_t at, unsigned bytes)
{
    char path[300], part[512];
    owner_path(o, segment, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    must(fd >= 0 && bytes <= sizeof part);
    must(pread(fd, part, bytes, (off_t)at) == (ssize_t)bytes);
    for (unsigned i = 0; i < bytes; i++)
        part[i] ^= 0x5a;
    must(pwrite(fd, part, bytes, (off_t)at) == (ssize_t)bytes);
    close(fd);
}
