/* Any bytes as a message with signatures and seals, on a DNS that knows no key: each is judged, and none passes. Then as the
 * value of Authentication-Results: what is read lies within it. */
#include "verify/authres.h"
#include "verify/verify.h"

#include <netinet/in.h>
#include <stdlib.h>

static enum dns_result ask(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    (void)ctx;
    (void)type;
    (void)a;
    (void)ret;
    if (name.n > 253)
        abort();
    return DNS_NO_NAME;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct verify_dns dns = {.ask = ask};
    static const struct sockaddr_in client = {.sin_family = AF_INET};
    struct arena a = {0};
    struct buf b = {0};
    struct view view;
    struct verified v;
    struct str text = str_mem(data, size), rest = authres_results(text);
    struct verify_input in = {.client = (const struct sockaddr *)&client, .helo = STR("c.test"), .sender = STR("a@x.test")};
    view_make(&view, text, &a);
    verify_message(&in, &view, &dns, &a, &v);
    for (unsigned i = 0; i < v.dkims; i++)
        if (v.dkim[i].result == AUTH_PASS || v.dkim[i].reason.n == 0)
            abort();
    if (v.arc.result == AUTH_PASS || v.dmarc.result == AUTH_PASS)
        abort();
    authres_write(&v, in.sender, in.helo, &b);
    if (memchr(b.p, '\n', b.n) || memchr(b.p, '\r', b.n))
        abort();
    if (rest.n && (rest.p < text.p || rest.p + rest.n > text.p + text.n))
        abort();
    buf_done(&b);
    arena_done(&a);
    return 0;
}
