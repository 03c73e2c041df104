/* suppress: who gets no mail from whom. The black lists ("suppression") and white lists ("allow") of accounts: what an entry may
 * be, and the list as the mail path asks it.
 *
 * The truth is in the office's database (store/suppression.h). Writers publish a compact file from it (suppress/writer.h), which
 * the engine reads into memory whole, off its loops, and hands to its workers as an immutable, counted list: a look-up touches
 * no disk, no lock and nothing that changes. The file holds keyed hashes of (account, value), no address. */
#pragma once

#include "lib/arena.h"
#include "lib/fault.h"

/* Instead of an account's name: entries for every account of the server. Mail that came without a login has the account "". */
#define SUPPRESS_SERVER "*"

/* ---- what an entry is ---- */

enum suppress_reason {
    SUPPRESS_HARDBOUNCE = 1, /* a receiver said that there is no such mailbox */
    SUPPRESS_COMPLAINT,      /* the recipient called a message spam */
    SUPPRESS_UNSUBSCRIBE,
    SUPPRESS_ABUSE,
    SUPPRESS_SPAMTRAP,
    SUPPRESS_HAND, /* somebody's decision */
    SUPPRESS_OTHER,
};
/* "hardbounce", "spam_complaint", ...; never NULL. */
const char *suppress_reason_name(enum suppress_reason r);
/* Reads such a name, or what other sending services call it in their exports ("bounce", "Spam Report"). */
bool suppress_reason_parse(struct str s, enum suppress_reason *ret);

enum { SUPPRESS_VALUE_MAX = 64 + 1 + 255 };

/* An address or a whole domain, in the one form that is stored and compared. */
struct suppress_value {
    struct str text;   /* "local@domain" or "domain": lower case, A-labels */
    struct str domain; /* of it */
    bool is_domain;
};
/* Parses "local@domain", "domain" or "@domain". Text lives in the arena; on false *why is a short reason (a literal). */
bool suppress_value_parse(struct str s, struct arena *a, struct suppress_value *ret, const char **why);
/* The same form for an address that was parsed before, its domain already as A-labels; returns its length.
 *
 * The local part is compared without regard to case: RFC 5321 2.4 leaves its meaning to the receiver, but no receiver of note
 * tells "Jan" from "jan", and a person who unsubscribed as one must not get mail as the other. Only ASCII letters are folded.
 * Quotes that are not needed are taken off (RFC 5321 4.1.2: "jan"@x and jan@x are one mailbox). */
size_t suppress_normal(struct str address, struct str domain, char out[SUPPRESS_VALUE_MAX]);

/* Is it the domain of a provider where anybody has a mailbox? A whole such domain is never allowed, and hardly ever suppressed.
 */
bool suppress_is_freemail(struct str domain);

/* ---- the list as the mail path asks it ---- */

struct suppress_list;

/* Reads the file at `path`; a missing one is an empty list. before (may be NULL): the list in force, of which the new one shares
 * what has not changed. A file that is damaged or of another making fails with a sentence. Blocks: not for an event loop. */
bool suppress_load(struct suppress_list **ret, const char *path, struct suppress_list *before, struct fault *f);
struct suppress_list *suppress_ref(struct suppress_list *l);
void suppress_free(struct suppress_list **l);
size_t suppress_size(const struct suppress_list *l); /* entries, about */

/* Why a recipient is blocked. */
struct suppress_hit {
    enum suppress_reason reason;
    bool automatic;    /* added by the server itself */
    bool of_server;    /* the entry is for every account */
    bool of_domain;    /* the entry is the whole domain */
    int64_t at_s;      /* wall clock: since when */
    int64_t expires_s; /* until when; 0: for good */
};
/* Is mail of the account to this address (domain: its A-labels) blocked at that time? By hand always; automatic entries only if
 * neither the account nor the server allows the address or its domain. Expired entries block nothing. Some hundred ns. */
bool suppress_blocks(const struct suppress_list *l, struct str account, struct str address, struct str domain, int64_t now_s,
                     struct suppress_hit *ret);
