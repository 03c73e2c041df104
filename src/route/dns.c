/* dns: see dns.h. */
#include "route/dns.h"

#include "lib/dns_context.h"
#include "lib/file.h"
#include "lib/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum { QUESTIONS_MAX = 4096, RR_SOA = 6, CLASS_IN = 1 };
enum { PROBE_MS = 4000 /* at first nobody waits longer */, PROBE_AGAIN_MS = 60000, ANCHOR_MAX = 1024 * 1024 };

/* A libunbound context on the loop. */
struct asker {
    struct ub_ctx *ctx; /* NULL: not open */
    struct watch watch;
};

enum state { ASLEEP /* nothing was asked yet */, PROBING, PLAIN, CHECKED };

struct dns {
    struct loop *loop;
    struct dns_hooks hooks;
    struct asker plain, checked;
    struct arena arena; /* holds these, which outlive the settings that named them */
    struct str *resolver;
    size_t resolvers;
    enum state state;
    bool probe_out; /* a probe's answer will come */
    bool said;
    char anchor[512], anchor_zone[256];
    struct timer timer;
};

/* ---- contexts ---- */

/* libunbound learns how fast its servers are, one number a server, and stops asking one that seems dead. Ours are resolvers that
 * answer for the whole world: a domain whose servers are silent says nothing about them, and must not slow the others down. So it
 * learns nothing, waits the same time for everything, and may have many questions open (by default, 16). */
static bool tune(struct ub_ctx *ctx, struct fault *f)
{
    struct rlimit files = {.rlim_cur = 1024};
    char open[16];
    getrlimit(RLIMIT_NOFILE, &files); /* each open question is a socket */
    snprintf(open, sizeof open, "%u", files.rlim_cur / 16 > QUESTIONS_MAX ? QUESTIONS_MAX : (unsigned)files.rlim_cur / 16);
    const char *options[][2] = {{"infra-host-ttl:", "0"},
                                {"unknown-server-time-limit:", "1500"},
                                {"outgoing-range:", open},
                                {"num-queries-per-thread:", open}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int code = ub_ctx_set_option(ctx, options[i][0], options[i][1]);
        if (code)
            return fault_set(f, "the resolver does not take %s %s: %s", options[i][0], options[i][1], ub_strerror(code));
    }
    return true;
}

/* libunbound knows a few special zones by itself (RFC 6761); resolvers that were named are to be believed about them too. Taking
 * one away comes last: it ends the setting up, after which nothing else is taken. */
static bool configure(struct ub_ctx *ctx, const struct str *resolver, size_t resolvers, const char *anchor, struct fault *f)
{
    int code = ub_ctx_async(ctx, 1);
    if (!code && anchor)
        code = ub_ctx_add_ta_file(ctx, anchor);
    if (!code && resolvers == 0)
        code = ub_ctx_resolvconf(ctx, NULL);
    for (size_t i = 0; !code && i < resolvers; i++) {
        char z[128];
        snprintf(z, sizeof z, "%.*s", STR_ARGS(resolver[i]));
        code = ub_ctx_set_fwd(ctx, z);
    }
    if (!code && resolvers > 0)
        code = ub_ctx_set_option(ctx, "do-not-query-localhost:", "no");
    if (!code && resolvers > 0)
        ub_ctx_zone_remove(ctx, "test.");
    return code == 0 || fault_set(f, "the resolver cannot be set up: %s", ub_strerror(code));
}

bool route_resolver(struct ub_ctx **ret, const struct str *resolver, size_t resolvers, const char *anchor, struct fault *f)
{
    struct ub_ctx *ctx = dns_context_new();
    if (!ctx)
        return fault_set(f, "the resolver cannot be started");
    if (tune(ctx, f) && configure(ctx, resolver, resolvers, anchor, f)) {
        *ret = ctx;
        return true;
    }
    ub_ctx_delete(ctx);
    return false;
}

static void on_readable(void *ctx, uint32_t events)
{
    (void)events;
    ub_process(ctx);
}

static bool asker_open(struct dns *d, struct asker *a, const char *anchor, struct fault *f)
{
    if (!route_resolver(&a->ctx, d->resolver, d->resolvers, anchor, f))
        return false;
    a->watch = (struct watch){.fd = ub_fd(a->ctx), .fn = on_readable, .ctx = a->ctx};
    loop_watch(d->loop, &a->watch, EPOLLIN);
    return true;
}

static void asker_close(struct dns *d, struct asker *a)
{
    if (!a->ctx)
        return;
    loop_watch(d->loop, &a->watch, 0);
    ub_ctx_delete(a->ctx);
    a->ctx = NULL;
}

/* ---- may answers be validated? ---- */

static void say(struct dns *d, const char *text)
{
    if (d->hooks.say)
        d->hooks.say(d->hooks.ctx, text);
}

static void become(struct dns *d, enum state state)
{
    if (d->state == state)
        return;
    d->state = state;
    d->hooks.changed(d->hooks.ctx);
}

/* Without validation mail goes on; it is tried again now and then, since the network may not have been up yet. */
static void go_plain(struct dns *d)
{
    struct fault f;
    if (!d->plain.ctx && !asker_open(d, &d->plain, NULL, &f)) {
        say(d, f.text);
        become(d, CHECKED);
        return;
    }
    if (!d->said)
        say(d, "the resolver hands on no DNSSEC signatures: mail is sent without regard to TLSA records (DANE)");
    d->said = true;
    timer_set(d->loop, &d->timer, PROBE_AGAIN_MS);
    become(d, PLAIN);
}

static void on_probe(void *ctx, int error, struct ub_result *r)
{
    struct dns *d = ctx;
    bool good = !error && r && r->secure && r->havedata;
    d->probe_out = false;
    ub_resolve_free(r);
    if (d->state == CHECKED)
        return;
    if (!good) {
        go_plain(d);
        return;
    }
    timer_cancel(&d->timer);
    if (d->said)
        say(d, "the resolver hands on DNSSEC signatures: TLSA records (DANE) are followed from now on");
    become(d, CHECKED);
}

static void on_time(void *ctx)
{
    struct dns *d = ctx;
    if (d->state == PROBING) {
        go_plain(d);
        return;
    }
    timer_set(d->loop, &d->timer, PROBE_AGAIN_MS);
    if (d->probe_out)
        return;
    d->probe_out = true;
    int code = ub_resolve_async(d->checked.ctx, d->anchor_zone, RR_SOA, CLASS_IN, d, on_probe, NULL);
    if (code)
        on_probe(d, code, NULL);
}

void dns_wake(struct dns *d)
{
    if (d->state != ASLEEP)
        return;
    d->state = PROBING;
    d->probe_out = true;
    timer_set(d->loop, &d->timer, PROBE_MS);
    int code = ub_resolve_async(d->checked.ctx, d->anchor_zone, RR_SOA, CLASS_IN, d, on_probe, NULL);
    if (code)
        on_probe(d, code, NULL);
}

/* The zone whose key the file holds: the first word of its first record. */
static bool read_anchor(struct dns *d, struct str path, struct fault *f)
{
    struct buf b = {.max = ANCHOR_MAX};
    snprintf(d->anchor, sizeof d->anchor, "%.*s", STR_ARGS(path));
    bool good = file_read(d->anchor, &b, f);
    for (struct str rest = buf_str(&b), line; good && rest.n && !d->anchor_zone[0];) {
        line = str_trim(str_split(&rest, '\n'));
        size_t n = 0;
        while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
            n++;
        if (n > 0 && n < sizeof d->anchor_zone && line.p[0] != ';')
            memcpy(d->anchor_zone, line.p, n);
    }
    buf_done(&b);
    return good && d->anchor_zone[0];
}

static bool begin(struct dns *d, const struct route_settings *s, struct fault *f)
{
    struct fault why = {0};
    bool anchored = s->dane && s->trust_anchor.n && read_anchor(d, s->trust_anchor, &why);
    if (anchored && !asker_open(d, &d->checked, d->anchor, f))
        return fault_wrap(f, "%s", d->anchor);
    if (!anchored) {
        char text[1800];
        snprintf(text, sizeof text, "there is no key of the DNS root in \"%s\"%s%s: TLSA records (DANE) are not followed",
                 d->anchor, why.text[0] ? ": " : "", why.text);
        if (s->dane && s->trust_anchor.n)
            say(d, text);
        d->state = PLAIN;
        return asker_open(d, &d->plain, NULL, f);
    }
    d->state = s->dnssec_always ? CHECKED : ASLEEP;
    return true;
}

bool dns_open(struct dns **ret, struct loop *l, const struct route_settings *s, const struct dns_hooks *h, struct fault *f)
{
    struct dns *d = calloc(1, sizeof *d);
    must(d);
    d->loop = l;
    d->hooks = *h;
    d->resolver = arena_alloc(&d->arena, s->resolvers * sizeof *d->resolver + 1);
    for (; d->resolvers < s->resolvers; d->resolvers++)
        d->resolver[d->resolvers] = arena_str(&d->arena, s->resolver[d->resolvers]);
    d->timer = (struct timer){.fn = on_time, .ctx = d};
    if (!begin(d, s, f)) {
        dns_close(&d);
        return false;
    }
    *ret = d;
    return true;
}

void dns_close(struct dns **dns)
{
    struct dns *d = *dns;
    *dns = NULL;
    if (!d)
        return;
    timer_cancel(&d->timer);
    asker_close(d, &d->plain);
    asker_close(d, &d->checked);
    arena_done(&d->arena);
    free(d);
}

struct ub_ctx *dns_context(const struct dns *d)
{
    return d->state == CHECKED ? d->checked.ctx : d->state == PLAIN ? d->plain.ctx : NULL;
}

bool dns_validates(const struct dns *d) { return d->state == CHECKED; }
