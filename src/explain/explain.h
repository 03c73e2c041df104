/* explain: how a failure is understood. A pure library: no I/O, no clock, no state, no allocation.
 *
 * What is asked is a reply as it was received (or our own note when none was), with what is known of its circumstances; what is
 * answered is an explanation: one cause of the table, whose doing it is, whether it is for good, what to do, how sure that is,
 * and on what evidence. Everything in the answer points into the question's text or into static tables. */
#pragma once

#include "explain/cause.h"
#include "mail/outcome.h"

/* The question. Zeroed members: not known. */
struct explain_input {
    /* The reply's bytes in whatever charset they came: several lines ("\n", "\r\n" or a literal "\n" of two characters between
     * them), with or without "550-5.1.1 " before each, or as another server quotes it ("host x[192.0.2.1] said: 550 5.1.1 ...
     * (in reply to RCPT TO command)", "smtp; 550 5.1.1 ..."). Only the first EXPLAIN_TEXT_MAX bytes are read. */
    struct str text;
    int code;                 /* 0: find it in the text */
    struct enhanced enhanced; /* class 0: find it in the text */
    enum phase phase;         /* PHASE_NONE: find it in the text, or do without */
    struct str host;          /* who speaks: MX name, reporting MTA or domain; "": not known */
    struct str note;          /* what we noticed ourselves (mail/note.h), read when text is "" and code 0 */
    bool relayed;             /* the host is a relay we were told to use, not the recipient's: a denied relay is our doing */
    bool other_source;        /* we have another IP address to send from */
};
enum { EXPLAIN_TEXT_MAX = 4096 };

/* Which bytes of input.text decided. length 0: none, the code, the phase or the note did. */
struct evidence {
    size_t offset, length;
};

struct explanation {
    const struct cause *cause; /* never NULL */
    enum whose whose;
    bool permanent;
    enum action action;
    uint8_t confidence;       /* 0..100; CONFIDENCE_CODE_ONLY and less: nothing but a code was there to go by */
    const char *rule;         /* "gmail/user-unknown", "enhanced/5.1.1", "code/550", "note/silence", "none"; never NULL */
    const char *source;       /* where the rule comes from: URL and date, or who was seen saying it; "" for codes */
    const char *provider;     /* "gmail", "wp", ...: who the host or the text shows it to be; "" */
    struct evidence evidence; /* the words that matched */
    int code;                 /* as given or found; 0: none */
    struct enhanced enhanced; /* as given or found; class 0: none */
    enum phase phase;         /* as given or found */
    const struct code_meaning *of_code;     /* what the code says by itself; NULL: not known */
    const struct code_meaning *of_enhanced; /* what the enhanced code says by itself; NULL: not known */
};
enum { CONFIDENCE_CODE_ONLY = 40, CONFIDENCE_TO_SUPPRESS = 80 };

/* Understands a failure. Any bytes will do. */
struct explanation explain(const struct explain_input *in);

/* What of it the log keeps. */
struct verdict explain_verdict(const struct explanation *e);

/* Who runs a mail host, by its name: "gmail" for any of Google's, and how people call them, "Gmail". False: nobody that the
 * rulebook knows. */
bool explain_provider(struct str host, const char **ret_name, const char **ret_title);
bool explain_is_provider(struct str name); /* Is it the name of one? */

/* For the causes that another room decides by itself (route/, limits, suppression): a sure verdict without a reply. */
struct verdict explain_decided(const struct cause *c, bool permanent);
