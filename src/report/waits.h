/* waits: what an outcome means for the list of what is put off or was refused (store/waiting.h). Private to the room. */
#pragma once

#include "mail/envelope.h"
#include "mail/outcome.h"
#include "store/waiting.h"

/* Numbers of troubles that were given lately, so that a storm of equal deferrals asks the database for them once an hour. To be
 * zeroed when a transaction is given up: what it added is not there. */
struct waits {
    struct {
        uint64_t key; /* 0: free */
        int64_t number, seen_ms;
    } known[1024];
};

/* Is anybody of it put off, held, or refused for good? (only then need its message's envelope be looked up) */
bool waits_wanted(const struct outcome *o);
/* Writes it down, in the store's running transaction. *ret_waits: somebody is put off; the message must be marked. */
bool waits_begin(struct waits *w, struct store *s, const struct envelope *e, const struct outcome *o, bool *ret_waits,
                 struct fault *f);
/* Takes off whom the outcome ends or sets free; the message's last one (ends) everybody. */
bool waits_end(struct store *s, const struct outcome *o, bool ends, struct fault *f);
