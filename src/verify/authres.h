/* authres: results as the field Authentication-Results tells them (RFC 8601), and whose such a field claims to be. */
#pragma once

#include "verify/verify.h"

/* Appends what stands behind the authserv-id, on one line: "spf=pass smtp.mailfrom=...; dkim=...; dmarc=...; arc=...". A
 * semicolon stands between methods and nowhere else. Strangers' texts are made harmless. */
void authres_write(const struct verified *v, struct str sender, struct str helo, struct buf *b);

/* Appends the whole field, a line a method (each has at most 998 bytes), of such a text. */
void authres_field(struct str authserv, struct str results, struct buf *b);

/* Does a field's value begin with this authserv-id (2.2)? In whatever way it is written: case, comments, quoted, with the root's
 * dot, in Unicode. */
bool authres_claims(struct str value, struct str authserv);
/* What stands behind it and its semicolon, white space cut; "" if there is nothing. */
struct str authres_results(struct str value);
