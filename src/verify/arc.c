/* arc: see arc.h. The steps of RFC 8617 5.2 in their order: what can be said without DNS comes first. Of message signatures only
 * the newest must hold, because whoever changed the message signed it anew; of seals all. */
#include "verify/arc.h"

#include "verify/canon.h"
#include "verify/signature.h"

/* ---- the sets ---- */

/* instance-val: 1*2DIGIT, 1 to 50 (4.2.1). 0: it is none. */
static unsigned instance_of(struct str s)
{
    uint64_t i;
    return s.n <= 2 && str_to_u64(s, ARC_SETS_MAX, &i) ? (unsigned)i : 0;
}

/* ARC-Authentication-Results begins with "i=N;" and is no tag list otherwise (4.1.1). */
static unsigned results_instance(struct str value)
{
    struct str rest = tags_uncommented(value);
    size_t digits = 0;
    if (!rest.n || rest.p[0] != 'i')
        return 0;
    rest = tags_uncommented(str_mem(rest.p + 1, rest.n - 1));
    if (!rest.n || rest.p[0] != '=')
        return 0;
    rest = tags_uncommented(str_mem(rest.p + 1, rest.n - 1));
    while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
        digits++;
    struct str behind = tags_uncommented(str_mem(rest.p + digits, rest.n - digits));
    return behind.n && behind.p[0] == ';' ? instance_of(str_mem(rest.p, digits)) : 0;
}

static unsigned tagged_instance(struct str value)
{
    struct tags t;
    return value.n <= 64 * 1024 && tags_read(value, &t) ? instance_of(tags_get(&t, "i")) : 0;
}

/* Where the field belongs; NULL: it is none of a chain, or *wrong is set. */
static const struct header_field **slot_of(struct arc_chain *c, const struct header_field *f, const char **wrong)
{
    bool results = str_eq_nocase(f->name, STR("ARC-Authentication-Results"));
    bool message = str_eq_nocase(f->name, STR("ARC-Message-Signature")), seal = str_eq_nocase(f->name, STR("ARC-Seal"));
    if (!results && !message && !seal)
        return NULL;
    unsigned i = results ? results_instance(f->value) : tagged_instance(f->value);
    if (i == 0) {
        *wrong = "a field of the chain is not well formed, or its instance (i=) is not 1 to 50";
        return NULL;
    }
    c->sets = i > c->sets ? i : c->sets;
    struct arc_set *s = &c->set[i - 1];
    return results ? &s->results : message ? &s->message : &s->seal;
}

const char *arc_chain_read(const struct view *v, struct arc_chain *ret)
{
    const char *wrong = NULL;
    *ret = (struct arc_chain){.sets = 0};
    for (unsigned i = 0; i < v->fields; i++) {
        const struct header_field **slot = slot_of(ret, &v->field[i], &wrong);
        if (slot && *slot)
            wrong = "an instance of the chain stands there twice";
        if (slot)
            *slot = &v->field[i];
    }
    for (unsigned i = 0; i < ret->sets && !wrong; i++)
        if (!ret->set[i].results || !ret->set[i].message || !ret->set[i].seal)
            wrong = "a field of the chain is missing: each instance has three";
    return wrong;
}

void arc_chain_hash(const struct arc_chain *c, unsigned first, unsigned last, EVP_MD_CTX *md)
{
    for (unsigned i = first; i <= last; i++) {
        const struct arc_set *s = &c->set[i - 1];
        canon_field(md, s->results->raw, true, false);
        canon_field(md, s->message->raw, true, false);
        if (i < last)
            canon_field(md, s->seal->raw, true, false);
    }
}

/* ---- what each field must be ---- */

static const char *check_common(const struct signature *s)
{
    struct str t = tags_get(&s->tags, "t");
    uint64_t made;
    if (s->sha1)
        return "it uses SHA-1, which no longer counts (RFC 8301)";
    return t.p && !str_to_u64(t, INT64_MAX, &made) ? "its time is not a number" : NULL;
}

static const char *check_message(const struct signature *s)
{
    if (!tags_lists(s->names, STR("From")))
        return "it does not cover the From field (RFC 6376 5.4)";
    if (tags_lists(s->names, STR("ARC-Seal")))
        return "it covers a seal, which seals do by themselves (RFC 8617 4.1.2)";
    return check_common(s);
}

static const char *check_seal(const struct signature *s, unsigned instance)
{
    struct str cv = tags_get(&s->tags, "cv");
    if (tags_get(&s->tags, "h").p)
        return "it names signed fields, which a seal must not (RFC 8617 4.1.3)";
    if (str_eq(cv, STR("fail")))
        return "it says that the chain was broken already";
    if (!str_eq(cv, instance == 1 ? STR("none") : STR("pass")))
        return instance == 1 ? "the first seal must say cv=none" : "it must say cv=pass";
    return check_common(s);
}

/* ---- judging ---- */

struct judging {
    const struct view *view;
    const struct verify_dns *dns;
    struct arena *arena;
    struct arc_answer *answer;
    struct arc_chain chain;
};

static bool end(struct judging *j, enum auth_result r, const char *what, unsigned instance, const char *why)
{
    struct buf b = {0};
    buf_addf(&b, "%s of instance %u: %s", what, instance, why);
    j->answer->result = r;
    j->answer->reason = arena_str(j->arena, buf_str(&b));
    buf_done(&b);
    return false;
}

/* Without c= the form is simple by RFC 6376 3.5, and relaxed by what sealers that leave it out do: either counts
 * (docs/decisions/0009-arc.md). */
static const char *check_content(const struct judging *j, struct signature *s, EVP_PKEY *key)
{
    struct body_hashes known = {.n = 0};
    bool open = !tags_get(&s->tags, "c").p, body = false;
    uint64_t whole;
    for (unsigned form = 0; form < 1u + open; form++) {
        if (form > 0)
            s->relaxed_header = s->relaxed_body = true;
        bool good = signature_body_good(s, j->view->body, &known, &whole);
        body |= good;
        if (good && signature_holds(s, j->view, key))
            return NULL;
    }
    return body ? "it does not match: a signed header field was changed, or it is forged"
                : "the body was changed after it was signed";
}

static bool check_newest_message(struct judging *j)
{
    struct signature s;
    struct public_key key = {0};
    unsigned i = j->chain.sets;
    const char *wrong = signature_read(j->chain.set[i - 1].message, &s);
    enum auth_result r = AUTH_FAIL;
    wrong = wrong ? wrong : check_message(&s);
    if (!wrong && (r = signature_key(&s, j->dns, j->arena, &key, &wrong)) == AUTH_PASS)
        wrong = check_content(j, &s, key.pkey);
    EVP_PKEY_free(key.pkey);
    signature_done(&s);
    return !wrong || end(j, r == AUTH_TEMPERROR ? AUTH_TEMPERROR : AUTH_FAIL, "the message signature", i, wrong);
}

static bool seal_holds(const struct judging *j, const struct signature *s, unsigned instance, EVP_PKEY *key)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    arc_chain_hash(&j->chain, 1, instance, md);
    canon_signature(md, s->field->raw, true);
    EVP_DigestFinal_ex(md, hash, &n);
    EVP_MD_CTX_free(md);
    return signature_matches(s, key, hash, n);
}

static bool check_one_seal(struct judging *j, unsigned i)
{
    struct signature s;
    struct public_key key = {0};
    const char *wrong = signature_read_seal(j->chain.set[i - 1].seal, &s);
    enum auth_result r = AUTH_FAIL;
    wrong = wrong ? wrong : check_seal(&s, i);
    if (!wrong && (r = signature_key(&s, j->dns, j->arena, &key, &wrong)) == AUTH_PASS && !seal_holds(j, &s, i, key.pkey))
        wrong = "it does not match: a field of the chain was changed, or it is forged";
    if (!wrong && i == j->chain.sets)
        j->answer->domain = s.domain;
    EVP_PKEY_free(key.pkey);
    signature_done(&s);
    return !wrong || end(j, r == AUTH_TEMPERROR ? AUTH_TEMPERROR : AUTH_FAIL, "the seal", i, wrong);
}

/* What the seals say of themselves: a chain that was found broken once stays so, whatever comes after (5.2 2, 3). */
static bool check_claims(struct judging *j)
{
    for (unsigned i = j->chain.sets; i > 0; i--) {
        struct signature s;
        const char *wrong = signature_read_seal(j->chain.set[i - 1].seal, &s);
        wrong = wrong ? wrong : check_seal(&s, i);
        signature_done(&s);
        if (wrong)
            return end(j, AUTH_FAIL, "the seal", i, wrong);
    }
    return true;
}

void arc_verify(const struct view *v, const struct verify_dns *dns, struct arena *a, struct arc_answer *ret)
{
    struct judging j = {v, dns, a, ret, {.sets = 0}};
    *ret = (struct arc_answer){.domain = {"", 0}, .reason = {"", 0}};
    const char *wrong = v->whole ? arc_chain_read(v, &j.chain) : "the message's header is longer than is looked at";
    ret->sets = j.chain.sets;
    if (wrong) {
        ret->result = AUTH_FAIL;
        ret->reason = str_of(wrong);
        return;
    }
    if (j.chain.sets == 0 || !check_claims(&j) || !check_newest_message(&j))
        return;
    for (unsigned i = j.chain.sets; i > 0; i--)
        if (!check_one_seal(&j, i))
            return;
    ret->result = AUTH_PASS;
}
