/* key: see key.h. */
#include "verify/key.h"

#include "mail/mailbox.h"
#include "verify/tags.h"

#include <openssl/err.h>
#include <openssl/x509.h>

enum { RECORD_MAX = 8192, BITS_MIN = 1024, BITS_MAX = 8192 };

static bool lists(struct str list, struct str word)
{
    while (list.p) {
        struct str item = tags_item(&list, ':');
        if (str_eq(item, word) || str_eq(item, STR("*")))
            return true;
    }
    return false;
}

/* The bytes of p= into a key of the kind that k= names. */
static const char *read_key(struct str type, struct str bytes, struct public_key *ret)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    if (str_eq(type, STR("ed25519"))) { /* RFC 8463 4: the 32 bytes themselves */
        ret->ed25519 = true;
        ret->pkey = bytes.n == 32 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, p, 32) : NULL;
        return ret->pkey ? NULL : "the public key in DNS is not well formed";
    }
    if (!str_eq(type, STR("rsa")))
        return "the public key in DNS is of an unknown kind";
    ret->pkey = d2i_PUBKEY(NULL, &p, (long)bytes.n);
    if (!ret->pkey) { /* some publish the bare RSAPublicKey (RFC 3447 A.1.1) */
        p = (const unsigned char *)bytes.p;
        ret->pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)bytes.n);
    }
    ERR_clear_error();
    if (!ret->pkey || EVP_PKEY_get_base_id(ret->pkey) != EVP_PKEY_RSA)
        return "the public key in DNS is not well formed";
    ret->bits = (unsigned)EVP_PKEY_get_bits(ret->pkey);
    if (ret->bits < BITS_MIN) /* RFC 8301 3.2 */
        return "the public key is shorter than 1024 bits";
    return ret->bits > BITS_MAX ? "the public key is longer than 8192 bits" : NULL;
}

static const char *read_record(struct str text, struct public_key *ret)
{
    struct tags t;
    struct buf bytes = {0};
    if (text.n > RECORD_MAX || !tags_read(text, &t))
        return "the key record in DNS is not well formed";
    struct str v = tags_get(&t, "v"), k = tags_get(&t, "k"), p = tags_get(&t, "p");
    struct str h = tags_get(&t, "h"), s = tags_get(&t, "s"), flags = tags_get(&t, "t");
    if (v.p && (!str_eq(v, STR("DKIM1")) || !str_eq(t.tag[0].name, STR("v"))))
        return "the key record in DNS is of an unknown version";
    if (!p.p)
        return "the key record in DNS has no key";
    if (p.n == 0)
        return "the key was revoked";
    const char *wrong = tags_base64(p, &bytes) ? read_key(k.p ? k : STR("rsa"), buf_str(&bytes), ret)
                                               : "the public key in DNS is not well formed";
    buf_done(&bytes);
    ret->testing = flags.p && lists(flags, STR("y"));
    ret->strict = flags.p && lists(flags, STR("s"));
    ret->for_mail = !s.p || lists(s, STR("email"));
    ret->sha256 = !h.p || lists(h, STR("sha256"));
    if (!wrong && !ret->for_mail)
        return "the key is not for e-mail";
    return !wrong && !ret->sha256 ? "the key is not for SHA-256" : wrong;
}

/* A domain with UTF-8 is asked for as A-labels (RFC 8616 4). */
static struct str as_asked(struct str domain, struct arena *a)
{
    struct str ascii;
    const char *why;
    return domain_ascii(domain, a, &ascii, &why) ? ascii : domain;
}

enum auth_result key_fetch(const struct verify_dns *dns, struct str selector, struct str domain, struct arena *a,
                           struct public_key *ret, const char **why)
{
    struct buf name = {0};
    struct dns_answer d = {0};
    domain = as_asked(domain, a);
    buf_addf(&name, "%.*s._domainkey.%.*s", STR_ARGS(selector), STR_ARGS(domain));
    enum dns_result r = name.n <= 253 ? dns->ask(dns->ctx, buf_str(&name), DNS_TXT, a, &d) : DNS_NO_NAME;
    buf_done(&name);
    *ret = (struct public_key){0};
    *why = "DNS gave no answer about the key";
    if (r == DNS_TROUBLE)
        return AUTH_TEMPERROR;
    *why = "there is no key in DNS under this selector";
    for (unsigned i = 0; r == DNS_FOUND && i < d.n; i++) { /* what stands beside a key record is passed over */
        EVP_PKEY_free(ret->pkey);
        *ret = (struct public_key){0};
        *why = read_record(d.record[i].text, ret);
        if (!*why)
            return AUTH_PASS;
    }
    EVP_PKEY_free(ret->pkey);
    ret->pkey = NULL;
    return ret->bits && ret->bits < BITS_MIN ? AUTH_FAIL : AUTH_PERMERROR;
}
