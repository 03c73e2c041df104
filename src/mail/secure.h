/* secure: what may be demanded of the connection that carries a domain's mail, by whom, and what may be wrong with one: the words
 * that are shared by who demands (route), who judges (deliver) and who tells the story. RFC 7672, 8461.
 *
 * A demand belongs to a recipient domain and one of its hosts, never to a site: two domains of one host may demand different
 * things. */
#pragma once

#include "lib/str.h"

/* From SECURE_ENCRYPTED on nothing is sent to a host that does not satisfy it. */
enum secure_level {
    SECURE_MAY,       /* TLS where it is offered, with any certificate; the clear otherwise (RFC 7435) */
    SECURE_NEVER,     /* always in the clear */
    SECURE_ENCRYPTED, /* TLS with any certificate */
    SECURE_VERIFIED,  /* TLS; a certificate that leads to a trusted root and is for the host's name */
    SECURE_DANE,      /* TLS; a certificate that fits the host's TLSA records */
};

enum secure_by {
    BY_NOBODY,
    BY_OPERATOR,
    BY_DANE,
    BY_STS,
    BY_STS_TESTING, /* demands nothing, but is told */
    BY_SENDER,      /* REQUIRETLS (RFC 8689) */
};

/* What was wrong with a host. */
enum secure_flaw {
    FLAW_NONE,
    FLAW_NOT_OFFERED,   /* no STARTTLS */
    FLAW_REFUSED,       /* STARTTLS was answered with a refusal */
    FLAW_HANDSHAKE,     /* it broke off */
    FLAW_NAME,          /* the certificate is for other names, */
    FLAW_EXPIRED,       /* has expired or is not valid yet, */
    FLAW_UNTRUSTED,     /* leads to no trusted root, */
    FLAW_TLSA,          /* fits no TLSA record */
    FLAW_TLSA_UNKNOWN,  /* its TLSA records could not be looked up safely */
    FLAW_NOT_LISTED,    /* the MTA-STS policy does not name it */
    FLAW_NO_REQUIRETLS, /* it does not promise to pass the sender's demand on */
    /* of no session: the domain's MTA-STS policy is not known, because */
    FLAW_POLICY_FETCH,   /* it cannot be fetched, */
    FLAW_POLICY_HOST,    /* its host shows no valid certificate, */
    FLAW_POLICY_INVALID, /* it is malformed */
    /* of a host, for a sender's demand: */
    FLAW_NOT_VOUCHED, /* neither DNSSEC nor a policy vouches for its being the domain's */
    FLAW_LAST = FLAW_NOT_VOUCHED
};

/* What was demanded of a connection, and what it lacked. */
struct secure {
    enum secure_level level;
    enum secure_by by;
    enum secure_flaw flaw;
    struct str shown; /* the names in the certificate; "" when none was seen or they do not matter */
};
