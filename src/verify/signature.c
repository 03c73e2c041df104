/* signature: see signature.h. */
#include "verify/signature.h"

#include "verify/canon.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

static const char *read_algorithm(struct signature *s)
{
    s->ed25519 = str_eq(s->algorithm, STR("ed25519-sha256"));
    s->sha1 = str_eq(s->algorithm, STR("rsa-sha1"));
    return s->ed25519 || s->sha1 || str_eq(s->algorithm, STR("rsa-sha256")) ? NULL : "its algorithm is not known";
}

/* "relaxed/simple"; a body's alone missing is simple (3.5 c=). */
static const char *read_canon(struct str c, struct signature *s)
{
    if (!c.p)
        return NULL;
    struct str body = c, header = tags_item(&body, '/');
    bool known = str_eq(header, STR("relaxed")) || str_eq(header, STR("simple"));
    known &= !body.p || str_eq(tags_trim(body), STR("relaxed")) || str_eq(tags_trim(body), STR("simple"));
    s->relaxed_header = str_eq(header, STR("relaxed"));
    s->relaxed_body = body.p && str_eq(tags_trim(body), STR("relaxed"));
    return known ? NULL : "its canonical form is not known";
}

static const char *check_names(struct str names)
{
    unsigned n = 0;
    for (struct str rest = names; rest.p; n++)
        if (tags_item(&rest, ':').n == 0)
            return "its list of signed fields is not well formed";
    return n > SIGNED_FIELDS_MAX ? "it names more signed fields than are looked at" : NULL;
}

const char *signature_read(const struct header_field *f, struct signature *s)
{
    *s = (struct signature){.field = f, .limit = UINT64_MAX};
    if (f->value.n > 64 * 1024 || !tags_read(f->value, &s->tags))
        return "it is not well formed";
    s->domain = tags_get(&s->tags, "d");
    s->selector = tags_get(&s->tags, "s");
    s->algorithm = tags_get(&s->tags, "a");
    s->names = tags_get(&s->tags, "h");
    struct str bytes = tags_get(&s->tags, "b"), hash = tags_get(&s->tags, "bh"), limit = tags_get(&s->tags, "l");
    if (!s->domain.n || !s->selector.n || !s->algorithm.n || !s->names.n || !bytes.n || !hash.n)
        return "it lacks a part that is required (a, b, bh, d, h or s)";
    if (limit.p && !str_to_u64(limit, UINT64_MAX - 1, &s->limit))
        return "its length limit is not a number";
    if (!tags_base64(bytes, &s->bytes) || !tags_base64(hash, &s->hash))
        return "it holds a value that is not base64";
    const char *wrong = read_algorithm(s);
    wrong = wrong ? wrong : read_canon(tags_get(&s->tags, "c"), s);
    return wrong ? wrong : check_names(s->names);
}

void signature_done(struct signature *s)
{
    buf_done(&s->hash);
    buf_done(&s->bytes);
}

static const EVP_MD *digest_of(const struct signature *s) { return s->sha1 ? EVP_sha1() : EVP_sha256(); }

bool signature_body_good(const struct signature *s, struct str body, uint64_t *ret_whole)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, digest_of(s), NULL);
    *ret_whole = canon_body(md, body, s->relaxed_body, s->limit);
    EVP_DigestFinal_ex(md, hash, &n);
    EVP_MD_CTX_free(md);
    return s->hash.n == n && memcmp(s->hash.p, hash, n) == 0;
}

/* The fields that h= names: for each name the lowest that is not taken yet; none left counts as nothing (5.4.2). */
static void hash_fields(EVP_MD_CTX *md, const struct signature *s, const struct view *v)
{
    bool taken[VIEW_FIELDS_MAX] = {false};
    for (struct str rest = s->names; rest.p;) {
        struct str name = tags_item(&rest, ':');
        for (unsigned i = v->fields; i-- > 0;)
            if (!taken[i] && str_eq_nocase(v->field[i].name, name)) {
                taken[i] = true;
                canon_field(md, v->field[i].raw, s->relaxed_header, false);
                break;
            }
    }
}

static bool is_signed(const struct signature *s, EVP_PKEY *key, const unsigned char *hash, unsigned n)
{
    bool good = false;
    const unsigned char *sig = (const unsigned char *)s->bytes.p;
    if (s->ed25519) { /* PureEdDSA over the hash (RFC 8463 3) */
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        good = EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1 && EVP_DigestVerify(c, sig, s->bytes.n, hash, n) == 1;
        EVP_MD_CTX_free(c);
    } else {
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
        good = c && EVP_PKEY_verify_init(c) == 1 && EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(c, digest_of(s)) == 1 && EVP_PKEY_verify(c, sig, s->bytes.n, hash, n) == 1;
        EVP_PKEY_CTX_free(c);
    }
    ERR_clear_error();
    return good;
}

bool signature_holds(const struct signature *s, const struct view *v, EVP_PKEY *key)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, digest_of(s), NULL);
    hash_fields(md, s, v);
    canon_signature(md, s->field->raw, s->relaxed_header);
    EVP_DigestFinal_ex(md, hash, &n);
    EVP_MD_CTX_free(md);
    return is_signed(s, key, hash, n);
}
