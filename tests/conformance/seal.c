/* Seals a message: seal KEY.pem DOMAIN SELECTOR AUTHSERV NAMES EPOCH FILE [NAME TXT]...: the message with its new set goes to
 * standard output. The chain that it came with is judged first, by the keys NAME TXT (field_take's escapes). */
#include "zone.h"

#include "sign/key.h"
#include "sign/seal.h"
#include "verify/arc.h"

#include <stdio.h>
#include <stdlib.h>

static struct content *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        exit(3);
    size_t n = (size_t)ftell(f);
    struct content *c = content_new(n);
    rewind(f);
    c->n = fread(c->bytes + c->start, 1, n, f);
    fclose(f);
    return c;
}

int main(int argc, char **argv)
{
    struct fault fault;
    struct arena a = {0};
    struct view view;
    struct arc_answer chain;
    if (argc < 8)
        return 2;
    for (int i = 8; i + 1 < argc; i += 2) {
        struct str txt = str_of(argv[i + 1]);
        zone_add(str_of(argv[i]), STR("TXT"), field_take(&txt, &a));
    }
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    struct sign_key key = {.domain = str_of(argv[2]), .selector = str_of(argv[3]), .sha256 = sha256};
    struct sign_with with = {{&key}, 1};
    if (!key_open(&key, argv[1], &fault))
        return 4;
    struct content *c = slurp(argv[7]);
    view_make(&view, content_str(c), &a);
    arc_verify(&view, &zone_dns, &a, &chain);
    struct seal seal = {str_of(argv[4]), str_of(argv[5]), chain.result, strtoll(argv[6], NULL, 10)};
    bool sealed = seal_message(&c, &with, &seal);
    fwrite(c->bytes + c->start, 1, c->n, stdout);
    content_free(&c);
    key_done(&key);
    EVP_MD_free(sha256);
    zone_clear();
    arena_done(&a);
    return sealed ? 0 : 1;
}
