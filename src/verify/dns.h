/* dns: what verification asks of DNS, and how it may be answered. The asking blocks: whoever verifies does so on a thread of its
 * own, never on a loop. Tests and `goniec verify` bring their own answers. */
#pragma once

#include "lib/arena.h"
#include "lib/str.h"

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_result {
    DNS_FOUND,
    DNS_NO_DATA, /* the name exists, without a record of the type */
    DNS_NO_NAME, /* NXDOMAIN */
    DNS_TROUBLE, /* time-out, SERVFAIL, bogus: asking again later may help */
};

struct dns_record {
    struct str text;     /* TXT: its strings joined (RFC 7208 3.3); MX, PTR, CNAME: the name, lower case, no trailing dot */
    uint8_t address[16]; /* A: 4 bytes, AAAA: 16 */
    uint16_t preference; /* MX */
};

struct dns_answer {
    unsigned n;
    struct dns_record *record;
};

enum { DNS_RECORDS_MAX = 200 }; /* more of an answer is not looked at */

struct verify_dns {
    /* Asks for a name (at most 253 bytes, no trailing dot). Fills *ret, in the arena, when DNS_FOUND. */
    enum dns_result (*ask)(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret);
    /* A method (SPF, DKIM, ...) begins, or the signature of another domain: what was waited for in vain before is not held
     * against its names. NULL: nothing is waited for. */
    void (*begin)(void *ctx);
    void *ctx;
};
