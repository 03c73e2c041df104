/* options: one row per setting; the parser, the defaults and the printed reference all come from here. */
#include "settings/options.h"

#include "lib/net.h"
#include "mail/mailbox.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define AT(field) offsetof(struct settings, field)
#define BIG UINT32_MAX
enum { K = 1024, M = 1024 * 1024 };
#define S(n) ((n)*UINT64_C(1000))

const struct option option_rows[] = {
    /* section, name, kind, where, min, max, default, sentence */
    {"", "hostname", OPTION_HOSTNAME, AT(hostname), 0, 0, "localhost.localdomain",
     "This server's public name: greeting, EHLO, Received, notifications."},
    {"", "data_directory", OPTION_TEXT, AT(data_directory), 0, 0, "/var/lib/goniec", "Where logs, database and sockets live."},
    {"", "user", OPTION_TEXT, AT(user), 0, 0, "goniec", "The user that the children run as when the server is started by root."},
    {"", "workers", OPTION_COUNT, AT(workers), 0, 64, "0", "Engine threads; 0: one a core."},
    {"", "language", OPTION_LANGUAGE, AT(language), 0, 0, "en,pl", "Language of notifications: pl, en, or both in an order."},
    {"", "http_address", OPTION_TEXT, AT(http_address), 0, 0, "127.0.0.1:8025",
     "Where /healthz and /metrics are served; empty: nowhere."},
    {"", "drain_time", OPTION_TIME_MS, AT(drain_ms), 0, S(600), "10s", "How long SIGTERM waits for what is in flight."},
    {"", "keep_stories", OPTION_TIME_S, AT(keep_stories_s), 3600, BIG, "15d",
     "How long the stories of finished messages are kept."},
    {"", "trusted_networks", OPTION_NETWORKS, AT(accept.trusted), 0, 0, "", "Networks that may relay without logging in."},
    {"", "proxy_networks", OPTION_NETWORKS, AT(accept.proxies), 0, 0, "",
     "Networks of proxies: a PROXY header is required from them and believed."},
    {"", "hosted_domains", OPTION_DOMAINS, AT(accept.hosted), 0, 0, "", "Domains that port 25 accepts mail for."},
    {"", "dkim_unknown", OPTION_UNKNOWN, AT(sign.unknown), 0, 0, "pass",
     "Submissions from a domain without keys for the account: pass unsigned, be signed with own-domain, or refuse."},
    {"", "dkim_domain", OPTION_DOMAIN, AT(sign.domain), 0, 0, "",
     "The server's own domain, which signs notifications; empty: hostname, or its nearest parent that has keys."},
    {"", "dkim_platform", OPTION_FLAG, AT(sign.platform), 0, 0, "no",
     "Sign every submission with the server's own domain as well (for feedback loops)."},
    {"", "arc_seal", OPTION_FLAG, AT(sign.seal), 0, 0, "no",
     "Seal mail from other servers with the server's own domain (ARC), so that the next server can see what was found here."},
    {"", "verify_incoming", OPTION_FLAG, AT(verify.incoming), 0, 0, "yes",
     "Check mail from other servers (SPF, DKIM, DMARC, ARC) and note what was found in Authentication-Results."},
    {"", "dmarc_policy", OPTION_ENFORCE, AT(verify.enforce), 0, 0, "note",
     "Mail that its visible sender's domain asks to be refused (DMARC, p=reject): note it in the header, or enforce: refuse it."},
    {"", "dmarc_suffix_list", OPTION_FLAG, AT(verify.public_suffixes), 0, 0, "no",
     "Find a domain's organisation by the public suffix list, as RFC 7489 did, instead of by its records (RFC 9989)."},
    {"tls", "certificate", OPTION_TEXT, AT(tls_certificate), 0, 0, "",
     "PEM file with the certificate chain; empty: a self-signed one is made."},
    {"tls", "key", OPTION_TEXT, AT(tls_key), 0, 0, "", "PEM file with the certificate's key."},
    {"tls", "trusted", OPTION_TEXT, AT(tls_trusted), 0, 0, "",
     "PEM file with the authorities whose certificates are good for other servers; empty: the system's. Takes a restart."},
    {"tls", "dane", OPTION_FLAG, AT(route.dane), 0, 0, "yes", "Follow the TLSA records of receiving hosts (RFC 7672)."},
    {"tls", "trust_anchor", OPTION_TEXT, AT(route.trust_anchor), 0, 0, "/usr/share/dns/root.key",
     "File with the key of the DNS root, without which there is no DANE. Takes a restart."},
    {"tls", "dnssec_always", OPTION_FLAG, AT(route.dnssec_always), 0, 0, "no",
     "Believe nothing that is not validated, even if the resolver hands on no DNSSEC signatures: then all mail waits. Otherwise "
     "it "
     "goes on without DANE. Takes a restart."},
    {"tls", "mta_sts", OPTION_FLAG, AT(route.mta_sts), 0, 0, "yes", "Follow the MTA-STS policies of domains (RFC 8461)."},
    {"tls", "report_from", OPTION_TEXT, AT(tls_report_from), 0, 0, "",
     "Address that daily TLS reports (RFC 8460) are sent from, to the domains that ask for them; its domain should have keys "
     "(goniec "
     "domain add). Empty: none are sent."},
    {"tls", "report_delay", OPTION_TIME_S, AT(tls_report_delay_s), 0, 20 * 3600, "4h",
     "Within which time after the end of a day (UTC) its reports are begun to be sent."},
    {"tls", "policy_host", OPTION_TEXT, AT(sts_host), 0, 0, "",
     "Where MTA-STS policies are fetched, as host:port, instead of at each domain's own policy host (for tests)."},
    {"accept", "sessions_max", OPTION_COUNT, AT(accept.sessions_max), 1, 1000000, "20000", "Sessions at once in one worker."},
    {"accept", "sessions_per_ip_max", OPTION_COUNT, AT(accept.sessions_per_ip_max), 1, 1000000, "100",
     "Sessions at once from one address (not counted for trusted networks)."},
    {"accept", "sessions_per_account_max", OPTION_COUNT, AT(accept.sessions_per_account_max), 1, 1000000, "50",
     "Sessions at once logged in to one account."},
    {"accept", "message_bytes_max", OPTION_SIZE, AT(accept.message_bytes_max), 64 * K, 900u * M, "50M", "Largest message."},
    {"accept", "recipients_max", OPTION_COUNT, AT(accept.recipients_max), 100, 100000, "1000",
     "Recipients of one message (RFC 5321 4.5.3.1.8: at least 100)."},
    {"accept", "errors_max", OPTION_COUNT, AT(accept.errors_max), 1, 10000, "20", "Errors in one session before it is closed."},
    {"accept", "transactions_max", OPTION_COUNT, AT(accept.transactions_max), 0, BIG, "0",
     "Messages in one session; 0: no bound."},
    {"accept", "memory_max", OPTION_SIZE64, AT(accept.memory_max), 0, UINT64_MAX, "0",
     "Bytes of messages being received at once in one worker, at least message_bytes_max; 0: an eighth of the machine's memory "
     "for "
     "all workers together, but for one no less than twice message_bytes_max and no more than 512M (or that)."},
    {"accept", "greeting_wait", OPTION_TIME_MS, AT(accept.greeting_wait_ms), 0, S(60), "0s", "Pause before the greeting."},
    {"accept", "command_timeout", OPTION_TIME_MS, AT(accept.command_timeout_ms), S(1), S(3600), "5m",
     "Wait for a command (RFC 5321 4.5.3.2.7)."},
    {"accept", "data_timeout", OPTION_TIME_MS, AT(accept.data_timeout_ms), S(1), S(3600), "3m",
     "Wait for more of a message's content."},
    {"accept", "data_total", OPTION_TIME_MS, AT(accept.data_total_ms), S(1), S(86400), "1h",
     "Longest time that the content of one message may take."},
    {"accept", "auth_total", OPTION_TIME_MS, AT(accept.auth_total_ms), S(1), S(3600), "2m",
     "Longest time from greeting to login where a login is required."},
    {"accept", "fix_bare_newlines", OPTION_FLAG, AT(accept.fix_bare_newlines), 0, 0, "no",
     "Turn bare CR or LF into CRLF instead of refusing the message."},
    {"accept", "auth_failures_max", OPTION_COUNT, AT(accept.auth_failures_max), 1, 10000, "10",
     "Failed logins of one address or account before it is blocked."},
    {"accept", "auth_block", OPTION_TIME_MS, AT(accept.auth_block_ms), S(1), S(86400), "10m", "How long a block lasts."},
    {"accept", "hops_max", OPTION_COUNT, AT(prepare.hops_max), 10, 1000, "100",
     "Received headers that make a mail loop (RFC 5321 6.3)."},
    {"accept", "header_bytes_max", OPTION_SIZE, AT(prepare.header_bytes_max), 16 * K, 16 * M, "256K",
     "Largest header of a message."},
    {"log", "segment_bytes", OPTION_SIZE, AT(segment_bytes), 4 * M, 1024u * M, "64M", "Size of one segment file."},
    {"log", "disk_free_min", OPTION_SIZE64, AT(disk_free_min), 0, UINT64_MAX, "512M",
     "New mail is refused when less than this is free."},
    {"log", "direct_io", OPTION_FLAG, AT(direct_io), 0, 0, "yes", "Bypass the page cache where the file system can."},
    {"log", "content_memory_max", OPTION_SIZE64, AT(content_memory_max), M, UINT64_MAX, "256M",
     "Bytes of queued messages kept in memory; what is beyond is read back from disk."},
    {"schedule", "retry_first", OPTION_TIME_S, AT(schedule.retry_first_s), 1, 86400, "5m", "Wait before the second attempt."},
    {"schedule", "retry_max", OPTION_TIME_S, AT(schedule.retry_max_s), 1, 7 * 86400, "4h", "Longest wait between attempts."},
    {"schedule", "lifetime", OPTION_TIME_S, AT(schedule.lifetime_s), 1, 60 * 86400, "5d", "How long delivery is tried."},
    {"schedule", "lifetime_short", OPTION_TIME_S, AT(schedule.lifetime_short_s), 1, 60 * 86400, "2d",
     "The same for short-lived streams."},
    {"schedule", "warn_after", OPTION_TIME_S, AT(schedule.warn_after_s), 1, 60 * 86400, "4h",
     "When a sender who asked for it is warned of a delay."},
    {"schedule", "short_streams", OPTION_NAMES, AT(schedule.short_stream), 0, 0, "", "Names of streams that are short-lived."},
    {"deliver", "connect_timeout", OPTION_TIME_MS, AT(deliver.connect_timeout_ms), 100, S(3600), "30s", "Wait for a connection."},
    {"deliver", "banner_timeout", OPTION_TIME_MS, AT(deliver.banner_timeout_ms), 100, S(3600), "5m",
     "Wait for the greeting (RFC 5321 4.5.3.2.1)."},
    {"deliver", "command_timeout", OPTION_TIME_MS, AT(deliver.command_timeout_ms), 100, S(3600), "5m",
     "Wait for the reply to MAIL, RCPT and others (4.5.3.2.2-3)."},
    {"deliver", "data_timeout", OPTION_TIME_MS, AT(deliver.data_timeout_ms), 100, S(3600), "2m",
     "Wait for the reply to DATA (4.5.3.2.4)."},
    {"deliver", "block_timeout", OPTION_TIME_MS, AT(deliver.body_block_timeout_ms), 100, S(3600), "3m",
     "Wait until a block of content is taken (4.5.3.2.5)."},
    {"deliver", "body_timeout", OPTION_TIME_MS, AT(deliver.body_timeout_ms), 100, S(7200), "10m",
     "Wait for the reply after the content (4.5.3.2.6)."},
    {"deliver", "idle", OPTION_TIME_MS, AT(deliver.idle_ms), 0, S(600), "2s", "How long an unused connection is kept."},
    {"deliver", "hosts_max", OPTION_COUNT, AT(deliver.hosts_max), 1, 100, "5", "Addresses tried in one attempt."},
    {"deliver", "attempts_max", OPTION_COUNT, AT(schedule.attempts_max), 4, 100000, "2000",
     "Attempts at one time, per worker; a quarter is kept for hosts that were reached last time."},
    {"deliver", "idle_max", OPTION_COUNT, AT(deliver.idle_max), 0, 100000, "500",
     "Unused connections kept at one time, per worker."},
    {"deliver", "chunking", OPTION_FLAG, AT(deliver.chunking), 0, 0, "yes", "Send by BDAT where offered (RFC 3030)."},
    {"deliver", "port", OPTION_PORT, AT(route.port), 1, 65535, "25", "Port of receiving hosts found by DNS."},
    {"deliver", "ipv6", OPTION_FLAG, AT(route.ipv6), 0, 0, "yes", "Use IPv6 addresses of receiving hosts."},
    {"deliver", "resolvers", OPTION_NAMES, AT(route.resolver), 0, 0, "",
     "Resolvers to ask, as IP or IP@port; empty: the system's."},
    {"deliver", "allow_special_addresses", OPTION_FLAG, AT(route.allow_special), 0, 0, "no",
     "Deliver to hosts found by DNS on loopback and link-local addresses."},
    {"deliver", "domains_cached", OPTION_COUNT, AT(route.cache_max), 100, 10000000, "100000",
     "Domains whose hosts are remembered, per worker."},
    {"source", "ehlo", OPTION_TEXT, AT(source.ehlo), 0, 0, "", "Name said in EHLO; empty: hostname."},
    {"source", "address4", OPTION_IP, AT(source.addr4), 0, 0, "",
     "IPv4 address that mail leaves from; empty: the system's choice."},
    {"source", "address6", OPTION_IP, AT(source.addr6), 0, 0, "",
     "IPv6 address that mail leaves from; empty: the system's choice."},
    {"suppression", "automatic", OPTION_FLAG, AT(suppress_automatic), 0, 0, "yes",
     "Suppress an address when its server says, surely, that there is no such mailbox."},
    {"suppression", "failures", OPTION_COUNT, AT(suppress_failures), 1, 3, "1", "Messages that must fail that way."},
    {"suppression", "expires", OPTION_EXPIRY, AT(suppress_expires_s), 30 * 86400, 184 * 86400, "never",
     "When such an entry ends: never, or after 30d to 184d."},
    {"suppression", "server_wide", OPTION_FLAG, AT(suppress_server_wide), 0, 0, "no",
     "Make such entries for all accounts, not only for the one whose mail it was."},
    {"suppression", "complaints", OPTION_FLAG, AT(suppress_complaints), 0, 0, "yes",
     "Suppress an address when its owner reports a message as spam."},
    {"return_path", "use", OPTION_FLAG, AT(return_path), 0, 0, "yes",
     "Let bounces come back to bounces.DOMAIN, for domains whose return path \"goniec domain check\" has seen."},
    {"return_path", "accepted_for", OPTION_TIME_S, AT(accept.return_age_s), 60, 60 * 86400, "30d",
     "How long after a message was accepted what comes back about it is taken; no longer than keep_stories, for then nothing is "
     "known of it."},
    {"notify", "quote_max", OPTION_SIZE, AT(dsn_quote_max), 0, 50 * M, "50K",
     "A longer message is quoted in notifications by its header only."},
};
const size_t option_count = sizeof option_rows / sizeof *option_rows;

#define LANE(field) offsetof(struct lane_limits, field)
const struct option lane_rows[] = {
    {"lane", "connections", OPTION_COUNT, LANE(connections), 1, 10000, "20", "Connections at once to one site."},
    {"lane", "messages_per_connection", OPTION_COUNT, LANE(messages_per_connection), 0, BIG, "100",
     "Messages over one connection; 0: no bound."},
    {"lane", "recipients", OPTION_COUNT, LANE(recipients), 1, 10000, "100", "Recipients in one transaction."},
    {"lane", "messages_per_s", OPTION_RATE, LANE(messages_per_s), 0, 0, "0", "Messages a second; 0: no bound."},
};

#define LISTEN(field) offsetof(struct listen_section, field)
const struct option listen_rows[] = {
    {"listen", "door", OPTION_DOOR, LISTEN(door), 0, 0, "submission",
     "Who is expected: mx (other servers, mail for hosted domains, no logins), submission (clients: STARTTLS and a login), "
     "submissions "
     "(clients: "
     "TLS from the first byte and a login)."},
    {"listen", "address", OPTION_ADDRESS, LISTEN(address), 0, 0, "", "Where to listen."},
};

#define ROUTE(field) offsetof(struct route_rule, field)
const struct option route_rows[] = {
    {"route", "to", OPTION_TARGET, 0, 0, 0, "", "Where the mail goes; must be given."},
    {"route", "tls", OPTION_TLS, ROUTE(tls), 0, 0, "opportunistic",
     "opportunistic: when offered, and as the domain's TLSA records or MTA-STS policy demand; none: never; required: any "
     "certificate "
     "will do; verified: a valid certificate for the host's name."},
    {"route", "login", OPTION_TEXT, ROUTE(login), 0, 0, "", "Login at that server; empty: none."},
    {"route", "password", OPTION_TEXT, ROUTE(password), 0, 0, "", "Its password; never sent without TLS."},
};

#define TABLE(titled, rows)                                                                                                      \
    {                                                                                                                            \
        titled, rows, sizeof rows / sizeof *rows                                                                                 \
    }
const struct option_table option_tables[] = {
    TABLE(NULL, option_rows),
    TABLE("listen", listen_rows),
    TABLE("route", route_rows),
    TABLE("lane", lane_rows),
};
const size_t option_table_count = sizeof option_tables / sizeof *option_tables;

/* ---- finding ---- */

const struct option *option_find(const char *section, const char *name)
{
    for (size_t t = 0; t < option_table_count; t++)
        for (size_t i = 0; i < option_tables[t].n; i++) {
            const struct option *o = &option_tables[t].rows[i];
            if (strcmp(o->section, section) == 0 && strcmp(o->name, name) == 0)
                return o;
        }
    return NULL;
}

static void add_name(const char **names, size_t *n, size_t most, const char *name)
{
    if (*n < most && (*n == 0 || strcmp(names[*n - 1], name) != 0))
        names[(*n)++] = name;
}

size_t option_names(const char *section, const char **names, size_t most)
{
    size_t n = 0;
    for (size_t t = 0; t < option_table_count; t++)
        for (size_t i = 0; i < option_tables[t].n; i++) {
            const struct option *o = &option_tables[t].rows[i];
            if (strcmp(o->section, section) == 0)
                add_name(names, &n, most, o->name);
            else if (!*section)
                add_name(names, &n, most, o->section);
        }
    return n;
}

/* ---- reading ---- */

/* A number and a unit from a list of {suffix, factor}; the whole text must be used. */
struct unit {
    const char *suffix;
    uint64_t factor;
};
static const struct unit sizes[] = {{"", 1}, {"K", K}, {"M", M}, {"G", 1024ull * M}, {0}};
static const struct unit times_ms[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {0}};
static const struct unit times_s[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {0}};
static const struct unit plain[] = {{"", 1}, {0}};

static bool number_read(struct str text, const struct unit *units, uint64_t *ret)
{
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    struct str suffix = {text.p + digits, text.n - digits};
    uint64_t v;
    for (; units->suffix; units++)
        if (str_eq(suffix, str_of(units->suffix)))
            return str_to_u64(str_mem(text.p, digits), UINT64_MAX / units->factor, &v) && (*ret = v * units->factor, true);
    return false;
}

static bool read_number(const struct option *o, struct str text, void *to, char why[200])
{
    const struct unit *units = o->kind == OPTION_COUNT || o->kind == OPTION_PORT      ? plain
                               : o->kind == OPTION_TIME_MS                            ? times_ms
                               : o->kind == OPTION_TIME_S || o->kind == OPTION_EXPIRY ? times_s
                                                                                      : sizes;
    uint64_t v;
    if (!number_read(text, units, &v)) {
        snprintf(why, 200, "expected %s", option_form(o->kind));
        return false;
    }
    if (v < o->min || v > o->max) {
        snprintf(why, 200, "out of bounds: at least %llu and at most %llu%s", (unsigned long long)o->min,
                 (unsigned long long)o->max,
                 units == times_ms  ? " ms"
                 : units == times_s ? " s"
                                    : "");
        return false;
    }
    if (o->kind == OPTION_PORT)
        *(uint16_t *)to = (uint16_t)v;
    else if (o->kind == OPTION_SIZE64)
        *(uint64_t *)to = v;
    else
        *(uint32_t *)to = (uint32_t)v;
    return true;
}

static bool read_flag(struct str text, bool *to)
{
    *to = str_eq(text, STR("yes")) || str_eq(text, STR("true"));
    return *to || str_eq(text, STR("no")) || str_eq(text, STR("false"));
}

/* strtod alone would also take white space, "0x10", "inf" and what follows the 31st character. */
static bool read_rate(struct str text, double *to)
{
    char z[32], *end;
    if (text.n == 0 || text.n >= sizeof z || strspn(text.p, "0123456789.") < text.n)
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    *to = strtod(z, &end);
    return !*end && *to <= 1e6;
}

static bool read_domain(struct str text, struct arena *a, void *to, char why[200])
{
    const char *reason = "not a domain name";
    return (domain_valid(text, true) && domain_ascii(text, a, to, &reason)) ||
           (snprintf(why, 200, "expected a domain name (%s)", reason), false);
}

static bool read_ip(struct str text, struct sockaddr_storage *to)
{
    socklen_t len;
    return text.n == 0 || net_parse_ip(text, 0, to, &len); /* unset: sa_family 0 is AF_UNSPEC */
}

static bool is_language(struct str text)
{
    static const char *const all[] = {"pl", "en", "pl,en", "en,pl"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_eq(text, str_of(all[i])))
            return true;
    return false;
}

/* ---- signing ---- */

static bool read_unknown(struct str text, enum sign_unknown *to)
{
    static const char *const words[] = {
        [SIGN_UNKNOWN_PASS] = "pass", [SIGN_UNKNOWN_OWN] = "own-domain", [SIGN_UNKNOWN_REFUSE] = "refuse"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq(text, str_of(words[i]))) {
            *to = (enum sign_unknown)i;
            return true;
        }
    return false;
}

/* ---- listeners and routes ---- */

static const char *const doors[] = {[DOOR_MX] = "mx", [DOOR_SUBMISSION] = "submission", [DOOR_SUBMISSIONS] = "submissions"};
static const char *const tls_words[] = {
    [SECURE_MAY] = "opportunistic", [SECURE_NEVER] = "none", [SECURE_ENCRYPTED] = "required", [SECURE_VERIFIED] = "verified"};

static int word_find(const char *const *words, size_t n, struct str w)
{
    for (size_t i = 0; i < n; i++)
        if (words[i] && str_eq(str_of(words[i]), w))
            return (int)i;
    return -1;
}

static bool read_door(struct str text, enum door *to)
{
    int n = word_find(doors, sizeof doors / sizeof *doors, text);
    *to = n < 0 ? DOOR_MX : (enum door)n;
    return n >= 0;
}

static bool read_tls(struct str text, enum secure_level *to)
{
    int n = word_find(tls_words, sizeof tls_words / sizeof *tls_words, text);
    *to = n < 0 ? SECURE_NEVER : (enum secure_level)n;
    return n >= 0;
}

static bool read_address(struct str text, struct arena *a, struct settings_listener *to)
{
    to->text = arena_str(a, text);
    return !str_starts_nocase(text, STR("unix:")) && net_parse(text, &to->addr, &to->addr_len);
}

/* The number after the last colon that is not inside an address's brackets. */
static bool split_port(struct str *host, uint64_t *port)
{
    const char *colon = memrchr(host->p, ':', host->n), *bracket = memrchr(host->p, ']', host->n);
    if (!colon || (bracket && colon < bracket))
        return true;
    struct str digits = str_mem(colon + 1, host->n - (size_t)(colon - host->p) - 1);
    host->n = (size_t)(colon - host->p);
    return str_to_u64(digits, 65535, port) && *port > 0;
}

static bool read_target(struct str text, struct arena *a, struct route_rule *r)
{
    struct str host = text, scheme = str_split(&host, ':');
    uint64_t port;
    r->port = 0;
    if (str_eq(text, STR("mx"))) {
        r->kind = ROUTE_SMTP;
        r->host = r->maildir = STR("");
        return true;
    }
    if (host.p == NULL || host.n == 0)
        return false;
    if (str_eq(scheme, STR("maildir"))) {
        r->kind = ROUTE_MAILDIR;
        r->maildir = arena_str(a, host);
        return host.p[0] == '/';
    }
    r->kind = str_eq(scheme, STR("lmtp")) ? ROUTE_LMTP : ROUTE_SMTP;
    if (r->kind == ROUTE_SMTP && !str_eq(scheme, STR("smtp")))
        return false;
    if (str_starts_nocase(host, STR("unix:/"))) {
        r->host = arena_str(a, host);
        return r->kind == ROUTE_LMTP;
    }
    port = r->kind == ROUTE_LMTP ? 24 : 25;
    if (!split_port(&host, &port))
        return false;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = str_mem(host.p + 1, host.n - 2);
    r->host = arena_str(a, host);
    r->port = (uint16_t)port;
    return host.n > 0;
}

/* ---- any ---- */

const char *option_form(enum option_kind k)
{
    static const char *const forms[] = {
        [OPTION_TEXT] = "a text",
        [OPTION_COUNT] = "a whole number",
        [OPTION_PORT] = "a port number",
        [OPTION_SIZE] = "a size such as 512K, 50M or 1G",
        [OPTION_SIZE64] = "a size such as 512K, 50M or 1G",
        [OPTION_TIME_MS] = "a time such as 250ms, 30s, 5m or 4h",
        [OPTION_TIME_S] = "a time such as 30s, 5m, 4h or 5d",
        [OPTION_EXPIRY] = "never, or a time such as 30d or 90d",
        [OPTION_FLAG] = "yes or no",
        [OPTION_RATE] = "a number of messages a second, 0 to 1000000",
        [OPTION_NETWORKS] = "a network such as 192.0.2.0/24 or 2001:db8::/32 (host bits zero)",
        [OPTION_DOMAINS] = "a domain name",
        [OPTION_NAMES] = "a name",
        [OPTION_HOSTNAME] = "a domain name",
        [OPTION_UNKNOWN] = "pass, own-domain or refuse",
        [OPTION_ENFORCE] = "note or enforce",
        [OPTION_DOMAIN] = "a domain name, or nothing",
        [OPTION_LANGUAGE] = "pl, en, \"pl,en\" or \"en,pl\"",
        [OPTION_IP] = "an IP address",
        [OPTION_DOOR] = "mx, submission or submissions",
        [OPTION_ADDRESS] = "IP:port, such as 0.0.0.0:25 or [::]:25",
        [OPTION_TARGET] = "mx (the domain's own mail hosts), smtp:host[:port], lmtp:host:port, lmtp:unix:/path or maildir:/path",
        [OPTION_TLS] = "opportunistic, none, required or verified",
    };
    return forms[k];
}

static bool expected(bool good, const struct option *o, char why[200])
{
    return good || (snprintf(why, 200, "expected %s", option_form(o->kind)), false);
}

bool option_read(const struct option *o, struct str text, struct arena *a, void *to, char why[200])
{
    switch (o->kind) {
    case OPTION_TEXT:
    case OPTION_NAMES:
        *(struct str *)to = arena_str(a, text);
        return true;
    case OPTION_HOSTNAME:
    case OPTION_DOMAINS:
        return read_domain(text, a, to, why);
    case OPTION_LANGUAGE:
        *(struct str *)to = arena_str(a, text);
        return expected(is_language(text), o, why);
    case OPTION_NETWORKS:
        return expected(cidr_parse(text, to), o, why);
    case OPTION_FLAG:
        return expected(read_flag(text, to), o, why);
    case OPTION_RATE:
        return expected(read_rate(text, to), o, why);
    case OPTION_IP:
        return expected(read_ip(text, to), o, why);
    case OPTION_UNKNOWN:
        return expected(read_unknown(text, to), o, why);
    case OPTION_ENFORCE:
        *(bool *)to = str_eq(text, STR("enforce"));
        return expected(*(bool *)to || str_eq(text, STR("note")), o, why);
    case OPTION_DOMAIN:
        *(struct str *)to = STR("");
        return text.n == 0 || read_domain(text, a, to, why);
    case OPTION_EXPIRY:
        if (str_eq(text, STR("never"))) {
            *(uint32_t *)to = 0;
            return true;
        }
        return read_number(o, text, to, why);
    case OPTION_DOOR:
        return expected(read_door(text, to), o, why);
    case OPTION_ADDRESS:
        return expected(read_address(text, a, to), o, why);
    case OPTION_TARGET:
        return expected(read_target(text, a, to), o, why);
    case OPTION_TLS:
        return expected(read_tls(text, to), o, why);
    case OPTION_COUNT:
    case OPTION_PORT:
    case OPTION_SIZE:
    case OPTION_SIZE64:
    case OPTION_TIME_MS:
    case OPTION_TIME_S:
        return read_number(o, text, to, why);
    }
    return false;
}

size_t option_element_bytes(enum option_kind k)
{
    switch (k) {
    case OPTION_NETWORKS:
        return sizeof(struct cidr);
    case OPTION_DOMAINS:
    case OPTION_NAMES:
        return sizeof(struct str);
    case OPTION_ADDRESS:
        return sizeof(struct settings_listener);
    default:
        return 0;
    }
}
