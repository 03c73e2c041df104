/* authres: results as the field Authentication-Results tells them (RFC 8601), and whose such a field claims to be. */
#pragma once

#include "verify/verify.h"

/* Appends what stands behind the authserv-id: "spf=pass smtp.mailfrom=...", ..., with `between` (";\r\n\t", "; ") between the
 * methods. Strangers' texts are made harmless; a line of it has at most 998 bytes. */
void authres_write(const struct verified *v, struct str sender, struct str helo, const char *between, struct buf *b);

/* Does a field's value begin with this authserv-id (2.2), in any case? */
bool authres_claims(struct str value, struct str authserv);
/* What stands behind it and its semicolon, white space cut; "" if there is nothing. */
struct str authres_results(struct str value);
