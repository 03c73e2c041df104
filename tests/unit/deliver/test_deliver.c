/* Attempts behind the room's door, against servers in the same loop that follow a script. */
#include "../mail/check.h"

#include "deliver/deliver.h"
#include "lib/net.h"
#include "lib/stream.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server: replies to the verbs it has a word for, "250 fine" to all others; "hang up" and "silence" are words too. It counts.
 */
struct server {
    struct watch watch;
    uint16_t port;
    const char *banner, *ehlo, *mail, *rcpt, *data, *body, *rset;
    unsigned connections, open, messages;
    bool quits_after_each; /* 421 as soon as a message was taken */
    const char *tired;     /* what it says to the next command, once */
};

struct session {
    struct server *server;
    struct stream *stream;
    bool in_content;
};

static struct loop *l;
static struct chore_pool *chores;

/* ---- servers ---- */

static void session_end(struct session *s)
{
    s->server->open--;
    stream_close(&s->stream, 100);
    free(s);
}

/* False: the session is gone. */
static bool say(struct session *s, const char *word)
{
    if (strcmp(word, "hang up") == 0) {
        session_end(s);
        return false;
    }
    if (strcmp(word, "silence") == 0)
        return true;
    stream_write(s->stream, word, strlen(word));
    stream_write(s->stream, "\r\n", 2);
    return true;
}

static bool content_over(struct session *s)
{
    const char *word = s->server->body ? s->server->body : "250 taken";
    s->in_content = false;
    s->server->messages += word[0] == '2';
    if (!say(s, word))
        return false;
    return !s->server->quits_after_each || say(s, "421 4.4.2 enough");
}

static bool one_line(struct session *s, struct str line)
{
    struct server *v = s->server;
    const char *tired = v->tired;
    v->tired = NULL;
    if (tired)
        return say(s, tired);
    const struct {
        const char *verb, *word;
    } words[] = {
        {"EHLO", v->ehlo}, {"MAIL", v->mail}, {"RCPT", v->rcpt}, {"DATA", v->data ? v->data : "354 go"}, {"RSET", v->rset}};
    if (s->in_content)
        return !str_eq(line, STR(".")) || content_over(s);
    if (str_starts_nocase(line, STR("QUIT"))) {
        session_end(s);
        return false;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_starts_nocase(line, str_of(words[i].verb))) {
            s->in_content = i == 3 && words[i].word[0] == '3';
            return say(s, words[i].word ? words[i].word : "250 fine");
        }
    return say(s, "500 what?");
}

static size_t on_input(void *ctx, const char *p, size_t n)
{
    struct session *s = ctx;
    size_t at = 0;
    for (const char *end; (end = memchr(p + at, '\n', n - at)); at = (size_t)(end - p) + 1)
        if (!one_line(s, str_mem(p + at, (size_t)(end - p) - at - (end > p + at && end[-1] == '\r'))))
            return n;
    return at;
}

static void on_ended(void *ctx, enum stream_end why, const char *detail)
{
    (void)why;
    (void)detail;
    session_end(ctx);
}

static void on_client(void *ctx, uint32_t events)
{
    static const struct stream_hooks hooks = {.input = on_input, .ended = on_ended};
    struct server *v = ctx;
    int fd = accept4(v->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    (void)events;
    if (fd < 0)
        return;
    struct session *s = calloc(1, sizeof *s);
    s->server = v;
    s->stream = stream_accept(l, fd, &hooks, s, 65536);
    v->connections++;
    v->open++;
    say(s, v->banner ? v->banner : "220 hi");
}

static void server_open(struct server *v)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    v->watch = (struct watch){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .fn = on_client, .ctx = v};
    assert_int_equal(bind(v->watch.fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(v->watch.fd, 100), 0);
    getsockname(v->watch.fd, (struct sockaddr *)&at, &len);
    v->port = ntohs(at.sin_port);
    loop_watch(l, &v->watch, EPOLLIN);
}

static void server_close(struct server *v)
{
    loop_watch(l, &v->watch, 0);
    close(v->watch.fd);
    for (int i = 0; i < 500 && v->open; i++)
        loop_turn(l, 10);
    assert_int_equal(v->open, 0);
}

/* ---- attempts ---- */

static struct deliver_settings settings;
static struct source source = {.ehlo = STR("out.test")};
static struct rcpt rcpts[2] = {{.address = STR("b@d.test"), .domain = STR("d.test")},
                               {.address = STR("c@d.test"), .domain = STR("d.test")}};
static struct envelope envelope = {.sender = STR("a@s.test"), .rcpts = 2, .rcpt = rcpts};
static const uint32_t indexes[2] = {0, 1};
static struct content *content;

struct
try {
    struct attempt attempt;
    struct route route;
    struct route_host host[8];
    bool ended, reached;
    enum outcome_status status;
    enum phase phase;
    int code;
    char note[700], host_name[64];
    uint16_t port;
    unsigned lines;
};

static void on_done(void *ctx, struct attempt *a, const struct outcome *o, bool reached, bool relayed)
{
    struct try *t = ctx;
    (void)a;
    (void)relayed;
    assert_false(t->ended);
    assert_int_equal(o->rcpts, a->rcpts);
    t->ended = true;
    t->reached = reached;
    t->status = o->rcpt[0].status;
    t->phase = o->rcpt[0].phase;
    t->code = o->rcpt[0].reply.code;
    t->lines = o->lines;
    t->port = o->port;
    snprintf(t->note, sizeof t->note, "%.*s", STR_ARGS(o->note));
    snprintf(t->host_name, sizeof t->host_name, "%.*s", STR_ARGS(o->host));
}

static void add_host(struct try *t, uint16_t port)
{
    struct route_host *h = &t->host[t->route.hosts++];
    h->name = "mx.test";
    assert_true(net_parse_ip(STR("127.0.0.1"), port, &h->addr, &h->addr_len));
}

static void prepare(struct try *t, const struct server *v, uint64_t pool)
{
    *t = (struct try){.route = {.kind = ROUTE_SMTP, .site = "mx.test", .host = t->host}};
    atomic_init(&t->route.refs, 1);
    if (v)
        add_host(t, v->port);
    t->attempt = (struct attempt){.envelope = &envelope,
                                  .content = content,
                                  .rcpt = indexes,
                                  .rcpts = 2,
                                  .route = &t->route,
                                  .source = &source,
                                  .pool = pool,
                                  .number = 1,
                                  .done = on_done,
                                  .ctx = t};
}

static void run(struct deliver *d, struct try *t)
{
    deliver_start(d, &t->attempt);
    for (int i = 0; i < 1000 && !t->ended; i++)
        loop_turn(l, 10);
    assert_true(t->ended);
}

static struct try deliver_to(struct deliver *d, const struct server *v, uint64_t pool)
{
    struct try t;
    prepare(&t, v, pool);
    run(d, &t);
    return t;
}

static struct deliver *fresh(void)
{
    struct deliver *d = NULL;
    struct fault f;
    settings = (struct deliver_settings){.connect_timeout_ms = 2000,
                                         .banner_timeout_ms = 200,
                                         .command_timeout_ms = 200,
                                         .data_timeout_ms = 200,
                                         .body_block_timeout_ms = 200,
                                         .body_timeout_ms = 200,
                                         .idle_ms = 5000,
                                         .idle_max = 100,
                                         .hosts_max = 5};
    assert_true(deliver_open(&d, l, chores, &settings, &f));
    return d;
}

static struct deliver_stats stats_of(struct deliver *d)
{
    struct deliver_stats s;
    deliver_stats(d, &s);
    return s;
}

/* ---- the cases ---- */

static void a_connection_is_kept_for_the_next_message_of_its_pool(void **state)
{
    (void)state;
    struct server v = {0};
    server_open(&v);
    struct deliver *d = fresh();
    for (int i = 0; i < 5; i++) {
        struct try t = deliver_to(d, &v, 1);
        assert_int_equal(t.status, OUTCOME_DELIVERED);
        assert_string_equal(t.host_name, "mx.test");
        assert_int_equal(t.port, v.port);
    }
    assert_int_equal(v.connections, 1);
    assert_int_equal(v.messages, 5);
    assert_int_equal(deliver_to(d, &v, 2).status, OUTCOME_DELIVERED); /* another pool */
    assert_int_equal(v.connections, 2);
    deliver_close(&d);
    server_close(&v);
}

static void a_connection_carries_as_many_messages_as_allowed(void **state)
{
    (void)state;
    struct server v = {0};
    server_open(&v);
    struct deliver *d = fresh();
    for (int i = 0; i < 6; i++) {
        struct try t;
        prepare(&t, &v, 1);
        t.attempt.messages_per_connection = 2;
        run(d, &t);
    }
    assert_int_equal(v.connections, 3);
    deliver_close(&d);
    server_close(&v);
}

static void kept_connections_are_bounded_and_the_oldest_goes_first(void **state)
{
    (void)state;
    struct server v = {0};
    server_open(&v);
    struct deliver *d = fresh();
    settings.idle_max = 3;
    for (uint64_t pool = 1; pool <= 10; pool++)
        deliver_to(d, &v, pool);
    assert_int_equal(stats_of(d).idle, 3);
    for (int i = 0; i < 100 && v.open > 3; i++)
        loop_turn(l, 10);
    assert_int_equal(v.open, 3);
    deliver_to(d, &v, 8);
    deliver_to(d, &v, 9);
    deliver_to(d, &v, 10);
    assert_int_equal(v.connections, 10); /* the last three were there */
    deliver_to(d, &v, 1);
    assert_int_equal(v.connections, 11);
    deliver_close(&d);
    server_close(&v);
}

static void a_kept_connection_that_ends_costs_no_attempt(void **state)
{
    (void)state;
    struct server v = {.quits_after_each = true};
    server_open(&v);
    struct deliver *d = fresh();
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(deliver_to(d, &v, 1).status, OUTCOME_DELIVERED);
        assert_int_equal(v.connections, i);
    }
    deliver_close(&d);
    server_close(&v);
}

static void whatever_a_kept_connection_says_first_at_its_end_the_message_goes_by_a_new_one(void **state)
{
    static const char *const words[] = {"421 4.4.2 idle for too long", "hang up", "silence"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int reset = 0; reset < 2; reset++) { /* a refused recipient leaves RSET to be said first */
            struct server v = {.rcpt = reset ? "550 5.1.1 no" : NULL};
            struct deliver *d = fresh();
            server_open(&v);
            assert_int_equal(deliver_to(d, &v, 1).status, reset ? OUTCOME_FAILED : OUTCOME_DELIVERED);
            v.rcpt = NULL;
            v.tired = words[i];
            struct try t = deliver_to(d, &v, 1);
            assert_int_equal(t.status, OUTCOME_DELIVERED);
            assert_int_equal(v.connections, 2);
            deliver_close(&d);
            server_close(&v);
        }
}

static void a_reset_that_is_refused_is_no_word_about_the_next_message(void **state)
{
    (void)state;
    struct server v = {.rcpt = "550 5.1.1 no", .rset = "502 5.5.1 not here"};
    server_open(&v);
    struct deliver *d = fresh();
    assert_int_equal(deliver_to(d, &v, 1).status, OUTCOME_FAILED); /* leaves a transaction open: RSET comes first next time */
    v.rcpt = NULL;
    struct try t = deliver_to(d, &v, 1);
    assert_int_equal(t.status, OUTCOME_DELIVERED);
    assert_int_equal(v.connections, 2);
    deliver_close(&d);
    server_close(&v);
}

static void the_next_host_is_tried_when_one_does_not_talk(void **state)
{
    (void)state;
    struct server closed = {0}, busy = {.banner = "421 4.3.2 busy"}, mute = {.banner = "silence"}, good = {0};
    server_open(&closed);
    server_close(&closed);
    server_open(&busy);
    server_open(&mute);
    server_open(&good);
    struct deliver *d = fresh();
    struct try t;
    prepare(&t, &closed, 1);
    add_host(&t, busy.port);
    add_host(&t, mute.port);
    add_host(&t, good.port);
    run(d, &t);
    assert_int_equal(t.status, OUTCOME_DELIVERED);
    assert_int_equal(t.port, good.port);
    deliver_close(&d);
    server_close(&busy);
    server_close(&mute);
    server_close(&good);
}

static void as_many_hosts_are_tried_as_the_settings_say(void **state)
{
    (void)state;
    struct server busy = {.banner = "421 4.3.2 busy"}, good = {0};
    server_open(&busy);
    server_open(&good);
    struct deliver *d = fresh();
    struct try t;
    settings.hosts_max = 3;
    prepare(&t, &busy, 1);
    for (int i = 0; i < 3; i++)
        add_host(&t, busy.port);
    add_host(&t, good.port);
    run(d, &t);
    assert_int_equal(t.status, OUTCOME_DEFERRED);
    assert_int_equal(busy.connections, 3);
    assert_int_equal(good.connections, 0);
    deliver_close(&d);
    server_close(&busy);
    server_close(&good);
}

static void only_when_all_hosts_refuse_for_good_it_is_for_good(void **state)
{
    (void)state;
    struct server no = {.banner = "554 5.7.1 not you"}, later = {.banner = "450 4.7.1 not now"};
    server_open(&no);
    server_open(&later);
    struct deliver *d = fresh();
    struct try t;
    prepare(&t, &no, 1);
    add_host(&t, no.port);
    run(d, &t);
    assert_int_equal(t.status, OUTCOME_FAILED);
    assert_int_equal(t.code, 554);
    assert_true(t.reached);
    assert_string_equal(t.host_name, "mx.test");
    assert_int_equal(t.port, no.port);
    prepare(&t, &no, 1);
    add_host(&t, later.port);
    run(d, &t);
    assert_int_equal(t.status, OUTCOME_DEFERRED);
    assert_int_equal(t.code, 450);
    prepare(&t, &no, 1);
    add_host(&t, 1); /* nobody there: the refusal of another host is not its reply */
    run(d, &t);
    assert_int_equal(t.status, OUTCOME_DEFERRED);
    assert_int_equal(t.code, 0);
    assert_int_equal(t.phase, PHASE_CONNECT);
    deliver_close(&d);
    server_close(&no);
    server_close(&later);
}

static void silence_in_each_phase_defers_and_names_it(void **state)
{
    static const struct {
        struct server v;
        enum phase phase;
    } cases[] = {{{.banner = "silence"}, PHASE_BANNER}, {{.ehlo = "silence"}, PHASE_EHLO}, {{.mail = "silence"}, PHASE_MAIL},
                 {{.rcpt = "silence"}, PHASE_RCPT},     {{.data = "silence"}, PHASE_DATA}, {{.body = "silence"}, PHASE_BODY}};
    (void)state;
    struct deliver *d = fresh();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server v = cases[i].v;
        server_open(&v);
        struct try t = deliver_to(d, &v, i + 1);
        assert_int_equal(t.status, OUTCOME_DEFERRED);
        assert_int_equal(t.phase, cases[i].phase);
        assert_int_equal(t.code, 0);
        assert_string_equal(t.note, note_word(NOTE_SILENCE));
        assert_string_equal(t.host_name, "mx.test");
        server_close(&v);
    }
    deliver_close(&d);
}

static void closing_in_the_middle_of_an_attempt_defers_it(void **state)
{
    (void)state;
    struct server v = {.mail = "silence"};
    server_open(&v);
    struct deliver *d = fresh();
    struct try t;
    prepare(&t, &v, 1);
    deliver_start(d, &t.attempt);
    for (int i = 0; i < 500 && v.open == 0; i++)
        loop_turn(l, 10);
    assert_false(t.ended);
    deliver_close(&d);
    assert_true(t.ended);
    assert_int_equal(t.status, OUTCOME_DEFERRED);
    assert_int_equal(t.phase, PHASE_LOCAL);
    server_close(&v);
}

static void without_a_host_it_is_for_later_and_never_told_from_within_the_start(void **state)
{
    (void)state;
    struct deliver *d = fresh();
    struct try t;
    prepare(&t, NULL, 1);
    deliver_start(d, &t.attempt);
    assert_false(t.ended);
    for (int i = 0; i < 100 && !t.ended; i++)
        loop_turn(l, 10);
    assert_true(t.ended);
    assert_int_equal(t.status, OUTCOME_DEFERRED);
    assert_false(t.reached);
    deliver_close(&d);
}

static int set_up(void **state)
{
    static const char text[] = "Subject: x\r\n\r\n.hello\r\n";
    struct fault f;
    (void)state;
    assert_true(loop_new(&l, &f));
    assert_true(chore_pool_new(&chores, 1, &f));
    content = content_new(sizeof text);
    memcpy(content->bytes + content->start, text, content->n = sizeof text - 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    content_free(&content);
    chore_pool_free(&chores);
    loop_free(&l);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_kept_for_the_next_message_of_its_pool),
        cmocka_unit_test(a_connection_carries_as_many_messages_as_allowed),
        cmocka_unit_test(kept_connections_are_bounded_and_the_oldest_goes_first),
        cmocka_unit_test(a_kept_connection_that_ends_costs_no_attempt),
        cmocka_unit_test(whatever_a_kept_connection_says_first_at_its_end_the_message_goes_by_a_new_one),
        cmocka_unit_test(a_reset_that_is_refused_is_no_word_about_the_next_message),
        cmocka_unit_test(the_next_host_is_tried_when_one_does_not_talk),
        cmocka_unit_test(as_many_hosts_are_tried_as_the_settings_say),
        cmocka_unit_test(only_when_all_hosts_refuse_for_good_it_is_for_good),
        cmocka_unit_test(silence_in_each_phase_defers_and_names_it),
        cmocka_unit_test(closing_in_the_middle_of_an_attempt_defers_it),
        cmocka_unit_test(without_a_host_it_is_for_later_and_never_told_from_within_the_start),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
