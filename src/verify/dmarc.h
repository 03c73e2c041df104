/* dmarc: does an authenticated domain align with the one that people see, and what does its owner ask for if not? (RFC 9989: tree
 * walk, np, psd, t; or RFC 7489's organisational domain by the public suffix list, by setting.) */
#pragma once

#include "verify/dns.h"
#include "verify/result.h"
#include "verify/view.h"

enum dmarc_policy { DMARC_NO_POLICY, DMARC_POLICY_NONE, DMARC_QUARANTINE, DMARC_REJECT };
const char *dmarc_policy_name(enum dmarc_policy p); /* "none", "quarantine", "reject"; "" for none asked for */

struct dmarc_input {
    struct str from;        /* the author's domain: A-labels, lower case, no trailing dot */
    const struct str *dkim; /* d= of signatures that passed */
    unsigned dkims;
    struct str spf;       /* the domain for which SPF passed; "": it did not */
    bool public_suffixes; /* RFC 7489's way */
};

struct dmarc_step {
    struct str name, note; /* what was asked for, what came of it */
};

struct dmarc_answer {
    enum auth_result result;
    struct str domain; /* whose record it is; "" if there is none */
    struct str record;
    struct str organisation;  /* the organisational domain of the author's */
    enum dmarc_policy policy; /* what its owner asks for, for this author's domain: with sp, np and t looked at */
    bool testing;             /* t=y: one step milder than the record says */
    bool spf_aligned, dkim_aligned;
    struct str reason; /* one sentence when it is neither pass nor fail; "" otherwise */
    struct dmarc_step *step;
    unsigned steps;
};
enum { DMARC_STEPS_MAX = 40 };

/* Evaluates; everything in *ret lives in the arena. */
void dmarc_check(const struct dmarc_input *in, const struct verify_dns *dns, struct arena *a, struct dmarc_answer *ret);

/* The author's domain, as dmarc_check takes it. NULL: *ret is set; otherwise why there is no one domain, a literal: no From
 * field, several, several domains, not well formed. */
const char *dmarc_author(const struct view *v, struct arena *a, struct str *ret);

/* The registrable domain by the public suffix list: "shop.example.co.uk" -> "example.co.uk"; "" for a suffix itself. In the
 * arena. */
struct str dmarc_registrable(struct str domain, struct arena *a);
