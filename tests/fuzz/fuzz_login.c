/* What a client says in a login: base64, and both messages of SCRAM, against an account that has it. What decodes encodes to the
 * same again; no bytes prove a password that was not known. */
#include "accept/scram.h"

#include "lib/base64.h"
#include "lib/must.h"

#include <stdlib.h>
#include <unistd.h>

static struct accounts *accounts_once(void)
{
    static struct accounts *accounts;
    static const char line[] = "user\ta\tkey\tkey$00112233445566778899aabbccddeeff$"
                               "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff "
                               "scram-sha-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$"
                               "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\t\t0\tactive\n";
    char path[] = "/tmp/goniec-fuzz-XXXXXX";
    struct fault f;
    if (accounts)
        return accounts;
    int fd = mkstemp(path);
    must(fd >= 0 && write(fd, line, sizeof line - 1) == sizeof line - 1);
    close(fd);
    must(accounts_load(&accounts, path, &f));
    unlink(path);
    return accounts;
}

static void round_trip(struct str text)
{
    struct buf raw = {0}, again = {0};
    if (base64_decode(text, &raw)) {
        base64_encode(buf_str(&raw), &again);
        must(str_eq(buf_str(&again), text));
    }
    buf_done(&raw);
    buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[SECRET_BYTES];
    struct str rest = {(const char *)data, size}, first = str_split(&rest, '\n');
    struct scram s = {0};
    struct buf out = {0};
    round_trip(first);
    if (scram_first(&s, first, accounts_once(), key, &out) && rest.p) {
        out.n = 0;
        must(!scram_final(&s, rest, &out) && out.n == 0);
    }
    scram_done(&s);
    buf_done(&out);
    return 0;
}
