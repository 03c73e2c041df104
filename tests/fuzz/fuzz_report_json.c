/* Any bytes within a TLS report. */
#include "reports_seen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return report_fuzz("{\"report-id\":\"x\",\"policies\":[{\"policy\":{\"policy-domain\":\"a.test\"}", data, size);
}
