/* resolver: DNS answers by libunbound, one question at a time. Private to the room. */
#pragma once

#include "lib/fault.h"
#include "verify/dns.h"

struct resolver;
/* server: "IP:PORT", which is believed about every name; NULL: the system's. */
bool resolver_open(struct resolver **ret, const char *server, struct fault *f);
void resolver_close(struct resolver **r);
struct verify_dns resolver_dns(struct resolver *r);
