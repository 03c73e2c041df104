/* verify: what can be told about where a message comes from: SPF, DKIM, DMARC and ARC in one go, and the words for it (RFC 8601).
 * Blocks on DNS: never on a loop's thread. */
#pragma once

#include "lib/buf.h"
#include "verify/arc.h"
#include "verify/dkim.h"
#include "verify/dmarc.h"
#include "verify/spf.h"

/* What is done with mail from other servers. */
struct verify_settings {
    bool incoming;        /* it is checked at all */
    bool enforce;         /* what DMARC asks to be refused is refused */
    bool public_suffixes; /* as below */
};

struct verify_input {
    const struct sockaddr *client; /* NULL: not known, and SPF tells nothing */
    struct str helo, sender;       /* as in struct spf_input */
    struct str receiver;           /* our host name */
    int64_t now_s;                 /* for expiry */
    bool public_suffixes;          /* RFC 7489's organisational domains */
};

struct verified {
    struct spf_answer spf;
    struct dkim_answer *dkim; /* one a signature, from the top */
    unsigned dkims;
    struct str author; /* the domain that people see in From; "" when there is no one */
    struct dmarc_answer dmarc;
    struct arc_answer arc;
};

/* SPF alone: the rest of *ret is none. Everything lives in the arena, or in what the input and the view point to. */
void verify_sender(const struct verify_input *in, const struct verify_dns *dns, struct arena *a, struct verified *ret);
/* All four. */
void verify_message(const struct verify_input *in, const struct view *v, const struct verify_dns *dns, struct arena *a,
                    struct verified *ret);
/* None was looked at, for want of time: temperror with that reason, a literal. */
void verify_skipped(const struct verify_input *in, const char *reason, struct verified *ret);
