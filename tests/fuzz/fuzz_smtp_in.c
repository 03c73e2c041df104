/* A client's bytes at the SMTP server, whole and byte by byte: the same replies and messages, all memory given back, and no
 * message accepted that holds a bare newline. The first byte chooses the door and what surrounds it. */
#include "accept/smtp_in.h"

#include "lib/must.h"

struct run {
    struct smtp_in m;
    struct accept_settings settings;
    struct buf out, said, log;
    uint64_t memory;
    bool secured; /* TLS was asked for */
    int waits;    /* 1: for a login, 2: for the log */
    enum login_verdict verdict;
};

static void on_tls(void *ctx) { ((struct run *)ctx)->secured = true; }

static void on_password(void *ctx, struct str login, struct str password)
{
    struct run *r = ctx;
    buf_addf(&r->log, "password %zu %zu\n", login.n, password.n);
    r->waits = 1;
    r->verdict = password.n % 5 == 0 ? LOGIN_GOOD : (enum login_verdict)(password.n % 5);
}

static void on_proven(void *ctx, struct str login, bool good)
{
    struct run *r = ctx;
    must(!good && login.n <= 8192); /* there is no account to be proven */
    r->waits = 1;
    r->verdict = LOGIN_WRONG;
}

static void on_submit(void *ctx, struct submission *s)
{
    struct run *r = ctx;
    struct str c = content_str(s->content);
    for (size_t i = 0; i < c.n; i++) {
        must(c.p[i] != '\n' || (i > 0 && c.p[i - 1] == '\r'));
        must(c.p[i] != '\r' || (i + 1 < c.n && c.p[i + 1] == '\n'));
        must(c.p[i] != '\0');
    }
    must(s->envelope.rcpts > 0 && s->envelope.rcpts <= r->settings.recipients_max);
    buf_addf(&r->log, "submit %zu %u\n", c.n, s->envelope.rcpts);
    content_free(&s->content);
    arena_done(&s->arena);
    r->waits = 2;
}

static const char *on_ready(void *ctx, int *code, struct enhanced *e)
{
    (void)ctx;
    (void)code;
    (void)e;
    return NULL;
}

static bool on_memory(void *ctx, int64_t more)
{
    struct run *r = ctx;
    if (more > 0 && r->memory + (uint64_t)more > 600000)
        return false;
    r->memory += (uint64_t)more;
    return true;
}

static void on_event(void *ctx, enum accept_event_kind kind, struct str login, const char *text)
{
    struct run *r = ctx;
    buf_addf(&r->log, "event %d %zu %s\n", kind, login.n, text);
}

static const struct smtp_in_hooks hooks = {on_tls, on_password, on_proven, on_submit, on_ready, on_memory, on_event};

static void answer(struct run *r)
{
    static const struct credential c = {.login = {"l", 1}, .account = {"a", 1}, .stream = {"s", 1}};
    int waits = r->waits;
    r->waits = 0;
    if (waits == 1)
        smtp_in_login(&r->m, r->verdict, &c);
    if (waits == 2)
        smtp_in_answer(&r->m, 250, (struct enhanced){2, 0, 0}, "Taken");
    if (r->secured)
        smtp_in_secured(&r->m);
    r->secured = false;
}

static void go(const uint8_t *data, size_t size, uint8_t how, size_t step, struct run *r)
{
    struct str hosted = STR("h.test");
    *r = (struct run){
        .settings = {.hostname = STR("mail.test"), .message_bytes_max = 65536, .recipients_max = 100, .errors_max = 50}};
    r->settings.hosted = &hosted;
    r->settings.hosted_n = 1;
    r->settings.fix_bare_newlines = how & 1;
    r->settings.tls = how & 2 ? (struct tls_context *)&r->settings : NULL;
    smtp_in_init(&r->m, &r->settings, (enum door)(how >> 2 & 3), how & 16, &hooks, r, &r->out);
    r->m.client_ip = STR("192.0.2.1");
    r->m.wall_ms = 1700000000000;
    smtp_in_greet(&r->m);
    size_t at = 0, shown = step;
    while (at < size && r->m.phase != SMTP_OVER) {
        size_t n = shown < size - at ? shown : size - at;
        size_t took = smtp_in_feed(&r->m, (const char *)data + at, n);
        must(took <= n);
        at += took;
        buf_add_str(&r->said, buf_str(&r->out));
        r->out.n = 0;
        bool waited = r->waits || r->secured;
        answer(r);
        if (took == 0 && !waited && n == size - at)
            break;
        shown = took || waited ? step : shown + step;
    }
    buf_add_str(&r->said, buf_str(&r->out));
    buf_done(&r->out);
    smtp_in_done(&r->m);
    must(r->memory == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run a, b;
    if (size < 1)
        return 0;
    go(data + 1, size - 1, data[0], size, &a);
    go(data + 1, size - 1, data[0], 1, &b);
    must(str_eq(buf_str(&a.said), buf_str(&b.said)) && str_eq(buf_str(&a.log), buf_str(&b.log)));
    buf_done(&a.said);
    buf_done(&a.log);
    buf_done(&b.said);
    buf_done(&b.log);
    return 0;
}
