/* scram: see scram.h. An unknown login gets a salt that is always the same for it, as a known one has, and fails at the proof
 * like a wrong password (RFC 5802 9: who is known is nobody's business). */
#include "accept/scram.h"

#include "lib/base64.h"
#include "lib/must.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum { HASH = 32, NONCE = 18 };

/* "=2C" and "=3D" in a saslname. */
static bool name_decode(struct str s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '=') {
            buf_add(b, &s.p[i], 1);
            continue;
        }
        struct str code = str_mem(s.p + i, s.n - i < 3 ? 0 : 3);
        if (!str_eq(code, STR("=2C")) && !str_eq(code, STR("=3D")))
            return false;
        buf_add(b, str_eq(code, STR("=2C")) ? "," : "=", 1);
        i += 2;
    }
    return b->n > 0;
}

/* The value of "x=value". */
static bool attribute(struct str field, char name, struct str *ret)
{
    if (field.n < 2 || field.p[0] != name || field.p[1] != '=')
        return false;
    *ret = str_mem(field.p + 2, field.n - 2);
    return true;
}

static void fake_salt(const uint8_t key[SECRET_BYTES], struct str login, unsigned char salt[HASH])
{
    unsigned n = HASH;
    must(HMAC(EVP_sha256(), key, SECRET_BYTES, (const unsigned char *)login.p, login.n, salt, &n));
}

static void server_first(struct scram *s, struct str client_nonce, const uint8_t key[SECRET_BYTES])
{
    unsigned char raw[NONCE], salt[HASH];
    struct buf b = {0};
    must(RAND_bytes(raw, sizeof raw) == 1);
    bool known = s->credential && s->credential->scram_iterations;
    fake_salt(key, s->login, salt);
    buf_add_str(&b, STR("r="));
    buf_add_str(&b, client_nonce);
    base64_encode(str_mem(raw, sizeof raw), &b);
    s->nonce = arena_str(&s->arena, str_mem(b.p + 2, b.n - 2));
    buf_add_str(&b, STR(",s="));
    base64_encode(known ? s->credential->scram_salt : str_mem(salt, SCRAM_SALT), &b);
    buf_addf(&b, ",i=%u", known ? s->credential->scram_iterations : SCRAM_ROUNDS);
    s->server_first = arena_str(&s->arena, buf_str(&b));
    buf_done(&b);
}

bool scram_first(struct scram *s, struct str client, struct accounts *a, const uint8_t key[SECRET_BYTES], struct buf *out)
{
    struct str rest = client, binding = str_split(&rest, ','), authzid = str_split(&rest, ',');
    if (!rest.p || (!str_eq(binding, STR("n")) && !str_eq(binding, STR("y"))))
        return false;
    s->gs2 = arena_str(&s->arena, str_mem(client.p, (size_t)(rest.p - client.p)));
    s->first_bare = arena_str(&s->arena, rest);
    struct str name, nonce, field = str_split(&rest, ',');
    struct buf login = {.max = 1000};
    if (!attribute(field, 'n', &name) || !attribute(str_split(&rest, ','), 'r', &nonce) || nonce.n < 8 || nonce.n > 512)
        return false;
    bool good = name_decode(name, &login);
    s->login = arena_str(&s->arena, buf_str(&login));
    buf_done(&login);
    if (!good || (authzid.n && !(attribute(authzid, 'a', &authzid) && str_eq(authzid, name)))) /* nobody acts for another */
        return false;
    accounts_free(&s->accounts);
    s->accounts = accounts_ref(a);
    s->credential = accounts_find(a, s->login);
    server_first(s, nonce, key);
    buf_add_str(out, s->server_first);
    return true;
}

static void hmac(const void *key, struct str text, unsigned char out[HASH])
{
    unsigned n = HASH;
    must(HMAC(EVP_sha256(), key, HASH, (const unsigned char *)text.p, text.n, out, &n));
}

/* H(signature XOR proof) must be the stored key (RFC 5802 3). */
static bool proof_right(const struct credential *c, struct str proof, struct str message)
{
    unsigned char signature[HASH], stored[HASH];
    unsigned n = HASH;
    if (proof.n != HASH)
        return false;
    hmac(c->scram_stored.p, message, signature);
    for (int i = 0; i < HASH; i++)
        signature[i] ^= (unsigned char)proof.p[i];
    must(EVP_Digest(signature, HASH, stored, &n, EVP_sha256(), NULL) == 1);
    return CRYPTO_memcmp(stored, c->scram_stored.p, HASH) == 0;
}

static bool fields_fit(struct scram *s, struct str without_proof)
{
    struct str rest = without_proof, binding, nonce;
    struct buf b = {0};
    bool good = attribute(str_split(&rest, ','), 'c', &binding) && attribute(str_split(&rest, ','), 'r', &nonce) &&
                base64_decode(binding, &b) && str_eq(buf_str(&b), s->gs2) && str_eq(nonce, s->nonce);
    buf_done(&b);
    return good;
}

bool scram_final(struct scram *s, struct str client, struct buf *out)
{
    static const char mark[] = ",p=";
    const char *at = client.n ? memmem(client.p, client.n, mark, 3) : NULL;
    if (!at || !s->nonce.p)
        return false;
    struct str without = str_mem(client.p, (size_t)(at - client.p)), proof = str_mem(at + 3, client.n - without.n - 3);
    struct buf raw = {0}, message = {0};
    buf_add_str(&message, s->first_bare);
    buf_add_str(&message, STR(","));
    buf_add_str(&message, s->server_first);
    buf_add_str(&message, STR(","));
    buf_add_str(&message, without);
    const struct credential *c = s->credential && s->credential->scram_iterations ? s->credential : NULL;
    bool good = fields_fit(s, without) && base64_decode(proof, &raw) && c && proof_right(c, buf_str(&raw), buf_str(&message));
    if (good) {
        unsigned char signature[HASH];
        hmac(c->scram_server.p, buf_str(&message), signature);
        buf_add_str(out, STR("v="));
        base64_encode(str_mem(signature, HASH), out);
    }
    buf_done(&raw);
    buf_done(&message);
    return good;
}

void scram_done(struct scram *s)
{
    accounts_free(&s->accounts);
    arena_done(&s->arena);
    *s = (struct scram){0};
}
