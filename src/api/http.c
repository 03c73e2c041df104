/* http: libmicrohttpd on a thread of its own. One table of pages. */
#include "api/http.h"

#include "api/ask.h"
#include "api/metrics.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/must.h"
#include "lib/net.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 4 * 1024 * 1024, CONNECTIONS_MAX = 100, TIMEOUT_S = 10, REQUEST_MEMORY = 16 * 1024, LATE_MS = 30000 };

struct http {
    struct MHD_Daemon *daemon;
    const struct office_options *options;
    struct office_numbers *numbers;
};

/* ---- pages ---- */

/* One reason for trouble a line; nothing when all is well. */
static void find_trouble(const struct http *h, bool engine, struct str lines, struct buf *reasons)
{
    int64_t late_ms = clock_wall_ms() - atomic_load(&h->numbers->step_ms);
    if (!engine)
        buf_add_str(reasons, STR("the engine does not answer: mail is not taken\n"));
    if (engine && metrics_any(lines, "log_disk_full"))
        buf_add_str(reasons, STR("the disk is nearly full: new mail is refused with 452, queued mail is delivered\n"));
    if (late_ms >= LATE_MS)
        buf_addf(reasons, "the office has not read the logs for %lld s: stories and numbers are old\n",
                 (long long)late_ms / 1000);
}

static unsigned healthz(struct http *h, struct buf *b)
{
    struct buf lines = {.max = ANSWER_MAX / 2}, reasons = {0};
    bool engine = ask_engine(h->options->control_socket, "metrics\n", &lines) && lines.n > 0;
    find_trouble(h, engine, buf_str(&lines), &reasons);
    bool good = reasons.n == 0;
    buf_addf(b, "{\"status\":\"%s\",\"engine\":%s,\"queued\":%llu,\"reasons\":[", good ? "ok" : "trouble",
             engine ? "true" : "false", (unsigned long long)atomic_load(&h->numbers->queued));
    struct str rest = buf_str(&reasons), line;
    for (const char *comma = ""; rest.n > 0; comma = ",") {
        line = str_split(&rest, '\n');
        buf_addf(b, "%s\"%.*s\"", comma, STR_ARGS(line));
    }
    buf_add_str(b, STR("]}\n"));
    buf_done(&lines);
    buf_done(&reasons);
    return good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned metrics(struct http *h, struct buf *b)
{
    struct office_numbers *n = h->numbers;
    struct buf lines = {.max = ANSWER_MAX / 2};
    bool engine = ask_engine(h->options->control_socket, "metrics\n", &lines);
    const struct metric own[] = {
        {"engine_up", engine},
        {"office_messages_total", atomic_load(&n->messages)},
        {"office_notes_total", atomic_load(&n->notes)},
        {"office_records_skipped_total", atomic_load(&n->skipped)},
        {"office_stories_forgotten_total", atomic_load(&n->forgotten)},
        {"office_passed_on_total", atomic_load(&n->passed)},
        {"office_returned_total", atomic_load(&n->returned)},
        {"office_returned_unknown_total", atomic_load(&n->returned_unknown)},
        {"office_returned_surplus_total", atomic_load(&n->returned_surplus)},
        {"office_suppressions_total", atomic_load(&n->suppressed)},
        {"queued_messages", atomic_load(&n->queued)},
    };
    metrics_put(engine ? buf_str(&lines) : STR(""), own, sizeof own / sizeof *own, b);
    buf_done(&lines);
    return MHD_HTTP_OK;
}

static const struct page {
    const char *path, *type;
    unsigned (*make)(struct http *h, struct buf *b);
} pages[] = {
    {"/healthz", "application/json", healthz},
    {"/metrics", "text/plain; version=0.0.4", metrics},
};

/* ---- answering ---- */

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, const char *type, const char *text, size_t n)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", type);
    MHD_add_response_header(r, "Cache-Control", "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, "Allow", "GET, HEAD");
    enum MHD_Result done = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_n, void **state)
{
    struct http *h = ctx;
    (void)version;
    (void)upload;
    (void)state;
    *upload_n = 0;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(url, pages[i].path) != 0)
            continue;
        if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
            return reply(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "only GET\n", 9);
        struct buf b = {.max = ANSWER_MAX};
        unsigned status = pages[i].make(h, &b);
        enum MHD_Result done = reply(c, status, pages[i].type, b.p, b.n);
        buf_done(&b);
        return done;
    }
    return reply(c, MHD_HTTP_NOT_FOUND, "text/plain", "there is no such page: /healthz, /metrics\n", 42);
}

bool http_open(struct http **ret, const struct office_options *o, struct office_numbers *n, struct fault *f)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct http *h = calloc(1, sizeof *h);
    must(h);
    h->options = o;
    h->numbers = n;
    if (!net_parse(str_of(o->http_address), &sa, &len) || sa.ss_family == AF_UNIX) {
        free(h);
        return fault_set(f, "http_address = \"%s\": expected IP:port", o->http_address);
    }
    unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | (sa.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR, &sa, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MEMORY, MHD_OPTION_END);
    if (!h->daemon) {
        free(h);
        return fault_set(f, "cannot listen on http_address %s", o->http_address);
    }
    *ret = h;
    return true;
}

void http_close(struct http **h)
{
    if (!*h)
        return;
    MHD_stop_daemon((*h)->daemon);
    free(*h);
    *h = NULL;
}
