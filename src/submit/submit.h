/* submit: hands a mail to the engine by its local socket, as sendmail and the office do. Blocking; not for an event loop. */
#pragma once

#include "lib/str.h"

struct submit_mail {
    struct str sender; /* "": none */
    const struct str *rcpt;
    unsigned rcpts;
    const char *notify, *ret; /* RFC 3461's words, checked; NULL: not said */
    struct str envid;         /* as it is meant, not yet xtext; "": none */
    struct str content;       /* lines end with CRLF */
};

enum submit_end {
    SUBMIT_TAKEN,        /* it is in the log */
    SUBMIT_REFUSED,      /* for good */
    SUBMIT_RCPT_REFUSED, /* for good, because of a recipient */
    SUBMIT_LATER,        /* not taken now */
    SUBMIT_DOUBTFUL,     /* the content went, and no answer was heard */
};
enum { SUBMIT_WHY = 700 };
/* How the envelope id begins of what the office passes on: others wrote it, so that it is neither refused for its author nor
 * signed in his name. */
#define SUBMIT_PASSED_ON "goniec-return-"

/* Waits up to wait_s seconds for each step. why: a sentence unless it was taken. */
enum submit_end submit(const char *socket_path, const struct submit_mail *m, int wait_s, char why[SUBMIT_WHY]);
