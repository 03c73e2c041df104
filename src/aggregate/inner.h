/* inner: what the files of this room share. */
#pragma once

#include "aggregate/aggregate.h"

#define AGGREGATE_COUNT_MAX UINT64_C(1000000000000) /* of one row: sums stay far from 64 bits */

/* One reading: what it may still unpack, and to whom it tells. */
struct reading {
    aggregate_fn *fn;
    void *ctx;
    size_t plain_left; /* bytes */
    struct str domain; /* what a TLS report is about when it does not say; "" */
    struct fault *f;   /* the first trouble */
    bool found;        /* a report has been taken */
};

/* ---- container.c ---- */

/* Unpacks gzip (RFC 1952) into b. A member that breaks off is as long as it is. */
enum aggregate_result gzip_unpack(struct str bytes, struct reading *r, struct buf *b);
/* Hands each file of a zip archive to fn, unpacked, until it returns FAILED. The worst but for NONE of what became of them; READ
 * if any is. */
typedef enum aggregate_result zip_fn(void *ctx, struct str bytes, struct str name);
enum aggregate_result zip_each(struct str bytes, struct reading *r, zip_fn *fn, void *ctx);

/* ---- the formats ---- */
enum aggregate_result dmarc_read(struct str text, struct reading *r);
enum aggregate_result tls_read(struct str text, struct reading *r);
/* Hands each part of a mail that may hold a report to fn. */
typedef enum aggregate_result mail_fn(void *ctx, struct str bytes, struct str name);
enum aggregate_result mail_each(struct str mail, struct reading *r, mail_fn *fn, void *ctx);

/* ---- words (read.c) ---- */

/* Of two results that which says more: READ, then FAILED before all. */
enum aggregate_result better_of(enum aggregate_result a, enum aggregate_result b);
/* Notes the first trouble of a reading and returns REFUSED. */
enum aggregate_result refuse(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Hands a whole report on. */
enum aggregate_result hand_on(struct reading *r, const struct aggregate_report *report);
/* A domain as DNS has it, in the arena; "" if it is none. */
struct str domain_of(struct str text, struct arena *a);
/* An address in its normal form, in the arena; "" if it is none. */
struct str address_of(struct str text, struct arena *a);
/* ASCII lower case, in the arena. */
struct str lower_of(struct str text, struct arena *a);
/* The bytes as UTF-8 without control characters, '?' for each that is none: what a parser of text is given when it stumbles. */
void text_mended(struct str bytes, struct buf *b);
