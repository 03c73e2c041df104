/* keys: certificate and key for the settings snapshot. Private to the room. */
#pragma once

#include "lib/buf.h"
#include "settings/settings.h"

/* Appends a whole file to b (bounded by b->max). */
bool keys_read_file(const char *path, struct buf *b, struct fault *f);

/* Fills tls_chain_pem and tls_key_pem: from the files named, or from DATA/tls-self-signed.pem and .key, which are made on first
 * use. */
bool keys_fill(struct settings *s, struct fault *f);

/* The same for a check only: reads the files named, makes nothing. */
bool keys_check(struct settings *s, struct fault *f);
