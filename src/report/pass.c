/* pass: see pass.h. */
#include "report/pass.h"

#include "explain/dsn.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "submit/submit.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

enum {
    STEP_MAX = 20,
    WAIT_S = 120,
    AGAIN_MS = 10000,
    DOUBT_MS = 10000, /* after which a record would have been read if the logs have been */
    LOST_MS = 600000, /* a file that has not come by then does not come */
    FILE_MAX = 1024 * 1024 * 1024,
};

void pass_name(struct id mail, uint32_t place, char out[PASS_NAME])
{
    char id[ID_TEXT + 1];
    id_text(mail, id);
    snprintf(out, PASS_NAME, "%s_%u", id, place);
}

bool pass_wanted(enum returned_kind kind, const struct envelope *e, const struct outcome *o)
{
    uint32_t which[1];
    switch (kind) {
    case RETURNED_FAILED:
        return dsn_wanted(e, o, DSN_FAILED, which) > 0;
    case RETURNED_DELAYED:
        return (e->rcpt[o->rcpt[0].rcpt].notify & NOTIFY_DELAY) != 0;
    case RETURNED_DELIVERED:
        return (e->rcpt[o->rcpt[0].rcpt].notify & NOTIFY_SUCCESS) != 0;
    case RETURNED_ANSWER:
    case RETURNED_OTHER:
        return e->sender.n > 0;
    case RETURNED_COMPLAINT:
        break;
    }
    return false;
}

/* ---- what is said ---- */

struct account_language {
    struct str login;
    struct arena *arena;
    const char *language;
};

static void on_account(void *ctx, const struct store_account *a)
{
    struct account_language *x = ctx;
    if (*a->language && str_eq(str_of(a->login), x->login))
        x->language = arena_strz(x->arena, str_of(a->language));
}

/* What is known of the original: the content was not kept. */
static struct str original_header(const struct envelope *e, struct arena *a)
{
    struct buf b = {0};
    if (e->message_id.n)
        buf_addf(&b, "Message-ID: %.*s\r\n", STR_ARGS(e->message_id));
    if (e->subject.n)
        buf_addf(&b, "Subject: %.*s\r\n", STR_ARGS(e->subject));
    struct str s = arena_str(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static bool write_notification(const struct pass *p, const struct store_returned *r, const struct envelope *e, int64_t wall_ms,
                               struct arena *a, struct buf *b)
{
    struct account_language l = {e->credential, a, p->options->language};
    struct outcome o;
    uint32_t which[1];
    if (!outcome_decode(r->body, a, &o) || o.rcpts != 1 || o.rcpt[0].rcpt >= e->rcpts)
        return false;
    if (e->credential.n)
        store_accounts(p->store, on_account, &l);
    struct dsn_request q = {.kind = DSN_FAILED,
                            .envelope = e,
                            .content = original_header(e, a),
                            .hostname = p->options->hostname,
                            .id = r->mail,
                            .now_ms = wall_ms,
                            .outcome = &o,
                            .lang = l.language};
    uint32_t n = dsn_wanted(e, &o, DSN_FAILED, which);
    if (n)
        dsn_write(&q, which, n, b);
    return n > 0;
}

/* The file without what the Maildir put before it, and with the wire's line ends. */
static bool read_mail(const struct pass *p, const char *name, struct buf *b)
{
    char path[800];
    struct buf file = {.max = FILE_MAX};
    struct fault f;
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    bool good = file_read(path, &file, &f) && file.n > 0;
    struct str rest = buf_str(&file);
    str_split(&rest, '\n');
    if (rest.p)
        str_split(&rest, '\n');
    while (good && rest.p && rest.n) {
        struct str line = str_split(&rest, '\n');
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        buf_add_str(b, line);
        buf_add_str(b, STR("\r\n"));
    }
    buf_done(&file);
    return good && b->n > 0;
}

/* ---- has the engine got it? ---- */

struct search {
    struct str envid;
    int64_t since_ms;
    bool found;
};

static bool is_it(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct search *s = ctx;
    struct arena a = {0};
    struct envelope e;
    struct str rest;
    (void)id;
    (void)open;
    s->found = envelope_decode(meta, &a, &e, &rest) && str_eq(e.envid, s->envid);
    arena_done(&a);
    return !s->found && at_ms >= s->since_ms;
}

static bool was_taken(const struct pass *p, const struct store_returned *r, const struct envelope *e, struct str envid)
{
    struct search s = {.envid = envid, .since_ms = r->pass_ms - DOUBT_MS};
    store_messages_to(p->store, store_address_hash(e->sender), INT32_MAX, is_it, &s);
    return s.found;
}

/* ---- one row ---- */

enum step { STEP_SETTLED, STEP_WAITS, STEP_LATER, STEP_FAULT };

static enum step settle(struct pass *p, const struct store_returned *r, const char *name, struct fault *f)
{
    char path[800];
    if (!store_returned_pass(p->store, r->mail, r->place, RETURNED_PASSED, 0, f))
        return STEP_FAULT;
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    unlink(path);
    return STEP_SETTLED;
}

static enum step hand_in(struct pass *p, const struct store_returned *r, const char *name, const struct submit_mail *m,
                         int64_t wall_ms, struct fault *f)
{
    char why[SUBMIT_WHY];
    if (!store_returned_pass(p->store, r->mail, r->place, RETURNED_BEGUN, wall_ms, f))
        return STEP_FAULT;
    switch (submit(p->options->submit_socket, m, WAIT_S, why)) {
    case SUBMIT_TAKEN:
        p->passed++;
        return settle(p, r, name, f);
    case SUBMIT_REFUSED:
    case SUBMIT_RCPT_REFUSED:
        fprintf(stderr, "office: what came back (%s) does not go on to its sender: %s\n", name, why);
        return settle(p, r, name, f);
    case SUBMIT_DOUBTFUL:
        return STEP_LATER;
    case SUBMIT_LATER:
        break;
    }
    return store_returned_pass(p->store, r->mail, r->place, RETURNED_DUE, wall_ms, f) ? STEP_LATER : STEP_FAULT;
}

static enum step pass_due(struct pass *p, const struct store_returned *r, const struct envelope *e, const char *name,
                          struct str envid, int64_t wall_ms, struct arena *a, struct fault *f)
{
    struct buf text = {0};
    bool as_it_is = pass_as_it_is(r->kind);
    enum step end;
    if (as_it_is ? read_mail(p, name, &text) : write_notification(p, r, e, wall_ms, a, &text)) {
        struct submit_mail m = {
            .rcpt = &e->sender, .rcpts = 1, .notify = "NEVER", .envid = envid, .content = buf_str(&text), .sender = STR("")};
        end = hand_in(p, r, name, &m, wall_ms, f);
    } else {
        end = as_it_is && wall_ms < r->at_ms + LOST_MS ? STEP_WAITS : settle(p, r, name, f);
    }
    buf_done(&text);
    return end;
}

struct found {
    struct arena *arena;
    struct str meta;
};

static bool keep_meta(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open)
{
    struct found *x = ctx;
    (void)id;
    (void)at_ms;
    (void)open;
    x->meta = arena_str(x->arena, meta);
    return false;
}

static enum step pass_one(struct pass *p, const struct store_returned *r, int64_t wall_ms, int64_t read_ms, struct fault *f)
{
    struct arena a = {0};
    struct found x = {.arena = &a};
    struct envelope e;
    struct str rest;
    char name[PASS_NAME], envid[sizeof SUBMIT_PASSED_ON + PASS_NAME];
    enum step end;
    pass_name(r->mail, r->place, name);
    snprintf(envid, sizeof envid, "%s%s", SUBMIT_PASSED_ON, name);
    store_message(p->store, r->message, keep_meta, &x);
    bool known = x.meta.n && envelope_decode(x.meta, &a, &e, &rest) && e.sender.n;
    if (!known)
        end = settle(p, r, name, f); /* the story has gone meanwhile */
    else if (r->pass == RETURNED_BEGUN && read_ms < r->pass_ms + DOUBT_MS)
        end = STEP_WAITS;
    else if (r->pass == RETURNED_BEGUN && was_taken(p, r, &e, str_of(envid)))
        end = settle(p, r, name, f);
    else
        end = pass_due(p, r, &e, name, str_of(envid), wall_ms, &a, f);
    arena_done(&a);
    return end;
}

/* ---- all ---- */

struct rows {
    struct arena arena;
    struct store_returned row[STEP_MAX];
    unsigned n;
};

static void on_row(void *ctx, const struct store_returned *r)
{
    struct rows *x = ctx;
    x->row[x->n] = *r;
    x->row[x->n++].body = arena_str(&x->arena, r->body);
}

/* Each may have waited for the engine: the next one begins later than the first. */
int pass_step(struct pass *p, int64_t wall_ms, int64_t read_ms, struct fault *f)
{
    int64_t began_ms = clock_monotonic_ms();
    struct rows x = {.n = 0};
    enum step end = STEP_SETTLED;
    int settled = 0;
    if (wall_ms < p->after_ms)
        return 0;
    store_returned_passing(p->store, STEP_MAX, on_row, &x);
    for (unsigned i = 0; i < x.n && end != STEP_FAULT && end != STEP_LATER; i++) {
        end = pass_one(p, &x.row[i], wall_ms + clock_monotonic_ms() - began_ms, read_ms, f);
        settled += end == STEP_SETTLED;
    }
    if (end == STEP_LATER)
        p->after_ms = wall_ms + AGAIN_MS;
    arena_done(&x.arena);
    return end == STEP_FAULT ? -1 : settled;
}

static void on_waiting(void *ctx, const struct store_returned *r)
{
    *(bool *)ctx = r->pass == RETURNED_DUE || r->pass == RETURNED_BEGUN;
}

void pass_tidy(struct pass *p)
{
    DIR *d = opendir(p->folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[900];
        struct str rest = str_of(e->d_name), id = str_split(&rest, '_');
        struct id mail;
        uint64_t place;
        bool waits = false;
        if (!id_parse(id, &mail) || !rest.p || !str_to_u64(rest, UINT32_MAX, &place))
            continue;
        store_returned_one(p->store, mail, (uint32_t)place, on_waiting, &waits);
        snprintf(path, sizeof path, "%s/%s", p->folder, e->d_name);
        if (!waits)
            unlink(path);
    }
    if (d)
        closedir(d);
}
