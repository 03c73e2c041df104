/* office: the process beside the engine: follows the logs into the database and answers HTTP. Mail does not need it. */
#pragma once

#include "report/report.h"

struct office_options {
    const char *data_directory, *http_address /* "" : none */, *control_socket;
    const char *submit_socket;
    struct str hostname;
    const char *language; /* of notifications */
    uint32_t keep_stories_s;
    struct report_suppress suppress;
};

/* Runs until SIGTERM or SIGINT; a sysexits code. */
int office_run(const struct office_options *o);
