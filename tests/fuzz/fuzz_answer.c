/* rdata as DNS gives it: names, MX and addresses. A name that is taken is a host name, lower case, whole. */
#include "route/answer.h"

#include "lib/must.h"

static void check_name(const char *name)
{
    size_t n = strlen(name);
    must(n < 255 && (n == 0 || (name[0] != '.' && name[n - 1] != '.')));
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        must((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || (c == '.' && name[i - 1] != '.'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[256];
    uint16_t preference;
    struct sockaddr_storage address;
    socklen_t len = 0;
    if (answer_name(data, size, name))
        check_name(name);
    if (answer_mx(data, size, &preference, name))
        check_name(name);
    must(answer_address(data, size, 25, &address, &len) == (size == 4 || size == 16));
    return 0;
}
