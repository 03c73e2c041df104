/* office: see office.h. */
#include "api/office.h"

#include "aggregate/aggregate.h"
#include "api/http.h"
#include "api/policies.h"
#include "api/publisher.h"
#include "api/tls_sender.h"
#include "lib/clock.h"
#include "report/inbound.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { IDLE_MS = 100, TROUBLE_MS = 2000, COUNT_MS = 1000, HTTP_AGAIN_MS = 10000 };

static volatile sig_atomic_t stopping;

static void on_signal(int n)
{
    (void)n;
    stopping = 1;
}

static void say(const char *text) { fprintf(stderr, "office: %s\n", text); }

static void pause_ms(int ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&t, NULL); /* a signal ends it early */
}

/* What the office does in turns, on one database. */
struct work {
    const char *data_directory;
    struct store *store;
    struct report *report;
    struct inbound *inbound;
    int64_t counted_ms, tried_ms, read_ms; /* the last time: queue counted, HTTP port tried, logs read to their end */
};

static void publish(struct work *w, struct office_numbers *n)
{
    struct report_stats t;
    struct inbound_stats b;
    report_stats(w->report, &t);
    inbound_stats(w->inbound, &b);
    atomic_store(&n->messages, t.messages);
    atomic_store(&n->notes, t.notes);
    atomic_store(&n->skipped, t.skipped);
    atomic_store(&n->forgotten, t.forgotten);
    atomic_store(&n->suppressed, t.suppressed + b.suppressed);
    atomic_store(&n->returned, b.bounces + b.complaints + b.others);
    atomic_store(&n->returned_unknown, b.unknown);
    atomic_store(&n->returned_surplus, b.surplus);
    atomic_store(&n->passed, b.passed);
    atomic_store(&n->step_ms, clock_wall_ms());
    if (clock_wall_ms() - w->counted_ms < COUNT_MS)
        return;
    w->counted_ms = clock_wall_ms();
    atomic_store(&n->queued, store_queue_length(w->store));
}

/* A taken port must not keep the logs from being followed: it is tried again now and then. */
static void offer_http(const struct office_options *o, struct office_numbers *n, struct http **h, int64_t *tried_ms)
{
    struct fault f;
    if (*h || !*o->http_address || clock_wall_ms() - *tried_ms < HTTP_AGAIN_MS)
        return;
    *tried_ms = clock_wall_ms();
    if (!http_open(h, o, n, &f))
        say(f.text);
}

/* One turn; how much there was to do, -1: trouble. */
static int turn(struct work *w)
{
    struct fault f;
    int64_t began_ms = clock_wall_ms();
    int got = report_step(w->report, began_ms, &f);
    if (got == 0)
        w->read_ms = began_ms;
    int came = got < 0 ? 0 : inbound_step(w->inbound, clock_wall_ms(), w->read_ms, &f);
    int told = got < 0 || came < 0 ? 0 : aggregate_gather(w->store, w->data_directory, clock_wall_ms() / 1000, &f);
    if (got < 0 || came < 0 || told < 0)
        say(f.text);
    return got < 0 || came < 0 || told < 0 ? -1 : got + came + told;
}

static void follow(const struct office_options *o, struct work *w)
{
    static struct office_numbers numbers;
    struct http *h = NULL;
    atomic_store(&numbers.step_ms, clock_wall_ms());
    while (!stopping) {
        offer_http(o, &numbers, &h, &w->tried_ms);
        int got = turn(w);
        if (got >= 0)
            publish(w, &numbers);
        if (got <= 0)
            pause_ms(got < 0 ? TROUBLE_MS : IDLE_MS);
    }
    http_close(&h);
}

int office_run(const struct office_options *o)
{
    struct work w = {.data_directory = o->data_directory};
    struct inbound_options back = {o->data_directory, o->submit_socket, o->hostname, o->language, o->suppress};
    struct publisher *p = NULL;
    struct policies *sts = NULL;
    struct tls_sender *reports = NULL;
    struct fault f;
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    setpriority(PRIO_PROCESS, 0, 5); /* mail goes first */
    int code = 0;
    if (store_open(&w.store, o->data_directory, true, &f) &&
        report_open(&w.report, w.store, o->data_directory, o->keep_stories_s, &o->suppress, &f) &&
        inbound_open(&w.inbound, w.store, &back, &f) && publisher_open(&p, o, &f) &&
        (!o->sts.follow || policies_start(&sts, o, &f)) && (!*o->reports.from || tls_sender_open(&reports, o, &f))) {
        if (*o->reports.from)
            report_count_tls(w.report);
        follow(o, &w);
    } else {
        say(f.text);
        code = EX_TEMPFAIL;
    }
    tls_sender_close(&reports);
    policies_stop(&sts);
    publisher_close(&p);
    inbound_close(&w.inbound);
    report_close(&w.report);
    store_close(&w.store);
    return code;
}
