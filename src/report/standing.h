/* standing: how things stand with what is not delivered: what waits and why, whose mail rests, what was refused lately; grouped
 * by who receives and by cause, the most important first. What the database and the engine say, made into one view for `goniec
 * why`, `goniec queue` and the API; tell.h makes sentences of it. */
#pragma once

#include "lib/arena.h"
#include "mail/id.h"
#include "store/store.h"

/* Who receives. Mail to all of Google's servers goes to one receiver, whatever the domains; other servers are told apart by their
 * site, and what has none by its domain. */
struct receiver {
    const char *provider; /* "gmail"; NULL: nobody known */
    const char *title;    /* "Gmail"; NULL: nobody known, or it is the one domain that was asked for */
    struct str site;      /* one of them; "": none was found */
    struct receiver_domain {
        struct str domain;
        uint64_t messages;
    } * domain; /* the busiest first */
    uint32_t domains;
};

/* Of one receiver, for one cause. */
struct standing_group {
    struct receiver to;
    struct str cause;              /* explain/'s name, or STORE_HELD */
    struct str said;               /* an example of what was said */
    uint64_t messages, recipients; /* of what was refused only recipients are counted, in both */
    int64_t since_ms;              /* since when the longest of them waits for this; when the first was refused */
    int64_t next_ms;               /* when the next of them is tried; 0: not by itself. When the last was refused */
    struct id example;             /* one of the messages; zeroed for what was refused */
};

/* A site that takes nothing at present, as the engine says. */
enum rest_kind { REST_PAUSED = 1 /* by an operator */, REST_BARRED, REST_DOWN };
struct standing_rest {
    struct receiver to;
    enum rest_kind kind;
    const char *cause;   /* of REST_BARRED; NULL: not known */
    unsigned bars;       /* REST_BARRED: so many refusals in a row */
    int64_t until_ms;    /* wall clock; then one message is tried. 0: until an operator resumes it, or a probe is under way */
    uint64_t recipients; /* in line there, beside those that were put off for a time of their own */
};

struct standing {
    struct arena arena;
    struct standing_group *waiting, *refused;
    struct standing_rest *rest;
    uint32_t waiting_n, refused_n, rest_n;
    uint64_t queued;  /* messages that are not ended, of all receivers */
    uint64_t in_line; /* recipients that the engine has ready to go, of all receivers */
    bool engine;      /* it was asked: rest and in_line are known */
};

/* Reads it. lanes: what the engine answered to "lanes"; NULL: it was not there. domain: only what concerns mail to it (a domain
 * as it stands in addresses, or a provider's name); "": everything. refused_since_ms: how far back. */
void standing_read(struct standing *ret, struct store *s, const struct str *lanes, struct str domain, int64_t now_ms,
                   int64_t refused_since_ms);
void standing_done(struct standing *s);

/* Does somebody here have to do something, rather than wait? */
bool standing_is_ours(struct str cause);
