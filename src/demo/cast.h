/* cast: who is played in the demo: a table of recipients, what the server of each says, and what must come of it. The receiver
 * plays it, the demo compares. Private to the demo. */
#pragma once

#include "mail/outcome.h"

struct persona {
    const char *address;         /* its domain is at home at an IP address of its own: receivers do not share a lane */
    enum phase phase;            /* when the refusal comes; PHASE_CONNECT: nobody listens there; PHASE_NONE: mail is taken */
    const char *reply;           /* the refusal as it goes over the wire, without the last CRLF; NULL: of the receiver's making */
    const char *cause;           /* how it must be understood; NULL: nothing failed */
    enum outcome_status outcome; /* what must become of the message */
    bool suppressed;             /* must the address be suppressed for it? */
};

extern const struct persona cast[];
extern const unsigned cast_n;

/* The address where persona i is at home: 127.0.0.1 for those whom the ordinary receiver plays. */
enum { CAST_IP = 16 };
void cast_ip(unsigned i, char out[CAST_IP]);
