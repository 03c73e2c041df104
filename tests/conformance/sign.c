/* Signs messages with the keys of a directory: sign KEYS DOMAIN FILE...; each FILE becomes FILE.signed. */
#include "sign/sign.h"

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
    struct domains *d;
    struct sign_with with = {0};
    if (argc < 3 || !domains_load(&d, argv[1], &fault) || !sign_with_domain(&with, d, str_of(argv[2]), STR("")))
        return 2;
    for (int i = 3; i < argc; i++) {
        char path[4096];
        struct content *c = slurp(argv[i]);
        sign_message(&c, &with, 1700000000);
        snprintf(path, sizeof path, "%s.signed", argv[i]);
        FILE *out = fopen(path, "w");
        if (!out || fwrite(c->bytes + c->start, 1, c->n, out) != c->n || fclose(out) != 0)
            return 3;
        content_free(&c);
    }
    domains_free(&d);
    return 0;
}
