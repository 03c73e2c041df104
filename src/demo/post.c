/* post: see post.h. One attempt through the deliver room, on a loop of its own. */
#include "demo/post.h"

#include "deliver/deliver.h"
#include "explain/noticed.h"
#include "lib/must.h"
#include "lib/net.h"

#include <stdlib.h>

struct posting {
    struct loop *loop;
    struct id *id;
    struct fault *fault;
    bool good;
};

/* "Accepted, id 01J..." is how our server answers. */
static bool id_in(struct str text, struct id *ret)
{
    return text.n >= ID_TEXT && id_parse(str_mem(text.p + text.n - ID_TEXT, ID_TEXT), ret);
}

static void say_why(struct posting *p, const struct outcome *o, const struct outcome_rcpt *r)
{
    struct buf why = {0};
    struct str note = noticed_of(o, r);
    if (note.n)
        noticed_tell(note, r->phase, "en", &why);
    else
        buf_addf(&why, "%d %.*s", r->reply.code, STR_ARGS(r->reply.text));
    fault_set(p->fault, "the server did not take the message: %.*s", STR_ARGS(buf_str(&why)));
    buf_done(&why);
}

static void on_done(void *ctx, struct attempt *a, const struct outcome *o, bool reached, bool relayed_dsn)
{
    struct posting *p = ctx;
    const struct outcome_rcpt *r = &o->rcpt[0];
    (void)a;
    (void)reached;
    (void)relayed_dsn;
    p->good = r->status == OUTCOME_DELIVERED && id_in(r->reply.text, p->id);
    if (!p->good)
        say_why(p, o, r);
    loop_stop(p->loop);
}

static struct route *route_to(const struct letterbox *to)
{
    struct route *r = calloc(1, sizeof *r);
    struct route_host *h = calloc(1, sizeof *h);
    must(r && h && net_parse_ip(str_of(to->ip), to->port, &h->addr, &h->addr_len));
    h->name = to->ip;
    h->secure.level = SECURE_ENCRYPTED;
    *r = (struct route){
        .refs = 1, .kind = ROUTE_SMTP, .site = to->ip, .login = to->login, .password = to->password, .hosts = 1, .host = h};
    return r;
}

bool post_message(const struct letterbox *to, const char *from, const char *rcpt, struct str content, struct id *ret,
                  struct fault *f)
{
    static const struct deliver_settings settings = {.connect_timeout_ms = 5000,
                                                     .banner_timeout_ms = 5000,
                                                     .command_timeout_ms = 15000,
                                                     .data_timeout_ms = 15000,
                                                     .body_block_timeout_ms = 15000,
                                                     .body_timeout_ms = 15000,
                                                     .hosts_max = 1};
    struct source source = {.name = STR("demo"), .ehlo = STR("client.demo.test")};
    struct rcpt one = {.address = str_of(rcpt), .domain = STR("demo.test")};
    struct envelope e = {.sender = str_of(from), .rcpts = 1, .rcpt = &one, .has_8bit = true, .body = BODY_8BITMIME};
    uint32_t first = 0;
    struct posting p = {.id = ret, .fault = f};
    struct deliver *d;
    struct chore_pool *chores;
    if (!loop_new(&p.loop, f) || !chore_pool_new(&chores, 1, f) || !deliver_open(&d, p.loop, chores, &settings, f))
        return false;
    struct content *c = content_new(content.n);
    memcpy(c->bytes + c->start, content.p, content.n);
    c->n = content.n;
    e.content_bytes = (uint32_t)content.n;
    struct route *route = route_to(to);
    struct attempt a = {.envelope = &e,
                        .content = c,
                        .rcpt = &first,
                        .rcpts = 1,
                        .route = route,
                        .source = &source,
                        .pool = 1,
                        .number = 1,
                        .done = on_done,
                        .ctx = &p};
    deliver_start(d, &a);
    loop_run(p.loop);
    deliver_close(&d);
    chore_pool_free(&chores);
    loop_free(&p.loop);
    content_free(&c);
    free(route->host);
    free(route);
    return p.good;
}
