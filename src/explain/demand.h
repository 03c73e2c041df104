/* demand: which policy demanded what of a connection, and what it got instead, as a sentence. */
#pragma once

#include "lib/buf.h"
#include "mail/note.h"
#include "mail/secure.h"

/* Appends the sentence ("the domain's MTA-STS policy demands a valid certificate for mx.example.pl; it showed one for
 * old.example.pl"), without a full stop, in the language: "pl", or English. Nothing when there was no flaw. */
void demand_tell(const struct secure *s, struct str host, const char *language, struct buf *b);

/* The same as a note (mail/note.h): the facts, to be told in the reader's language; and a note's detail, told. */
void demand_note(const struct secure *s, struct str host, char out[NOTE_MAX]);
void demand_tell_note(struct str detail, const char *language, struct buf *b);

/* The names by which programs know who demanded and what was wrong: "sts-testing", "not-listed"; never NULL. */
const char *demand_by_name(enum secure_by by);
const char *demand_flaw_name(enum secure_flaw flaw);
