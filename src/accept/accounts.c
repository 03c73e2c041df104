/* accounts: see accounts.h. The snapshot is a sorted-by-hash table built once; lookups touch nothing mutable. */
#include "accept/accounts.h"

#include "lib/arena.h"
#include "lib/base64.h"
#include "lib/buf.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/must.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SALT = 16, HASH = 32, FILE_MAX = 256 * 1024 * 1024 };

struct accounts {
    atomic_uint refs;
    struct arena arena;
    struct credential *credential;
    size_t n;
    const struct credential *slow; /* the first of kind argon2 */
    uint32_t *slot;                /* index + 1 by hash of the login */
    size_t slots;
};

/* ---- reading ---- */

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static bool from_hex(struct str hex, struct arena *a, struct str *ret)
{
    char *p = arena_alloc(a, hex.n / 2 + 1);
    for (size_t i = 0; i + 1 < hex.n; i += 2) {
        int hi = digit(hex.p[i]), lo = digit(hex.p[i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        p[i / 2] = (char)(hi << 4 | lo);
    }
    *ret = (struct str){p, hex.n / 2};
    return hex.n % 2 == 0;
}

static bool from_base64(struct str s, struct arena *a, struct str *ret)
{
    struct buf b = {0};
    bool good = base64_decode(s, &b);
    if (good)
        *ret = arena_str(a, buf_str(&b));
    buf_done(&b);
    return good;
}

static bool read_key(struct str s, struct arena *a, struct credential *c)
{
    struct str word = str_split(&s, '$'), salt = str_split(&s, '$');
    return str_eq(word, STR("key")) && from_hex(salt, a, &c->key_salt) && from_hex(s, a, &c->key_hash) && c->key_salt.n == SALT &&
           c->key_hash.n == HASH;
}

static bool read_scram(struct str s, struct arena *a, struct credential *c)
{
    uint64_t rounds;
    struct str word = str_split(&s, '$'), count = str_split(&s, '$'), salt = str_split(&s, '$'), stored = str_split(&s, '$');
    if (!str_eq(word, STR("scram-sha-256")) || !str_to_u64(count, 10000000, &rounds) || rounds == 0)
        return false;
    c->scram_iterations = (uint32_t)rounds;
    return from_base64(salt, a, &c->scram_salt) && from_base64(stored, a, &c->scram_stored) &&
           from_base64(s, a, &c->scram_server) && c->scram_stored.n == HASH && c->scram_server.n == HASH;
}

static bool read_secret(struct str kind, struct str secret, struct arena *a, struct credential *c)
{
    struct str scram = secret, main = str_split(&scram, ' ');
    if (scram.p && !read_scram(scram, a, c))
        return false;
    if (str_eq(kind, STR("key")))
        return read_key(main, a, c);
    c->argon2 = arena_strz(a, main);
    return str_eq(kind, STR("argon2")) && str_starts_nocase(main, STR("$argon2id$"));
}

static bool read_status(struct str s, struct arena *a, struct credential *c)
{
    if (str_eq(s, STR("active")))
        return true;
    if (!str_starts_nocase(s, STR("suspended")))
        return false;
    struct str reason = s;
    str_split(&reason, ':');
    c->status = ACCOUNT_SUSPENDED;
    c->reason = arena_str(a, reason.p ? str_trim(reason) : STR(""));
    return true;
}

static const char *read_line(struct str line, struct arena *a, struct credential *c)
{
    uint64_t sessions;
    struct str login = str_split(&line, '\t'), account = str_split(&line, '\t'), kind = str_split(&line, '\t'),
               secret = str_split(&line, '\t');
    struct str stream = str_split(&line, '\t'), most = str_split(&line, '\t');
    if (!line.p)
        return "has fewer than seven fields";
    c->login = arena_str(a, login);
    c->account = arena_str(a, account);
    c->stream = arena_str(a, stream.n ? stream : STR("transactional"));
    if (login.n == 0 || account.n == 0)
        return "has no login or no account";
    if (!read_secret(kind, secret, a, c))
        return "has a secret that is not understood";
    if (!str_to_u64(most, UINT32_MAX, &sessions))
        return "has a sessions_max that is no number";
    c->sessions_max = (uint32_t)sessions;
    struct str status = str_split(&line, '\t');
    c->language = arena_str(a, line.p ? line : STR(""));
    return read_status(status, a, c) ? NULL : "has a status that is neither active nor suspended";
}

static void index_logins(struct accounts *a)
{
    a->slots = 16;
    while (a->slots < a->n * 2)
        a->slots *= 2;
    a->slot = calloc(a->slots, sizeof *a->slot);
    must(a->slot);
    for (size_t i = 0; i < a->n; i++) {
        size_t at = siphash(hash_process_key(), a->credential[i].login.p, a->credential[i].login.n) & (a->slots - 1);
        while (a->slot[at])
            at = (at + 1) & (a->slots - 1);
        a->slot[at] = (uint32_t)i + 1;
    }
}

static bool read_all(struct accounts *a, const char *path, struct str text, struct fault *f)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    a->credential = arena_alloc(&a->arena, lines * sizeof *a->credential);
    for (unsigned number = 1; text.p && text.n; number++) {
        struct str line = str_split(&text, '\n');
        if (line.n == 0 || line.p[0] == '#')
            continue;
        const char *trouble = read_line(line, &a->arena, &a->credential[a->n]);
        if (trouble)
            return fault_set(f, "%s:%u: the line %s: write the account again with \"goniec account\"", path, number, trouble);
        if (a->credential[a->n].argon2 && !a->slow)
            a->slow = &a->credential[a->n];
        a->n++;
    }
    return true;
}

bool accounts_load(struct accounts **ret, const char *path, struct fault *f)
{
    struct buf text = {.max = FILE_MAX};
    struct accounts *a = calloc(1, sizeof *a);
    must(a);
    atomic_init(&a->refs, 1);
    bool good = file_read(path, &text, f) && read_all(a, path, buf_str(&text), f);
    buf_done(&text);
    index_logins(a);
    if (good)
        *ret = a;
    else
        accounts_free(&a);
    return good;
}

struct accounts *accounts_ref(struct accounts *a)
{
    if (a)
        atomic_fetch_add(&a->refs, 1);
    return a;
}

void accounts_free(struct accounts **accounts)
{
    struct accounts *a = *accounts;
    *accounts = NULL;
    if (!a || atomic_fetch_sub(&a->refs, 1) > 1)
        return;
    arena_done(&a->arena);
    free(a->slot);
    free(a);
}

const struct credential *accounts_find(const struct accounts *a, struct str login)
{
    if (!a)
        return NULL;
    for (size_t at = siphash(hash_process_key(), login.p, login.n) & (a->slots - 1); a->slot[at]; at = (at + 1) & (a->slots - 1))
        if (str_eq(a->credential[a->slot[at] - 1].login, login))
            return &a->credential[a->slot[at] - 1];
    return NULL;
}

const struct credential *accounts_slow(const struct accounts *a) { return a ? a->slow : NULL; }

/* ---- writing and checking ---- */

static void add_hex(struct buf *b, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addf(b, "%02x", p[i]);
}

static void keyed_hash(const void *salt, struct str secret, unsigned char out[HASH])
{
    unsigned n = HASH;
    must(HMAC(EVP_sha256(), salt, SALT, (const unsigned char *)secret.p, secret.n, out, &n));
}

void secret_generate(char out[33])
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, none that looks like another */
    unsigned char raw[32];
    must(RAND_bytes(raw, sizeof raw) == 1);
    for (int i = 0; i < 32; i++)
        out[i] = letters[raw[i] & 31];
    out[32] = '\0';
}

void secret_encode_key(struct str secret, struct buf *b)
{
    unsigned char salt[SALT], hash[HASH];
    must(RAND_bytes(salt, sizeof salt) == 1);
    keyed_hash(salt, secret, hash);
    buf_add_str(b, STR("key$"));
    add_hex(b, salt, sizeof salt);
    buf_add_str(b, STR("$"));
    add_hex(b, hash, sizeof hash);
}

bool secret_encode_argon2(struct str password, struct buf *b, struct fault *f)
{
    char out[crypto_pwhash_STRBYTES];
    if (sodium_init() < 0 || crypto_pwhash_str(out, password.p ? password.p : "", password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                               crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return fault_set(f, "the password cannot be hashed: not enough memory");
    return buf_add_str(b, str_of(out));
}

void secret_encode_scram(struct str password, struct buf *b)
{
    unsigned char salt[SCRAM_SALT], salted[HASH], key[HASH], stored[HASH];
    unsigned n = HASH;
    must(RAND_bytes(salt, sizeof salt) == 1);
    must(PKCS5_PBKDF2_HMAC(password.p, (int)password.n, salt, SCRAM_SALT, SCRAM_ROUNDS, EVP_sha256(), HASH, salted) == 1);
    buf_addf(b, "scram-sha-256$%d$", SCRAM_ROUNDS);
    base64_encode(str_mem(salt, SCRAM_SALT), b);
    must(HMAC(EVP_sha256(), salted, HASH, (const unsigned char *)"Client Key", 10, key, &n));
    must(EVP_Digest(key, HASH, stored, &n, EVP_sha256(), NULL) == 1);
    buf_add_str(b, STR("$"));
    base64_encode(str_mem(stored, HASH), b);
    must(HMAC(EVP_sha256(), salted, HASH, (const unsigned char *)"Server Key", 10, key, &n));
    buf_add_str(b, STR("$"));
    base64_encode(str_mem(key, HASH), b);
}

bool credential_check(const struct credential *c, struct str password)
{
    unsigned char hash[HASH];
    if (c->argon2)
        return sodium_init() >= 0 && crypto_pwhash_str_verify(c->argon2, password.p ? password.p : "", password.n) == 0;
    if (c->key_salt.n != SALT)
        return false;
    keyed_hash(c->key_salt.p, password, hash);
    return CRYPTO_memcmp(hash, c->key_hash.p, HASH) == 0;
}
