/* cause: the table of everything that can keep a message from its recipient, and what codes say by themselves, with texts in
 * Polish and English. Static; generated from rules/causes.txt and rules/codes.txt. */
#pragma once

#include "mail/outcome.h"

/* What happened and what to do now: a sentence or two each. */
struct told {
    const char *what, *advice;
};

struct cause {
    const char *name; /* stable: "user-unknown" */
    enum whose whose;
    bool permanent;                           /* when no code says */
    enum action action;                       /* when it is for good, or when the cause itself asks for it */
    const char *class;                        /* coarse: "recipient_unknown", "ip_reputation", ... */
    const char *sisimai;                      /* the nearest reason of Sisimai's vocabulary: "userunknown" */
    uint8_t subject, detail;                  /* x.SUBJECT.DETAIL (RFC 3463) for reports when the reply gave no enhanced code */
    struct told sender_en, sender_pl;         /* for who wrote the message: no jargon */
    struct told postmaster_en, postmaster_pl; /* for who runs the sending server: the record or setting to look at */
};
const struct cause *cause_find(struct str name); /* NULL: none of that name */
const struct cause *cause_at(unsigned i);        /* all, in order; NULL past the end */

/* lang: "pl", otherwise English. */
const struct told *cause_for_sender(const struct cause *c, const char *lang);
const struct told *cause_for_postmaster(const struct cause *c, const char *lang);

/* What a code says by itself, in general. */
struct code_meaning {
    const char *name;  /* "550", "x.1.1" */
    const char *cause; /* the cause it speaks for when there is nothing else to go by */
    struct told en, pl;
};
const struct code_meaning *code_meaning(int code);              /* of a reply code; NULL: not known */
const struct code_meaning *enhanced_meaning(struct enhanced e); /* of a registered enhanced code; NULL: not known */
const struct code_meaning *code_meaning_at(unsigned i);         /* all, in order; NULL past the end */

/* Whose doing, for a person: "the recipient's mail server", "serwer poczty odbiorcy". lang: "pl", otherwise English. Never NULL.
 */
const char *whose_text(enum whose w, const char *lang);
