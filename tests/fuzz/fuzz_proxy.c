/* The front of a connection from a proxy: taken bytes lie within, and more is asked for only while a header may still come. */
#include "accept/proxy.h"

#include "lib/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockaddr_storage a = {.ss_family = AF_INET};
    size_t taken = 0;
    enum proxy_status whole = proxy_read((const char *)data, size, &taken, &a);
    must(whole != PROXY_DONE || (taken > 0 && taken <= size && taken <= 536));
    must(whole != PROXY_MORE || size < 536);
    must(a.ss_family == AF_INET || a.ss_family == AF_INET6);
    for (size_t n = 0; whole == PROXY_DONE && n < taken; n++) { /* a part of a header is never taken for one */
        size_t part = 0;
        struct sockaddr_storage b = {0};
        must(proxy_read((const char *)data, n, &part, &b) == PROXY_MORE);
    }
    return 0;
}
