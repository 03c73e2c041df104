/* seal: see seal.h. Tags stand in alphabetical order and b= on a line of its own, unbroken (it is shorter than the 998 bytes of
 * RFC 5322 2.1.1): a seal covers the white space within b=, and so ours are the same as those of the public suite. What follows
 * b= begins a line too: its folds do not depend on b=, which is left out when the field itself is hashed. Folds are spaces,
 * because some look for " i=". */
#include "sign/seal.h"

#include "lib/base64.h"
#include "lib/must.h"
#include "sign/fields.h"
#include "sign/fold.h"
#include "sign/key.h"
#include "verify/arc.h"
#include "verify/authres.h"
#include "verify/canon.h"
#include "verify/tags.h"

#include <stdio.h>

enum { HASH = 32, NUMBER = 24 };

struct sealing {
    const struct seal *seal;
    const struct sign_key *key;
    struct view view;
    struct arc_chain chain; /* with our set at its end */
    struct header_field own[3];
    struct buf results, message, text; /* our fields, in this order */
    EVP_MD_CTX *md;
};

/* ---- which ---- */

static const struct sign_key *choose_key(const struct sign_with *w)
{
    for (unsigned i = 0; i < w->n; i++)
        if (!w->key[i]->ed25519)
            return w->key[i];
    return w->n ? w->key[0] : NULL;
}

static bool is_sealed_as_broken(const struct arc_chain *c)
{
    struct tags t;
    const struct header_field *seal = c->sets ? c->set[c->sets - 1].seal : NULL;
    return seal && tags_read(seal->value, &t) && str_eq(tags_get(&t, "cv"), STR("fail"));
}

/* ---- the fields ---- */

/* ";\r\n spf=pass ..." for each field of ours, from the top (5.1). */
static void put_results(struct sealing *x)
{
    struct buf *b = &x->results;
    unsigned n = 0;
    buf_addf(b, "ARC-Authentication-Results: i=%u; %.*s", x->chain.sets, STR_ARGS(x->seal->authserv));
    for (unsigned i = 0; i < x->view.fields; i++) {
        const struct header_field *f = &x->view.field[i];
        if (!str_eq_nocase(f->name, STR("Authentication-Results")) || !authres_claims(f->value, x->seal->authserv))
            continue;
        struct str one = authres_results(f->value);
        while (one.n && one.p[one.n - 1] == ';')
            one = tags_trim(str_mem(one.p, one.n - 1));
        if (!one.n)
            continue;
        buf_addf(b, ";\r\n %.*s", STR_ARGS(one));
        n++;
    }
    buf_add_str(b, n ? STR("\r\n") : STR("; none\r\n"));
}

static void add_name(void *ctx, struct str name, struct str raw)
{
    struct buf *b = ctx;
    (void)raw;
    if (b->n)
        buf_add_str(b, STR(":"));
    buf_add_str(b, name);
}

/* What a DKIM signature of ours would cover, and the signatures that are there (4.1.2). */
static void put_names(const struct sealing *x, struct str message, struct buf *b)
{
    struct signed_fields fields;
    if (x->seal->names.n) {
        buf_add_str(b, x->seal->names);
        return;
    }
    fields_pick(&fields, message);
    fields_each(&fields, add_name, b);
    for (unsigned n = view_count(&x->view, STR("DKIM-Signature")); n > 0; n--)
        add_name(b, STR("dkim-signature"), STR(""));
}

static void hash_body(const struct sealing *x, struct buf *ret)
{
    unsigned char hash[HASH];
    must(EVP_DigestInit_ex2(x->md, x->key->sha256, NULL) == 1);
    canon_body(x->md, x->view.body, true, UINT64_MAX);
    must(EVP_DigestFinal_ex(x->md, hash, NULL) == 1);
    base64_encode(str_mem(hash, HASH), ret);
}

/* i=, s=, t= (alphabetical, as all). */
static void put_last(struct fold *f, const struct sealing *x)
{
    char number[NUMBER];
    snprintf(number, sizeof number, "%u", x->chain.sets);
    fold_tag(f, " ", "i", str_of(number));
    fold_tag(f, " ", "s", x->key->selector);
    snprintf(number, sizeof number, "t=%lld", (long long)x->seal->now_s);
    fold_word(f, " ", str_of(number));
}

static void put_field(struct buf *b, const char *name, const struct sealing *x, struct str bytes, struct str rest)
{
    b->n = 0;
    buf_addf(b, "%s a=%s;", name, x->key->ed25519 ? "ed25519-sha256" : "rsa-sha256");
    buf_addf(b, "\r\n b=%.*s;\r\n %.*s\r\n", STR_ARGS(bytes), STR_ARGS(rest));
}

/* The signature over what x->md has taken so far, and over the field itself. */
static void sign_field(struct buf *b, const char *name, const struct sealing *x, struct str rest)
{
    unsigned char hash[HASH];
    struct buf raw = {0}, text = {0};
    put_field(b, name, x, STR(""), rest);
    canon_signature(x->md, buf_str(b), true);
    must(EVP_DigestFinal_ex(x->md, hash, NULL) == 1);
    sign_hash(x->key, hash, &raw);
    base64_encode(buf_str(&raw), &text);
    put_field(b, name, x, buf_str(&text), rest);
    buf_done(&raw);
    buf_done(&text);
}

static void put_message(struct sealing *x, struct str message)
{
    struct buf rest = {0}, names = {0}, hash = {0};
    struct fold f = {&rest, 1};
    hash_body(x, &hash);
    put_names(x, message, &names);
    fold_tag(&f, "", "bh", buf_str(&hash));
    fold_tag(&f, " ", "c", STR("relaxed/relaxed"));
    fold_tag(&f, " ", "d", x->key->domain);
    fold_word(&f, " ", STR("h="));
    for (struct str list = buf_str(&names); list.p;) {
        struct str name = str_split(&list, ':');
        fold_word(&f, "", list.p ? str_mem(name.p, name.n + 1) : name);
    }
    fold_word(&f, "", STR(";"));
    put_last(&f, x);
    must(EVP_DigestInit_ex2(x->md, x->key->sha256, NULL) == 1);
    canon_fields(x->md, &x->view, buf_str(&names), true);
    sign_field(&x->message, "ARC-Message-Signature:", x, buf_str(&rest));
    buf_done(&rest);
    buf_done(&names);
    buf_done(&hash);
}

static void put_seal(struct sealing *x)
{
    struct buf rest = {0};
    struct fold f = {&rest, 1};
    unsigned sets = x->chain.sets;
    bool broken = x->seal->chain == AUTH_FAIL;
    fold_tag(&f, "", "cv", sets == 1 && !broken ? STR("none") : broken ? STR("fail") : STR("pass"));
    fold_tag(&f, " ", "d", x->key->domain);
    put_last(&f, x);
    x->own[0].raw = buf_str(&x->results);
    x->own[1].raw = buf_str(&x->message);
    x->chain.set[sets - 1] = (struct arc_set){&x->own[0], &x->own[1], NULL};
    must(EVP_DigestInit_ex2(x->md, x->key->sha256, NULL) == 1);
    arc_chain_hash(&x->chain, broken ? sets : 1, sets, x->md); /* 5.1.2 */
    sign_field(&x->text, "ARC-Seal:", x, buf_str(&rest));
    buf_done(&rest);
}

bool seal_message(struct content **c, const struct sign_with *w, const struct seal *s)
{
    struct sealing x = {.seal = s, .key = choose_key(w)};
    struct arena a = {0};
    struct buf front = {0};
    view_make(&x.view, content_str(*c), &a);
    arc_chain_read(&x.view, &x.chain);
    bool good =
        x.key && x.view.whole && s->chain != AUTH_TEMPERROR && x.chain.sets < ARC_SETS_MAX && !is_sealed_as_broken(&x.chain);
    if (good) {
        x.md = EVP_MD_CTX_new();
        must(x.md);
        x.chain.sets++;
        put_results(&x);
        put_message(&x, content_str(*c));
        put_seal(&x);
        buf_add_str(&front, buf_str(&x.text));
        buf_add_str(&front, buf_str(&x.message));
        buf_add_str(&front, buf_str(&x.results));
        *c = content_prepend(*c, buf_str(&front));
        EVP_MD_CTX_free(x.md);
    }
    buf_done(&x.results);
    buf_done(&x.message);
    buf_done(&x.text);
    buf_done(&front);
    arena_done(&a);
    return good;
}
