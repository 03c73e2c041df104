/* Any bytes as gzip, zip or a mail, by their first one. */
#include "reports_seen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const before[] = {"PK\3\4", "\x1f\x8b\x08", "MIME-Version: 1.0\nContent-Type: ", ""};
    return size ? report_fuzz(before[data[0] & 3], data + 1, size - 1) : 0;
}
