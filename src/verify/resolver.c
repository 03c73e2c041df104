/* resolver: see resolver.h. libunbound answers on a thread of its own, and a second one here hands its answers out; whoever asked
 * waits for its own, as long as it may. A question that is given up on belongs to the hand-out thread, which frees it when the
 * answer comes after all. */
#include "verify/resolver.h"

#include "lib/clock.h"
#include "lib/dns_context.h"
#include "lib/must.h"
#include "lib/net.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unbound.h>
#include <unistd.h>

enum { FIRST_MS = 3000, AFTER_SILENCE_MS = 1000, SILENCES_MAX = 2, METHOD_MS = 20000, RCODE_NXDOMAIN = 3, NAME_MAX_BYTES = 253 };

struct resolver {
    struct ub_ctx *ctx;
    pthread_t thread;
    int wake; /* eventfd: the thread ends */
    pthread_mutex_t lock;
    struct question *first; /* under way, given up ones included */
};

struct question {
    struct question *next, **at;
    struct resolver *resolver;
    pthread_cond_t done;
    struct ub_result *result;
    bool answered, given_up;
};

/* ---- opening ---- */

/* What libunbound would answer by itself (RFC 6303, 6761): resolvers that were named are asked about every name. To be called
 * last: it ends the setting up. */
static int believe_about_all(struct ub_ctx *ctx)
{
    static const char *const own[] = {"localhost.",
                                      "127.in-addr.arpa.",
                                      "test.",
                                      "invalid.",
                                      "onion.",
                                      "home.arpa.",
                                      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa."};
    int code = ub_ctx_set_option(ctx, "unblock-lan-zones:", "yes");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        ub_ctx_zone_remove(ctx, own[i]);
    return code;
}

static int use_server(struct ub_ctx *ctx, struct str server)
{
    struct sockaddr_storage sa;
    socklen_t len;
    char ip[NET_TEXT], forward[NET_TEXT + 8];
    snprintf(forward, sizeof forward, "%.*s", STR_ARGS(server));
    if (net_parse(server, &sa, &len) && sa.ss_family != AF_UNIX) {
        net_text((struct sockaddr *)&sa, ip);
        snprintf(forward, sizeof forward, "%s@%u", ip, net_port((struct sockaddr *)&sa));
    }
    return server.n < sizeof forward ? ub_ctx_set_fwd(ctx, forward) : UB_SYNTAX;
}

/* It learns nothing about the speed of resolvers from silent domains behind them, and waits the same time for everything. Each
 * open question is a socket: those that were given up on go on for a while, and must not take all files. */
static int tune(struct ub_ctx *ctx)
{
    static const char *const options[][2] = {{"infra-host-ttl:", "0"},
                                             {"unknown-server-time-limit:", "1000"},
                                             {"outgoing-range:", "128"},
                                             {"num-queries-per-thread:", "128"}};
    int code = 0;
    for (size_t i = 0; i < sizeof options / sizeof *options && !code; i++)
        code = ub_ctx_set_option(ctx, options[i][0], options[i][1]);
    return code;
}

static bool set_up(struct resolver *r, const struct str *server, size_t n, struct fault *f)
{
    r->ctx = dns_context_new();
    int code = r->ctx ? ub_ctx_async(r->ctx, 1) : UB_NOMEM;
    code = code ? code : tune(r->ctx);
    if (!code && n == 0)
        code = ub_ctx_resolvconf(r->ctx, NULL);
    for (size_t i = 0; i < n && !code; i++) {
        code = use_server(r->ctx, server[i]);
        if (code == UB_SYNTAX)
            return fault_set(f, "%.*s is no resolver: expected IP:PORT, such as 127.0.0.1:53", STR_ARGS(server[i]));
    }
    if (!code && n > 0)
        code = believe_about_all(r->ctx);
    return code == 0 || fault_set(f, "the resolver cannot be set up: %s", ub_strerror(code));
}

static void *hand_out(void *ctx)
{
    struct resolver *r = ctx;
    struct pollfd fd[2] = {{.fd = ub_fd(r->ctx), .events = POLLIN}, {.fd = r->wake, .events = POLLIN}};
    while (!(fd[1].revents & POLLIN)) {
        if (poll(fd, 2, -1) < 0 && errno != EINTR)
            break;
        if (fd[0].revents & POLLIN)
            ub_process(r->ctx);
    }
    return NULL;
}

bool resolver_open(struct resolver **ret, const struct str *server, size_t n, struct fault *f)
{
    struct resolver *r = calloc(1, sizeof *r);
    must(r);
    pthread_mutex_init(&r->lock, NULL);
    r->wake = eventfd(0, EFD_CLOEXEC);
    bool good = (r->wake >= 0 || fault_errno(f, errno, "the resolver cannot be set up")) && set_up(r, server, n, f);
    int code = good ? pthread_create(&r->thread, NULL, hand_out, r) : 0;
    if (good && code == 0) {
        *ret = r;
        return true;
    }
    if (r->ctx)
        ub_ctx_delete(r->ctx);
    if (r->wake >= 0)
        close(r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
    return good ? fault_errno(f, code, "cannot start a thread") : false;
}

static void question_free(struct question *q)
{
    if (q->next)
        q->next->at = q->at;
    *q->at = q->next;
    ub_resolve_free(q->result);
    pthread_cond_destroy(&q->done);
    free(q);
}

void resolver_close(struct resolver **resolver)
{
    struct resolver *r = *resolver;
    const uint64_t one = 1;
    *resolver = NULL;
    if (!r)
        return;
    must(write(r->wake, &one, sizeof one) == sizeof one);
    pthread_join(r->thread, NULL);
    ub_ctx_delete(r->ctx);
    while (r->first) /* their answers would have come later */
        question_free(r->first);
    close(r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- reading answers ---- */

/* A name in wire form, which libunbound gives without compression. */
static bool read_name(const uint8_t *p, size_t n, struct arena *a, struct str *ret)
{
    char *out = arena_alloc(a, n + 1);
    size_t to = 0;
    for (size_t at = 0; at < n;) {
        size_t label = p[at++];
        if (label == 0) {
            *ret = str_mem(out, to);
            return true;
        }
        if (label > 63 || label > n - at)
            return false;
        if (to)
            out[to++] = '.';
        for (; label > 0; label--)
            out[to++] = (char)tolower(p[at++]);
    }
    return false;
}

static bool read_text(const uint8_t *p, size_t n, struct arena *a, struct str *ret)
{
    char *out = arena_alloc(a, n + 1);
    size_t to = 0;
    for (size_t at = 0; at < n;) {
        size_t part = p[at++];
        if (part > n - at)
            return false;
        memcpy(out + to, p + at, part);
        to += part;
        at += part;
    }
    *ret = str_mem(out, to);
    return true;
}

static bool read_record(enum dns_type type, const uint8_t *p, size_t n, struct arena *a, struct dns_record *r)
{
    size_t address = type == DNS_A ? 4 : 16;
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        if (n == address)
            memcpy(r->address, p, n);
        return n == address;
    case DNS_MX:
        if (n < 3)
            return false;
        r->preference = (uint16_t)(p[0] << 8 | p[1]);
        return read_name(p + 2, n - 2, a, &r->text);
    case DNS_CNAME:
    case DNS_PTR:
        return read_name(p, n, a, &r->text);
    case DNS_TXT:
        return read_text(p, n, a, &r->text);
    }
    return false;
}

static enum dns_result take(const struct ub_result *u, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    if (u->bogus || (u->rcode != 0 && u->rcode != RCODE_NXDOMAIN))
        return DNS_TROUBLE;
    if (u->nxdomain)
        return DNS_NO_NAME;
    ret->record = arena_alloc(a, DNS_RECORDS_MAX * sizeof *ret->record);
    for (int i = 0; u->havedata && u->data[i] && ret->n < DNS_RECORDS_MAX; i++)
        if (u->len[i] >= 0 && read_record(type, (const uint8_t *)u->data[i], (size_t)u->len[i], a, &ret->record[ret->n]))
            ret->n++;
    return ret->n ? DNS_FOUND : DNS_NO_DATA;
}

/* ---- asking ---- */

/* On the hand-out thread. */
static void on_answer(void *ctx, int error, struct ub_result *result)
{
    struct question *q = ctx;
    struct resolver *r = q->resolver;
    pthread_mutex_lock(&r->lock);
    q->answered = true;
    q->result = error ? NULL : result;
    if (q->given_up)
        question_free(q);
    else
        pthread_cond_signal(&q->done);
    pthread_mutex_unlock(&r->lock);
}

static struct question *question_new(struct resolver *r)
{
    struct question *q = calloc(1, sizeof *q);
    pthread_condattr_t how;
    must(q);
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(&q->done, &how);
    pthread_condattr_destroy(&how);
    q->resolver = r;
    pthread_mutex_lock(&r->lock);
    q->next = r->first;
    q->at = &r->first;
    if (r->first)
        r->first->at = &q->next;
    r->first = q;
    pthread_mutex_unlock(&r->lock);
    return q;
}

/* Waits for the answer, to be called with the lock; false: none in time. */
static bool wait_for(struct question *q, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    while (!q->answered)
        if (pthread_cond_timedwait(&q->done, &q->resolver->lock, &until) == ETIMEDOUT)
            break;
    return q->answered;
}

/* 0: nothing more is asked for this method. */
static int64_t patience_ms(const struct asking *q)
{
    int64_t left_ms = q->until_ms - clock_monotonic_ms(), patience_ms = q->silences ? AFTER_SILENCE_MS : FIRST_MS;
    if (q->tries > 0 && q->silences >= SILENCES_MAX)
        return 0;
    return left_ms < 0 ? 0 : left_ms < patience_ms ? left_ms : patience_ms;
}

/* As libunbound reads names: backslashes begin escapes. NULL: no such name can exist. */
static const char *name_text(struct str name, struct arena *a)
{
    char *out = arena_alloc(a, name.n * 4 + 1);
    size_t to = 0, label = 0;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c == '.' && label == 0)
            return NULL;
        label = c == '.' ? 0 : label + 1;
        if (label > 63)
            return NULL;
        if (c == '\\' || c == '\0')
            to += (size_t)sprintf(out + to, "\\%03u", (unsigned char)c);
        else
            out[to++] = c;
    }
    return label > 0 && name.n <= NAME_MAX_BYTES ? out : NULL;
}

static enum dns_result ask(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    struct asking *q = ctx;
    struct resolver *r = q->resolver;
    enum dns_result got = DNS_TROUBLE;
    int64_t wait_ms = patience_ms(q);
    const char *text = name_text(name, a);
    *ret = (struct dns_answer){0};
    if (!text)
        return DNS_NO_NAME;
    if (wait_ms <= 0)
        return DNS_TROUBLE;
    q->tries++;
    struct question *x = question_new(r);
    bool asked = ub_resolve_async(r->ctx, text, (int)type, 1, x, on_answer, NULL) == 0;
    pthread_mutex_lock(&r->lock);
    bool answered = asked && wait_for(x, clock_monotonic_ms() + wait_ms);
    if (x->result)
        got = take(x->result, type, a, ret);
    q->silences = answered ? 0 : q->silences + 1;
    if (answered || !asked)
        question_free(x);
    else
        x->given_up = true;
    pthread_mutex_unlock(&r->lock);
    q->answers += got != DNS_TROUBLE;
    return got;
}

static void begin(void *ctx)
{
    struct asking *q = ctx;
    q->until_ms = clock_monotonic_ms() + METHOD_MS;
    q->tries = 0;
}

void asking_init(struct asking *q, struct resolver *r)
{
    *q = (struct asking){.resolver = r};
    begin(q);
}

struct verify_dns asking_dns(struct asking *q) { return (struct verify_dns){ask, begin, q}; }
