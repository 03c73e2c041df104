/* sign: a message's DKIM signatures (RFC 6376 3.5, 5). The body and the signed fields are hashed once; each signature adds itself
 * to a copy of that state. Always relaxed/relaxed, never l=, which would let anybody append. */
#include "sign/sign.h"

#include "lib/base64.h"
#include "lib/must.h"
#include "sign/fields.h"
#include "sign/fold.h"
#include "sign/key.h"
#include "verify/canon.h"

#include <sodium.h>
#include <stdio.h>

enum { HASH = 32, SIGNATURE_MAX = 512, FIELD_USUAL = 1000 };

/* ---- hashes ---- */

static void hash_body(const struct signed_fields *s, EVP_MD_CTX *md, const EVP_MD *sha256, struct buf *ret)
{
    unsigned char hash[HASH];
    must(EVP_DigestInit_ex2(md, sha256, NULL) == 1);
    canon_body(md, s->body, true, UINT64_MAX);
    must(EVP_DigestFinal_ex(md, hash, NULL) == 1);
    base64_encode(str_mem(hash, HASH), ret);
}

/* What all signatures of a message have in common. */
struct common {
    struct buf names, body; /* h=, bh= */
    EVP_MD_CTX *md;         /* after the signed fields */
};

static void take_field(void *ctx, struct str name, struct str raw)
{
    struct common *c = ctx;
    if (c->names.n)
        buf_add_str(&c->names, STR(":"));
    buf_add_str(&c->names, name);
    if (raw.p)
        canon_field(c->md, raw, true, false);
}

/* ---- one signature ---- */

/* All but b='s value: what it is itself signed by (3.7). */
static void put_tags(struct fold *f, const struct common *c, const struct sign_key *k, int64_t now_s)
{
    char time[32];
    buf_add_str(f->b, STR("DKIM-Signature:"));
    f->column = f->b->n;
    fold_tag(f, " ", "v", STR("1"));
    fold_tag(f, " ", "a", k->ed25519 ? STR("ed25519-sha256") : STR("rsa-sha256"));
    fold_tag(f, " ", "c", STR("relaxed/relaxed"));
    fold_tag(f, " ", "d", k->domain);
    fold_tag(f, " ", "s", k->selector);
    snprintf(time, sizeof time, "%lld", (long long)now_s);
    fold_tag(f, " ", "t", str_of(time));
    fold_tag(f, " ", "bh", buf_str(&c->body));
    fold_word(f, " ", STR("h="));
    for (struct str rest = buf_str(&c->names); rest.p;) {
        struct str name = str_split(&rest, ':');
        fold_word(f, "", rest.p ? str_mem(name.p, name.n + 1) : name);
    }
    fold_word(f, "", STR(";"));
    fold_word(f, " ", STR("b="));
}

static void add_signature(const struct common *c, const struct sign_key *k, int64_t now_s, EVP_MD_CTX *scratch, struct buf *b)
{
    struct buf field = {0}, raw = {0}, text = {0};
    struct fold f = {&field, 0};
    unsigned char hash[HASH];
    buf_reserve(&field, FIELD_USUAL);
    put_tags(&f, c, k, now_s);
    must(EVP_MD_CTX_copy_ex(scratch, c->md) == 1);
    canon_signature(scratch, buf_str(&field), true);
    must(EVP_DigestFinal_ex(scratch, hash, NULL) == 1);
    sign_hash(k, hash, &raw);
    base64_encode(buf_str(&raw), &text);
    fold_loose(&f, buf_str(&text));
    buf_add_str(&field, STR("\r\n"));
    buf_add_str(b, buf_str(&field));
    buf_done(&field);
    buf_done(&raw);
    buf_done(&text);
}

void sign_hash(const struct sign_key *k, const unsigned char hash[32], struct buf *b)
{
    unsigned char *to = (unsigned char *)buf_reserve(b, SIGNATURE_MAX);
    size_t n = SIGNATURE_MAX;
    must(to);
    if (k->ed25519) {
        unsigned long long bytes;
        must(crypto_sign_detached(to, &bytes, hash, HASH, k->secret) == 0);
        n = bytes;
    } else {
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_dup(k->rsa);
        must(c && EVP_PKEY_sign(c, to, &n, hash, HASH) == 1);
        EVP_PKEY_CTX_free(c);
    }
    b->n += n;
}

void sign_message(struct content **content, const struct sign_with *w, int64_t now_s)
{
    struct signed_fields fields;
    struct common c = {0};
    struct buf front = {0};
    if (w->n == 0)
        return;
    c.md = EVP_MD_CTX_new();
    EVP_MD_CTX *scratch = EVP_MD_CTX_new();
    must(c.md && scratch);
    fields_pick(&fields, content_str(*content));
    hash_body(&fields, c.md, w->key[0]->sha256, &c.body);
    must(EVP_DigestInit_ex2(c.md, w->key[0]->sha256, NULL) == 1);
    fields_each(&fields, take_field, &c);
    for (unsigned i = 0; i < w->n; i++)
        add_signature(&c, w->key[i], now_s, scratch, &front);
    *content = content_prepend(*content, buf_str(&front));
    EVP_MD_CTX_free(scratch);
    EVP_MD_CTX_free(c.md);
    buf_done(&c.names);
    buf_done(&c.body);
    buf_done(&front);
}
