/* numbers: see numbers.h. */
#include "engine/numbers.h"

void numbers_count(struct worker *w, const struct outcome *o)
{
    for (uint32_t i = 0; i < o->rcpts; i++) {
        enum outcome_status s = o->rcpt[i].status;
        uint64_t *which = s == OUTCOME_DELIVERED  ? &w->counters.delivered
                          : s == OUTCOME_FAILED   ? &w->counters.failed
                          : s == OUTCOME_DROPPED  ? &w->counters.dropped
                          : s == OUTCOME_DEFERRED ? &w->counters.deferred
                                                  : NULL;
        if (which)
            ++*which;
    }
}

static void put(struct buf *b, unsigned worker, const char *name, uint64_t v)
{
    buf_addf(b, "goniec_%s{worker=\"%u\"} %llu\n", name, worker, (unsigned long long)v);
}

static void put_log(struct buf *b, unsigned n, const struct worker *w)
{
    struct log_stats sum = {0};
    for (unsigned i = 0; i < w->logs; i++) {
        struct log_stats s;
        log_stats(w->log[i], &s);
        sum.commits += s.commits;
        sum.records += s.records;
        sum.bytes_written += s.bytes_written;
        sum.live += s.live;
        sum.live_bytes += s.live_bytes;
        sum.segments += s.segments;
        sum.segments_free += s.segments_free;
        sum.moved += s.moved;
        sum.disk_full |= s.disk_full;
    }
    put(b, n, "log_commits_total", sum.commits);
    put(b, n, "log_records_total", sum.records);
    put(b, n, "log_written_bytes_total", sum.bytes_written);
    put(b, n, "log_live_messages", sum.live);
    put(b, n, "log_live_bytes", sum.live_bytes);
    put(b, n, "log_segments", sum.segments);
    put(b, n, "log_segments_free", sum.segments_free);
    put(b, n, "log_moved_total", sum.moved);
    put(b, n, "log_disk_full", sum.disk_full);
}

static void put_accept(struct buf *b, unsigned n, const struct worker *w)
{
    struct accept_stats s;
    accept_stats(w->accept, &s);
    put(b, n, "smtp_connections_total", s.connections);
    put(b, n, "smtp_sessions", s.sessions);
    put(b, n, "smtp_refused_total", s.refused);
    put(b, n, "smtp_auth_failures_total", s.auth_failures);
    put(b, n, "smtp_received_bytes_total", s.bytes);
}

static void put_flow(struct buf *b, unsigned n, const struct worker *w)
{
    const struct worker_counters *c = &w->counters;
    put(b, n, "messages_accepted_total", c->accepted);
    put(b, n, "recipients_accepted_total", c->accepted_recipients);
    put(b, n, "recipients_delivered_total", c->delivered);
    put(b, n, "attempts_deferred_total", c->deferred);
    put(b, n, "recipients_failed_total", c->failed);
    put(b, n, "recipients_dropped_total", c->dropped);
    put(b, n, "notifications_total", c->notifications);
    put(b, n, "letters_loaded_total", c->loads);
    put(b, n, "letter_memory_bytes", w->letter_bytes);
}

static void put_out(struct buf *b, unsigned n, const struct worker *w)
{
    struct schedule_stats s;
    struct deliver_stats d;
    struct route_stats r;
    schedule_stats(w->schedule, &s);
    deliver_stats(w->deliver, &d);
    route_stats(w->router, &r);
    put(b, n, "jobs_ready", s.ready);
    put(b, n, "jobs_waiting", s.waiting);
    put(b, n, "jobs_held", s.held);
    put(b, n, "attempts_running", s.running);
    put(b, n, "lanes", s.lanes);
    put(b, n, "out_attempts_total", d.attempts);
    put(b, n, "out_connections_total", d.connections);
    put(b, n, "out_connections_reused_total", d.reused);
    put(b, n, "out_connections_open", d.open);
    put(b, n, "dns_lookups_total", r.lookups);
    put(b, n, "dns_cache_hits_total", r.cache_hits);
    put(b, n, "dns_failures_total", r.failures);
    put(b, n, "dns_validated", r.dnssec);
}

void numbers_metrics(const struct worker *w, struct buf *b)
{
    put_flow(b, w->number, w);
    put_accept(b, w->number, w);
    put_out(b, w->number, w);
    put_log(b, w->number, w);
}

struct telling {
    const struct worker *worker;
    struct buf *text;
};

/* What a site's name is made of came from DNS: no tab or line end is in it. */
static void put_lane(void *ctx, const struct lane_stats *l)
{
    const struct telling *t = ctx;
    int64_t left_ms = l->rest_until_ms ? l->rest_until_ms - loop_now_ms(t->worker->loop) : 0;
    const char *state = l->paused ? "paused" : l->barred ? "barred" : l->down ? "down" : l->slowed ? "slowed" : "open";
    buf_addf(t->text, "%.*s\t%.*s\t%s\t%llu\t%llu\t%llu\t%lld\t%u\t%u\t%g\t%u\t%s\n", STR_ARGS(l->site), STR_ARGS(l->stream),
             state, (unsigned long long)l->ready, (unsigned long long)l->running, (unsigned long long)l->finished,
             (long long)(left_ms > 0 ? (left_ms + 999) / 1000 : 0), l->connections, l->limits->connections,
             l->limits->messages_per_s, l->bars, l->blame);
}

void numbers_lanes(const struct worker *w, struct buf *b)
{
    struct telling t = {w, b};
    schedule_lanes(w->schedule, put_lane, &t);
}
