/* inbound: what came back becomes a row about the right recipient, once; what goes on to the sender goes on once, also when the
 * engine's answer is lost. */
#include "lib/file.h"
#include "lib/must.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "report/inbound.h"
#include "store/returned.h"
#include "store/suppression.h"
#include "store/waiting.h"
#include "verp/paths.h"
#include "verp/verp.h"

#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t NOW_MS = 1780000000000;
static const struct str PATH = {"bounces.shop.test", 17};

/* An engine's local socket that does with a content as it is told. */
enum mood { TAKES, CUTS, REFUSES, DEFERS };
struct engine {
    int fd;
    pthread_t thread;
    _Atomic int mood, contents;
    char envid[200]; /* of the last one */
};

struct world {
    char folder[40], socket[60];
    struct store *store;
    struct inbound *in;
    struct inbound_options options;
    struct verp *verp;
    struct engine engine;
    struct id message;
};

/* ---- the engine ---- */

static bool line_take(FILE *in, char line[1000]) { return fgets(line, 1000, in) != NULL; }

static void converse(struct engine *e, FILE *in, int fd)
{
    static const char *const ends[] = {
        [TAKES] = "250 2.0.0 Accepted\r\n", [CUTS] = "", [REFUSES] = "550 5.7.1 no\r\n", [DEFERS] = "451 4.3.0 later\r\n"};
    char line[1000];
    dprintf(fd, "220 here\r\n");
    while (line_take(in, line)) {
        if (strncmp(line, "MAIL", 4) == 0 && strstr(line, "ENVID="))
            snprintf(e->envid, sizeof e->envid, "%s", strstr(line, "ENVID=") + 6);
        if (strncmp(line, "DATA", 4) != 0) {
            dprintf(fd, "250 fine\r\n");
            continue;
        }
        dprintf(fd, "354 go on\r\n");
        while (line_take(in, line) && strcmp(line, ".\r\n") != 0)
            continue;
        e->contents++;
        dprintf(fd, "%s", ends[e->mood]);
        if (e->mood == CUTS)
            return;
    }
}

static void *serve(void *ctx)
{
    struct engine *e = ctx;
    for (int fd; (fd = accept(e->fd, NULL, NULL)) >= 0;) {
        FILE *in = fdopen(fd, "r");
        converse(e, in, fd);
        fclose(in);
    }
    return NULL;
}

static void engine_open(struct world *w)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s", w->socket);
    w->engine.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    must(bind(w->engine.fd, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(w->engine.fd, 5) == 0);
    must(pthread_create(&w->engine.thread, NULL, serve, &w->engine) == 0);
}

/* ---- the world ---- */

static void in_open(struct world *w)
{
    struct fault f = {0};
    if (!inbound_open(&w->in, w->store, &w->options, &f))
        fail_msg("%s", f.text);
}

static void add_message(struct world *w, struct id id, const char *sender, struct str envid, int64_t at_ms)
{
    struct rcpt rcpt[2] = {{.address = STR("b@dest.test"), .domain = STR("dest.test")},
                           {.address = STR("Dead@dest.test"), .domain = STR("dest.test")}};
    struct envelope e = {.id = id,
                         .accepted_ms = at_ms,
                         .sender = str_of(sender),
                         .envid = envid,
                         .account = STR("shop"),
                         .subject = STR("hello"),
                         .rcpts = 2,
                         .rcpt = rcpt};
    struct buf meta = {0};
    struct fault f;
    uint64_t hash[2] = {store_address_hash(rcpt[0].address), store_address_hash(rcpt[1].address)};
    envelope_encode(&e, &meta);
    assert_true(store_add_message(w->store, e.id, at_ms, buf_str(&meta), hash, 2, 0, false, &f));
    buf_done(&meta);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[80];
    struct paths p;
    struct fault f = {0};
    strcpy(w->folder, "/tmp/goniec-inbound-XXXXXX");
    must(mkdtemp(w->folder));
    static const char *const folders[] = {"keys", "inbound", "inbound/new", "inbound/cur"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", w->folder, folders[i]);
        must(mkdir(path, 0700) == 0);
    }
    snprintf(path, sizeof path, "%s/keys", w->folder);
    must(paths_read(&p, path, &f));
    paths_use(&p, STR("shop.test"), STR("shop"), true, NOW_MS / 1000);
    must(paths_write(&p, path, NOW_MS / 1000, &f) && verp_load(&w->verp, path, NOW_MS / 1000, true, &f));
    paths_done(&p);
    snprintf(w->socket, sizeof w->socket, "%s/submit.sock", w->folder);
    w->options = (struct inbound_options){.data_directory = w->folder,
                                          .submit_socket = w->socket,
                                          .hostname = STR("mail.goniec.test"),
                                          .language = "en",
                                          .suppress = {.automatic = true, .complaints = true, .failures = 1}};
    must(store_open(&w->store, w->folder, true, &f));
    in_open(w);
    engine_open(w);
    w->message = id_new(NOW_MS - 60000);
    add_message(w, w->message, "a@shop.test", STR(""), NOW_MS - 60000);
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    shutdown(w->engine.fd, SHUT_RDWR);
    pthread_join(w->engine.thread, NULL);
    close(w->engine.fd);
    inbound_close(&w->in);
    store_close(&w->store);
    verp_free(&w->verp);
    nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

static int step(struct world *w, int64_t wall_ms, int64_t read_ms)
{
    struct fault f = {0};
    int n = inbound_step(w->in, wall_ms, read_ms, &f);
    if (n < 0)
        fail_msg("%s", f.text);
    return n;
}

/* As the engine delivers it: a file in inbound/FOLDER. Returns the mail's id. */
static struct id deliver(struct world *w, const char *folder, const char *more, struct verp_token about, const char *mail)
{
    char address[VERP_ADDRESS], path[200], text[ID_TEXT + 1];
    struct buf b = {0};
    struct id id = id_new(NOW_MS);
    assert_true(verp_address(w->verp, about, PATH, address));
    id_text(id, text);
    snprintf(path, sizeof path, "%s/inbound/%s/1780000000.%s_0.goniec%s", w->folder, folder, text, more);
    buf_addf(&b, "Return-Path: <>\nDelivered-To: %s\n%s", address, mail);
    assert_true(file_replace(path, buf_str(&b), 0600, NULL));
    buf_done(&b);
    return id;
}

static unsigned files(const struct world *w, const char *folder)
{
    char command[200];
    unsigned n = 0;
    snprintf(command, sizeof command, "ls %s/inbound/%s 2>/dev/null | wc -l", w->folder, folder);
    FILE *in = popen(command, "r");
    must(in && fscanf(in, "%u", &n) == 1);
    pclose(in);
    return n;
}

static const char dead[] = "From: MAILER-DAEMON@mx.dest.test\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
                           "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nsorry\n--x\n"
                           "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.dest.test\n\n"
                           "Final-Recipient: rfc822; %s\nAction: failed\nStatus: 5.1.1\n"
                           "Diagnostic-Code: smtp; 550 5.1.1 User unknown in virtual mailbox table\n\n--x--\n";

static struct id deliver_dead(struct world *w, const char *address)
{
    char text[1000];
    snprintf(text, sizeof text, dead, address);
    return deliver(w, "new", "", (struct verp_token){w->message, 1}, text);
}

struct rows {
    unsigned n, failed, answers;
    uint32_t rcpt;
    enum returned_pass pass;
};

static void count_row(void *ctx, const struct store_returned *r)
{
    struct rows *x = ctx;
    struct arena a = {0};
    struct outcome o;
    must(outcome_decode(r->body, &a, &o) && o.rcpts == 1);
    x->n++;
    x->failed += r->kind == RETURNED_FAILED;
    x->answers += r->kind == RETURNED_ANSWER;
    x->rcpt = o.rcpt[0].rcpt;
    x->pass = r->pass;
    arena_done(&a);
}

static struct rows rows_of(const struct world *w)
{
    struct rows x = {.n = 0};
    store_returned_each(w->store, w->message, count_row, &x);
    return x;
}

static void count_refused(void *ctx, const struct store_refused *r) { *(uint64_t *)ctx += r->recipients; }

static uint64_t refused(const struct world *w)
{
    uint64_t n = 0;
    store_refused_each(w->store, 0, count_refused, &n);
    return n;
}

static bool count_entry(void *ctx, const struct store_entry *e)
{
    (void)e;
    ++*(unsigned *)ctx;
    return true;
}

static unsigned suppressed(const struct world *w)
{
    static const struct store_list_filter all;
    unsigned n = 0;
    store_list_each(w->store, LIST_SUPPRESSED, &all, count_entry, &n);
    return n;
}

/* ---- the tests ---- */

static void a_bounce_becomes_a_row_about_its_recipient_and_its_file_goes(void **state)
{
    struct world *w = *state;
    struct inbound_stats s;
    deliver_dead(w, "dead@dest.test");
    assert_int_equal(step(w, NOW_MS, 0), 2); /* read, and passed on */
    struct rows x = rows_of(w);
    assert_true(x.n == 1 && x.failed == 1 && x.rcpt == 1 && x.pass == RETURNED_PASSED);
    assert_int_equal(suppressed(w), 1);
    assert_int_equal(files(w, "new") + files(w, "cur") + files(w, "pass"), 0);
    inbound_stats(w->in, &s);
    assert_true(s.bounces == 1 && s.suppressed == 1 && s.passed == 1);
    assert_int_equal(step(w, NOW_MS, 0), 0);
}

static void a_mail_that_is_read_again_changes_nothing(void **state)
{
    struct world *w = *state;
    char from[200], to[200], text[ID_TEXT + 1];
    struct id id = deliver_dead(w, "dead@dest.test");
    id_text(id, text);
    snprintf(from, sizeof from, "%s/inbound/new/1780000000.%s_0.goniec", w->folder, text);
    snprintf(to, sizeof to, "%s/inbound/cur/1780000000.%s_0.goniec:1", w->folder, text);
    must(link(from, to) == 0); /* what an office leaves that was killed before it could delete */
    step(w, NOW_MS, 0);
    step(w, NOW_MS, 0);
    assert_int_equal(rows_of(w).n, 1);
    assert_int_equal(refused(w), 1);
    assert_int_equal(suppressed(w), 1);
    assert_int_equal(w->engine.contents, 1);
    assert_int_equal(files(w, "new") + files(w, "cur"), 0);
}

static void a_mail_about_a_message_that_is_not_known_yet_waits_for_the_logs(void **state)
{
    struct world *w = *state;
    struct id later = id_new(NOW_MS - 1000);
    struct inbound_stats s;
    char text[1000];
    snprintf(text, sizeof text, dead, "dead@dest.test");
    deliver(w, "new", "", (struct verp_token){later, 1}, text);
    assert_int_equal(step(w, NOW_MS, NOW_MS), 0);
    assert_int_equal(files(w, "new"), 1);
    add_message(w, later, "a@shop.test", STR(""), NOW_MS - 1000);
    assert_int_equal(step(w, NOW_MS, NOW_MS), 2);
    deliver(w, "new", "", (struct verp_token){id_new(NOW_MS - 2000), 1}, text); /* its story is gone */
    assert_int_equal(step(w, NOW_MS + 60000, NOW_MS + 60000), 1);
    deliver(w, "new", "", (struct verp_token){w->message, 2}, text); /* it has two recipients */
    assert_int_equal(step(w, NOW_MS + 60000, NOW_MS + 60000), 1);
    inbound_stats(w->in, &s);
    assert_true(s.unknown == 2 && s.bounces == 1);
    assert_int_equal(files(w, "new") + files(w, "cur"), 0);
}

static void a_mail_that_the_office_dies_of_again_and_again_is_put_aside(void **state)
{
    struct world *w = *state;
    char text[1000];
    snprintf(text, sizeof text, dead, "dead@dest.test");
    deliver(w, "cur", ":5", (struct verp_token){w->message, 1}, text);
    deliver_dead(w, "dead@dest.test");
    step(w, NOW_MS, 0);
    assert_int_equal(files(w, "aside"), 1);
    assert_int_equal(rows_of(w).n, 1);
}

static void what_no_address_of_ours_stands_on_is_no_word_about_anybody(void **state)
{
    struct world *w = *state;
    char path[200], text[ID_TEXT + 1];
    static const char *const heads[] = {"Return-Path: <>\nDelivered-To: b0-x@bounces.shop.test\n", "Subject: x\n", ""};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        id_text(id_new(NOW_MS), text);
        snprintf(path, sizeof path, "%s/inbound/new/1780000000.%s_0.goniec", w->folder, text);
        assert_true(file_replace(path, str_of(heads[i]), 0600, NULL));
    }
    snprintf(path, sizeof path, "%s/inbound/new/foreign", w->folder);
    assert_true(file_replace(path, STR("x"), 0600, NULL));
    step(w, NOW_MS, NOW_MS);
    assert_int_equal(files(w, "new"), 0);
    assert_int_equal(files(w, "aside"), 3);
    assert_int_equal(rows_of(w).n, 0);
}

static void a_report_speaks_against_no_address_but_its_own(void **state)
{
    struct world *w = *state;
    static const char *const others[] = {"target@elsewhere.test", "b@dest.test", "x@dead@dest.test"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        deliver_dead(w, others[i]);
        step(w, NOW_MS, 0);
        assert_int_equal(suppressed(w), 0);
    }
    assert_int_equal(rows_of(w).failed, 3);
    assert_int_equal(w->engine.contents, 1); /* the first one; the others repeat it */
    deliver_dead(w, "DEAD@dest.test");
    step(w, NOW_MS, 0);
    assert_int_equal(suppressed(w), 1);
}

/* As Postfix writes it of an alias: its mailbox may have taken its copy all the same. */
static void a_dead_place_that_the_recipient_forwards_to_says_nothing_against_the_recipient(void **state)
{
    struct world *w = *state;
    deliver_dead(w, "target@elsewhere.test\nOriginal-Recipient: rfc822; dead@dest.test");
    step(w, NOW_MS, 0);
    assert_int_equal(rows_of(w).failed, 1);
    assert_int_equal(w->engine.contents, 1); /* the sender is told */
    assert_int_equal(suppressed(w), 0);
    deliver_dead(w, "mailbox7\nOriginal-Recipient: rfc822; Dead@dest.test");
    step(w, NOW_MS, 0);
    assert_int_equal(suppressed(w), 1);
}

static void whoever_has_a_return_path_cannot_fill_the_database_with_it(void **state)
{
    struct world *w = *state;
    struct inbound_stats s;
    for (unsigned i = 0; i < 60; i++)
        deliver(w, "new", "", (struct verp_token){w->message, 1}, "From: x@y.test\nSubject: again\n\nand again\n");
    while (step(w, NOW_MS, 0) > 0)
        continue;
    inbound_stats(w->in, &s);
    assert_true(rows_of(w).n == 50 && s.others == 50 && s.surplus == 10 && s.passed == 50);
    assert_int_equal(files(w, "new") + files(w, "cur") + files(w, "pass"), 0);
    deliver(w, "new", "", (struct verp_token){w->message, 0}, "From: x@y.test\nSubject: hello\n\nhi\n"); /* another recipient */
    step(w, NOW_MS, 0);
    assert_int_equal(rows_of(w).n, 51);
}

/* Killed after the last row that had room, before its file was gone. */
static void a_mail_that_is_written_down_already_is_none_too_many(void **state)
{
    struct world *w = *state;
    struct fault f;
    char path[200], text[ID_TEXT + 1];
    struct id last = deliver(w, "new", "", (struct verp_token){w->message, 1}, "From: x@y.test\nSubject: last\n\nhi\n");
    struct outcome_rcpt rcpt = {.rcpt = 1, .status = OUTCOME_DELIVERED};
    struct outcome o = {.id = w->message, .at_ms = NOW_MS, .rcpts = 1, .rcpt = &rcpt};
    struct buf body = {0};
    bool new;
    outcome_encode(&o, &body);
    for (unsigned i = 0; i < 50; i++) {
        struct store_returned r = {.mail = i ? id_new(NOW_MS) : last,
                                   .message = w->message,
                                   .rcpt = 1,
                                   .kind = RETURNED_OTHER,
                                   .at_ms = NOW_MS,
                                   .body = buf_str(&body),
                                   .pass = i ? RETURNED_PASSED : RETURNED_DUE};
        assert_true(store_returned_put(w->store, &r, &new, &f) && new);
    }
    buf_done(&body);
    step(w, NOW_MS, 0);
    assert_int_equal(w->engine.contents, 1); /* it goes on to the sender all the same */
    assert_int_equal(rows_of(w).n, 50);
    id_text(last, text);
    snprintf(path, sizeof path, "%s/inbound/pass/%s_0", w->folder, text);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_server_that_takes_mail_and_sends_it_back_each_time_is_counted_each_time(void **state)
{
    struct world *w = *state;
    struct fault f;
    struct id second = id_new(NOW_MS - 50000);
    char text[1000];
    inbound_close(&w->in);
    w->options.suppress.failures = 2;
    in_open(w);
    deliver_dead(w, "dead@dest.test");
    step(w, NOW_MS, 0);
    assert_int_equal(suppressed(w), 0);
    assert_true(store_failure_taken(w->store, STR("shop"), STR("dead@dest.test"), &f)); /* the second message is taken as well */
    add_message(w, second, "a@shop.test", STR(""), NOW_MS - 50000);
    snprintf(text, sizeof text, dead, "dead@dest.test");
    deliver(w, "new", "", (struct verp_token){second, 1}, text);
    step(w, NOW_MS, 0);
    assert_int_equal(suppressed(w), 1);
}

static void an_answer_that_is_lost_is_looked_for_in_the_logs_before_anything_is_said_again(void **state)
{
    struct world *w = *state;
    char envid[200];
    w->engine.mood = CUTS;
    deliver_dead(w, "dead@dest.test");
    step(w, NOW_MS, 0);
    assert_true(rows_of(w).pass == RETURNED_BEGUN && w->engine.contents == 1);
    w->engine.mood = TAKES;
    assert_int_equal(step(w, NOW_MS + 60000, NOW_MS), 0); /* the logs were not read since */
    inbound_close(&w->in);                                /* nor does another office forget */
    in_open(w);
    assert_int_equal(step(w, NOW_MS + 60000, NOW_MS + 5000), 0);
    assert_int_equal(w->engine.contents, 1);
    snprintf(envid, sizeof envid, "%.*s", (int)strcspn(w->engine.envid, " \r\n"), w->engine.envid);
    struct id notification = id_new(NOW_MS + 10);
    struct rcpt to = {.address = STR("a@shop.test"), .domain = STR("shop.test")};
    struct envelope e = {.id = notification, .accepted_ms = NOW_MS + 10, .envid = str_of(envid), .rcpts = 1, .rcpt = &to};
    struct buf meta = {0};
    struct fault f;
    uint64_t hash = store_address_hash(to.address);
    envelope_encode(&e, &meta);
    assert_true(store_add_message(w->store, e.id, e.accepted_ms, buf_str(&meta), &hash, 1, 0, false, &f));
    buf_done(&meta);
    assert_int_equal(step(w, NOW_MS + 60000, NOW_MS + 50000), 1);
    assert_true(rows_of(w).pass == RETURNED_PASSED && w->engine.contents == 1);
}

static void what_the_logs_do_not_have_is_handed_in_again(void **state)
{
    struct world *w = *state;
    w->engine.mood = CUTS;
    deliver_dead(w, "dead@dest.test");
    step(w, NOW_MS, 0);
    w->engine.mood = TAKES;
    step(w, NOW_MS + 60000, NOW_MS + 50000);
    assert_true(rows_of(w).pass == RETURNED_PASSED && w->engine.contents == 2);
}

static void an_engine_that_cannot_now_is_asked_later_and_one_that_refuses_is_not(void **state)
{
    struct world *w = *state;
    w->engine.mood = DEFERS;
    deliver_dead(w, "dead@dest.test");
    deliver(w, "new", "", (struct verp_token){w->message, 0}, "Subject: Away\nAuto-Submitted: auto-replied\n\nI am away\n");
    step(w, NOW_MS, 0);
    assert_int_equal(w->engine.contents, 1);
    assert_int_equal(files(w, "pass"), 1);
    step(w, NOW_MS + 1000, 0);
    assert_int_equal(w->engine.contents, 1);
    w->engine.mood = REFUSES;
    step(w, NOW_MS + 20000, 0);
    assert_int_equal(w->engine.contents, 3);
    step(w, NOW_MS + 60000, 0);
    assert_int_equal(w->engine.contents, 3);
    assert_int_equal(files(w, "pass"), 0);
    assert_true(rows_of(w).failed == 1 && rows_of(w).answers == 1);
}

static void a_mail_that_the_engine_puts_off_keeps_no_other_one_waiting(void **state)
{
    struct world *w = *state;
    char first[sizeof w->engine.envid];
    for (uint32_t i = 0; i < 2; i++)
        deliver(w, "new", "", (struct verp_token){w->message, i}, "From: x@y.test\nSubject: hello\n\nhi\n");
    w->engine.mood = DEFERS;
    step(w, NOW_MS, 0);
    memcpy(first, w->engine.envid, sizeof first);
    step(w, NOW_MS + 20000, 0);
    assert_int_equal(w->engine.contents, 2);
    assert_string_not_equal(w->engine.envid, first);
    step(w, NOW_MS + 40000, 0);
    assert_string_equal(w->engine.envid, first); /* its turn again */
}

static void files_that_nothing_waits_for_go_at_the_start(void **state)
{
    struct world *w = *state;
    char path[200], text[ID_TEXT + 1];
    w->engine.mood = DEFERS;
    deliver(w, "new", "", (struct verp_token){w->message, 0}, "Subject: Away\nAuto-Submitted: auto-replied\n\nI am away\n");
    step(w, NOW_MS, 0);
    id_text(id_new(NOW_MS), text);
    snprintf(path, sizeof path, "%s/inbound/pass/%s_0", w->folder, text);
    assert_true(file_replace(path, STR("x"), 0600, NULL));
    assert_int_equal(files(w, "pass"), 2);
    inbound_close(&w->in);
    in_open(w);
    assert_int_equal(files(w, "pass"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_bounce_becomes_a_row_about_its_recipient_and_its_file_goes),
        TEST(a_mail_that_is_read_again_changes_nothing),
        TEST(a_mail_about_a_message_that_is_not_known_yet_waits_for_the_logs),
        TEST(a_mail_that_the_office_dies_of_again_and_again_is_put_aside),
        TEST(what_no_address_of_ours_stands_on_is_no_word_about_anybody),
        TEST(a_report_speaks_against_no_address_but_its_own),
        TEST(a_dead_place_that_the_recipient_forwards_to_says_nothing_against_the_recipient),
        TEST(whoever_has_a_return_path_cannot_fill_the_database_with_it),
        TEST(a_mail_that_is_written_down_already_is_none_too_many),
        TEST(a_server_that_takes_mail_and_sends_it_back_each_time_is_counted_each_time),
        TEST(an_answer_that_is_lost_is_looked_for_in_the_logs_before_anything_is_said_again),
        TEST(what_the_logs_do_not_have_is_handed_in_again),
        TEST(an_engine_that_cannot_now_is_asked_later_and_one_that_refuses_is_not),
        TEST(a_mail_that_the_engine_puts_off_keeps_no_other_one_waiting),
        TEST(files_that_nothing_waits_for_go_at_the_start),
    };
    return cmocka_run_group_tests_name("inbound", tests, NULL, NULL);
}
