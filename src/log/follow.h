/* follow: reading a log that another process writes, in order and never past what is durable. The office's way in.
 *
 * The writer publishes how far the log is durable, and the follower how far it has read, in a small shared mapping
 * ("follow" in the log's directory). The follower's position is a value it stores itself (in the transaction with what it
 * derived), so nothing is counted twice. */
#pragma once

#include "lib/fault.h"
#include "log/log.h"

struct follow;

enum follow_kind { FOLLOW_ACCEPTED = 1, FOLLOW_NOTE };
struct follow_record {
    enum follow_kind kind;
    struct id id;
    struct str body;        /* meta of ACCEPTED; the note of NOTE. Valid until the next call */
    uint32_t content_bytes; /* ACCEPTED */
    bool ends;              /* NOTE: the message's last one */
    struct log_pos pos;     /* of this record: its identity */
};

/* Opens for reading from just after `from` (zeroed: from the oldest there is). Fails if the directory is not a log. */
bool follow_open(struct follow **ret, const char *directory, struct log_pos from, struct fault *f);
void follow_close(struct follow **w);

/* The next durable record. 1: *ret is set; 0: none at present (ask again later); -1: fault. MOVED records and unknown
 * types are passed over. Sealed segments are read through their index, without touching contents; while one is being filled
 * quickly, its records are left until it is sealed, unless the follower is eager: it should be every second or two, so that what
 * it gives is never older than that. */
int follow_next(struct follow *w, bool eager, struct follow_record *ret, struct fault *f);

/* Tells the writer that everything up to `pos` was read and stored: older segments may be recycled. */
void follow_done_to(struct follow *w, struct log_pos pos);
