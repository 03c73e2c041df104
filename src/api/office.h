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
    struct {
        bool follow;            /* MTA-STS policies are fetched, */
        const char *host;       /* from there ("host:port"), or "": from their own hosts, */
        bool allow_special;     /* even if these are on this machine; */
        struct str trusted_pem; /* by these authorities' certificates; "": the system's */
    } sts;
    struct {
        const char *from; /* address that TLS reports are sent from; "": none are sent */
        uint32_t delay_s; /* within which after a day's end they are sent */
        const struct str *resolver;
        size_t resolvers;
    } reports;
};

/* Runs until SIGTERM or SIGINT; a sysexits code. */
int office_run(const struct office_options *o);
