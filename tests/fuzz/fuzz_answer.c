/* rdata as DNS gives it: names, MX, addresses, TLSA and TXT. A name that is taken is a host name, lower case, whole; a TLSA record
 * that is called usable can be used. */
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
    struct tls_tlsa tlsa;
    struct buf text = {.max = 4096};
    if (answer_tlsa(data, size, &tlsa)) {
        must(tlsa.n + 3u == size);
        if (tls_tlsa_usable(&tlsa))
            must((tlsa.usage == 2 || tlsa.usage == 3) && tlsa.selector <= 1 && tlsa.matching <= 2);
    }
    if (answer_txt(data, size, &text))
        must(text.n <= size);
    buf_done(&text);
    must(answer_address(data, size, 25, &address, &len) == (size == 4 || size == 16));
    return 0;
}
