/* entry: how an entry of the lists is written and read by the subcommands `suppression` and `allow`. Private to the room. */
#pragma once

#include "cli/common.h"
#include "store/suppression.h"

struct list_options {
    struct common common;
    enum store_list list;
};

/* An account as people write it: nothing or "*": the whole server; "-": mail without a login. And back. */
struct str entry_account(const char *given);
struct str entry_account_text(struct str account);
/* Is there such an account (or is it one of those two)? */
bool entry_account_known(struct store *s, struct str account);

/* "never", "90d" from now, or a date; false if it is neither. */
bool entry_expiry(struct str s, int64_t now_s, int64_t *ret);
/* Seconds since 1970: as such, in ms, as "2024-05-31[ T]12:00[:00[.000]][Z]" or "31.05.2024 12:00". */
bool entry_time(struct str s, int64_t *ret);
/* Who runs this, also behind sudo. */
const char *entry_me(void);

/* Appends the columns' names, an entry as a CSV line, or as a JSON object. rows.c reads all of them. */
void entry_csv_head(enum store_list list, struct buf *b);
void entry_csv(enum store_list list, const struct store_entry *e, struct buf *b);
void entry_json(enum store_list list, const struct store_entry *e, struct buf *b);
/* Time for a person: "2024-05-31 12:00:00". */
void entry_date(int64_t at_s, struct buf *b);

/* The whole domain of a provider where anybody has a mailbox: NULL, or a sentence why it may not be added. */
const char *entry_refused(const struct list_options *o, const struct suppress_value *v);

/* import.c: brings in a file ("-": standard input); a sysexits code. The database must be writable. */
int entry_import(const struct list_options *o, struct store *s, const char *path);
