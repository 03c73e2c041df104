/* suppression: the accounts' black and white lists in the office's database, and their way to the engine. The truth stands here;
 * what the mail path asks is a file made from it (suppress/suppress.h).
 *
 * Whatever changes an entry leaves, in the same transaction, a note of what is not published yet. Publishing writes those changes
 * to the file and then forgets the notes: killed anywhere in between, the next one does it again, which changes nothing. */
#pragma once

#include "mail/id.h"
#include "store/store.h"
#include "suppress/suppress.h"

enum store_list { LIST_SUPPRESSED, LIST_ALLOWED };

struct store_entry {
    struct str account;          /* SUPPRESS_SERVER: every account; "": mail that came without a login */
    struct str value;            /* in its normal form; a domain has no @ */
    enum suppress_reason reason; /* LIST_SUPPRESSED */
    struct str text;             /* the proof (what the receiver said), or why it is allowed */
    struct id message;           /* that the proof is about; zeroed: none */
    int64_t at_s, expires_s;     /* wall clock; expires_s 0: never */
    struct str by;               /* who added it */
    bool automatic;              /* the server did, by itself */
};
static inline bool store_entry_is_domain(const struct store_entry *e) { return !memchr(e->value.p, '@', e->value.n); }

/* Adds an entry. One that is there stays as it is, unless it has expired or `how` says to replace it (a proof that is there is
 * kept if the new one brings none). *ret_added: it was added or replaced. */
enum { PUT_REPLACE = 1, PUT_BULK = 2 /* leaves no note for publishing: call store_republish once */ };
bool store_list_put(struct store *s, enum store_list list, const struct store_entry *e, int64_t now_s, unsigned how,
                    bool *ret_added, struct fault *f);
bool store_list_remove(struct store *s, enum store_list list, struct str account, struct str value, bool *ret_was,
                       struct fault *f);

/* Entries in order of account and value; NULL members ask for any. Views are valid during the call, which may return false to
 * end. */
struct store_list_filter {
    const struct str *account, *value;
    enum suppress_reason reason; /* 0: any */
};
typedef bool store_entry_fn(void *ctx, const struct store_entry *e);
void store_list_each(struct store *s, enum store_list list, const struct store_list_filter *filter, store_entry_fn *fn,
                     void *ctx);
/* Does the account's or the server's white list spare the address (or its domain)? */
bool store_is_allowed(struct store *s, struct str account, struct str value, struct str domain);

/* Counts one failure of a message, once; *ret_count: of how many messages in all. returned: its server took the message and sent
 * it back. store_list_put ends the counting. */
bool store_failure_add(struct store *s, struct str account, struct str value, struct id message, int64_t at_s, bool returned,
                       uint32_t *ret_count, struct fault *f);
/* Its server took a message: earlier refusals do not count. What it took and sent back does, for it may do so again. */
bool store_failure_taken(struct store *s, struct str account, struct str value, struct fault *f);
/* No earlier failure counts. */
bool store_failure_clear(struct store *s, struct str account, struct str value, struct fault *f);
uint32_t store_failures(struct store *s, struct str account, struct str value);

/* Deletes entries and failures that expired or happened before the time; returns false with a sentence if it cannot. */
bool store_list_forget(struct store *s, int64_t before_s, struct fault *f);

/* Notes that the whole file must be written anew. */
bool store_republish(struct store *s, struct fault *f);
/* Brings DATA/suppression up to the database (publish.c); not within a transaction. *ret_changed: the engine should be told.
 * check: the file is looked through first, and written anew if it is missing or damaged. */
bool store_publish(struct store *s, const char *data_directory, bool check, int64_t now_s, bool *ret_changed, struct fault *f);
