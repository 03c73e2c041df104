/* around: see around.h. */
#include "domain/around.h"

#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>

static bool read_settings(struct around *a, const char *path, struct fault *f)
{
    struct buf text = {.max = 16 * 1024 * 1024};
    FILE *in = fopen(path, "re");
    size_t n;
    if (!in)
        return fault_errno(f, errno, "cannot open the settings file %s (another is named with -c)", path);
    for (char *to; (to = buf_reserve(&text, 4096)) && (n = fread(to, 1, 4096, in)) > 0;)
        text.n += n;
    fclose(in);
    bool good = settings_parse(&a->settings, path, buf_str(&text), f);
    buf_done(&text);
    return good;
}

bool around_read(struct around *a, const char *path, struct fault *f)
{
    *a = (struct around){0};
    if (!read_settings(a, path, f))
        return false;
    const struct settings *s = a->settings;
    const struct sockaddr_storage *address[] = {&s->source.addr4, &s->source.addr6};
    snprintf(a->data, sizeof a->data, "%.*s", STR_ARGS(s->data_directory));
    snprintf(a->keys, sizeof a->keys, "%s/keys", a->data);
    for (int i = 0; i < 2; i++)
        if (address[i]->ss_family != AF_UNSPEC) {
            net_text((const struct sockaddr *)address[i], a->text[i]);
            a->address[i] = a->text[i];
        }
    return true;
}

void around_done(struct around *a) { settings_free(&a->settings); }
