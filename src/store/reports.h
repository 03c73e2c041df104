/* reports: what others reported on domains (aggregate/aggregate.h), in the office's database. A report and its rows; what a row
 * says is its reader's affair. */
#pragma once

#include "store/store.h"

struct store_report {
    int64_t number; /* of the database's own */
    unsigned kind;  /* enum aggregate_kind */
    struct str domain, organisation, contact, id, policy;
    int64_t begin_s, end_s, added_s;
    uint32_t rows;
    uint64_t total; /* messages or sessions */
};

/* Adds a report; one of the same kind, domain, organisation and id stays as it is, and *ret_new is false. *ret_number: for its
 * rows. */
bool store_report_add(struct store *s, const struct store_report *r, bool *ret_new, int64_t *ret_number, struct fault *f);
bool store_report_row_add(struct store *s, int64_t number, uint32_t n, struct str body, struct fault *f);
/* Deletes reports that were added before the time, and the oldest until there are no more rows than that. */
bool store_reports_forget(struct store *s, int64_t before_s, uint64_t rows_max, struct fault *f);

/* Reports that ended at or after since_s, newest first, of one domain or (NULL) of all; fn until it returns false. Views are
 * valid during the call. store_good says whether all could be read. */
typedef bool store_report_fn(void *ctx, const struct store_report *r);
void store_reports(struct store *s, const struct str *domain, int64_t since_s, store_report_fn *fn, void *ctx);
typedef void store_report_row_fn(void *ctx, const struct store_report *r, struct str body);
void store_report_rows(struct store *s, const struct str *domain, int64_t since_s, store_report_row_fn *fn, void *ctx);
