/* mailbox: the only way a stranger's address text becomes an address (RFC 5321 4.1.2, RFC 6531 3.3). */
#pragma once

#include "lib/arena.h"
#include "lib/str.h"

/* A parsed mailbox. Views borrow from the text that was parsed, except `ascii`. */
struct mailbox {
    struct str text;   /* the whole, as written (local part's case kept, RFC 5321 2.4); "" for <> */
    struct str local;  /* as written, quotes included */
    struct str domain; /* as written; for a literal with its brackets; "" for bare "postmaster" and <> */
    bool literal;      /* domain is an address literal */
    bool utf8;         /* local part or domain has non-ASCII bytes: needs SMTPUTF8 */
};

/* Parses "local@domain" (no angle brackets). RFC 5321 Mailbox, limits 64/255 octets (4.5.3.1), UTF-8 only
 * when utf8_ok. On false *why is a short reason (a string literal) for the reply. */
bool mailbox_parse(struct str s, bool utf8_ok, struct mailbox *ret, const char **why);

/* The domain as DNS needs it: lower-case A-labels (IDNA 2008), no trailing dot, in the arena. Fails for a name
 * that IDNA refuses. Address literals come back as they are, lower-cased. */
bool domain_ascii(struct str domain, struct arena *a, struct str *ret, const char **why);

/* Is it a syntactically valid host name (or UTF-8 domain when utf8_ok)? */
bool domain_valid(struct str domain, bool utf8_ok);

/* Is the domain (A-labels, lower case) one of these, which are sorted by their bytes? */
bool domain_among(const struct str *sorted, size_t n, struct str domain);
