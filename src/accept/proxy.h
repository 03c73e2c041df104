/* proxy: the PROXY protocol's header, versions 1 and 2 (HAProxy's proxy-protocol.txt). Private to the room. */
#pragma once

#include "lib/str.h"

#include <sys/socket.h>

enum proxy_status { PROXY_MORE, PROXY_DONE, PROXY_BAD };

/* Reads a header at the front of the bytes. DONE: *taken bytes were it; *ret is the client's address, or unchanged when the proxy
 * speaks for itself (LOCAL, UNKNOWN). BAD: it is none. At most 536 bytes are ever needed. */
enum proxy_status proxy_read(const char *p, size_t n, size_t *taken, struct sockaddr_storage *ret);
