/* http: /healthz and /metrics. Private to the room. */
#pragma once

#include "api/office.h"
#include "lib/fault.h"
#include "report/report.h"

#include <stdatomic.h>

/* What the office knows of itself, for the HTTP thread. */
struct office_numbers {
    _Atomic uint64_t messages, notes, skipped, forgotten, suppressed, queued, returned, returned_unknown, returned_surplus,
        passed;
    _Atomic int64_t step_ms; /* wall clock of the last step that went well */
};

struct http;
bool http_open(struct http **ret, const struct office_options *o, struct office_numbers *n, struct fault *f);
void http_close(struct http **h);
