/* zone: answers for verification, told line by line on standard input, as a scripted DNS. */
#pragma once

#include "verify/dns.h"

/* Takes fields: name, type ("TXT", "A", "AAAA", "MX", "PTR", "CNAME", "TIMEOUT"), value ("10 name" for MX). */
void zone_add(struct str name, struct str type, struct str value);
void zone_clear(void);
extern const struct verify_dns zone_dns;

/* A line's next field, parted by tabs, "\xNN" and "\\" undone; in the arena. */
struct str field_take(struct str *line, struct arena *a);
