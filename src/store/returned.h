/* returned: what came back about a message after a receiver had taken it: bounces, complaints, answers. A part of its story that
 * no log has: rows of the office's own. */
#pragma once

#include "store/store.h"

enum returned_kind {
    RETURNED_FAILED = 1, /* a bounce: not delivered after all */
    RETURNED_DELAYED,
    RETURNED_DELIVERED, /* a confirmation that was asked for */
    RETURNED_COMPLAINT,
    RETURNED_ANSWER, /* an automatic one */
    RETURNED_OTHER,  /* an ordinary mail */
};

/* Does it go on to who sent the message, and how far is that? */
enum returned_pass {
    RETURNED_STAYS,
    RETURNED_DUE,
    RETURNED_BEGUN, /* being handed to the engine, which has it or has it not */
    RETURNED_PASSED,
};

struct store_returned {
    struct id mail; /* what came back, and for which of its recipients: the row's identity */
    uint32_t place;
    struct id message; /* what it is about: */
    uint32_t rcpt;     /* this one of its recipients */
    enum returned_kind kind;
    int64_t at_ms;   /* wall clock: when it came */
    struct str body; /* an encoded outcome (mail/outcome.h) with the one recipient */
    enum returned_pass pass;
    int64_t pass_ms; /* wall clock: when last BEGUN; 0: never */
};

/* Adds a row; one that is there stays as it is. *ret_new: it was not there. */
bool store_returned_put(struct store *s, const struct store_returned *r, bool *ret_new, struct fault *f);
/* Those about a message, in the order in which they came. Views are valid during the call. */
typedef void store_returned_fn(void *ctx, const struct store_returned *r);
void store_returned_each(struct store *s, struct id message, store_returned_fn *fn, void *ctx);
/* The same about one of its recipients; without rows of a version that did not keep apart whom they are about. */
void store_returned_about(struct store *s, struct id message, uint32_t rcpt, store_returned_fn *fn, void *ctx);
/* The row of that identity goes to fn; false: there is none. */
bool store_returned_one(struct store *s, struct id mail, uint32_t place, store_returned_fn *fn, void *ctx);
/* Those that are due or begun, at most so many: the oldest that were never begun, then those begun longest ago. fn may not change
 * rows. */
void store_returned_passing(struct store *s, int most, store_returned_fn *fn, void *ctx);
bool store_returned_pass(struct store *s, struct id mail, uint32_t place, enum returned_pass pass, int64_t at_ms,
                         struct fault *f);
