/* Dialogues with the SMTP server (accept). "." lines: door mx|submission|submissions|local, trusted, tls (is offered),
 * fix_bare_newlines, limit NAME N, hosted DOMAIN, full TEXT (no new mail: 452 4.3.1), room (again), memory N, returns DOMAIN (has a return path, with a key of zeros); answers that the
 * machine waits for: secured, login good|wrong|blocked|suspended, answer CODE TEXT. "!" lines: submit, rcpt, content, tls,
 * password, event, over. */
#include "script.h"

#include "accept/smtp_in.h"
#include "lib/file.h"
#include "lib/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct server {
    struct smtp_in m;
    struct accept_settings settings;
    struct str hosted[2];
    struct verp *returns;
    struct buf out;
    struct arena arena;
    const char *full;
    uint64_t memory, memory_max;
    bool begun, trusted, over, in_greeting;
    enum door door;
};

/* RFC 2034 4, 3463: an enhanced code of the reply's class on every line of every 2xx, 4xx and 5xx but the greeting and what
 * answers HELO and EHLO. A line without is shown, and then no script expects it. */
static void check_codes(struct server *s)
{
    struct str rest = buf_str(&s->out);
    while (rest.n) {
        struct str line = str_split(&rest, '\n');
        bool begins = str_starts_nocase(line, STR("220 mail.test")) || str_starts_nocase(line, STR("250-mail.test")) ||
                      str_starts_nocase(line, STR("250 mail.test"));
        bool greeting = begins || s->in_greeting;
        unsigned subject, detail;
        char class = 0;
        s->in_greeting = greeting && line.n > 3 && line.p[3] == '-';
        if (greeting || line.n < 4 || line.p[0] == '3')
            continue;
        char text[40];
        snprintf(text, sizeof text, "%.*s", STR_ARGS(line));
        if (sscanf(text + 4, "%c.%u.%u ", &class, &subject, &detail) != 3 || class != line.p[0])
            script_did("! a reply without its enhanced code");
    }
}

static void flush(struct server *s)
{
    check_codes(s);
    script_said('S', s->out.p, s->out.n);
    s->out.n = 0;
}

static void do_start_tls(void *ctx)
{
    flush(ctx);
    script_did("! tls");
}

static void do_password(void *ctx, struct str login, struct str password)
{
    flush(ctx);
    script_did("! password %.*s %.*s", STR_ARGS(login), STR_ARGS(password));
}

static void do_proven(void *ctx, struct str login, bool good)
{
    flush(ctx);
    script_did("! proven %.*s %s", STR_ARGS(login), good ? "good" : "bad");
}

static void show_rcpt(const struct rcpt *r)
{
    static const char *const notify[16] = {[1] = " never",
                                           [2] = " success",
                                           [4] = " failure",
                                           [8] = " delay",
                                           [6] = " success,failure",
                                           [12] = " failure,delay",
                                           [14] = " success,failure,delay"};
    const char *n = r->notify < 16 && notify[r->notify] ? notify[r->notify] : "";
    script_did("! rcpt %.*s at %.*s%s%s%.*s", STR_ARGS(r->address), STR_ARGS(r->domain), n, r->orcpt.n ? " orcpt=" : "",
               STR_ARGS(r->orcpt));
}

static void do_submit(void *ctx, struct submission *sub)
{
    struct server *s = ctx;
    struct envelope *e = &sub->envelope;
    flush(s);
    must(s->memory == 0 && e->content_bytes == sub->content->n);
    script_did("! submit <%.*s> by %s%.*s, %.*s%s%s%s%s%s%.*s", STR_ARGS(e->sender), e->account.n ? "account " : "",
               e->account.n ? (int)e->account.n : 6, e->account.n ? e->account.p : "nobody", STR_ARGS(e->protocol),
               sub->authorised ? ", authorised" : "", e->smtputf8 ? ", utf8" : "", e->has_8bit ? ", 8bit" : "",
               e->ret == RET_FULL   ? ", ret full"
               : e->ret == RET_HDRS ? ", ret hdrs"
                                    : "",
               e->envid.n ? ", envid " : "", STR_ARGS(e->envid));
    for (uint32_t i = 0; i < e->rcpts; i++)
        show_rcpt(&e->rcpt[i]);
    struct str c = content_str(sub->content);
    script_did("! content %zu %.*s", c.n, (int)(c.n < 300 ? c.n : 300), c.p);
    content_free(&sub->content);
    arena_done(&sub->arena);
}

static const char *do_ready(void *ctx, int *code, struct enhanced *e)
{
    struct server *s = ctx;
    *code = 452;
    *e = ENHANCED(4, 3, 1);
    return s->full;
}

static bool do_memory(void *ctx, int64_t more)
{
    struct server *s = ctx;
    if (more > 0 && s->memory + (uint64_t)more > s->memory_max)
        return false;
    s->memory += (uint64_t)more;
    return true;
}

static void do_event(void *ctx, enum accept_event_kind kind, struct str login, const char *text)
{
    static const char *const names[] = {"auth failed", "auth blocked", "refused", "bound"};
    (void)login;
    flush(ctx);
    script_did("! event %s: %s", names[kind], text);
}

static const struct smtp_in_hooks hooks = {do_start_tls, do_password, do_proven, do_submit, do_ready, do_memory, do_event};

static void *side_open(void)
{
    struct server *s = calloc(1, sizeof *s);
    must(s);
    s->hosted[0] = STR("hosted.test");
    s->settings = (struct accept_settings){.hostname = STR("mail.test"),
                                           .hosted = s->hosted,
                                           .hosted_n = 1,
                                           .message_bytes_max = 1024 * 1024,
                                           .recipients_max = 100,
                                           .return_age_s = 30 * 86400,
                                           .errors_max = 10};
    s->memory_max = 64 * 1024 * 1024;
    return s;
}

static void side_close(void *side)
{
    struct server *s = side;
    if (s->begun)
        smtp_in_done(&s->m);
    must(s->memory == 0);
    buf_done(&s->out);
    arena_done(&s->arena);
    verp_free(&s->returns);
    free(s);
}

static void begin(struct server *s)
{
    if (s->begun)
        return;
    s->begun = true;
    smtp_in_init(&s->m, &s->settings, s->door, s->trusted, &hooks, s, &s->out);
    s->m.client_ip = STR("192.0.2.1");
    s->m.wall_ms = 1700000000000;
    smtp_in_greet(&s->m);
}

static void show(struct server *s)
{
    flush(s);
    if (s->begun && s->m.phase == SMTP_OVER && !s->over) {
        s->over = true;
        script_did("! over");
    }
}

static size_t side_feed(void *side, const char *p, size_t n)
{
    struct server *s = side;
    begin(s);
    size_t took = smtp_in_feed(&s->m, p, n);
    show(s);
    return took;
}

static const struct word_number {
    const char *name;
    int value;
} doors[] = {{"mx", DOOR_MX}, {"submission", DOOR_SUBMISSION}, {"submissions", DOOR_SUBMISSIONS}, {"local", DOOR_LOCAL}, {0}},
  logins[] = {{"good", LOGIN_GOOD},           {"wrong", LOGIN_WRONG},       {"blocked", LOGIN_BLOCKED},
              {"suspended", LOGIN_SUSPENDED}, {"too_many", LOGIN_TOO_MANY}, {0}};

static int number_of(const struct word_number *w, struct str name)
{
    while (w->name && !str_eq(name, str_of(w->name)))
        w++;
    must(w->name);
    return w->value;
}

static bool set_limit(struct server *s, struct str rest)
{
    struct str name = str_split(&rest, ' ');
    const struct {
        const char *name;
        uint32_t *at;
    } limits[] = {{"message_bytes", &s->settings.message_bytes_max},
                  {"recipients", &s->settings.recipients_max},
                  {"errors", &s->settings.errors_max},
                  {"transactions", &s->settings.transactions_max}};
    uint64_t v;
    if (!rest.p || !str_to_u64(rest, UINT32_MAX, &v))
        return false;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (str_eq(name, str_of(limits[i].name)))
            return *limits[i].at = (uint32_t)v, true;
    s->memory_max = v;
    return str_eq(name, STR("memory"));
}

static void answer(struct server *s, struct str rest)
{
    struct str code = str_split(&rest, ' ');
    uint64_t v = 0;
    must(str_to_u64(code, 599, &v));
    smtp_in_answer(&s->m, (int)v, ENHANCED((uint8_t)(v / 100), 0, 0), arena_strz(&s->arena, rest));
}

static void login(struct server *s, struct str how)
{
    static const struct credential c = {.login = {"shop", 4}, .account = {"shop", 4}, .stream = {"newsletter", 10}};
    smtp_in_login(&s->m, (enum login_verdict)number_of(logins, how), &c);
}

static void set_returns(struct server *s, struct str domain)
{
    char folder[] = "/tmp/goniec-script-XXXXXX", paths[60], keys[60];
    struct buf b = {0};
    must(mkdtemp(folder));
    snprintf(paths, sizeof paths, "%s/return-paths", folder);
    snprintf(keys, sizeof keys, "%s/return-path-keys", folder);
    buf_addf(&b, "%.*s\t\t1\t0\n", STR_ARGS(domain));
    must(file_replace(paths, buf_str(&b), 0600, NULL));
    b.n = 0;
    buf_addf(&b, "0\t%064d\t1\n", 0);
    must(file_replace(keys, buf_str(&b), 0600, NULL) && verp_load(&s->returns, folder, 2, false, NULL));
    s->settings.returns = s->returns;
    unlink(paths);
    unlink(keys);
    rmdir(folder);
    buf_done(&b);
}

static bool set_before(struct server *s, struct str word, struct str rest)
{
    if (str_eq(word, STR("door")))
        s->door = (enum door)number_of(doors, rest);
    else if (str_eq(word, STR("trusted")))
        s->trusted = true;
    else if (str_eq(word, STR("tls")))
        s->settings.tls = (struct tls_context *)&s->settings; /* only whether there is one matters to the machine */
    else if (str_eq(word, STR("fix_bare_newlines")))
        s->settings.fix_bare_newlines = true;
    else if (str_eq(word, STR("limit")))
        return set_limit(s, rest);
    else if (str_eq(word, STR("returns")))
        set_returns(s, rest);
    else if (str_eq(word, STR("full")))
        s->full = arena_strz(&s->arena, rest);
    else if (str_eq(word, STR("room")))
        s->full = NULL;
    else
        return false;
    return true;
}

static bool side_set(void *side, struct str word, struct str rest)
{
    struct server *s = side;
    if (set_before(s, word, rest))
        return true;
    begin(s);
    if (str_eq(word, STR("secured")))
        smtp_in_secured(&s->m);
    else if (str_eq(word, STR("login")))
        login(s, rest);
    else if (str_eq(word, STR("answer")))
        answer(s, rest);
    else if (!str_eq(word, STR("connect")))
        return false;
    show(s);
    return true;
}

int main(int argc, char **argv)
{
    static const struct script_side side = {'C', side_open, side_close, side_set, side_feed};
    return script_main(argc, argv, &side);
}
