/* Any bytes within a DMARC report. */
#include "reports_seen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return report_fuzz("<feedback><policy_published><domain>a.test</domain></policy_published>", data, size);
}
