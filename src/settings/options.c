/* options: one row per setting; the parser, the defaults and the printed reference all come from here. */
#include "settings/options.h"

#include "mail/mailbox.h"

#include <stddef.h>
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
    {"tls", "certificate", OPTION_TEXT, AT(tls_certificate), 0, 0, "",
     "PEM file with the certificate chain; empty: a self-signed one is made."},
    {"tls", "key", OPTION_TEXT, AT(tls_key), 0, 0, "", "PEM file with the certificate's key."},
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
    {"accept", "memory_max", OPTION_SIZE64, AT(accept.memory_max), M, UINT64_MAX, "512M",
     "Bytes of messages being received at once in one worker."},
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
    {"deliver", "port", OPTION_COUNT, AT(route.port), 1, 65535, "25", "Port of receiving hosts found by DNS."},
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
const size_t lane_row_count = sizeof lane_rows / sizeof *lane_rows;

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
    const struct unit *units = o->kind == OPTION_COUNT     ? plain
                               : o->kind == OPTION_TIME_MS ? times_ms
                               : o->kind == OPTION_TIME_S  ? times_s
                                                           : sizes;
    const char *form = o->kind == OPTION_COUNT ? "a whole number"
                       : units == sizes        ? "a size such as 512K, 50M or 1G"
                                               : "a time such as 30s, 5m, 4h or 5d";
    uint64_t v;
    if (!number_read(text, units, &v)) {
        snprintf(why, 200, "expected %s", form);
        return false;
    }
    if (v < o->min || v > o->max) {
        snprintf(why, 200, "out of bounds: at least %llu and at most %llu%s", (unsigned long long)o->min,
                 (unsigned long long)o->max,
                 o->kind == OPTION_TIME_MS  ? " ms"
                 : o->kind == OPTION_TIME_S ? " s"
                                            : "");
        return false;
    }
    if (o->kind == OPTION_SIZE64)
        *(uint64_t *)to = v;
    else
        *(uint32_t *)to = (uint32_t)v;
    return true;
}

static bool read_flag(struct str text, void *to, char why[200])
{
    bool yes = str_eq(text, STR("yes")) || str_eq(text, STR("true")), no = str_eq(text, STR("no")) || str_eq(text, STR("false"));
    *(bool *)to = yes;
    return yes || no || (snprintf(why, 200, "expected yes or no"), false);
}

static bool read_rate(struct str text, void *to, char why[200])
{
    char z[32], *end;
    snprintf(z, sizeof z, "%.*s", STR_ARGS(text));
    double v = strtod(z, &end);
    if (!*z || *end || !(v >= 0 && v <= 1e6)) {
        snprintf(why, 200, "expected a number of messages a second, 0 to 1000000");
        return false;
    }
    *(double *)to = v;
    return true;
}

static bool read_domain(struct str text, struct arena *a, void *to, char why[200])
{
    const char *reason = "not a domain name";
    return (domain_valid(text, true) && domain_ascii(text, a, to, &reason)) ||
           (snprintf(why, 200, "expected a domain name (%s)", reason), false);
}

static bool read_ip(struct str text, void *to, char why[200])
{
    socklen_t len;
    if (text.n == 0)
        return true; /* sa_family 0 is AF_UNSPEC: any */
    return net_parse_ip(text, 0, to, &len) || (snprintf(why, 200, "expected an IP address"), false);
}

static bool is_language(struct str text)
{
    static const char *const all[] = {"pl", "en", "pl,en", "en,pl"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_eq(text, str_of(all[i])))
            return true;
    return false;
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
        return is_language(text) || (snprintf(why, 200, "expected pl, en, \"pl,en\" or \"en,pl\""), false);
    case OPTION_NETWORKS:
        return cidr_parse(text, to) ||
               (snprintf(why, 200, "expected a network such as 192.0.2.0/24 or 2001:db8::/32 (host bits zero)"), false);
    case OPTION_FLAG:
        return read_flag(text, to, why);
    case OPTION_RATE:
        return read_rate(text, to, why);
    case OPTION_IP:
        return read_ip(text, to, why);
    case OPTION_COUNT:
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
    return k == OPTION_NETWORKS ? sizeof(struct cidr) : k == OPTION_DOMAINS || k == OPTION_NAMES ? sizeof(struct str) : 0;
}
