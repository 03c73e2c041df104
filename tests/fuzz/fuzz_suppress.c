/* The reader of the suppression list: any bytes as its file. What is read is a list that can be asked; with its checksums put
 * right, so that the fuzzer comes past them. */
#include "suppress/format.h"
#include "suppress/writer.h"

#include "lib/crc32c.h"
#include "lib/must.h"

#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/goniec-fuzz-XXXXXX";

static void remove_file(void) { unlink(path); }

static void write_file(const uint8_t *p, size_t size)
{
    static int fd = -1;
    if (fd < 0) {
        fd = mkstemp(path);
        atexit(remove_file);
    }
    must(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, p, size, 0) == (ssize_t)size);
}

static void make_right(uint8_t *p, size_t size)
{
    struct head h;
    if (size < sizeof h || !(p[0] & 1)) /* half of the time, as it came */
        return;
    size_t rows = (size - sizeof h) / sizeof(struct row);
    memcpy(&h, p, sizeof h);
    memcpy(h.magic, SUPPRESS_MAGIC, sizeof h.magic);
    h.rows = rows ? h.rows % (rows + 1) : 0;
    h.rows_crc = crc32c(0, p + sizeof h, h.rows * sizeof(struct row));
    h.crc = format_head_crc(&h);
    memcpy(p, &h, sizeof h);
    for (size_t i = h.rows; i < rows; i++) {
        struct row r;
        uint8_t *at = p + sizeof h + i * sizeof r;
        memcpy(&r, at, sizeof r);
        if (r.zero[0] == 0xff) /* some stay wrong */
            continue;
        r.crc = format_tail_crc(&h, i - h.rows, &r);
        memcpy(at, &r, sizeof r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault f = {0};
    struct suppress_list *l = NULL, *again = NULL;
    struct suppress_hit hit;
    uint8_t *copy = malloc(size + 1);
    must(copy);
    memcpy(copy, data, size);
    make_right(copy, size);
    write_file(copy, size);
    if (suppress_load(&l, path, NULL, &f)) {
        must(suppress_size(l) <= size / sizeof(struct row));
        suppress_blocks(l, STR("shop"), STR("b@dest.test"), STR("dest.test"), 1700000000, &hit);
        must(suppress_load(&again, path, l, &f) && suppress_size(again) == suppress_size(l));
        suppress_free(&again);
        suppress_free(&l);
    } else {
        must(f.text[0]);
    }
    free(copy);
    return 0;
}
