/* list_why: `goniec suppression why` and `goniec allow why`. Private to the room. */
#pragma once

#include "cli/entry.h"

/* Prints everything that either list says of a[0], an address or a domain, with the proof; and if nothing keeps mail from an
 * address, what its newest refusal was and why nobody was suppressed for it. False with a sentence when it is neither. */
bool list_why(const struct list_options *o, struct store *s, int n, char **a, struct fault *f);
