/* route: recipient domain -> where its mail goes: hosts in order, the site they form, and what is demanded of the connection to
 * each host for this domain: by the settings, by TLSA records (DANE), by an MTA-STS policy. Asks DNS without blocking, caches by
 * TTL, never asks the same twice at once. One instance per worker. RFC 5321 5.1, 7505, 7672, 8461; 6186 not used. */
#pragma once

#include "lib/loop.h"
#include "lib/net.h"
#include "lib/str.h"
#include "lib/tls.h"
#include "mail/note.h"
#include "mail/secure.h"
#include "sts/sts.h"

#include <stdatomic.h>

enum route_kind { ROUTE_SMTP, ROUTE_LMTP, ROUTE_MAILDIR };

struct route_host {
    const char *name; /* MX name, or the literal's text; SNI and story */
    uint16_t preference;
    struct sockaddr_storage addr;
    socklen_t addr_len;
    bool vouched;          /* that it is the domain's host is no word of unsigned DNS alone (RFC 8689 4.2.1) */
    struct secure secure;  /* what this domain's mail demands of it, by whom; a flaw: see route_forbids */
    const char *tlsa_base; /* SECURE_DANE: the name that the TLSA records stand at; they */
    struct tls_tlsa *tlsa;
    unsigned tlsas;
    uint64_t tlsa_key; /* a number for all of them: equal where what satisfies one domain satisfies the other */
};
/* Nothing of this domain is sent to the host: its policy does not list it, or its TLSA records could not be looked up. Such hosts
 * stand at the end of a route. */
static inline bool route_forbids(const struct route_host *h)
{
    return h->secure.flaw != FLAW_NONE && h->secure.by != BY_STS_TESTING;
}

/* Where mail for a domain goes. Immutable and counted (any thread). */
struct route {
    atomic_uint refs;
    enum route_kind kind;
    const char *domain;           /* whose mail it is; "" when the hosts are a rule's */
    const char *site;             /* key of the receiving site: sorted MX names, or the rule's target */
    enum secure_level tls;        /* what the settings say */
    uint32_t policy;              /* a number for all that its hosts demand; 0: no more than the settings' opportunistic TLS */
    uint32_t voucher;             /* a number for the hosts that are vouched for; 0: none */
    const char *login, *password; /* smart host AUTH; NULL: none */
    const char
        *maildir; /* ROUTE_MAILDIR: the directory, with %u and %d already replaced by nothing: they are filled per recipient */
    unsigned hosts;
    struct route_host *host; /* addresses in the order to try: by preference, equals shuffled, v6/v4 per host */
    int64_t expires_ms;      /* monotonic; after it: resolve again */
};
struct route *route_ref(struct route *r);
void route_free(struct route **r);

/* Why there is no route. permanent: bounce; otherwise try later. */
struct route_trouble {
    bool permanent;
    const char *cause;   /* "domain-not-found", "null-mx", "no-mail-host", "dns-failure", "loop-to-self" (explain's names) */
    char note[NOTE_MAX]; /* what was found out, with the name that was asked for (mail/note.h) */
};

/* A rule of the settings: mail for `domain` ("*": all) goes to fixed hosts, a local directory, or (no host, no maildir) to the
 * domain's own mail hosts. */
struct route_rule {
    struct str domain; /* A-labels, lower case, "*" , or "*.example.pl" */
    enum route_kind kind;
    struct str host; /* name, IP or "unix:/path"; with `port`. Names are resolved (A/AAAA) */
    uint16_t port;
    struct str maildir;
    enum secure_level tls;
    struct str login, password;
};
struct route_settings {
    struct route_rule *rule; /* the most exact domain wins */
    size_t rules;
    struct str hostname;  /* our own name: an MX that is us is a loop */
    struct str *resolver; /* "127.0.0.1@5353"-style forwarders; none: the system's */
    size_t resolvers;
    bool allow_special; /* tests: MX hosts on loopback are allowed */
    bool ipv6;
    uint32_t port;      /* 25; tests use another */
    uint32_t cache_max; /* domains remembered, of 4 KiB each at most on average */
    /* Domains whose mail is for this server itself, before any rule: into a Maildir of its own. NULL: none. */
    bool (*is_own)(const void *ctx, struct str domain);
    const void *own_ctx;
    struct str own_maildir;
    bool dane, mta_sts;
    bool dnssec_always;      /* what is not validated is not believed, even where the resolver hands on no DNSSEC */
    struct str trust_anchor; /* file with the root's key for DNSSEC; "": none, and so no DANE */
};

/* What the router asks of the others. */
struct route_hooks {
    /* A policy is wanted for the domain, whose TXT record bears the id; true: somebody will fetch it, and a new list will come.
     * Any number of times for one domain. */
    bool (*want)(void *ctx, const char *domain, struct str id);
    /* Something for the operator: one sentence. */
    void (*say)(void *ctx, const char *text);
    void *ctx;
};

/* A libunbound context that asks the named resolvers ("127.0.0.1@5353"-style; none: the system's), without blocking; anchor: a
 * file with the key that answers are validated by, NULL: they are not. The caller frees it with ub_ctx_delete. */
struct ub_ctx;
bool route_resolver(struct ub_ctx **ret, const struct str *resolver, size_t resolvers, const char *anchor, struct fault *f);

struct router; /* one per worker */
bool route_open(struct router **ret, struct loop *l, const struct route_settings *s, const struct route_hooks *h,
                struct fault *f);
/* The MTA-STS policies in force from now on; takes over one reference. Lookups that wait for one look again. */
void route_policies_use(struct router *r, struct sts_list *l);
/* Forgets the cache, and all that it held of the settings before. */
void route_settings_use(struct router *r, const struct route_settings *s);
void route_close(struct router **r);

/* Asks; the caller embeds it. done gets a route (the caller's reference) or trouble (valid during the call). It may run
 * from within route_find when the answer is known. */
struct route_ask {
    struct route_ask *next; /* the router's */
    void (*done)(void *ctx, struct route *route, const struct route_trouble *t);
    void *ctx;
};
void route_find(struct router *r, struct str domain, struct route_ask *ask);

struct route_stats {
    uint64_t lookups, cache_hits, waiting, failures;
    bool dnssec; /* answers are validated, so that DANE is possible */
};
void route_stats(const struct router *r, struct route_stats *ret);
