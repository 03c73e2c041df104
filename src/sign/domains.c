/* domains: the snapshot: which domains sign here, with keys ready; built once, looked up by many threads. */
#include "lib/hash.h"
#include "lib/must.h"
#include "sign/index.h"
#include "sign/key.h"
#include "sign/sign.h"

#include <stdatomic.h>
#include <stdlib.h>

/* A domain's keys lie together. */
struct entry {
    struct str domain, account;
    struct sign_key *key;
    unsigned keys;
};

struct domains {
    atomic_uint refs;
    struct key_index index; /* holds the texts */
    EVP_MD *sha256;
    struct sign_key *key;
    struct entry *entry;
    size_t keys, entries;
    uint32_t *slot; /* index + 1 of an entry, by hash of its domain */
    size_t slots;
};

static int by_domain(const void *a, const void *b)
{
    const struct key_row *x = a, *y = b;
    int c = memcmp(x->domain.p, y->domain.p, x->domain.n < y->domain.n ? x->domain.n : y->domain.n);
    c = c ? c : (x->domain.n > y->domain.n) - (x->domain.n < y->domain.n);
    return c ? c : x->ed25519 - y->ed25519; /* RSA on top: it is what everybody knows */
}

static bool open_keys(struct domains *d, const char *directory, struct fault *f)
{
    struct key_index *x = &d->index;
    d->key = calloc(x->n + 1, sizeof *d->key);
    d->entry = calloc(x->n + 1, sizeof *d->entry);
    must(d->key && d->entry);
    if (x->n)
        qsort(x->row, x->n, sizeof *x->row, by_domain);
    for (size_t i = 0; i < x->n; i++) {
        const struct key_row *r = &x->row[i];
        struct entry *e = d->entries ? &d->entry[d->entries - 1] : NULL;
        char path[800];
        if (!key_row_signs(r))
            continue;
        struct sign_key *k = &d->key[d->keys++];
        *k = (struct sign_key){.domain = r->domain, .selector = r->selector, .sha256 = d->sha256};
        key_index_path(directory, r, path);
        if (!key_open(k, path, f))
            return false;
        if (!e || !str_eq(e->domain, r->domain))
            d->entry[d->entries++] = (struct entry){r->domain, r->account, k, 1};
        else
            e->keys++;
    }
    return true;
}

static size_t slot_of(const struct domains *d, struct str domain)
{
    return siphash(hash_process_key(), domain.p, domain.n) & (d->slots - 1);
}

static void index_entries(struct domains *d)
{
    d->slots = 16;
    while (d->slots < d->entries * 2)
        d->slots *= 2;
    d->slot = calloc(d->slots, sizeof *d->slot);
    must(d->slot);
    for (size_t i = 0; i < d->entries; i++) {
        size_t at = slot_of(d, d->entry[i].domain);
        while (d->slot[at])
            at = (at + 1) & (d->slots - 1);
        d->slot[at] = (uint32_t)i + 1;
    }
}

bool domains_load(struct domains **ret, const char *directory, struct fault *f)
{
    struct domains *d = calloc(1, sizeof *d);
    must(d);
    atomic_init(&d->refs, 1);
    d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(d->sha256);
    bool good = key_index_open(&d->index, directory, false, f) && open_keys(d, directory, f);
    if (good) {
        index_entries(d);
        *ret = d;
    } else {
        domains_free(&d);
    }
    return good;
}

struct domains *domains_ref(struct domains *d)
{
    if (d)
        atomic_fetch_add(&d->refs, 1);
    return d;
}

void domains_free(struct domains **domains)
{
    struct domains *d = *domains;
    *domains = NULL;
    if (!d || atomic_fetch_sub(&d->refs, 1) > 1)
        return;
    for (size_t i = 0; i < d->keys; i++)
        key_done(&d->key[i]);
    key_index_done(&d->index);
    EVP_MD_free(d->sha256);
    free(d->key);
    free(d->entry);
    free(d->slot);
    free(d);
}

static const struct entry *entry_find(const struct domains *d, struct str domain)
{
    for (size_t at = slot_of(d, domain); d->slot[at]; at = (at + 1) & (d->slots - 1))
        if (str_eq(d->entry[d->slot[at] - 1].domain, domain))
            return &d->entry[d->slot[at] - 1];
    return NULL;
}

static void add_once(struct sign_with *w, const struct sign_key *k)
{
    for (unsigned i = 0; i < w->n; i++)
        if (w->key[i] == k)
            return;
    if (w->n < SIGN_KEYS_MAX)
        w->key[w->n++] = k;
}

bool sign_with_domain(struct sign_with *w, const struct domains *d, struct str domain, struct str account)
{
    for (struct str at = domain; d && at.p && at.n; str_split(&at, '.')) {
        const struct entry *e = entry_find(d, at);
        if (!e || (e->account.n && account.n && !str_eq(e->account, account)))
            continue;
        for (unsigned i = 0; i < e->keys; i++)
            add_once(w, &e->key[i]);
        return true;
    }
    return false;
}
