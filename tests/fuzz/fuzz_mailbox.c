/* Any text as an address and as a domain. What is accepted must be free of line breaks, and stay accepted when read again. */
#include "mail/mailbox.h"

#include "lib/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_mem(data, size), ascii, again;
    struct arena a = {0};
    struct mailbox m;
    const char *why;
    if (mailbox_parse(s, true, &m, &why)) {
        must(m.local.n + 1 + m.domain.n == size && size <= 254 && m.local.n <= 64);
        must(!memchr(data, '\r', size) && !memchr(data, '\n', size) && !memchr(data, '\0', size));
        must(m.utf8 || mailbox_parse(s, false, &m, &why));
        if (domain_ascii(m.domain, &a, &ascii, &why))
            must(domain_ascii(ascii, &a, &again, &why) && str_eq(ascii, again));
    }
    if (domain_ascii(s, &a, &ascii, &why))
        must(ascii.n > 0 && ascii.n <= 255 && (ascii.p[0] == '[' || domain_valid(ascii, false)));
    arena_done(&a);
    return 0;
}
