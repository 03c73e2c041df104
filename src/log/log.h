/* log: the durable, segmented log of one worker. The only truth: what it holds happened, what it does not hold did not.
 *
 * Three kinds of records: a message was accepted (its envelope and content), something happened to a message (a note),
 * a message was moved forward by compaction (its state and content as of then). Appends gather into a batch; while the
 * previous batch is being flushed the next one gathers; a flusher thread writes a batch with one durable write, then the
 * loop is told, and only then does anyone say 250. Segments are fixed-size, zero-filled once, recycled in order.
 * docs/log-states.md tells for each state what is on disk, who moves it, and what a crash leaves. */
#pragma once

#include "lib/buf.h"
#include "lib/chore.h"
#include "lib/fault.h"
#include "lib/loop.h"
#include "log/log_io.h"
#include "mail/id.h"

struct log;

/* Where a record is: segment sequence number and byte offset in it. Zeroed = nowhere. */
struct log_pos {
    uint32_t segment;
    uint32_t offset;
};

/* A live message's place, embedded in its owner's struct. The log links it into its segment. There may be millions: it is 48
 * bytes. Lengths are below that of a segment, which is 1 GiB at most. */
enum { LOG_LENGTH_BITS = 30, LOG_LENGTH_MAX = (1 << LOG_LENGTH_BITS) - 1 };
struct log_entry {
    struct log_entry *next, **at; /* the log's; at == NULL: not live */
    struct log_pos pos;           /* of the newest ACCEPTED or MOVED record */
    uint32_t meta_bytes : LOG_LENGTH_BITS;
    bool foreign : 1; /* the log's: its owner did not understand it */
    uint32_t content_bytes : LOG_LENGTH_BITS;
    bool ending : 1, moving : 1; /* the log's: its last note, its MOVED record is under way */
    struct id id;
};
_Static_assert(sizeof(struct log_entry) == 48, "a million messages must fit");

struct log_hooks {
    /* While log_open recovers, in order: a message that was accepted or moved (meta as given to log_accept or as last
     * restated; content is not read). The owner makes its struct and returns its embedded entry, or NULL when the meta is
     * not understood (the record stays and is reported). A second call with an id that is live replaces its state
     * (moved): return the same entry. */
    struct log_entry *(*recover_message)(void *ctx, struct id id, struct str meta, uint32_t content_bytes);
    /* A note of a live message, in order. ends: it was the last one; the entry is no longer linked, the owner frees its struct.
     */
    void (*recover_note)(void *ctx, struct log_entry *e, struct str note, bool ends);
    /* Compaction is about to move a live message: writes the meta that reproduces its present state, given the meta as
     * last recorded. */
    void (*restate)(void *ctx, struct log_entry *e, struct str old_meta, struct buf *meta);
    /* Once: a write or sync failed; nothing is acknowledged any more until the process restarts. */
    void (*failed)(void *ctx, const struct fault *f);
};

struct log_options {
    const char *directory;   /* made if missing (parent must exist), mode 0700 */
    uint32_t segment_bytes;  /* a multiple of 1 MiB, 4 MiB .. 1 GiB; a log with other-sized segments still opens */
    uint64_t disk_free_min;  /* bytes that must stay free on the file system; below: log_accept refuses */
    bool direct;             /* O_DIRECT where the file system can */
    bool follow_hold;        /* keep segments until the follower has read past them */
    const struct log_io *io; /* log_io_real, or the simulated one of the crash tests */
    void *io_ctx;            /* of a simulated one; NULL with log_io_real, which opens the directory itself */
    bool is_inline;          /* no threads: each call does its disk work before it returns or at log_flush (tests) */
};

/* Opens and recovers: calls the recover hooks, then is ready to append on `l`'s thread. Fails with a clear sentence on
 * an unreadable directory, a lock held by another process, a missing live segment, or a disk without room for the next note. */
bool log_open(struct log **ret, const struct log_options *o, struct loop *l, const struct log_hooks *h, void *ctx,
              struct fault *f);
/* What recovery found broken, as a sentence that says how much and where; NULL: nothing. */
const char *log_damage(const struct log *g);
/* Waits for the flush under way, flushes the rest, writes the clean end, frees. Entries are forgotten. */
void log_close(struct log **g);

/* Why log_accept refused. */
enum log_refusal { LOG_OK, LOG_DISK_FULL, LOG_FAILED, LOG_TOO_LARGE };

/* Told on the loop's thread after the batch with the record is on disk (durable) or has failed (!durable). */
struct log_wait {
    struct log_wait *next; /* the log's */
    void (*fn)(void *ctx, bool durable);
    void *ctx;
};

/* Appends "accepted": copies meta and the content pieces into the batch and links the entry (id set by the caller in
 * e->id). w (may be NULL) is told when it is durable; on failure the entry is unlinked before. */
enum log_refusal log_accept(struct log *g, struct log_entry *e, struct str meta, const struct str *content, unsigned pieces,
                            struct log_wait *w);

/* Appends a note about a live message. ends: it is the message's last one; the entry is unlinked when the batch is
 * durable (just before w is told). Uses the reserve when the disk is full; refuses only LOG_FAILED. */
enum log_refusal log_note(struct log *g, struct log_entry *e, struct str note, bool ends, struct log_wait *w);

/* Reads a message's newest meta and content back (large reads happen on the log's own reader thread). done gets views
 * that are valid during the call, or ok == false with a fault. */
struct log_read {
    void (*done)(void *ctx, bool ok, struct str meta, struct str content, const struct fault *f);
    void *ctx;
    struct chore chore; /* this and the rest are the log's */
    struct log *log;
    struct log_pos pos;
    struct id id;
    uint32_t meta_bytes, content_bytes;
    int fd, error;
    char *bytes; /* the blocks that hold the record */
};
void log_fetch(struct log *g, const struct log_entry *e, struct log_read *r);

struct log_stats {
    uint64_t commits, records, bytes_written, live, live_bytes, segments, segments_free, moved, commit_us_sum;
    bool disk_full, failed;
};
void log_stats(const struct log *g, struct log_stats *ret);

/* Appends wait for the end of the turn by themselves; this starts the flush now if none is under way. */
void log_flush(struct log *g);
