/* inbound: reads what comes back to the return paths of this server (verp/verp.h). The engine delivers it into the Maildir
 * DATA/inbound; here each mail becomes a line in the story of the message that it is about, and perhaps a suppression; then its
 * file goes. What its sender would have got without our return path goes on to him: of a bounce, a notification of our own; what
 * is no report (an answer, a person's mail) and a confirmation that he asked for, as it came. Reports about a domain (DMARC, TLS)
 * are put into DATA/inbound/dmarc and DATA/inbound/tls, a file a mail, for aggregate/aggregate.h. */
#pragma once

#include "report/report.h"

struct inbound;

struct inbound_options {
    const char *data_directory, *submit_socket; /* they outlive the inbound */
    struct str hostname;                        /* this server's name */
    const char *language;                       /* of notifications, unless the account says another */
    struct report_suppress suppress;
};

/* The store must outlive it and be writable. */
bool inbound_open(struct inbound **ret, struct store *s, const struct inbound_options *o, struct fault *f);
void inbound_close(struct inbound **i);

/* Takes what is there, at most some dozen mails, each in a transaction of its own; how many that were, -1: fault (try again
 * later). read_ms: when the logs were last read to their end (wall clock, 0: never): a mail about a message that the store does
 * not know waits until they have been since it came. */
int inbound_step(struct inbound *i, int64_t wall_ms, int64_t read_ms, struct fault *f);

struct inbound_stats {
    uint64_t bounces, complaints, others; /* lines added to stories; others: delays, confirmations, answers */
    uint64_t unknown;                     /* about no message that is known here */
    uint64_t surplus;                     /* more about one recipient than anybody needs: dropped */
    uint64_t kept, suppressed, passed;    /* reports put aside for their reader; addresses suppressed; gone on to senders */
};
void inbound_stats(const struct inbound *i, struct inbound_stats *ret);
