/* dkim: see dkim.h. What can be said without DNS is said first, so that a broken signature costs no look-up. */
#include "verify/dkim.h"

#include "verify/signature.h"

/* Is `name` the domain or under it? */
static bool is_within(struct str name, struct str domain)
{
    return str_eq_nocase(name, domain) || (name.n > domain.n && name.p[name.n - domain.n - 1] == '.' &&
                                           str_eq_nocase(str_mem(name.p + name.n - domain.n, domain.n), domain));
}

static struct str domain_of(struct str identity)
{
    str_split(&identity, '@');
    for (struct str more = identity; more.p && memchr(more.p, '@', more.n);) {
        str_split(&more, '@');
        identity = more;
    }
    return identity.p ? identity : (struct str){"", 0};
}

/* What only a DKIM signature has (3.5): version, identity, times, query method. */
static const char *read_own(const struct signature *s, struct dkim_answer *ret)
{
    struct str v = tags_get(&s->tags, "v"), i = tags_get(&s->tags, "i"), q = tags_get(&s->tags, "q");
    struct str x = tags_get(&s->tags, "x"), t = tags_get(&s->tags, "t");
    uint64_t expires, made;
    if (!str_eq(v, STR("1")))
        return "its version is not known";
    if (!tags_lists(s->names, STR("From")))
        return "it does not cover the From field (RFC 6376 5.4)";
    if (i.p && !is_within(domain_of(i), s->domain))
        return "its identity is not within its domain";
    ret->identity = i.p ? i : (struct str){"", 0};
    if (q.p && !tags_lists(q, STR("dns/txt")))
        return "its key is not to be found by a method that is known";
    if (t.p && !str_to_u64(t, INT64_MAX, &made))
        return "its time is not a number";
    if (x.p && !str_to_u64(x, INT64_MAX, &expires))
        return "its time of expiry is not a number";
    if (x.p && t.p && expires < made)
        return "it expires before it was made";
    return NULL;
}

static bool is_expired(const struct signature *s, int64_t now_s)
{
    uint64_t expires;
    struct str x = tags_get(&s->tags, "x");
    return x.p && str_to_u64(x, INT64_MAX, &expires) && (int64_t)expires < now_s;
}

static void end(struct dkim_answer *a, enum auth_result result, const char *reason)
{
    a->result = result;
    a->reason = str_of(reason);
}

/* What the signatures of one message have in common. */
struct checking {
    const struct view *view;
    const struct verify_dns *dns;
    int64_t now_s;
    struct arena *arena;
    struct body_hashes known;
    struct str asked; /* the domain whose key was asked for last; p == NULL: none */
};

/* Somebody's silent name servers must not keep another's key from being asked for. */
static void begin(struct checking *c, struct str domain)
{
    if (c->dns->begin && c->asked.p && !str_eq_nocase(c->asked, domain))
        c->dns->begin(c->dns->ctx);
    c->asked = domain;
}

/* With the key: t=s, the kind, the hash over the fields. */
static void check_key(struct checking *c, const struct signature *s, struct dkim_answer *ret)
{
    struct public_key key;
    const char *why;
    begin(c, s->domain);
    enum auth_result r = signature_key(s, c->dns, c->arena, &key, &why);
    ret->bits = key.bits;
    ret->testing = key.testing;
    if (r != AUTH_PASS)
        end(ret, r, why);
    else if (key.strict && ret->identity.n && !str_eq_nocase(domain_of(ret->identity), s->domain))
        end(ret, AUTH_PERMERROR, "the key is not for subdomains, and the identity is in one");
    else if (signature_holds(s, c->view, key.pkey))
        end(ret, s->sha1 ? AUTH_PERMERROR : AUTH_PASS, s->sha1 ? "it uses SHA-1, which no longer counts (RFC 8301)" : "");
    else
        end(ret, AUTH_FAIL, "the signature does not match: a signed header field was changed, or it is forged");
    EVP_PKEY_free(key.pkey);
}

static void verify_one(struct checking *c, const struct header_field *f, struct dkim_answer *ret)
{
    struct signature s;
    uint64_t whole;
    const char *wrong = signature_read(f, &s);
    ret->domain = s.domain.p ? s.domain : (struct str){"", 0};
    ret->selector = s.selector.p ? s.selector : (struct str){"", 0};
    ret->algorithm = s.algorithm.p ? s.algorithm : (struct str){"", 0};
    wrong = wrong ? wrong : read_own(&s, ret);
    if (wrong)
        end(ret, AUTH_PERMERROR, wrong);
    else if (is_expired(&s, c->now_s))
        end(ret, AUTH_FAIL, "the signature has expired");
    else if (!signature_body_good(&s, c->view->body, &c->known, &whole))
        end(ret, AUTH_FAIL, "the body was changed after it was signed");
    else if (s.limit != UINT64_MAX && s.limit > whole)
        end(ret, AUTH_PERMERROR, "its length limit is longer than the body");
    else {
        ret->partial = s.limit < whole;
        check_key(c, &s, ret);
    }
    signature_done(&s);
}

unsigned dkim_verify(const struct view *v, const struct verify_dns *dns, int64_t now_s, struct arena *a, struct dkim_answer **ret)
{
    struct checking c = {.view = v, .dns = dns, .now_s = now_s, .arena = a};
    unsigned n = view_count(v, STR("DKIM-Signature"));
    struct dkim_answer *list = arena_alloc(a, (n + 1) * sizeof *list);
    for (unsigned i = 0; i < n; i++) {
        struct dkim_answer *x = &list[i];
        *x = (struct dkim_answer){.domain = {"", 0}, .selector = {"", 0}, .algorithm = {"", 0}, .identity = {"", 0}};
        if (!v->whole)
            end(x, AUTH_PERMERROR, "the message's header is longer than is looked at");
        else if (i >= DKIM_SIGNATURES_MAX)
            end(x, AUTH_POLICY, "there are more signatures than are looked at");
        else
            verify_one(&c, view_find(v, STR("DKIM-Signature"), i), x);
    }
    *ret = list;
    return n;
}
