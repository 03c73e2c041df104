/* spf: may this client send for this domain? (RFC 7208, complete.) Pure but for the DNS it is given. */
#pragma once

#include "verify/dns.h"

#include <sys/socket.h>

enum spf_result { SPF_NONE, SPF_NEUTRAL, SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_TEMPERROR, SPF_PERMERROR };
const char *spf_result_name(enum spf_result r); /* "pass", ... (RFC 8601 2.7.2) */

struct spf_input {
    const struct sockaddr *client;
    struct str helo;     /* as the client gave it */
    struct str sender;   /* MAIL FROM without brackets; "": null, then the HELO name is checked (2.4) */
    struct str receiver; /* our host name, for %{r}; "": "unknown" */
    int64_t now_s;       /* for %{t} */
};

/* One thing that was looked at, in order: how `goniec verify` shows its way. */
struct spf_step {
    unsigned depth; /* 0: the domain's own record; deeper: included or redirected to */
    struct str domain;
    struct str term; /* "v=spf1 ..." for the record itself, "a:mail.example.pl", ... */
    struct str note; /* "matches", "192.0.2.1 is not in it", "no record", ... */
};

struct spf_answer {
    enum spf_result result;
    struct str domain;      /* whose record decided: MAIL FROM's domain or the HELO name */
    struct str explanation; /* of a fail, from the domain's exp=; "" if none. ASCII; a stranger's text */
    struct str mechanism;   /* the term that decided; "" if none */
    struct str reason;      /* of an error, or of none: one sentence; "" otherwise */
    struct spf_step *step;
    unsigned steps;
};
enum { SPF_STEPS_MAX = 200 };

/* Checks; everything in *ret lives in the arena. Limits: 10 terms that ask DNS, 2 void look-ups, 10 names of an MX (4.6.4). */
void spf_check(const struct spf_input *in, const struct verify_dns *dns, struct arena *a, struct spf_answer *ret);
