/* shared: see shared.h. */
#include "accept/shared.h"

#include "lib/hash.h"
#include "lib/must.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

enum { SHARDS = 64, FAILURE_BUCKETS = 1024, FAILURE_WAYS = 8, PLACES = 16384 };

struct counter {
    struct counter *next;
    uint64_t key;
    uint32_t n;
};

struct failure {
    uint64_t key; /* 0: free */
    int64_t since_ms, blocked_until_ms;
    uint32_t n;
};

struct shard {
    pthread_mutex_t lock;
    struct counter *counter[256];
};

struct accept_shared {
    struct shard shard[SHARDS];
    pthread_mutex_t lock; /* guards the rest: logins are rare beside mail */
    struct failure failure[FAILURE_BUCKETS][FAILURE_WAYS];
    uint64_t place[PLACES];
};

struct accept_shared *accept_shared_new(void)
{
    struct accept_shared *s = calloc(1, sizeof *s);
    must(s);
    pthread_mutex_init(&s->lock, NULL);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&s->shard[i].lock, NULL);
    return s;
}

void accept_shared_free(struct accept_shared **shared)
{
    struct accept_shared *s = *shared;
    *shared = NULL;
    if (!s)
        return;
    for (int i = 0; i < SHARDS; i++) {
        for (int k = 0; k < 256; k++)
            for (struct counter *c = s->shard[i].counter[k], *next; c; c = next) {
                next = c->next;
                free(c);
            }
        pthread_mutex_destroy(&s->shard[i].lock);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

uint64_t shared_key_text(enum shared_kind kind, struct str text)
{
    uint64_t both[2] = {kind, siphash(hash_process_key(), text.p, text.n)};
    uint64_t h = siphash(hash_process_key(), both, sizeof both);
    return h ? h : 1;
}

/* A key of the first bytes of an address. */
static uint64_t key_prefix(enum shared_kind kind, const struct sockaddr *sa, size_t v4_bytes, size_t v6_bytes)
{
    if (sa->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)sa)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(a);
        return shared_key_text(kind, str_mem(a->s6_addr + (mapped ? 12 : 0), mapped ? v4_bytes : v6_bytes));
    }
    if (sa->sa_family == AF_INET)
        return shared_key_text(kind, str_mem(&((const struct sockaddr_in *)sa)->sin_addr, v4_bytes));
    return shared_key_text(kind, STR(""));
}

uint64_t shared_key_address(const struct sockaddr *sa) { return key_prefix(SHARED_ADDRESS, sa, 4, 8); }
uint64_t shared_key_network(const struct sockaddr *sa) { return key_prefix(SHARED_NETWORK, sa, 3, 6); }

/* ---- sessions ---- */

static struct counter **counter_find(struct shard *h, uint64_t key)
{
    struct counter **at = &h->counter[key >> 8 & 255];
    while (*at && (*at)->key != key)
        at = &(*at)->next;
    return at;
}

bool shared_enter(struct accept_shared *s, uint64_t key, uint32_t most)
{
    struct shard *h = &s->shard[key % SHARDS];
    pthread_mutex_lock(&h->lock);
    struct counter **at = counter_find(h, key);
    bool may = most > (*at ? (*at)->n : 0);
    if (may && !*at) {
        *at = calloc(1, sizeof **at);
        must(*at);
        (*at)->key = key;
    }
    if (may)
        (*at)->n++;
    pthread_mutex_unlock(&h->lock);
    return may;
}

void shared_leave(struct accept_shared *s, uint64_t key)
{
    struct shard *h = &s->shard[key % SHARDS];
    pthread_mutex_lock(&h->lock);
    struct counter **at = counter_find(h, key), *c = *at;
    must(c && c->n > 0);
    if (--c->n == 0) {
        *at = c->next;
        free(c);
    }
    pthread_mutex_unlock(&h->lock);
}

/* ---- failures ---- */

static struct failure *failure_find(struct accept_shared *s, uint64_t key)
{
    struct failure *bucket = s->failure[key % FAILURE_BUCKETS];
    for (int i = 0; i < FAILURE_WAYS; i++)
        if (bucket[i].key == key)
            return &bucket[i];
    return NULL;
}

static struct failure *failure_new(struct accept_shared *s, uint64_t key, int64_t now_ms)
{
    struct failure *bucket = s->failure[key % FAILURE_BUCKETS], *oldest = bucket;
    for (int i = 0; i < FAILURE_WAYS; i++)
        if (!bucket[i].key || bucket[i].since_ms < oldest->since_ms)
            oldest = &bucket[i];
    *oldest = (struct failure){.key = key, .since_ms = now_ms};
    return oldest;
}

uint32_t shared_failed(struct accept_shared *s, uint64_t key, uint32_t failures_max, int64_t window_ms, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    struct failure *e = failure_find(s, key);
    if (!e || now_ms - e->since_ms > window_ms) {
        if (e)
            *e = (struct failure){.key = key, .since_ms = now_ms};
        else
            e = failure_new(s, key, now_ms);
    }
    uint32_t n = ++e->n;
    if (n >= failures_max)
        e->blocked_until_ms = now_ms + window_ms;
    pthread_mutex_unlock(&s->lock);
    return n;
}

bool shared_blocked(struct accept_shared *s, uint64_t key, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    struct failure *e = failure_find(s, key);
    bool blocked = e && now_ms < e->blocked_until_ms;
    pthread_mutex_unlock(&s->lock);
    return blocked;
}

uint32_t shared_forgive(struct accept_shared *s, uint64_t key, uint32_t most, int64_t now_ms)
{
    uint32_t forgiven = 0;
    pthread_mutex_lock(&s->lock);
    struct failure *e = failure_find(s, key);
    if (e && now_ms >= e->blocked_until_ms) {
        forgiven = e->n < most ? e->n : most;
        e->n -= forgiven;
        if (e->n == 0)
            *e = (struct failure){0};
    }
    pthread_mutex_unlock(&s->lock);
    return forgiven;
}

/* ---- places ---- */

static uint64_t place_of(uint64_t login, uint64_t address)
{
    uint64_t both[2] = {login, address};
    return shared_key_text(SHARED_PLACE, str_mem(both, sizeof both));
}

void shared_seen(struct accept_shared *s, uint64_t login, uint64_t address)
{
    uint64_t place = place_of(login, address);
    pthread_mutex_lock(&s->lock);
    s->place[place % PLACES] = place;
    pthread_mutex_unlock(&s->lock);
}

bool shared_known(struct accept_shared *s, uint64_t login, uint64_t address)
{
    uint64_t place = place_of(login, address);
    pthread_mutex_lock(&s->lock);
    bool known = s->place[place % PLACES] == place;
    pthread_mutex_unlock(&s->lock);
    return known;
}
