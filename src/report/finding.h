/* finding: what a mail that came back says about the one recipient whose return path it came to. Private to the room. */
#pragma once

#include "bounce/bounce.h"
#include "mail/envelope.h"
#include "store/returned.h"
#include "suppress/suppress.h"

struct finding {
    enum returned_kind kind;
    struct outcome outcome; /* of that recipient alone; its verdict is filled for FAILED and DELAYED */
    struct outcome_rcpt rcpt;
    enum suppress_reason suppress; /* what follows for the address; 0: nothing */
    struct str proof;              /* of that */
};

/* Reads a mail (any bytes) that came at that time to the return path of a message's recipient (below e->rcpts). Texts live in the
 * arena. */
void finding_make(struct str mail, const struct envelope *e, uint32_t rcpt, int64_t at_ms, struct arena *a, struct finding *ret);
