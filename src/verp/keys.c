/* keys: see keys.h. */
#include "verp/keys.h"

#include "lib/buf.h"
#include "lib/file.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>

/* A key seals for a quarter, and is known for two more: longer than any address is taken (settings: at most 60 days). The next
 * one comes only when the settings are read, so that a key may have sealed for longer: what counts is when it was followed. */
enum { FILE_MAX = 64 * 1024, SEALS_S = 90 * 86400, KEPT_S = 2 * SEALS_S };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(struct str s, uint8_t out[VERP_KEY])
{
    if (s.n != 2 * VERP_KEY)
        return false;
    for (size_t i = 0; i < VERP_KEY; i++) {
        int high = hex_value(s.p[2 * i]), low = hex_value(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool line_read(struct str line, struct verp_key *k)
{
    uint64_t number, made_s;
    struct str n = str_split(&line, '\t'), hex = str_split(&line, '\t');
    if (!line.p || !str_to_u64(n, VERP_KEY_NUMBERS - 1, &number) || !hex_read(hex, k->secret) ||
        !str_to_u64(line, INT64_MAX / 2, &made_s))
        return false;
    k->number = (unsigned)number;
    k->made_s = (int64_t)made_s;
    return true;
}

bool keys_read(struct verp_keys *k, const char *directory, struct fault *f)
{
    char path[700];
    struct buf text = {.max = FILE_MAX + 65536};
    *k = (struct verp_keys){0};
    snprintf(path, sizeof path, "%s/return-path-keys", directory);
    bool good = file_read(path, &text, f);
    struct str rest = buf_str(&text);
    for (unsigned number = 1; good && rest.p && rest.n; number++) {
        struct str line = str_split(&rest, '\n');
        good = (k->n < VERP_KEYS_MAX && line_read(line, &k->key[k->n])) ||
               fault_set(f, "%s:%u: the line holds no key", path, number);
        k->n++;
    }
    if (text.p)
        OPENSSL_cleanse(text.p, text.n);
    buf_done(&text);
    return good;
}

static bool keys_write(const struct verp_keys *k, const char *directory, struct fault *f)
{
    char path[700];
    struct buf b = {0};
    snprintf(path, sizeof path, "%s/return-path-keys", directory);
    for (size_t i = 0; i < k->n; i++) {
        buf_addf(&b, "%u\t", k->key[i].number);
        for (size_t n = 0; n < VERP_KEY; n++)
            buf_addf(&b, "%02x", k->key[i].secret[n]);
        buf_addf(&b, "\t%lld\n", (long long)k->key[i].made_s);
    }
    bool good = file_replace(path, buf_str(&b), 0600, f);
    OPENSSL_cleanse(b.p, b.n);
    buf_done(&b);
    return good;
}

static void drop_first(struct verp_keys *k)
{
    k->n--;
    for (size_t i = 0; i < k->n; i++)
        k->key[i] = k->key[i + 1];
}

bool keys_renew(struct verp_keys *k, const char *directory, int64_t now_s, struct fault *f)
{
    const struct verp_key *newest = k->n ? &k->key[k->n - 1] : NULL;
    struct verp_key fresh = {.number = newest ? (newest->number + 1) % VERP_KEY_NUMBERS : 0, .made_s = now_s};
    if (newest && now_s < newest->made_s + SEALS_S)
        return true;
    while (k->n == VERP_KEYS_MAX || (k->n > 1 && k->key[1].made_s + KEPT_S < now_s))
        drop_first(k);
    if (RAND_bytes(fresh.secret, sizeof fresh.secret) != 1)
        return fault_set(f, "there is no randomness");
    k->key[k->n++] = fresh;
    return keys_write(k, directory, f);
}
