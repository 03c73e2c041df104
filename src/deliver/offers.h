/* offers: what a server says it can do, from its reply to EHLO or LHLO (RFC 5321 4.1.1.1). Pure. Private to the room. */
#pragma once

#include "lib/str.h"

struct offers {
    bool     pipelining; /* RFC 2920 */
    bool     size;       /* RFC 1870 */
    uint64_t size_max;   /* announced limit; 0: none */
    bool     eightbit;   /* 8BITMIME, RFC 6152 */
    bool     smtputf8;   /* RFC 6531 */
    bool     dsn;        /* RFC 3461 */
    bool     chunking;   /* RFC 3030 */
    bool     starttls;   /* RFC 3207 */
    bool     auth_plain, auth_login; /* RFC 4954 */
};

/* Reads the reply's text: lines joined by '\n', the first of which is the server's name. Unknown keywords are passed over. */
struct offers offers_parse(struct str text);
