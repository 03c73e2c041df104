/* pass: what came back goes on to who sent the message. Private to the room.
 *
 * Never twice: before a mail is handed to the engine its row says so, and afterwards that it was taken. If the office dies in
 * between, or the answer is lost, the logs tell: the mail's envelope id is the row's identity. Only when they have been read to
 * their end and do not have it is it handed in again. */
#pragma once

#include "mail/envelope.h"
#include "mail/outcome.h"
#include "report/inbound.h"
#include "store/returned.h"

struct pass {
    struct store *store;
    const struct inbound_options *options;
    char folder[600]; /* DATA/inbound/pass: mails that go on as they came, called by pass_name */
    int64_t after_ms; /* the engine is not asked before (wall clock) */
    uint64_t passed;
};

/* Would the sender have got it? (RFC 3461 4.1, RFC 3834 4) */
bool pass_wanted(enum returned_kind kind, const struct envelope *e, const struct outcome *o);
/* Does it go on as it came? Otherwise a notification is written. */
static inline bool pass_as_it_is(enum returned_kind kind) { return kind != RETURNED_FAILED; }
enum { PASS_NAME = ID_TEXT + 12 };
void pass_name(struct id mail, uint32_t place, char out[PASS_NAME]);

/* Removes files that nothing waits for; at the start. */
void pass_tidy(struct pass *p);
/* Hands in some of what is due; how many rows were settled, -1: fault. */
int pass_step(struct pass *p, int64_t wall_ms, int64_t read_ms, struct fault *f);
