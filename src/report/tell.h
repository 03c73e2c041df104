/* tell: how things stand (standing.h) as sentences for people, in Polish and English. lang: "pl", otherwise English. Numbers and
 * their nouns and verbs agree; what strangers wrote is not in them but for names of domains and hosts, which hold no odd bytes.
 */
#pragma once

#include "lib/buf.h"
#include "report/standing.h"

/* "1,240 messages to Gmail have been waiting since 10:05: ...". What happened, without whose doing and advice. */
void tell_waiting(const struct standing_group *g, const char *lang, int64_t now_ms, struct buf *b);
/* "37 recipients at wp.pl have been refused since 9:12: ..." */
void tell_refused(const struct standing_group *g, const char *lang, int64_t now_ms, struct buf *b);
/* "Mail to wp.pl rests until 12:40, because 3 refusals in a row ..." */
void tell_rest(const struct standing_rest *r, const char *lang, int64_t now_ms, struct buf *b);

/* Whose doing it is, and what to do now, as two parts of a line; "" when there is nothing to say. */
const char *tell_whose(struct str cause, const char *lang);
const char *tell_advice(struct str cause, const char *lang);

/* The moment as it is read at now_ms: "10:05" of the same day, else "2026-01-31 10:05"; local time. */
enum { TELL_TIME = 24 };
void tell_time(int64_t at_ms, int64_t now_ms, char out[TELL_TIME]);

/* "1,240", and in Polish "1240", "12 400" (with no-break spaces). */
void tell_number(uint64_t n, const char *lang, struct buf *b);
/* Which form of a noun or verb goes with a number: 0 one, 1 few (Polish: 2 to 4, 22 to 24, ...), 2 many. English knows 0 and 2.
 */
unsigned tell_form(uint64_t n, const char *lang);
