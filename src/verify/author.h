/* author: whose domain a message shows: that of its From field (RFC 5322 3.6.2, 3.4). What people read is what is judged: several
 * addresses of one domain are one author, several domains are none. Shared by verifying and signing. */
#pragma once

#include "lib/arena.h"
#include "lib/str.h"

/* The one domain that the addresses in a From field's value have, as A-labels, lower case, in the arena. NULL: *ret is set;
 * otherwise why there is no one domain, a literal: no address, several domains, not well formed. */
const char *author_domain(struct str from, struct arena *a, struct str *ret);

/* The same of a whole message: no or several From fields are none. */
const char *author_of(struct str message, struct arena *a, struct str *ret);
