/* reports_sum: many reports on one domain as one picture: who sent in its name, how that fared, what is ours. Private to the
 * room. */
#pragma once

#include "aggregate/aggregate.h"
#include "sign/index.h"

enum {
    SUM_SOURCES_MAX = 20000, /* addresses kept one by one; further ones count in the sums alone */
    SUM_NAMES_MAX = 3,
    SUM_REPORTERS_MAX = 200,
    SUM_FAILURES_MAX = 64,
    SUM_POLICIES_MAX = 16
};

/* In whose hands a message was when the receiver got it. */
enum origin {
    ORIGIN_OURS,      /* this server */
    ORIGIN_FORWARDED, /* a mailing list or a recipient's forwarding that passed our mail on */
    ORIGIN_SERVICE,   /* another that the domain's own DNS vouches for */
    ORIGIN_STRANGER,  /* nobody vouches for it */
    ORIGIN_KINDS
};

enum fate { FATE_DELIVERED, FATE_QUARANTINED, FATE_REJECTED, FATES };

struct tally {
    uint64_t messages, spf, dkim, proven; /* passed and aligned; either of both */
    uint64_t fate[FATES];
};

struct source_sum {
    enum origin whose;
    struct str ip; /* "": not told */
    struct tally tally;
    struct str name[SUM_NAMES_MAX]; /* other domains that it proved to speak for */
    unsigned names;
    struct str reason; /* why a receiver made an exception; "" */
};

struct reporter_sum {
    struct str name;
    unsigned reports;
};

/* What a set of reports has in common, of either kind. */
struct reports_head {
    unsigned reports;
    int64_t begin_s, end_s;
    struct reporter_sum reporter[SUM_REPORTERS_MAX]; /* most reports first */
    unsigned reporters;
};

struct policy_sum {
    struct str policy; /* RFC 8460's word */
    uint64_t ok, failed;
};

struct failure_sum {
    struct str result; /* RFC 8460's word */
    uint64_t sessions;
    struct str mx[SUM_NAMES_MAX], reason;
    unsigned mxs;
};

struct reports_sum {
    struct str domain;
    struct reports_head dmarc, tls;
    struct str policy; /* DMARC's, of the newest report: "p=none; ..." */
    struct tally all, of[ORIGIN_KINDS];
    struct source_sum *source; /* by whose, most messages first */
    size_t sources;
    uint64_t ok, failed; /* TLS sessions */
    struct policy_sum policy_of[SUM_POLICIES_MAX];
    unsigned policies;
    struct failure_sum failure[SUM_FAILURES_MAX]; /* most sessions first */
    unsigned failures;
};

/* What is known of this server: its addresses (A texts) and its keys. */
struct us {
    const char *address[2]; /* NULL: not known */
    const struct key_index *keys;
};

struct store;
/* The domain's reports that ended at or after since_s. All lives in the arena. Fails when the database cannot be read. */
bool reports_sum(struct store *s, struct str domain, int64_t since_s, const struct us *us, struct arena *a,
                 struct reports_sum *ret, struct fault *f);
/* "none", "quarantine", "reject": the p= of a policy; "" when there is none. */
struct str reports_rule(struct str policy);
