/* aggregate: what other servers report once a day on mail in a domain's name (DMARC, RFC 9990 and RFC 7489 appendix C: XML) and
 * on TLS on the way to its hosts (RFC 8460: JSON): read, checked and kept in the office's database. For the office and the
 * command line; the mail path does not use this room.
 *
 * A report comes from strangers: a mail with attachments, gzip, zip, or the bare text. Everything is bounded (AGGREGATE_*_MAX),
 * of what is packed also how much larger it may grow than it is; XML has no DTD and so no entities of its own; all work is linear
 * in the bytes. What is past a bound refuses the report as a whole: half a count would be a wrong one. */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/fault.h"

enum {
    AGGREGATE_BYTES_MAX = 32 * 1024 * 1024, /* as it came */
    AGGREGATE_PLAIN_MAX = 32 * 1024 * 1024, /* unpacked, all of one mail or archive together */
    AGGREGATE_JSON_MAX = 4 * 1024 * 1024,   /* of a TLS report: a tree is many times its text */
    AGGREGATE_RATIO_MAX = 300,              /* unpacked to packed, past the first AGGREGATE_RATIO_FREE bytes */
    AGGREGATE_RATIO_FREE = 1024 * 1024,
    AGGREGATE_FILES_MAX = 32, /* of an archive; parts of a mail */
    AGGREGATE_DEPTH_MAX = 16, /* elements, arrays and objects, mails within one another */
    AGGREGATE_PACKED_MAX = 2, /* archives within one another */
    AGGREGATE_ROWS_MAX = 100000,
    AGGREGATE_AUTH_MAX = 16, /* results a row; more are not looked at */
    AGGREGATE_TEXT_MAX = 500 /* bytes of one value */
};

enum aggregate_kind { AGGREGATE_DMARC, AGGREGATE_TLS };

/* One raw result behind a row of DMARC, whomever it speaks for. */
struct aggregate_auth {
    bool dkim; /* else SPF */
    struct str domain, selector /* DKIM */, result /* RFC 8601's word, lower case */;
};

/* Messages of one source that fared alike. */
struct dmarc_row {
    struct str ip; /* in its normal form; "": it could not be read */
    uint64_t count;
    struct str disposition; /* "none", "quarantine", "reject", "pass" */
    bool dkim, spf;         /* passed, and for the domain in From (aligned) */
    struct str reason;      /* why the receiver did other than the policy says: types, parted by commas */
    struct str header_from, envelope_from;
    uint32_t auths;
    struct aggregate_auth *auth;
};

/* Sessions under one policy (result ""), or one kind of failure among them. */
struct tls_row {
    struct str policy; /* "sts", "tlsa", "no-policy-found" */
    struct str result; /* RFC 8460 4.3 */
    uint64_t ok, failed;
    struct str sender_ip, mx, receiver_ip, reason;
};

struct aggregate_report {
    enum aggregate_kind kind;
    struct str domain; /* A-labels, lower case; "": a TLS report that names none */
    struct str organisation, contact, id;
    int64_t begin_s, end_s;
    struct str policy; /* DMARC: as published, as a record's tags: "p=none; sp=none; adkim=r" */
    uint32_t rows;
    uint32_t left_out;       /* rows that could not be counted */
    uint64_t total;          /* messages or sessions */
    struct dmarc_row *dmarc; /* of the kind, `rows` of them */
    struct tls_row *tls;
};

enum aggregate_result {
    AGGREGATE_READ,    /* at least one report */
    AGGREGATE_NONE,    /* nothing here is a report */
    AGGREGATE_REFUSED, /* broken, or past a bound */
    AGGREGATE_FAILED   /* whoever took it could not: again later */
};

/* Takes one report, which lives during the call. False with a fault ends the reading as AGGREGATE_FAILED. */
typedef bool aggregate_fn(void *ctx, const struct aggregate_report *r, struct fault *f);

/* Hands every report in `bytes` to fn: a mail, XML, JSON, gzip or zip, told apart by content. name: of the file, or NULL; TLS
 * reports that do not name their domain may do so there. Unless READ, *f says what is wrong. */
enum aggregate_result aggregate_read(struct str bytes, const char *name, aggregate_fn *fn, void *ctx, struct fault *f);

/* ---- kept ---- */

struct store;
struct aggregate_keeper {
    struct store *store;
    int64_t now_s;
    /* Is the domain one whose reports are kept? NULL: any is. What strangers mail in should be asked about. */
    bool (*wanted)(void *ctx, struct str domain);
    /* NULL, or told of each report: news: false: it was here before, and counts once; !kept: not wanted. */
    void (*told)(void *ctx, const struct aggregate_report *r, bool kept, bool news);
    void *ctx;
};

/* Reads and stores, each report in a transaction of its own; not within one. A report is known by its kind, domain, organisation
 * and id. */
enum aggregate_result aggregate_keep(const struct aggregate_keeper *k, struct str bytes, const char *name, struct fault *f);

/* Takes one mail of each kind from where report/inbound.h puts them, into the store: how many there were, -1: fault (try again
 * later). What holds no report, or none on the domain that it was sent to, is dropped. */
int aggregate_gather(struct store *s, const char *data_directory, int64_t now_s, struct fault *f);

/* A stored row back (store/reports.h): views into `body`, and into `auth`. False: it is damaged. */
bool dmarc_row_decode(struct str body, struct aggregate_auth auth[AGGREGATE_AUTH_MAX], struct dmarc_row *ret);
bool tls_row_decode(struct str body, struct tls_row *ret);
