/* check: what DNS says beside what it should. Private to the room. */
#pragma once

#include "domain/records.h"

enum check_state { CHECK_RIGHT, CHECK_MISSING, CHECK_DIFFERENT, CHECK_OTHERS, CHECK_NO_ANSWER, CHECK_STATES };

enum check_why {
    WHY_NONE,
    WHY_SEVERAL, /* detail: how many */
    WHY_REVOKED,
    WHY_CUT, /* detail: after how many characters of how many */
    WHY_QUOTES,
    WHY_KIND,      /* detail: which */
    WHY_KEY,       /* detail: the first character that differs */
    WHY_BROKEN,    /* detail: what is wrong with it */
    WHY_SOURCES,   /* detail: what is to be added */
    WHY_ELSEWHERE, /* detail: where it leads */
    WHY_DOUBLED    /* missing, but there with the domain twice; detail: the name as a form wants it */
};

struct checked {
    enum check_state state;
    enum check_why why;
    struct str detail;
    struct str *found; /* what is there, in the arena */
    unsigned n;
};

void check_record(const struct sender *s, const struct record *r, const struct verify_dns *dns, struct arena *a,
                  struct checked *ret);
