/* records: what a sending domain needs in DNS, as values. Private to the room. */
#pragma once

#include "lib/fault.h"
#include "sign/index.h"
#include "verify/dns.h"

enum record_kind {
    RECORD_DKIM,
    RECORD_SPF,
    RECORD_DMARC,
    RECORD_RETURN_MX,
    RECORD_RETURN_SPF,
    RECORD_TRACKING,
    RECORD_TLS_REPORTS,
    RECORD_MTA_STS,
    RECORD_KINDS
};

struct record {
    enum record_kind kind;
    enum dns_type type; /* TXT, MX or CNAME */
    struct str name, value;
    uint16_t preference; /* MX */
    struct key_row *key; /* DKIM: whose public half it is */
};
enum { RECORDS_MAX = 64, RECORD_STRING_MAX = 255 };

/* This server and one domain of its. */
struct sender {
    struct str domain, host; /* A-labels */
    const char *address[2];  /* that mail leaves from, as settings say: IPv4, IPv6; NULL: as host's name says */
    const char *keys;        /* directory */
};

/* All rows for the domain; those of its keys that have not been retired first. Strings live in the arena. False when a key cannot
 * be read. */
bool records_make(const struct sender *s, struct key_index *x, struct arena *a, struct record *ret, unsigned *ret_n,
                  struct fault *f);
/* "ip4:192.0.2.1 ip6:..." or "a:host": what SPF says of this server. */
struct str records_sources(const struct sender *s, struct arena *a);
/* What the policy file of MTA-STS says (RFC 8461 3.2), CRLF lines. */
struct str records_policy(const struct sender *s, struct arena *a);
