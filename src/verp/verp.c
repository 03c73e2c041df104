/* verp: see verp.h. The seal is HMAC-SHA-256 cut to 80 bits: nobody guesses one by asking at RCPT. It covers the return path's
 * name too, so that an address of one domain is none of another's. */
#include "verp/verp.h"

#include "lib/must.h"
#include "verp/keys.h"
#include "verp/paths.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PREFIX "bounces."
enum { SEAL_BYTES = 10, SEAL = 16, RCPT_DIGITS = 4 };
/* Where the parts of a local part stand: "b", key, "-", id, "-", recipient, "-", seal. */
enum { AT_KEY = 1, AT_ID = 3, AT_RCPT = AT_ID + ID_TEXT + 1, AT_SEAL = AT_RCPT + RCPT_DIGITS + 1 };
_Static_assert(AT_SEAL + SEAL == VERP_LOCAL, "the parts make up the whole");

struct verp {
    atomic_uint refs;
    struct paths paths; /* sorted by domain, without those that ended long ago */
    struct verp_keys keys;
};

/* ---- the snapshot ---- */

static int by_domain(const void *a, const void *b)
{
    const struct path_row *x = a, *y = b;
    int c = memcmp(x->domain.p, y->domain.p, x->domain.n < y->domain.n ? x->domain.n : y->domain.n);
    return c ? c : (x->domain.n > y->domain.n) - (x->domain.n < y->domain.n);
}

static void sort(struct paths *p, int64_t now_s)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++)
        if (!p->row[i].until_s || p->row[i].until_s + PATHS_KEEP_S > now_s)
            p->row[kept++] = p->row[i];
    p->n = kept;
    if (kept)
        qsort(p->row, kept, sizeof *p->row, by_domain);
}

bool verp_load(struct verp **ret, const char *directory, int64_t now_s, bool make_keys, struct fault *f)
{
    struct verp *v = calloc(1, sizeof *v);
    must(v);
    atomic_init(&v->refs, 1);
    bool good = paths_read(&v->paths, directory, f) && keys_read(&v->keys, directory, f);
    if (good) {
        sort(&v->paths, now_s);
        good = !make_keys || !v->paths.n || keys_renew(&v->keys, directory, now_s, f);
    }
    if (good)
        *ret = v;
    else
        verp_free(&v);
    return good;
}

struct verp *verp_ref(struct verp *v)
{
    if (v)
        atomic_fetch_add(&v->refs, 1);
    return v;
}

void verp_free(struct verp **verp)
{
    struct verp *v = *verp;
    *verp = NULL;
    if (!v || atomic_fetch_sub(&v->refs, 1) > 1)
        return;
    paths_done(&v->paths);
    OPENSSL_cleanse(&v->keys, sizeof v->keys);
    free(v);
}

/* ---- domains ---- */

static const struct path_row *find(const struct verp *v, struct str domain)
{
    struct path_row key = {.domain = domain};
    return v && v->paths.n ? bsearch(&key, v->paths.row, v->paths.n, sizeof key, by_domain) : NULL;
}

static const struct path_row *row_of(const struct verp *v, struct str path)
{
    size_t n = sizeof PREFIX - 1;
    if (!v || !v->paths.n || path.n <= n || memcmp(path.p, PREFIX, n) != 0)
        return NULL;
    return find(v, str_mem(path.p + n, path.n - n));
}

bool verp_hosts(const struct verp *v, struct str domain) { return row_of(v, domain) != NULL; }

bool verp_gives(const struct verp *v) { return v && v->paths.n > 0; }

bool verp_path_for(const struct verp *v, struct str author, struct str account, struct arena *a, struct str *ret)
{
    for (struct str at = author; v && v->paths.n && at.p && at.n; str_split(&at, '.')) {
        const struct path_row *r = find(v, at);
        if (!r || r->until_s || (r->account.n && account.n && !str_eq(r->account, account)))
            continue;
        char *path = arena_alloc(a, sizeof PREFIX + r->domain.n);
        memcpy(path, PREFIX, sizeof PREFIX - 1);
        memcpy(path + sizeof PREFIX - 1, r->domain.p, r->domain.n);
        *ret = str_mem(path, sizeof PREFIX - 1 + r->domain.n);
        return true;
    }
    return false;
}

/* ---- tokens ---- */

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's, as in ids */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static void put_base32(const uint8_t *p, size_t n, char *out)
{
    unsigned acc = 0, bits = 0;
    for (size_t i = 0; i < n; i++) {
        acc = (acc << 8 | p[i]) & 0xFFFF;
        for (bits += 8; bits >= 5; bits -= 5)
            *out++ = digits[acc >> (bits - 5) & 31];
    }
}

static void put_seal(const struct verp_key *k, struct verp_token t, struct str path, char out[SEAL])
{
    uint8_t text[sizeof t.message.b + 4 + VERP_PATH_MAX], hash[EVP_MAX_MD_SIZE];
    size_t n = sizeof t.message.b;
    unsigned length = 0;
    must(path.n <= VERP_PATH_MAX);
    memcpy(text, t.message.b, n);
    for (unsigned i = 0; i < 4; i++)
        text[n++] = (uint8_t)(t.rcpt >> (8 * i));
    memcpy(text + n, path.p, path.n);
    must(HMAC(EVP_sha256(), k->secret, sizeof k->secret, text, n + path.n, hash, &length) && length >= SEAL_BYTES);
    put_base32(hash, SEAL_BYTES, out);
}

bool verp_address(const struct verp *v, struct verp_token t, struct str path, char out[VERP_ADDRESS])
{
    char id[ID_TEXT + 1];
    if (!row_of(v, path) || !v->keys.n || path.n > VERP_PATH_MAX || t.rcpt >= VERP_RCPTS_MAX)
        return false;
    const struct verp_key *k = &v->keys.key[v->keys.n - 1];
    memset(out, '-', VERP_LOCAL);
    out[0] = 'b';
    out[AT_KEY] = digits[k->number];
    id_text(t.message, id);
    for (size_t i = 0; i < ID_TEXT; i++)
        out[AT_ID + i] = lower(id[i]);
    for (unsigned i = 0; i < RCPT_DIGITS; i++)
        out[AT_RCPT + i] = digits[t.rcpt >> (5 * (RCPT_DIGITS - 1 - i)) & 31];
    put_seal(k, t, path, out + AT_SEAL);
    out[VERP_LOCAL] = '@';
    memcpy(out + VERP_LOCAL + 1, path.p, path.n);
    out[VERP_LOCAL + 1 + path.n] = '\0';
    return true;
}

static int digit_value(char c)
{
    const char *at = c ? strchr(digits, lower(c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Does it have a token's form? Then what it says, believed or not. */
static bool token_parse(struct str local, unsigned *ret_key, struct verp_token *ret)
{
    struct verp_token t = {.rcpt = 0};
    if (local.n != VERP_LOCAL || lower(local.p[0]) != 'b' || local.p[AT_ID - 1] != '-' || local.p[AT_RCPT - 1] != '-' ||
        local.p[AT_SEAL - 1] != '-' || digit_value(local.p[AT_KEY]) < 0 ||
        !id_parse(str_mem(local.p + AT_ID, ID_TEXT), &t.message))
        return false;
    for (unsigned i = 0; i < RCPT_DIGITS; i++) {
        int d = digit_value(local.p[AT_RCPT + i]);
        if (d < 0)
            return false;
        t.rcpt = t.rcpt << 5 | (unsigned)d;
    }
    *ret_key = (unsigned)digit_value(local.p[AT_KEY]);
    *ret = t;
    return true;
}

static bool seal_is_ours(const struct verp *v, unsigned key, struct verp_token t, struct str local, struct str path)
{
    char given[SEAL], ours[SEAL];
    for (size_t i = 0; i < SEAL; i++)
        given[i] = lower(local.p[AT_SEAL + i]);
    for (size_t i = 0; i < v->keys.n; i++) {
        if (v->keys.key[i].number != key)
            continue;
        put_seal(&v->keys.key[i], t, path, ours);
        if (CRYPTO_memcmp(given, ours, SEAL) == 0)
            return true;
    }
    return false;
}

static enum verp_use published(struct str local)
{
    static const struct {
        const char *name;
        enum verp_use use;
    } names[] = {{"fbl", VERP_COMPLAINTS},
                 {"dmarc", VERP_DMARC},
                 {"tls-reports", VERP_TLS_REPORTS},
                 {"postmaster", VERP_POSTMASTER},
                 {"abuse", VERP_POSTMASTER}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_nocase(local, str_of(names[i].name)))
            return names[i].use;
    return VERP_NOBODY;
}

enum verp_use verp_read(const struct verp *v, struct str local, struct str domain, int64_t now_ms, int64_t age_max_ms,
                        struct verp_token *ret)
{
    struct verp_token t;
    unsigned key;
    if (!row_of(v, domain) || domain.n > VERP_PATH_MAX)
        return VERP_NOBODY;
    if (!token_parse(local, &key, &t))
        return published(local);
    if (!seal_is_ours(v, key, t, local, domain))
        return VERP_FORGED;
    if (now_ms - id_wall_ms(t.message) > age_max_ms)
        return VERP_OLD;
    *ret = t;
    return VERP_RETURN;
}

static bool is_name_byte(char c)
{
    return digit_value(c) >= 0 || c == '-' || c == '.' || (c && strchr("ilouILOU", c)); /* the letters that are no digits */
}

bool verp_find(const struct verp *v, struct str text, struct verp_token *ret)
{
    for (size_t at = VERP_LOCAL; at < text.n; at++) {
        char name[VERP_PATH_MAX];
        size_t n = 0;
        if (text.p[at] != '@')
            continue;
        for (size_t i = at + 1; i < text.n && n < sizeof name && is_name_byte(text.p[i]); i++)
            name[n++] = lower(text.p[i]);
        while (n > 0 && name[n - 1] == '.') /* a sentence's end */
            n--;
        if (verp_read(v, str_mem(text.p + at - VERP_LOCAL, VERP_LOCAL), str_mem(name, n), 0, INT64_MAX, ret) == VERP_RETURN)
            return true;
    }
    return false;
}
