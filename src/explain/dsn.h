/* dsn: writes delivery status notifications (RFC 3461, 3464, 6522; 6533 for SMTPUTF8; 3834). */
#pragma once

#include "lib/buf.h"
#include "mail/envelope.h"
#include "mail/outcome.h"

struct dsn_request {
    enum dsn_kind kind;
    const struct envelope *envelope; /* of the message reported on */
    struct str content;              /* its content; quoted whole or headers only by RET and size */
    struct str hostname;             /* Reporting-MTA and the From domain */
    struct id id;                    /* of the notification itself */
    int64_t now_ms;                  /* wall clock */
    int64_t retry_until_ms;          /* DELAYED: Will-Retry-Until */
    const struct outcome *outcome;   /* its rcpt entries are what is reported, with verdicts filled */
    const char *lang;                /* of the human part: "pl", "en", or both in an order: "pl,en", "en,pl" */
    uint32_t quote_max;              /* a longer message is quoted by its headers only */
};

/* Which of the outcome's recipients ask for a notification of this kind (NOTIFY, null sender never): writes their
 * positions in outcome->rcpt to which[] and returns how many. */
uint32_t dsn_wanted(const struct envelope *e, const struct outcome *o, enum dsn_kind kind, uint32_t *which);

/* Writes the whole notification (headers and body, CRLF) for the given positions into b. */
void dsn_write(const struct dsn_request *r, const uint32_t *which, uint32_t n, struct buf *b);
