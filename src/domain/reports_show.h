/* reports_show: reports and their sum, for people and for programs. Private to the room. */
#pragma once

#include "domain/reports_sum.h"
#include "domain/reports_text.h"
#include "store/reports.h"

/* One report on a line, for `list` and `add`; without a newline. */
void reports_line(const struct store_report *r, enum lang l, struct buf *b);
/* The same as the members of a JSON object, without its braces. */
void reports_line_json(const struct store_report *r, struct buf *b);

void reports_show(const struct reports_sum *s, enum lang l, struct buf *b);
/* The advice is in that language. */
void reports_show_json(const struct reports_sum *s, enum lang l, struct buf *b);
