/* resolver: DNS answers by libunbound for whoever verifies, one question at a time, and none waited for without end. */
#pragma once

#include "lib/fault.h"
#include "verify/dns.h"

/* Any number of threads may ask one resolver. */
struct resolver;

/* server: resolvers ("IP:PORT", or "IP@PORT" and "IP" as the settings have them), which are believed about every name; n == 0:
 * the system's. */
bool resolver_open(struct resolver **ret, const struct str *server, size_t n, struct fault *f);
/* Nobody may be asking any more. */
void resolver_close(struct resolver **r);

/* One message's questions, and how long they have waited: a name without an answer in 3 s is trouble, and so is all that comes
 * after it once two in a row stayed without any, so that dead resolvers cost seconds. Each method (verify_dns.begin) has 20 s in
 * all (RFC 7208 4.6.4) and one more try, or silent servers of one domain would hide what the others say. */
struct asking {
    struct resolver *resolver;
    int64_t until_ms; /* monotonic */
    unsigned silences, tries;
    uint64_t answers; /* questions that got one, "no such name" included */
};
void asking_init(struct asking *q, struct resolver *r);
struct verify_dns asking_dns(struct asking *q);
