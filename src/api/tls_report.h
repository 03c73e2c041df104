/* tls_report: a report to a domain about the TLS sessions with its hosts on one day: whom it goes to, its JSON, and the mail that
 * carries it; RFC 8460. No I/O. Private to the room. */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"
#include "store/tls.h"
#include "sts/sts.h"

enum { RUA_MAX = 4 };

/* Reads the text of a TXT record at _smtp._tls.DOMAIN (3): the addresses of its mailto: URIs, at most RUA_MAX, in the arena.
 * False: it is about something else, or malformed. */
bool tls_report_record(struct str text, struct arena *a, struct str rua[RUA_MAX], unsigned *ret_n);

struct tls_report {
    struct str domain, hostname, from; /* of whom it tells; who tells; by which address, which is also the contact */
    int64_t day, now_ms;               /* since 1970, UTC; wall clock */
    char id[80];                       /* unique in its first 26 bytes, which are letters and digits */
    const struct sts_entry *sts;       /* the domain's MTA-STS policy as it is known; NULL: none */
    const struct store_tls *row;       /* what is told: sorted by whose policy, its text, and host */
    size_t rows;
};

/* Appends the report as JSON (4.4). */
void tls_report_json(const struct tls_report *r, struct buf *b);
/* Appends the mail for the addresses: header, an explanation, the report compressed (5.3). */
void tls_report_mail(const struct tls_report *r, const struct str *rua, unsigned n, struct buf *b);
