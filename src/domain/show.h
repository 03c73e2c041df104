/* show: records and what became of them, for people, for programs, for a zone file. Private to the room. */
#pragma once

#include "domain/check.h"
#include "domain/text.h"

/* checked: an array beside `r`, or NULL when DNS was not asked. */
void show_text(const struct sender *s, const struct record *r, const struct checked *checked, unsigned n, enum lang l);
void show_json(const struct sender *s, struct str account, const struct record *r, const struct checked *checked, unsigned n,
               bool ready);
void show_zone(const struct record *r, unsigned n);
