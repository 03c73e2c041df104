/* tls_sender: the thread that sends each day's TLS reports to the domains that ask for them; RFC 8460. Private to the room. */
#pragma once

#include "api/office.h"

struct tls_sender;
/* Starts the thread, with a connection of its own to the database. */
bool tls_sender_open(struct tls_sender **ret, const struct office_options *o, struct fault *f);
void tls_sender_close(struct tls_sender **s);
