/* Any bytes as a key record in DNS: a key that can be used, or a reason. */
#include "verify/key.h"

#include <stdlib.h>

static enum dns_result ask(void *ctx, struct str name, enum dns_type type, struct arena *a, struct dns_answer *ret)
{
    (void)name;
    (void)type;
    ret->record = arena_alloc(a, sizeof *ret->record);
    ret->record[0].text = *(struct str *)ctx;
    ret->n = 1;
    return DNS_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_mem(data, size);
    struct verify_dns dns = {.ask = ask, .ctx = &text};
    struct arena a = {0};
    struct public_key key;
    const char *why = NULL;
    enum auth_result r = key_fetch(&dns, STR("s"), STR("x.test"), &a, &key, &why);
    if ((r == AUTH_PASS) != (key.pkey != NULL) || (r == AUTH_PASS) == (why != NULL))
        abort();
    if (key.pkey && !key.ed25519 && (key.bits < 1024 || key.bits > 8192))
        abort();
    EVP_PKEY_free(key.pkey);
    arena_done(&a);
    return 0;
}
