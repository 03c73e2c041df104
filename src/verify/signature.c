/* signature: see signature.h. */
#include "verify/signature.h"

#include "verify/canon.h"

#include <ctype.h>
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

/* Labels of letters, digits, "-", "_" and UTF-8 (RFC 8616): what can be asked for in DNS. */
static bool is_name(struct str s)
{
    size_t label = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool dot = c == '.';
        if (!dot && !isalnum(c) && c != '-' && c != '_' && c < 0x80)
            return false;
        if (dot && label == 0)
            return false;
        label = dot ? 0 : label + 1;
    }
    return label > 0 && s.n <= 253;
}

const char *signature_read_seal(const struct header_field *f, struct signature *s)
{
    *s = (struct signature){.field = f, .limit = UINT64_MAX, .relaxed_header = true};
    if (f->value.n > 64 * 1024 || !tags_read(f->value, &s->tags))
        return "it is not well formed";
    s->domain = tags_get(&s->tags, "d");
    s->selector = tags_get(&s->tags, "s");
    s->algorithm = tags_get(&s->tags, "a");
    struct str bytes = tags_get(&s->tags, "b");
    if (!s->domain.n || !s->selector.n || !s->algorithm.n || !bytes.n)
        return "it lacks a part that is required (a, b, d or s)";
    if (!is_name(s->domain) || !is_name(s->selector))
        return "its domain or selector is not a name";
    if (!tags_base64(bytes, &s->bytes))
        return "it holds a value that is not base64";
    return read_algorithm(s);
}

const char *signature_read(const struct header_field *f, struct signature *s)
{
    const char *wrong = signature_read_seal(f, s);
    if (wrong)
        return wrong;
    s->relaxed_header = false;
    s->names = tags_get(&s->tags, "h");
    struct str hash = tags_get(&s->tags, "bh"), limit = tags_get(&s->tags, "l");
    if (!s->names.n || !hash.n)
        return "it lacks a part that is required (bh or h)";
    if (limit.p && !str_to_u64(limit, UINT64_MAX - 1, &s->limit))
        return "its length limit is not a number";
    if (!tags_base64(hash, &s->hash))
        return "it holds a value that is not base64";
    wrong = read_canon(tags_get(&s->tags, "c"), s);
    return wrong ? wrong : check_names(s->names);
}

void signature_done(struct signature *s)
{
    buf_done(&s->hash);
    buf_done(&s->bytes);
}

static const EVP_MD *digest_of(const struct signature *s) { return s->sha1 ? EVP_sha1() : EVP_sha256(); }

static void hash_body(struct body_hash *h, const struct signature *s, struct str body)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    *h = (struct body_hash){.relaxed = s->relaxed_body, .sha1 = s->sha1, .limit = s->limit};
    EVP_DigestInit_ex(md, digest_of(s), NULL);
    h->whole = canon_body(md, body, s->relaxed_body, s->limit);
    EVP_DigestFinal_ex(md, h->hash, &h->bytes);
    EVP_MD_CTX_free(md);
}

static const struct body_hash *body_hash(const struct signature *s, struct str body, struct body_hashes *known)
{
    for (unsigned i = 0; i < known->n; i++) {
        const struct body_hash *h = &known->made[i];
        if (h->relaxed == s->relaxed_body && h->sha1 == s->sha1 && h->limit == s->limit)
            return h;
    }
    struct body_hash *h = &known->made[known->n];
    known->n += known->n + 1 < sizeof known->made / sizeof *known->made;
    hash_body(h, s, body);
    return h;
}

bool signature_body_good(const struct signature *s, struct str body, struct body_hashes *known, uint64_t *ret_whole)
{
    const struct body_hash *h = body_hash(s, body, known);
    *ret_whole = h->whole;
    return s->hash.n == h->bytes && memcmp(s->hash.p, h->hash, h->bytes) == 0;
}

enum auth_result signature_key(const struct signature *s, const struct verify_dns *dns, struct arena *a, struct public_key *ret,
                               const char **why)
{
    enum auth_result r = key_fetch(dns, s->selector, s->domain, a, ret, why);
    if (r != AUTH_PASS || ret->ed25519 == s->ed25519)
        return r;
    *why = "the key in DNS is of another kind than the signature";
    return AUTH_PERMERROR;
}

bool signature_matches(const struct signature *s, EVP_PKEY *key, const unsigned char *hash, unsigned n)
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
    canon_fields(md, v, s->names, s->relaxed_header);
    canon_signature(md, s->field->raw, s->relaxed_header);
    EVP_DigestFinal_ex(md, hash, &n);
    EVP_MD_CTX_free(md);
    return signature_matches(s, key, hash, n);
}
