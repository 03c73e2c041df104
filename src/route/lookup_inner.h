/* lookup_inner: what a lookup's files share: the questions (lookup.c), TLSA records (dane.c), MTA-STS policies (policy.c) and the
 * decision (decide.c). Private to them. */
#pragma once

#include "route/lookup.h"

enum { RR_A = 1, RR_CNAME = 5, RR_MX = 15, RR_TXT = 16, RR_AAAA = 28, RR_TLSA = 52, CLASS_IN = 1, RCODE_NXDOMAIN = 3 };
/* PART: a question that matters was not answered, so the rest must not be believed for long. */
enum { TTL_MIN_S = 30, TTL_MAX_S = 86400, TTL_NONE_S = 300, TTL_PART_S = 60 };
enum { HOST_ADDRESSES_MAX = 8 };

struct address {
    bool v6;
    uint8_t bytes[16];
};

/* What the TLSA records of a host came to. */
struct dane {
    bool unknown;   /* they could not be looked up safely */
    bool published; /* there are some, by an answer that was validated */
    char *base;     /* the name that they stand at */
    struct tls_tlsa *tlsa;
    unsigned tlsas; /* those that can be used */
    uint8_t *data;
};

struct host {
    char name[256];
    uint16_t preference;
    uint32_t shuffle;
    unsigned addresses, asked; /* asked: address questions under way */
    bool insecure;             /* an answer with addresses was not validated */
    char *alias_of;            /* where its aliases lead; NULL: it is none */
    struct address address[HOST_ADDRESSES_MAX];
    struct dane dane;
};

/* One question under way. */
struct question {
    struct lookup *lookup;
    unsigned host;
};

struct lookup {
    struct lookup_way way;
    char *domain;
    struct route *shape; /* for a fixed host: kind, site, tls, login, password; NULL otherwise */
    enum secure_level tls;
    bool implicit;
    bool mx_secure; /* the answer about MX records was validated */
    uint16_t port;
    unsigned hosts, waiting;
    bool temporary;    /* a question got no answer */
    enum note trouble; /* of the DNS */
    uint32_t ttl_s;
    struct host *host;
    struct question mx, sts, *question; /* QUESTIONS_EACH a host */
    char sts_id[STS_ID_MAX + 1];        /* of the MTA-STS record; "": none */
    struct lookup *next_waiter, **at_waiter;
    struct timer timer; /* how long it waits for a policy */
};
enum { QUESTIONS_EACH = 3 }; /* A, AAAA, TLSA */

/* lookup.c */
void lookup_ask(struct lookup *l, struct question *q, const char *name, int type, ub_callback_type fn);
/* A question is over; when it was the last, the lookup goes on. */
void lookup_answered(struct lookup *l);
/* The smallest time to live counts for the whole route. */
void lookup_note_ttl(struct lookup *l, const struct ub_result *r);
/* What is decided holds no longer than that. */
void lookup_hold(struct lookup *l, uint32_t most_s);
/* No usable answer: the resolver failed, or the signatures are bogus. */
bool lookup_unanswered(int error, const struct ub_result *r);
void lookup_free(struct lookup *l);
void lookup_end(struct lookup *l, struct route *r, const struct route_trouble *t, uint32_t ttl_s);
void lookup_end_trouble(struct lookup *l, bool permanent, const char *cause, enum note note);

/* dane.c: a host's addresses are known: asks for its TLSA records, if they could count (RFC 7672 2.2). */
void dane_begin(struct lookup *l, unsigned host);
void dane_done(struct dane *d);

/* policy.c: asks for the MTA-STS record; waits for a policy that must be fetched first (true: policy_ready or the time goes on
 * with decide); the domain's policy in force, NULL: none. */
void policy_begin(struct lookup *l);
bool policy_wait(struct lookup *l);
const struct sts_entry *policy_of(const struct lookup *l);

/* decide.c: all is known: ends the lookup. */
void decide(struct lookup *l);
