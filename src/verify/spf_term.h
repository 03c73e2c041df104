/* spf_term: the syntax of SPF records (RFC 7208 4.6.1, 5, 6, 7.1, 12). Private to verify/. */
#pragma once

#include "lib/arena.h"
#include "lib/str.h"

enum spf_kind {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
    SPF_REDIRECT,
    SPF_EXP,
    SPF_UNKNOWN_MODIFIER
};

struct spf_term {
    enum spf_kind kind;
    char qualifier;      /* '+', '-', '~', '?' */
    struct str text;     /* as written */
    struct str domain;   /* domain-spec, not expanded; "" if absent */
    uint8_t address[16]; /* ip4 (first 4 bytes), ip6 */
    unsigned bits4, bits6;
};

/* Does a TXT record claim to be an SPF record (4.5)? */
bool spf_is_record(struct str txt);

/* Reads the whole record. NULL: fine, the terms are in the arena; otherwise what is wrong, a literal, and *bad is the term. */
const char *spf_parse(struct str record, struct arena *a, struct spf_term **ret, unsigned *ret_n, struct str *bad);

/* What a macro may stand for. */
struct spf_macros {
    struct str sender, local, sender_domain, domain, helo, receiver; /* s l o d h r */
    struct str validated;                                            /* p */
    struct str address_dotted, address_text, version;                /* i c v */
    int64_t now_s;                                                   /* t */
};

/* Is the macro-string well formed? In an explanation c, r and t are allowed too. */
bool spf_macro_valid(struct str text, bool explanation);
/* Does it use the letter (lower case)? */
bool spf_macro_uses(struct str text, char letter);
/* Expands a valid macro-string into the arena. */
struct str spf_macro_expand(struct str text, const struct spf_macros *m, struct arena *a);
