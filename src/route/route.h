/* route: recipient domain -> where its mail goes: hosts in order, the site they form, TLS policy. Asks DNS without blocking,
 * caches by TTL, never asks the same twice at once. One instance per worker. RFC 5321 5.1, 7505, 6186 not used. */
#pragma once

#include "lib/loop.h"
#include "lib/net.h"
#include "lib/str.h"
#include "mail/note.h"

#include <stdatomic.h>

enum route_kind { ROUTE_SMTP, ROUTE_LMTP, ROUTE_MAILDIR };
enum route_tls { TLS_OPPORTUNISTIC, TLS_NONE, TLS_REQUIRED /* any certificate */, TLS_VERIFIED /* chain and name */ };

struct route_host {
    const char *name; /* MX name, or the literal's text; SNI and story */
    uint16_t preference;
    struct sockaddr_storage addr;
    socklen_t addr_len;
};

/* Where mail for a domain goes. Immutable and counted (any thread). */
struct route {
    atomic_uint refs;
    enum route_kind kind;
    const char *site; /* key of the receiving site: sorted MX names, or the rule's target */
    enum route_tls tls;
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

/* A rule of the settings: mail for `domain` ("*": all) goes to fixed hosts or a local directory. */
struct route_rule {
    struct str domain; /* A-labels, lower case, "*" , or "*.example.pl" */
    enum route_kind kind;
    struct str host; /* name, IP or "unix:/path"; with `port`. Names are resolved (A/AAAA) */
    uint16_t port;
    struct str maildir;
    enum route_tls tls;
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
    uint32_t cache_max; /* domains remembered */
    /* Domains whose mail is for this server itself, before any rule: into a Maildir of its own. NULL: none. */
    bool (*is_own)(const void *ctx, struct str domain);
    const void *own_ctx;
    struct str own_maildir;
};

struct router; /* one per worker */
bool route_open(struct router **ret, struct loop *l, const struct route_settings *s, struct fault *f);
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
};
void route_stats(const struct router *r, struct route_stats *ret);
