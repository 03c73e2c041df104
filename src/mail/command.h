/* command: a client's command line becomes values (RFC 5321 4.1.1, 4.1.2; 3030; 3461; 4954; 6531). Pure; views borrow from
 * the line. What a verb may do now is the server's matter, what it says is settled here. */
#pragma once

#include "mail/mailbox.h"
#include "mail/reply.h"

enum verb {
    VERB_UNKNOWN,
    VERB_HELO,
    VERB_EHLO,
    VERB_LHLO,
    VERB_MAIL,
    VERB_RCPT,
    VERB_DATA,
    VERB_BDAT,
    VERB_RSET,
    VERB_NOOP,
    VERB_QUIT,
    VERB_VRFY,
    VERB_EXPN,
    VERB_HELP,
    VERB_STARTTLS,
    VERB_AUTH,
    VERB_OBSOLETE, /* TURN, SEND, SOML, SAML, ETRN, ...: known and not served: 502 */
    VERB_FOREIGN,  /* the first line of another protocol (HTTP, a TLS record): hang up */
    VERBS,
};
const char *verb_name(enum verb v); /* "MAIL"; never NULL */

struct command {
    enum verb verb;
    struct str word; /* the verb as written; cut to 32 bytes */
    struct str rest; /* what follows it, without white space at either end */
};
/* Splits a line (without its CRLF). Never fails: what is not known is VERB_UNKNOWN. */
struct command command_parse(struct str line);

/* Why a line is refused: the reply, ready to be sent. text is a string literal. */
struct command_refusal {
    int code;
    struct enhanced enhanced;
    const char *text;
};

/* One ESMTP parameter. */
struct param {
    struct str name, value; /* value "" when absent */
    bool has_value;
};
enum { PARAMS_MAX = 16, ENVID_MAX = 100, ORCPT_MAX = 500 };

/* The argument of MAIL or RCPT. */
struct path {
    struct mailbox mailbox; /* text "" for <>; domain "" for <Postmaster> */
    unsigned params;
    struct param param[PARAMS_MAX];
};

enum path_flags {
    PATH_LAX_SPACE = 1, /* white space after the colon is let pass ("MAIL FROM: <a@b>") */
    PATH_UTF8 = 2,      /* MAIL: SMTPUTF8 is offered. RCPT: the transaction has SMTPUTF8 */
};

/* "FROM:<path> params", "TO:<path> params" (a command's rest). A source route is parsed and ignored (RFC 5321 4.1.1.3, C). A
 * UTF-8 sender without the parameter SMTPUTF8 is refused 553 5.6.7; no parameter is given twice. False: *why is set. */
bool command_mail(struct str rest, unsigned flags, struct path *ret, struct command_refusal *why);
bool command_rcpt(struct str rest, unsigned flags, struct path *ret, struct command_refusal *why);
/* The parameter of that name, or NULL. */
const struct param *path_param(const struct path *p, struct str name);

/* "1000", "1000 LAST". */
bool command_bdat(struct str rest, uint64_t *ret_size, bool *ret_last, struct command_refusal *why);
/* HELO, EHLO, LHLO: one word, printable, at most 255 bytes; name and literal forms are not checked further, because wrong
 * names are common among honest clients. */
bool command_helo(struct str rest, struct str *ret_name, struct command_refusal *why);
/* "PLAIN", "PLAIN AGE...", "PLAIN =": initial.p == NULL when there is no initial response; "=" becomes an empty one. */
bool command_auth(struct str rest, struct str *ret_mechanism, struct str *ret_initial, struct command_refusal *why);

/* Values of RFC 3461's parameters. NOTIFY: enum notify bits (NEVER stands alone). ENVID: xtext of at most 100 bytes. ORCPT:
 * "type;xtext", or a form of RFC 6533, of at most 500 bytes. */
bool notify_parse(struct str value, uint8_t *ret);
bool envid_valid(struct str value);
bool orcpt_valid(struct str value, bool utf8_ok);
