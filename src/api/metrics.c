/* metrics: see metrics.h. The engine answers worker by worker, the format wants metric by metric: the lines are sorted by name
 * here, where nobody waits for mail. */
#include "api/metrics.h"

#include "lib/arena.h"

#include <stdlib.h>

/* What a name does not say. A name that ends in _total is a counter, every other a gauge. */
static const struct {
    const char *name, *help;
} helps[] = {
    {"attempts_deferred_total", "Recipients put off by an attempt."},
    {"attempts_running", "Attempts under way."},
    {"dns_cache_hits_total", "Domains answered from the cache."},
    {"dns_failures_total", "Look-ups that failed."},
    {"dns_validated", "1: answers are validated by DNSSEC, so that TLSA records (DANE) are followed."},
    {"dns_lookups_total", "Look-ups of domains."},
    {"engine_up", "Whether the engine answers."},
    {"jobs_held", "Recipients held by an operator."},
    {"jobs_ready", "Recipients whose turn has come."},
    {"jobs_waiting", "Recipients that wait for their next attempt."},
    {"lanes", "Lanes: receiving site, pool and stream."},
    {"letter_memory_bytes", "Memory of messages being worked on."},
    {"letters_loaded_total", "Messages read back from disk."},
    {"log_commits_total", "Batches synced to disk."},
    {"log_disk_full", "1: the disk is nearly full and new mail is refused."},
    {"log_live_bytes", "Bytes of messages that are not ended."},
    {"log_live_messages", "Messages that are not ended."},
    {"log_moved_total", "Messages copied forward by compaction."},
    {"log_records_total", "Records appended."},
    {"log_segments", "Segment files."},
    {"log_segments_free", "Segment files ready for use."},
    {"log_written_bytes_total", "Bytes appended."},
    {"messages_accepted_total", "Messages acknowledged to clients."},
    {"notifications_total", "Delivery reports written."},
    {"office_messages_total", "Messages taken over into the database."},
    {"office_notes_total", "Notes taken over into the database."},
    {"office_passed_on_total", "Bounces told, and answers passed on, to who sent the message."},
    {"office_records_skipped_total", "Records that the office did not understand."},
    {"office_returned_total", "Bounces, complaints and answers that came back to a return path and are part of a story."},
    {"office_returned_unknown_total", "Those that are about no message known here."},
    {"office_returned_surplus_total", "Those dropped because so much had come back about the same recipient already."},
    {"office_stories_forgotten_total", "Stories deleted because of their age."},
    {"office_suppressions_total", "Addresses suppressed because of what their servers said."},
    {"out_attempts_total", "Delivery attempts."},
    {"out_connections_open", "Connections to receivers."},
    {"out_connections_reused_total", "Attempts over a connection that was open."},
    {"out_connections_total", "Connections made to receivers."},
    {"queued_messages", "Messages with recipients that are not ended, as the database knows."},
    {"recipients_accepted_total", "Recipients of acknowledged messages."},
    {"recipients_delivered_total", "Recipients delivered."},
    {"recipients_dropped_total", "Recipients dropped by an operator."},
    {"recipients_failed_total", "Recipients failed for good."},
    {"smtp_auth_failures_total", "Failed logins."},
    {"smtp_connections_total", "Connections from clients."},
    {"smtp_received_bytes_total", "Bytes received from clients."},
    {"smtp_refused_total", "Connections refused."},
    {"smtp_sessions", "Sessions of clients."},
};

struct sample {
    struct str name, rest; /* "lanes", "{worker=\"0\"} 3" */
    size_t at;             /* its place before sorting */
};

static int by_name(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    int c = memcmp(x->name.p, y->name.p, x->name.n < y->name.n ? x->name.n : y->name.n);
    return c ? c : x->name.n != y->name.n ? (x->name.n > y->name.n) - (x->name.n < y->name.n) : (x->at > y->at) - (x->at < y->at);
}

/* Takes the next line apart; false when it is none of ours. */
static bool sample_read(struct str line, struct sample *ret)
{
    const char *brace = memchr(line.p, '{', line.n);
    if (!str_starts_nocase(line, STR("goniec_")) || !brace || !memchr(brace, '}', line.n - (size_t)(brace - line.p)))
        return false;
    ret->name = str_mem(line.p + 7, (size_t)(brace - line.p) - 7);
    ret->rest = str_mem(brace, line.n - (size_t)(brace - line.p));
    return true;
}

static bool ends(struct str s, struct str end) { return s.n >= end.n && memcmp(s.p + s.n - end.n, end.p, end.n) == 0; }

static void put_head(struct str name, struct buf *b)
{
    for (size_t i = 0; i < sizeof helps / sizeof *helps; i++)
        if (str_eq(name, str_of(helps[i].name)))
            buf_addf(b, "# HELP goniec_%s %s\n", helps[i].name, helps[i].help);
    buf_addf(b, "# TYPE goniec_%.*s %s\n", STR_ARGS(name), ends(name, STR("_total")) ? "counter" : "gauge");
}

void metrics_put(struct str engine, const struct metric *own, size_t n, struct buf *b)
{
    struct arena a = {0};
    size_t lines = 0, samples = 0;
    for (size_t i = 0; i < engine.n; i++)
        lines += engine.p[i] == '\n';
    struct sample *list = arena_alloc(&a, (lines + 1) * sizeof *list);
    for (size_t i = 0; i < lines; i++) {
        list[samples].at = i;
        samples += sample_read(str_split(&engine, '\n'), &list[samples]);
    }
    if (samples)
        qsort(list, samples, sizeof *list, by_name);
    for (size_t i = 0; i < samples; i++) {
        if (i == 0 || !str_eq(list[i].name, list[i - 1].name))
            put_head(list[i].name, b);
        buf_addf(b, "goniec_%.*s%.*s\n", STR_ARGS(list[i].name), STR_ARGS(list[i].rest));
    }
    for (size_t i = 0; i < n; i++) {
        put_head(str_of(own[i].name), b);
        buf_addf(b, "goniec_%s %llu\n", own[i].name, (unsigned long long)own[i].value);
    }
    arena_done(&a);
}

bool metrics_any(struct str engine, const char *name)
{
    struct sample s;
    while (engine.p)
        if (sample_read(str_split(&engine, '\n'), &s) && str_eq(s.name, str_of(name)) && !ends(s.rest, STR(" 0")))
            return true;
    return false;
}
