/* report: follows the engine's logs into the store. If it is killed anywhere, it goes on from its checkpoint and nothing is
 * counted twice. */
#pragma once

#include "lib/fault.h"
#include "mail/outcome.h"
#include "store/store.h"

struct report;

/* When a dead address is suppressed by itself. */
struct report_suppress {
    bool automatic, server_wide; /* server_wide: for all accounts, not only the one whose mail it was */
    bool complaints;             /* an address whose owner calls a message spam, for that message's account */
    uint32_t failures;           /* messages that must fail: 1 to 3 */
    uint32_t expires_s;          /* 0: never */
    const struct str *hosted;    /* domains of this server, which are exempt; sorted; they outlive the report */
    size_t hosted_n;
};

/* What an outcome says of the address itself. Only what is dead is suppressed. */
enum report_life {
    REPORT_TOOK_MAIL,    /* it was delivered */
    REPORT_DEAD,         /* its receiver surely says so, for good, asked for this very recipient */
    REPORT_NOT_ABOUT_IT, /* the cause lies elsewhere */
    REPORT_NOT_DEAD,     /* it is about the recipient, but not that there is none: full, moved, blocks the sender, ... */
    REPORT_FOR_NOW,      /* it sounds dead, but was not said for good, */
    REPORT_UNSURE,       /* or not clearly enough, */
    REPORT_NOT_SAID,     /* or not by a receiver that was asked for this recipient */
};
enum report_life report_judge(const struct outcome *o, const struct outcome_rcpt *r);

/* Follows every log under DATA/log (w0, w1, ...); logs that appear later are found too. keep_s: how long stories of ended
 * messages are kept. The store must outlive it and be writable. */
bool report_open(struct report **ret, struct store *s, const char *data_directory, uint32_t keep_s,
                 const struct report_suppress *rules, struct fault *f);
void report_close(struct report **r);
/* From now on TLS sessions are counted, for the reports to the domains (store/tls.h). */
void report_count_tls(struct report *r);

/* Reads what is new, at most some thousand records, in one transaction. Returns how many there were; -1: fault (try again later).
 */
int report_step(struct report *r, int64_t wall_ms, struct fault *f);

/* How many records, at most `most`, were durable in the logs when this was called and are still not in the store after wait_ms:
 * 0 from an office that reads. A log that cannot be read counts for nothing. */
uint64_t report_behind(struct store *s, const char *data_directory, unsigned wait_ms, uint64_t most);

struct report_stats {
    uint64_t messages, notes, skipped, forgotten, suppressed;
};
void report_stats(const struct report *r, struct report_stats *ret);
