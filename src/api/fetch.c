/* fetch: see fetch.h. libcurl's easy handles on one multi handle, a bounded number at a time; those beyond wait in line. */
#include "api/fetch.h"

#include "lib/must.h"
#include "lib/net.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { AT_ONCE = 40, WANTED_MAX = 10000, TOTAL_MS = 60000, CONNECT_MS = 20000 };

struct fetch {
    struct fetch *next; /* in line, or under way */
    struct fetcher *fetcher;
    CURL *easy; /* NULL: it waits */
    struct buf body;
    bool too_large, forbidden;
    char trouble[CURL_ERROR_SIZE];
    char id[STS_ID_MAX + 1], domain[256];
};

struct fetcher {
    CURLM *multi;
    const struct office_options *options;
    struct curl_slist *connect_to;
    struct fetch *first, **last; /* in line */
    struct fetch *running;
    unsigned waiting, under_way;
    fetched_fn *fn;
    void *ctx;
};

/* ---- one ---- */

static size_t on_bytes(char *p, size_t size, size_t n, void *ctx)
{
    struct fetch *x = ctx;
    if (buf_add(&x->body, p, size * n))
        return size * n;
    x->too_large = true;
    return 0;
}

/* A stranger names the host: it must not be one of this machine or its neighbours (they would not have its certificate either).
 */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *x = ctx;
    (void)purpose;
    if (!x->fetcher->options->sts.allow_special && net_is_special(&to->addr)) {
        x->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void ask_for(struct fetch *x, const char *url)
{
    const struct office_options *o = x->fetcher->options;
    CURL *c = x->easy;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "goniec/" GONIEC_VERSION);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->trouble);
    curl_easy_setopt(c, CURLOPT_PRIVATE, x);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
    if (x->fetcher->connect_to)
        curl_easy_setopt(c, CURLOPT_CONNECT_TO, x->fetcher->connect_to);
    if (o->sts.trusted_pem.n) {
        struct curl_blob blob = {(void *)(uintptr_t)o->sts.trusted_pem.p, o->sts.trusted_pem.n, CURL_BLOB_NOCOPY};
        curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL); /* no others */
    }
}

static void begin(struct fetch *x)
{
    char url[400];
    x->easy = curl_easy_init();
    must(x->easy);
    snprintf(url, sizeof url, "https://mta-sts.%s/.well-known/mta-sts.txt", x->domain);
    ask_for(x, url);
    must(curl_multi_add_handle(x->fetcher->multi, x->easy) == CURLM_OK);
}

static void drop(struct fetch *x)
{
    if (x->easy) {
        curl_multi_remove_handle(x->fetcher->multi, x->easy);
        curl_easy_cleanup(x->easy);
    }
    buf_done(&x->body);
    free(x);
}

/* ---- what came ---- */

static bool is_plain_text(CURL *c)
{
    char *type = NULL;
    curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    struct str rest = str_of(type);
    return str_eq_nocase(str_trim(str_split(&rest, ';')), STR("text/plain"));
}

/* What is wrong with what came; FLAW_NONE: it is a text that may be a policy. */
static enum secure_flaw trouble_of(struct fetch *x, CURLcode code, char why[300])
{
    long status = 0;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    if (x->too_large) {
        snprintf(why, 300, "it is larger than 64 KB");
        return FLAW_POLICY_INVALID;
    }
    if (code != CURLE_OK && x->forbidden) /* one address of several may be */
        snprintf(why, 300, "its host has a loopback or link-local address");
    else if (code != CURLE_OK)
        snprintf(why, 300, "%s", x->trouble[0] ? x->trouble : curl_easy_strerror(code));
    else if (status != 200)
        snprintf(why, 300, "its host answers %ld (a redirect is not followed)", status);
    else if (!is_plain_text(x->easy))
        snprintf(why, 300, "its host sends something else than text/plain");
    else
        return FLAW_NONE;
    return code == CURLE_PEER_FAILED_VERIFICATION ? FLAW_POLICY_HOST : FLAW_POLICY_FETCH;
}

static void over(struct fetch *x, CURLcode code)
{
    struct fetcher *f = x->fetcher;
    struct arena a = {0};
    struct sts_policy policy;
    char why[300] = "";
    enum secure_flaw flaw = trouble_of(x, code, why);
    if (flaw == FLAW_NONE && !sts_policy_parse(buf_str(&x->body), &a, &policy, why))
        flaw = FLAW_POLICY_INVALID;
    f->fn(f->ctx, x->domain, x->id, flaw == FLAW_NONE ? &policy : NULL, flaw, why);
    arena_done(&a);
    struct fetch **at = &f->running;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    f->under_way--;
    drop(x);
}

/* ---- all ---- */

bool fetcher_new(struct fetcher **ret, const struct office_options *o, fetched_fn *fn, void *ctx, struct fault *f)
{
    struct fetcher *x = calloc(1, sizeof *x);
    must(x);
    x->last = &x->first;
    x->options = o;
    x->fn = fn;
    x->ctx = ctx;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    x->multi = curl_multi_init();
    if (!x->multi) {
        free(x);
        return fault_set(f, "MTA-STS policies cannot be fetched: libcurl does not start");
    }
    if (*o->sts.host) {
        char to[400];
        snprintf(to, sizeof to, "::%s", o->sts.host); /* any host and port: there */
        x->connect_to = curl_slist_append(NULL, to);
    }
    *ret = x;
    return true;
}

static void drop_all(struct fetch *x)
{
    for (struct fetch *next; x; x = next) {
        next = x->next;
        drop(x);
    }
}

void fetcher_free(struct fetcher **fetcher)
{
    struct fetcher *f = *fetcher;
    *fetcher = NULL;
    if (!f)
        return;
    drop_all(f->running);
    drop_all(f->first);
    curl_multi_cleanup(f->multi);
    curl_slist_free_all(f->connect_to);
    free(f);
}

static bool is_among(const struct fetch *x, struct str domain)
{
    while (x && !str_eq(str_of(x->domain), domain))
        x = x->next;
    return x != NULL;
}

void fetcher_want(struct fetcher *f, struct str domain, struct str id)
{
    if (domain.n == 0 || domain.n > 253 || id.n > STS_ID_MAX || f->waiting == WANTED_MAX || is_among(f->first, domain) ||
        is_among(f->running, domain))
        return;
    struct fetch *x = calloc(1, sizeof *x);
    must(x);
    x->fetcher = f;
    x->body.max = STS_POLICY_MAX;
    memcpy(x->domain, domain.p, domain.n);
    memcpy(x->id, id.p, id.n);
    *f->last = x;
    f->last = &x->next;
    f->waiting++;
}

static void begin_some(struct fetcher *f)
{
    while (f->first && f->under_way < AT_ONCE) {
        struct fetch *x = f->first;
        f->first = x->next;
        if (!f->first)
            f->last = &f->first;
        f->waiting--;
        x->next = f->running;
        f->running = x;
        f->under_way++;
        begin(x);
    }
}

unsigned fetcher_step(struct fetcher *f, int wait_ms)
{
    int n;
    begin_some(f);
    curl_multi_perform(f->multi, &n);
    for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &n));)
        if (m->msg == CURLMSG_DONE) {
            struct fetch *x = NULL;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
            over(x, m->data.result);
        }
    begin_some(f);
    if (f->under_way)
        curl_multi_poll(f->multi, NULL, 0, wait_ms, NULL);
    return f->under_way + f->waiting;
}
