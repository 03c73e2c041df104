/* How many messages of 10 KiB one core signs in a second. Run by hand: `meson test -C build --benchmark sign`, or under callgrind
 * for instructions a message. bench_sign ed25519|rsa|both [ROUNDS] */
#include "sign/index.h"
#include "sign/key.h"
#include "sign/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BODY = 10240 };

static char folder[64];

static bool make_key(struct key_index *x, const char *selector, bool ed25519)
{
    struct fault f;
    char path[800];
    struct key_row r = {STR("example.test"), STR(""), str_of(selector), ed25519, 1, 1, 1, 0};
    key_index_path(folder, &r, path);
    key_index_add(x, &r);
    return key_index_folder(folder, r.domain, &f) && key_make(path, ed25519, &f);
}

static struct domains *make_domains(bool rsa, bool ed25519)
{
    struct key_index x;
    struct domains *d;
    struct fault f;
    snprintf(folder, sizeof folder, "/tmp/goniec-bench-sign-%ld", (long)getpid());
    bool good = key_index_open(&x, folder, true, &f) && (!rsa || make_key(&x, "r", false)) &&
                (!ed25519 || make_key(&x, "e", true)) && key_index_write(&x, folder, &f);
    key_index_done(&x);
    return good && domains_load(&d, folder, &f) ? d : NULL;
}

static struct content *make_message(void)
{
    static const char header[] = "Received: from client.test ([127.0.0.1]) by mail.goniec.test with ESMTP id 0198X;\r\n"
                                 "\tWed, 25 Nov 2026 13:00:00 +0000\r\nFrom: Shop <news@example.test>\r\nTo: jan@dest.test\r\n"
                                 "Subject: What is new this week\r\nDate: Wed, 25 Nov 2026 13:00:00 +0000\r\n"
                                 "Message-ID: <1@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n";
    struct content *c = content_new(sizeof header + BODY + 78);
    c->n = sizeof header - 1;
    memcpy(c->bytes + c->start, header, c->n);
    for (size_t end = c->n + BODY; c->n < end; c->n += 78)
        memcpy(c->bytes + c->start + c->n, "The quick brown fox jumps over the lazy dog and then over the next one, too.\r\n",
               78);
    return c;
}

static double sign_many(const struct sign_with *w, unsigned rounds)
{
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    struct content *c = make_message();
    size_t n = c->n;
    for (unsigned i = 0; i < rounds; i++) {
        sign_message(&c, w, 1700000000 + i);
        c->start += c->n - n; /* what was put before it goes again */
        c->n = n;
    }
    content_free(&c);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "ed25519";
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20000;
    struct domains *d = make_domains(strcmp(kind, "ed25519") != 0, strcmp(kind, "rsa") != 0);
    struct sign_with w = {0};
    char command[100];
    bool good = d && sign_with_domain(&w, d, STR("example.test"), STR(""));
    if (good) {
        double seconds = sign_many(&w, rounds);
        printf("%s: %.1f us a message, %.0f a second\n", kind, seconds * 1e6 / rounds, rounds / seconds);
    }
    domains_free(&d);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 && good ? 0 : 1;
}
