/* options: the table of single-valued settings, and how a value's text is read. Private to the room. */
#pragma once

#include "settings/settings.h"

enum option_kind {
    OPTION_TEXT,     /* struct str */
    OPTION_COUNT,    /* uint32_t */
    OPTION_PORT,     /* uint16_t */
    OPTION_SIZE,     /* uint32_t bytes: 512, 64K, 50M, 1G */
    OPTION_SIZE64,   /* uint64_t bytes */
    OPTION_TIME_MS,  /* uint32_t: 250ms, 30s, 5m, 4h */
    OPTION_TIME_S,   /* uint32_t: 30s, 5m, 4h, 5d */
    OPTION_EXPIRY,   /* uint32_t seconds: never (0), or a time */
    OPTION_FLAG,     /* bool: yes, no */
    OPTION_RATE,     /* double: messages a second, 0 is no bound */
    OPTION_NETWORKS, /* list of struct cidr; the count follows the pointer in the struct */
    OPTION_DOMAINS,  /* list of struct str: A-labels, lower case, sorted */
    OPTION_NAMES,    /* list of struct str */
    OPTION_HOSTNAME, /* struct str: a host name */
    OPTION_LANGUAGE, /* struct str: pl, en, "pl,en" or "en,pl" */
    OPTION_IP,       /* struct sockaddr_storage; "" leaves it unset */
    OPTION_UNKNOWN,  /* enum sign_unknown: pass, own-domain, refuse */
    OPTION_ENFORCE,  /* bool: note, enforce */
    OPTION_DOMAIN,   /* struct str: a domain as A-labels, or "" */
    OPTION_DOOR,     /* enum door */
    OPTION_ADDRESS,  /* list of struct settings_listener, without the door */
    OPTION_TARGET,   /* kind, host, port and maildir of the struct route_rule at `at` */
    OPTION_TLS,      /* enum secure_level */
};

struct option {
    const char *section; /* "": top level */
    const char *name;
    enum option_kind kind;
    size_t at;            /* offset in the struct it fills */
    uint64_t min, max;    /* COUNT, SIZE, TIME: in the unit stored */
    const char *fallback; /* default, as one would write it */
    const char *sentence;
};

/* A section that may stand several times has a title (`lane "wp.pl" { }`) and fills a struct of its own per section. */
struct option_table {
    const char *titled; /* the section's name; NULL: the rows name their sections, and fill struct settings */
    const struct option *rows;
    size_t n;
};
extern const struct option option_rows[];
extern const size_t option_count;
extern const struct option lane_rows[];   /* struct lane_limits */
extern const struct option listen_rows[]; /* struct listen_section */
extern const struct option route_rows[];  /* struct route_rule */
extern const struct option_table option_tables[];
extern const size_t option_table_count;

struct listen_section {
    enum door door;
    struct settings_listener *address;
    size_t addresses;
};

/* The row of that section and name, or NULL; every name that may stand in a section ("": top level), sections included. */
const struct option *option_find(const char *section, const char *name);
size_t option_names(const char *section, const char **names, size_t most);

/* How a value is written: "a time such as 30s, 5m, 4h or 5d". */
const char *option_form(enum option_kind k);
/* Reads one value into *to (of the row's type; for lists: the element). False with *why, a sentence's end ("expected ..."). */
bool option_read(const struct option *o, struct str text, struct arena *a, void *to, char why[200]);
/* Size of one element of a list kind; 0 for scalars. */
size_t option_element_bytes(enum option_kind k);
