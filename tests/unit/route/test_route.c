/* From a domain to hosts, behind the room's door, against a name server in the same loop. */
#include "../mail/check.h"

#include "lib/loop.h"
#include "route/route.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A = 1, MX = 15, TXT = 16, AAAA = 28, LOOKUPS_AT_ONCE = 4096 };

/* What it answers: an A record's address, an MX's host (preference 10). Any other name exists without records, but for "gone."
 * (NXDOMAIN), "broken" names (SERVFAIL), and "wide" names, which have three hosts of eight addresses. */
static const struct {
    const char *name;
    uint16_t type;
    const char *value;
} records[] = {{"dest.test", MX, "mx.test"},          {"mx.test", A, "192.0.2.1"},
               {"relay.test", A, "192.0.2.2"},        {"alone.test", A, "192.0.2.3"},
               {"us.test", MX, "mail.us.test"},       {"mail.us.test", A, "192.0.2.4"},
               {"inner.test", A, "127.0.0.1"},        {"null.test", MX, ""},
               {"homeless.test", MX, "nowhere.test"}, {"second.test", MX, "mx.test"},
               {"half.test", MX, "mx.test"},          {"half.test", MX, "broken.test"},
               {"mute.test", MX, "mx.test"},          {"sixth.test", AAAA, ""},
               {"sts.test", MX, "mx.test"},           {"_mta-sts.sts.test", TXT, "v=STSv1; id=7;"}};

struct server {
    struct watch watch;
    unsigned asked;
    char last[256];
};

static struct loop *l;
static struct server dns;
static char resolver_text[64];
static struct str resolver;
static struct route_settings settings;

static size_t put_name(uint8_t *to, const char *name)
{
    size_t n = 0;
    while (*name) {
        size_t label = strcspn(name, ".");
        to[n++] = (uint8_t)label;
        memcpy(to + n, name, label);
        n += label;
        name += label + (name[label] == '.');
    }
    to[n++] = 0;
    return n;
}

static size_t put_record(uint8_t *to, uint16_t type, const char *value)
{
    static const uint8_t pointer[] = {0xc0, 12};
    uint8_t data[300];
    size_t n = 0;
    if (type == A) {
        inet_pton(AF_INET, value, data);
        n = 4;
    } else if (type == MX) {
        data[0] = 0;
        data[1] = *value ? 10 : 0;
        n = 2 + put_name(data + 2, value);
    } else if (type == TXT) {
        data[0] = (uint8_t)strlen(value);
        memcpy(data + 1, value, data[0]);
        n = 1u + data[0];
    } else {
        memset(data, 0, n = 16);
        data[0] = 0x20;
        data[1] = 0x01;
    }
    memcpy(to, pointer, 2);
    uint8_t head[] = {0, (uint8_t)type, 0, 1, 0, 0, 0x0e, 0x10, (uint8_t)(n >> 8), (uint8_t)n};
    memcpy(to + 2, head, sizeof head);
    memcpy(to + 2 + sizeof head, data, n);
    return 2 + sizeof head + n;
}

/* Reads the one question; returns where it ends. */
static size_t question(const uint8_t *q, size_t n, char name[256], uint16_t *type)
{
    size_t at = 12, to = 0;
    while (at < n && q[at]) {
        memcpy(name + to, q + at + 1, q[at]);
        to += q[at];
        name[to++] = '.';
        at += q[at] + 1u;
    }
    name[to ? to - 1 : 0] = '\0';
    *type = q[at + 2];
    return at + 5;
}

static size_t put_wide(uint8_t *r, size_t end, const char *name, uint16_t type)
{
    char value[40];
    for (int i = 0; i < (type == MX ? 3 : type == A ? 8 : 0); i++, r[7]++) {
        snprintf(value, sizeof value, type == MX ? "wide%d.%s" : "192.0.2.%d", i, name);
        end += put_record(r + end, type, value);
    }
    return end;
}

static bool serve_one(struct server *s)
{
    uint8_t q[512], r[1500] = {0};
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    uint16_t type;
    ssize_t n = recvfrom(s->watch.fd, q, sizeof q, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    if (n < 17)
        return false;
    size_t end = question(q, (size_t)n, s->last, &type);
    s->asked++;
    memcpy(r, q, end);
    r[2] = 0x81;
    r[3] = strncmp(s->last, "gone.", 5) == 0                                                  ? 0x83
           : strncmp(s->last, "broken", 6) == 0 || strcmp(s->last, "_mta-sts.mute.test") == 0 ? 0x82
                                                                                              : 0x80;
    r[5] = 1;
    memset(r + 6, 0, 6);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (strcasecmp(records[i].name, s->last) == 0 && records[i].type == type) {
            r[7]++;
            end += put_record(r + end, type, records[i].value);
        }
    if (strncmp(s->last, "wide", 4) == 0)
        end = put_wide(r, end, s->last, type);
    sendto(s->watch.fd, r, end, 0, (struct sockaddr *)&from, len);
    return true;
}

static void on_query(void *ctx, uint32_t events)
{
    (void)events;
    while (serve_one(ctx))
        ;
}

static int set_up(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof any;
    struct fault f;
    int big = 4 << 20;
    (void)state;
    assert_true(loop_new(&l, &f));
    dns = (struct server){.watch = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .fn = on_query, .ctx = &dns}};
    setsockopt(dns.watch.fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    assert_int_equal(bind(dns.watch.fd, (struct sockaddr *)&any, sizeof any), 0);
    getsockname(dns.watch.fd, (struct sockaddr *)&any, &len);
    snprintf(resolver_text, sizeof resolver_text, "127.0.0.1@%u", ntohs(any.sin_port));
    resolver = str_of(resolver_text);
    loop_watch(l, &dns.watch, EPOLLIN);
    settings = (struct route_settings){
        .hostname = STR("mail.us.test"), .resolver = &resolver, .resolvers = 1, .port = 25, .cache_max = 1000};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_watch(l, &dns.watch, 0);
    close(dns.watch.fd);
    loop_free(&l);
    return 0;
}

static struct router *fresh(void)
{
    struct router *r = NULL;
    struct fault f;
    assert_true(route_open(&r, l, &settings, &(struct route_hooks){0}, &f));
    return r;
}

/* ---- asking, and what comes ---- */

struct answer {
    struct route_ask ask;
    bool came;
    unsigned place; /* among all answers */
    struct route *route;
    struct route_trouble trouble;
};

static void on_answer(void *ctx, struct route *route, const struct route_trouble *t)
{
    struct answer *a = ctx;
    assert_false(a->came);
    static unsigned answers;
    a->came = true;
    a->place = ++answers;
    a->route = route;
    if (t)
        a->trouble = *t;
}

static void ask(struct router *r, struct answer *a, const char *domain)
{
    *a = (struct answer){.ask = {.done = on_answer, .ctx = a}};
    route_find(r, str_of(domain), &a->ask);
}

static void wait_for(struct answer *a)
{
    for (int i = 0; i < 3000 && !a->came; i++)
        loop_turn(l, 10);
    assert_true(a->came);
}

/* The only host's address of the domain; "" and the trouble's cause otherwise. */
static struct answer find(struct router *r, const char *domain)
{
    struct answer a;
    ask(r, &a, domain);
    wait_for(&a);
    return a;
}

static void goes_to(struct router *r, const char *domain, const char *site, const char *address, uint16_t port)
{
    struct answer a = find(r, domain);
    char text[NET_TEXT];
    assert_non_null(a.route);
    assert_string_equal(a.route->site, site);
    assert_int_equal(a.route->hosts, 1);
    net_text((struct sockaddr *)&a.route->host[0].addr, text);
    assert_string_equal(text, address);
    assert_int_equal(net_port((struct sockaddr *)&a.route->host[0].addr), port);
    route_free(&a.route);
}

static void fails(struct router *r, const char *domain, bool permanent, const char *cause)
{
    struct answer a = find(r, domain);
    assert_null(a.route);
    assert_string_equal(a.trouble.cause, cause);
    assert_int_equal(a.trouble.permanent, permanent);
    struct str detail;
    assert_int_not_equal(note_take(str_of(a.trouble.note), &detail), NOTE_NONE);
    assert_true(str_eq_nocase(detail, str_of(domain)));
}

static void a_domain_goes_to_its_mail_hosts_or_to_itself(void **state)
{
    (void)state;
    struct router *r = fresh();
    goes_to(r, "dest.test", "mx.test", "192.0.2.1", 25);
    goes_to(r, "second.test", "mx.test", "192.0.2.1", 25); /* another domain, the same site */
    goes_to(r, "alone.test", "alone.test", "192.0.2.3", 25);
    route_close(&r);
}

static void permanent_and_temporary_trouble_are_kept_apart(void **state)
{
    (void)state;
    struct router *r = fresh();
    fails(r, "gone.test", true, "domain-not-found");
    fails(r, "null.test", true, "null-mx");
    fails(r, "homeless.test", true, "no-mail-host");
    fails(r, "empty.test", true, "no-mail-host");
    fails(r, "us.test", true, "loop-to-self");
    fails(r, "inner.test", true, "no-mail-host");
    fails(r, "broken.test", false, "dns-failure");
    route_close(&r);
}

static void an_address_literal_is_its_own_host_and_a_bad_one_none(void **state)
{
    (void)state;
    struct router *r = fresh();
    unsigned before = dns.asked;
    goes_to(r, "[192.0.2.9]", "[192.0.2.9]", "192.0.2.9", 25);
    goes_to(r, "[IPv6:2001:db8::9]", "[IPv6:2001:db8::9]", "2001:db8::9", 25);
    fails(r, "[127.0.0.1]", true, "domain-not-found");
    fails(r, "[2001:db8::9]", true, "domain-not-found"); /* without its tag (RFC 5321 4.1.3) */
    fails(r, "[IPv6:192.0.2.9]", true, "domain-not-found");
    fails(r, "[192.0.2]", true, "domain-not-found");
    assert_int_equal(dns.asked, before);
    route_close(&r);
}

static void the_most_exact_rule_decides_and_keeps_its_own_words(void **state)
{
    (void)state;
    struct route_rule rules[] = {{.domain = STR("*"), .host = STR("192.0.2.50"), .port = 26},
                                 {.domain = STR("*.sub.test"), .host = STR("192.0.2.51"), .port = 27},
                                 {.domain = STR("x.sub.test"),
                                  .host = STR("relay.test"),
                                  .port = 587,
                                  .tls = SECURE_VERIFIED,
                                  .login = STR("shop"),
                                  .password = STR("secret")},
                                 {.domain = STR("box.test"), .kind = ROUTE_MAILDIR, .maildir = STR("/var/mail/%u")}};
    struct route_settings with = settings;
    with.rule = rules;
    with.rules = sizeof rules / sizeof *rules;
    struct router *r = fresh();
    route_settings_use(r, &with);
    goes_to(r, "other.test", "192.0.2.50:26", "192.0.2.50", 26);
    goes_to(r, "sub.test", "192.0.2.50:26", "192.0.2.50", 26); /* not below itself */
    goes_to(r, "deep.down.sub.test", "192.0.2.51:27", "192.0.2.51", 27);
    struct answer a = find(r, "x.sub.test"); /* asked for, and answered much later than the rule was read */
    assert_string_equal(a.route->site, "relay.test:587");
    assert_string_equal(a.route->login, "shop");
    assert_string_equal(a.route->password, "secret");
    assert_string_equal(a.route->host[0].name, "relay.test");
    assert_int_equal(a.route->host[0].secure.level, SECURE_VERIFIED);
    route_free(&a.route);
    a = find(r, "box.test");
    assert_int_equal(a.route->kind, ROUTE_MAILDIR);
    assert_string_equal(a.route->maildir, "/var/mail/%u");
    route_free(&a.route);
    route_settings_use(r, &settings);
    route_close(&r);
}

static void many_who_ask_at_once_share_one_lookup_and_those_after_them_its_answer(void **state)
{
    (void)state;
    enum { ASKERS = 50 };
    struct router *r = fresh();
    struct answer a[ASKERS];
    struct route_stats stats;
    for (int i = 0; i < ASKERS; i++)
        ask(r, &a[i], "dest.test");
    for (int i = 0; i < ASKERS; i++) {
        wait_for(&a[i]);
        assert_ptr_equal(a[i].route, a[0].route);
    }
    for (int i = 0; i < ASKERS; i++)
        route_free(&a[i].route);
    goes_to(r, "dest.test", "mx.test", "192.0.2.1", 25);
    route_stats(r, &stats);
    assert_int_equal(stats.lookups, 1);
    assert_int_equal(stats.cache_hits, 1);
    assert_int_equal(stats.waiting, 0);
    route_close(&r);
}

static void what_earlier_settings_answered_is_not_remembered_under_the_new(void **state)
{
    (void)state;
    struct route_rule rule = {.domain = STR("dest.test"), .host = STR("relay.test"), .port = 2525};
    struct route_settings with = settings;
    struct router *r = fresh();
    struct answer a;
    with.rule = &rule;
    with.rules = 1;
    route_settings_use(r, &with);
    ask(r, &a, "dest.test"); /* under way while the rule goes */
    assert_false(a.came);
    route_settings_use(r, &settings);
    memset(&with, 0xff, sizeof with);
    memset(&rule, 0xff, sizeof rule);
    wait_for(&a);
    assert_string_equal(a.route->site, "relay.test:2525");
    route_free(&a.route);
    goes_to(r, "dest.test", "mx.test", "192.0.2.1", 25);
    route_close(&r);
}

static void the_least_recently_used_domains_make_room(void **state)
{
    (void)state;
    struct route_settings small = settings;
    struct router *r = fresh();
    char domain[32];
    small.cache_max = 10;
    route_settings_use(r, &small);
    goes_to(r, "dest.test", "mx.test", "192.0.2.1", 25);
    for (int i = 0; i < 100; i++) {
        snprintf(domain, sizeof domain, "[192.0.2.%d]", i + 1);
        struct answer a = find(r, domain);
        route_free(&a.route);
        if (i < 50)
            goes_to(r, "dest.test", "mx.test", "192.0.2.1", 25); /* used all the time: it stays */
    }
    struct route_stats stats;
    route_stats(r, &stats);
    assert_int_equal(stats.lookups, 1);
    goes_to(r, "dest.test", "mx.test", "192.0.2.1", 25);
    route_stats(r, &stats);
    assert_int_equal(stats.lookups, 2); /* unused for fifty others, it had gone */
    route_settings_use(r, &settings);
    route_close(&r);
}

static void domains_with_many_hosts_make_room_sooner(void **state)
{
    static const char *const names[] = {"wide.test", "wide1.test", "wide2.test", "wide3.test"};
    struct route_stats stats;
    (void)state;
    settings.cache_max = 5;
    struct router *r = fresh();
    for (int i = 0; i < 8; i++) {
        struct answer a = find(r, names[i % 4]);
        assert_int_equal(a.route->hosts, 24);
        route_free(&a.route);
    }
    route_stats(r, &stats);
    assert_int_equal(stats.lookups, 8); /* not even four are kept */
    for (int i = 0; i < 6; i++) {
        struct answer a = find(r, i % 2 ? "dest.test" : "alone.test");
        route_free(&a.route);
    }
    route_stats(r, &stats);
    assert_int_equal(stats.lookups, 10);
    settings.cache_max = 1000;
    route_close(&r);
}

/* Milliseconds that what is said of the domain holds. */
static int64_t holds_ms(struct router *r, const char *domain)
{
    struct answer a = find(r, domain);
    assert_non_null(a.route);
    int64_t ms = a.route->expires_ms - loop_now_ms(l);
    route_free(&a.route);
    return ms;
}

static void what_is_known_in_part_does_not_hold_for_long(void **state)
{
    (void)state;
    struct router *r = fresh();
    assert_true(holds_ms(r, "dest.test") > 3000000);
    assert_true(holds_ms(r, "half.test") <= 60000); /* the addresses of one host could not be had */
    route_close(&r);
}

static void lookups_at_one_time_are_bounded_and_domains_found_before_go_first(void **state)
{
    (void)state;
    enum { MANY = LOOKUPS_AT_ONCE + 500 };
    static struct answer broken[MANY];
    struct route_rule rule = {.domain = STR("dest.test"), .host = STR("192.0.2.50"), .port = 25};
    struct route_settings with = settings;
    struct answer known, strange;
    struct route_stats stats;
    struct router *r = fresh();
    char domain[40];
    goes_to(r, "dest.test", "mx.test", "192.0.2.1", 25);
    route_settings_use(r, &settings); /* what is remembered must be asked for again */
    for (int i = 0; i < MANY; i++) {
        snprintf(domain, sizeof domain, "broken%d.test", i);
        ask(r, &broken[i], domain);
    }
    ask(r, &strange, "alone.test");
    ask(r, &known, "dest.test");
    route_stats(r, &stats);
    assert_int_equal(stats.lookups, LOOKUPS_AT_ONCE + 1);
    assert_int_equal(stats.waiting, MANY + 2);
    with.rule = &rule; /* so that it is answered in the moment of its turn */
    with.rules = 1;
    route_settings_use(r, &with);
    for (int64_t end = loop_now_ms(l) + 60000; !known.came && loop_now_ms(l) < end;)
        loop_turn(l, 10);
    assert_true(known.came && known.route);
    route_free(&known.route);
    for (int64_t end = loop_now_ms(l) + 60000; !strange.came && loop_now_ms(l) < end;)
        loop_turn(l, 10);
    assert_true(strange.came && strange.route);
    route_free(&strange.route);
    for (int64_t end = loop_now_ms(l) + 60000; stats.waiting && loop_now_ms(l) < end; route_stats(r, &stats))
        loop_turn(l, 10);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.lookups, MANY + 2);
    unsigned before = 0;
    for (int i = 0; i < MANY; i++)
        before += broken[i].place < known.place;
    assert_in_range(before, 1, 100); /* one place had to be free; 500 and more had waited longer */
    assert_true(known.place < strange.place);
    route_settings_use(r, &settings);
    route_close(&r);
}

static void several_resolvers_stand_in_for_each_other(void **state)
{
    (void)state;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof any;
    char silent_text[64];
    int silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(silent, (struct sockaddr *)&any, sizeof any), 0);
    getsockname(silent, (struct sockaddr *)&any, &len);
    snprintf(silent_text, sizeof silent_text, "127.0.0.1@%u", ntohs(any.sin_port));
    struct str both[] = {str_of(silent_text), resolver};
    settings.resolver = both;
    settings.resolvers = 2;
    struct router *r = fresh();
    goes_to(r, "dest.test", "mx.test", "192.0.2.1", 25);
    goes_to(r, "alone.test", "alone.test", "192.0.2.3", 25);
    fails(r, "gone.test", true, "domain-not-found");
    route_close(&r);
    settings.resolver = &resolver;
    settings.resolvers = 1;
    close(silent);
}

/* ---- MTA-STS policies ---- */

static struct {
    bool listening;
    unsigned wishes;
    char domain[64], id[40];
} office;

static bool on_want(void *ctx, const char *domain, struct str id)
{
    (void)ctx;
    office.wishes++;
    snprintf(office.domain, sizeof office.domain, "%s", domain);
    snprintf(office.id, sizeof office.id, "%.*s", STR_ARGS(id));
    return office.listening;
}

static struct router *fresh_with_office(bool listening)
{
    static struct route_settings with;
    struct router *r = NULL;
    struct fault f;
    memset(&office, 0, sizeof office);
    office.listening = listening;
    with = settings;
    with.mta_sts = true;
    assert_true(route_open(&r, l, &with, &(struct route_hooks){.want = on_want}, &f));
    return r;
}

/* The office has published: a line of the list about sts.test, without its name. */
static void publish(struct router *r, const char *line)
{
    struct sts_list *list = NULL;
    char text[300];
    struct fault f;
    snprintf(text, sizeof text, "goniec MTA-STS policies 1\nsts.test\t%s\n", line);
    assert_true(sts_list_parse(&list, str_of(text), &f));
    route_policies_use(r, list);
}

static struct secure demand_for(struct router *r, const char *domain)
{
    struct answer a = find(r, domain);
    assert_non_null(a.route);
    struct secure s = a.route->host[0].secure;
    assert_int_equal(a.route->policy == 0, s.level == SECURE_MAY && s.by == BY_NOBODY);
    route_free(&a.route);
    return s;
}

static void a_domain_that_announces_a_policy_waits_for_it_and_no_other_does(void **state)
{
    (void)state;
    struct router *r = fresh_with_office(true);
    struct answer held;
    ask(r, &held, "sts.test");
    for (int i = 0; i < 300 && !office.wishes; i++)
        loop_turn(l, 10);
    assert_string_equal(office.domain, "sts.test");
    assert_string_equal(office.id, "7");
    assert_int_equal(demand_for(r, "second.test").level, SECURE_MAY);
    publish(r, "6\t2\t1\t99999999999\t-\t0\tother.test "); /* an older one: still it waits */
    loop_turn(l, 10);
    assert_false(held.came);
    publish(r, "7\t2\t1\t99999999999\t-\t0\t*.test ");
    assert_true(held.came);
    assert_int_equal(held.route->host[0].secure.level, SECURE_VERIFIED);
    assert_int_equal(held.route->host[0].secure.by, BY_STS);
    assert_string_equal(held.route->site, "mx.test"); /* the same site as the other domain's */
    route_free(&held.route);
    route_close(&r);
}

static uint32_t voucher_of(struct router *r, const char *domain)
{
    struct answer a = find(r, domain);
    assert_non_null(a.route);
    assert_int_equal(a.route->voucher != 0, a.route->host[0].vouched);
    uint32_t number = a.route->voucher;
    route_free(&a.route);
    return number;
}

static void a_host_is_vouched_for_by_the_policy_or_by_being_the_domain_and_not_by_unsigned_dns(void **state)
{
    (void)state;
    struct router *r = fresh_with_office(true);
    publish(r, "7\t1\t1\t99999999999\t-\t0\tmx.test "); /* it is being tested, and names the host all the same */
    assert_int_not_equal(voucher_of(r, "sts.test"), 0);
    assert_int_not_equal(voucher_of(r, "alone.test"), 0);
    assert_int_equal(voucher_of(r, "second.test"), 0);
    route_close(&r);
    r = fresh_with_office(true);
    publish(r, "7\t1\t1\t99999999999\t-\t0\tother.test ");
    assert_int_equal(voucher_of(r, "sts.test"), 0);
    route_close(&r);
}

static void a_missing_answer_about_a_policy_does_not_hold_for_long(void **state)
{
    char line[80];
    (void)state;
    struct router *r = fresh_with_office(true);
    assert_true(holds_ms(r, "second.test") > 3000000); /* there is none */
    assert_true(holds_ms(r, "mute.test") <= 60000);    /* nobody knows */
    snprintf(line, sizeof line, "-\t0\t0\t0\t7\t%lld\t", (long long)(loop_wall_ms(l) / 1000 + 300));
    publish(r, line);
    assert_true(holds_ms(r, "sts.test") <= 300000); /* then it is fetched anew */
    route_close(&r);
}

static void a_policy_that_cannot_be_fetched_ends_the_wait_and_one_that_is_known_stays(void **state)
{
    (void)state;
    struct router *r = fresh_with_office(true);
    struct answer held;
    ask(r, &held, "sts.test");
    for (int i = 0; i < 300 && !office.wishes; i++)
        loop_turn(l, 10);
    publish(r, "-\t0\t0\t0\t7\t99999999999\t");
    assert_true(held.came);
    assert_int_equal(held.route->host[0].secure.level, SECURE_MAY);
    route_free(&held.route);
    route_close(&r);
    r = fresh_with_office(true);
    publish(r, "6\t2\t1\t99999999999\t7\t99999999999\tother.test "); /* an older one, which does not list the host */
    assert_int_equal(demand_for(r, "sts.test").flaw, FLAW_NOT_LISTED);
    assert_int_equal(office.wishes, 0); /* failed a moment ago: not wanted again */
    route_close(&r);
}

static void when_nobody_fetches_nothing_waits(void **state)
{
    (void)state;
    struct router *r = fresh_with_office(false);
    assert_int_equal(demand_for(r, "sts.test").level, SECURE_MAY);
    assert_int_equal(office.wishes, 1);
    route_close(&r);
    r = fresh_with_office(false);
    publish(r, "7\t1\t1\t2\t-\t0\tmx.test "); /* it has expired */
    assert_int_equal(demand_for(r, "sts.test").by, BY_NOBODY);
    route_close(&r);
}

static void a_router_closes_while_a_domain_waits_for_its_policy(void **state)
{
    (void)state;
    struct router *r = fresh_with_office(true);
    struct answer held;
    ask(r, &held, "sts.test");
    for (int i = 0; i < 300 && !office.wishes; i++)
        loop_turn(l, 10);
    route_close(&r);
    assert_false(held.came);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_goes_to_its_mail_hosts_or_to_itself),
        cmocka_unit_test(permanent_and_temporary_trouble_are_kept_apart),
        cmocka_unit_test(an_address_literal_is_its_own_host_and_a_bad_one_none),
        cmocka_unit_test(the_most_exact_rule_decides_and_keeps_its_own_words),
        cmocka_unit_test(many_who_ask_at_once_share_one_lookup_and_those_after_them_its_answer),
        cmocka_unit_test(what_earlier_settings_answered_is_not_remembered_under_the_new),
        cmocka_unit_test(the_least_recently_used_domains_make_room),
        cmocka_unit_test(a_domain_that_announces_a_policy_waits_for_it_and_no_other_does),
        cmocka_unit_test(a_policy_that_cannot_be_fetched_ends_the_wait_and_one_that_is_known_stays),
        cmocka_unit_test(when_nobody_fetches_nothing_waits),
        cmocka_unit_test(a_router_closes_while_a_domain_waits_for_its_policy),
        cmocka_unit_test(lookups_at_one_time_are_bounded_and_domains_found_before_go_first),
        cmocka_unit_test(domains_with_many_hosts_make_room_sooner),
        cmocka_unit_test(what_is_known_in_part_does_not_hold_for_long),
        cmocka_unit_test(a_missing_answer_about_a_policy_does_not_hold_for_long),
        cmocka_unit_test(a_host_is_vouched_for_by_the_policy_or_by_being_the_domain_and_not_by_unsigned_dns),
        cmocka_unit_test(several_resolvers_stand_in_for_each_other),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
