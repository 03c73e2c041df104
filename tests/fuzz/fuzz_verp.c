/* Return paths: any bytes as an address or as a text that may quote one. What is taken for ours was given out by us: it is
 * written the same again; and an address of ours is found wherever it stands. */
#include "verp/paths.h"
#include "verp/verp.h"

#include "lib/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/goniec-fuzz-XXXXXX";

static void clean(void)
{
    char path[80];
    static const char *const names[] = {"return-paths", "return-path-keys"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static struct verp *ours(void)
{
    struct verp *v = NULL;
    struct paths p;
    struct fault f;
    must(mkdtemp(folder) && paths_read(&p, folder, &f));
    atexit(clean);
    paths_use(&p, STR("shop.test"), STR(""), true, 1780000000);
    must(paths_write(&p, folder, 1780000000, &f) && verp_load(&v, folder, 1780000000, true, &f));
    paths_done(&p);
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct verp *v;
    const struct str path = STR("bounces.shop.test"), text = str_mem(data, size);
    struct verp_token t = {.rcpt = 0}, back;
    char address[VERP_ADDRESS];
    if (!v)
        v = ours();
    must(verp_read(v, text, path, 0, INT64_MAX, &back) != VERP_RETURN || size == VERP_LOCAL);
    must(!verp_find(v, text, &back) || (verp_address(v, back, path, address) && size > VERP_LOCAL));
    memcpy(t.message.b, data, size < sizeof t.message.b ? size : sizeof t.message.b);
    t.rcpt = (uint32_t)size % VERP_RCPTS_MAX;
    must(verp_address(v, t, path, address));
    must(verp_read(v, str_mem(address, VERP_LOCAL), path, id_wall_ms(t.message), 1, &back) == VERP_RETURN);
    must(id_eq(back.message, t.message) && back.rcpt == t.rcpt);
    return 0;
}
