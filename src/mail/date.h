/* date: wall-clock milliseconds as text, always in UTC. Pure: no time zone data, no clock. */
#pragma once

#include <stdint.h>

enum { DATE_TEXT = 40 };

/* "Thu, 01 Jan 1970 00:00:00 +0000" (RFC 5322 3.3), NUL-terminated. Years before 1970 and after 9999 are clamped. */
void date_rfc5322(int64_t wall_ms, char out[DATE_TEXT]);
/* "1970-01-01T00:00:00.000Z" (RFC 3339 5.6), NUL-terminated; clamped likewise. */
void date_rfc3339(int64_t wall_ms, char out[DATE_TEXT]);
