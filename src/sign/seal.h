/* seal: an ARC set on a message that goes on changed, for the next server to see what we saw (RFC 8617 5.1). */
#pragma once

#include "sign/sign.h"
#include "verify/result.h"

struct seal {
    struct str authserv;    /* whose Authentication-Results in the message are sealed: ours */
    struct str names;       /* what the message signature covers, as h= has it; "": what a DKIM signature would, and those */
    enum auth_result chain; /* what became of the chain that it came with (verify/arc.h): none, pass or fail */
    int64_t now_s;
};

/* Puts a set before the message (held by the caller alone), made with one key: an RSA one if there is any, which all know. To be
 * done after all other changes. False, and nothing done: there is no key, or the chain is not to be gone on with (temperror,
 * sealed as broken already, 50 sets). */
bool seal_message(struct content **c, const struct sign_with *w, const struct seal *s);
