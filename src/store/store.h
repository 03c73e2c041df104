/* store: the office's database (SQLite, DATA/office.db). Stories of messages, accounts, and how far each log was followed.
 *
 * Rows keep what the log kept: encoded envelopes and outcomes as they are. What was derived from a log and the position it was
 * derived from are written in one transaction. */
#pragma once

#include "lib/buf.h"
#include "lib/fault.h"
#include "log/log.h"
#include "mail/id.h"

struct store;

/* Opens (making and migrating it when writable) DATA/office.db, which its owner alone may read. Fails when it is missing
 * (read-only), damaged, or of a newer version. */
bool store_open(struct store **ret, const char *data_directory, bool writable, struct fault *f);
void store_close(struct store **s);

/* One transaction around many writes. */
bool store_begin(struct store *s, struct fault *f);
bool store_commit(struct store *s, struct fault *f);
void store_rollback(struct store *s);

/* What is read between these two, outside of transactions, is of one moment. */
void store_view_begin(struct store *s);
void store_view_end(struct store *s);

/* Whether all that was read since it was opened could be read; the functions below that hand rows over have no other way to say.
 */
bool store_good(const struct store *s, struct fault *f);

/* ---- stories ---- */
/* A message: meta as in the log; recipients' address hashes for searching; open: how many recipients are not ended; waited: some
 * of them was put off (store/waiting.h). Adding one that is there changes nothing. */
bool store_add_message(struct store *s, struct id id, int64_t at_ms, struct str meta, const uint64_t *recipient,
                       uint32_t recipients, uint32_t open, bool waited, struct fault *f);
/* A note about it. Its position is its identity: adding one that is there changes nothing. */
bool store_add_note(struct store *s, struct id id, struct log_pos pos, int64_t at_ms, struct str note, struct fault *f);
/* So many of its recipients are no longer open. *ret_waited: some of them may have been put off. */
bool store_end_recipients(struct store *s, struct id id, uint32_t ended, bool *ret_waited, struct fault *f);
/* A recipient of it was put off. */
bool store_set_waited(struct store *s, struct id id, struct fault *f);
bool store_checkpoint(struct store *s, const char *log, struct log_pos pos, struct fault *f);
bool store_checkpoint_get(struct store *s, const char *log, struct log_pos *ret, struct fault *f);
/* Deletes stories of ended messages accepted before the time, at most `most`; returns how many. */
int store_forget(struct store *s, int64_t before_ms, int most);

uint64_t store_address_hash(struct str address);

/* What is found is handed to fn, newest first, until it returns false. Views are valid during the call. */
typedef bool store_message_fn(void *ctx, struct id id, int64_t at_ms, struct str meta, uint32_t open);
typedef void store_note_fn(void *ctx, int64_t at_ms, struct str note);
bool store_message(struct store *s, struct id id, store_message_fn *fn, void *ctx);
void store_messages_between(struct store *s, struct id low, struct id high, store_message_fn *fn, void *ctx); /* both included */
void store_messages_to(struct store *s, uint64_t address, int most, store_message_fn *fn, void *ctx);
void store_queue(struct store *s, int most, store_message_fn *fn, void *ctx);  /* oldest first */
void store_notes(struct store *s, struct id id, store_note_fn *fn, void *ctx); /* in order */
uint64_t store_queue_length(struct store *s);

/* ---- accounts ---- */
struct store_account {
    const char *name, *status, *login, *kind, *secret, *stream;
    const char *language; /* of notifications; "": the server's */
    uint32_t sessions;
};
/* Fails when name or login is taken. */
bool store_account_add(struct store *s, const struct store_account *a, struct fault *f);
/* False with a sentence when there is no such account (login). */
bool store_account_status(struct store *s, const char *name, const char *status, struct fault *f);
bool store_account_language(struct store *s, const char *name, const char *language, struct fault *f);
bool store_account_secret(struct store *s, const char *login, const char *kind, const char *secret, struct fault *f);
bool store_account_remove(struct store *s, const char *name, struct fault *f);
void store_accounts(struct store *s, void (*fn)(void *ctx, const struct store_account *a), void *ctx);
