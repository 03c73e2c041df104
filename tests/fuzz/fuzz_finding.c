/* What came back: any bytes as a mail to a recipient's return path. Whatever it says, it is about that recipient, it can be written
 * down and read again, and it suppresses only by a complaint or a sure bounce. */
#include "report/finding.h"

#include "lib/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rcpt rcpt[2] = {{.address = STR("a@dest.test"), .domain = STR("dest.test")},
                           {.address = STR("b@dest.test"), .domain = STR("dest.test")}};
    struct envelope e = {.sender = STR("s@shop.test"), .rcpts = 2, .rcpt = rcpt};
    struct arena a = {0};
    struct finding x;
    struct outcome back;
    struct buf b = {0};
    finding_make(str_mem(data, size), &e, 1, 1780000000000, &a, &x);
    must(x.kind >= RETURNED_FAILED && x.kind <= RETURNED_OTHER && x.outcome.rcpts == 1 && x.rcpt.rcpt == 1);
    must(!x.suppress || x.kind == RETURNED_COMPLAINT || (x.kind == RETURNED_FAILED && x.rcpt.verdict.action == ACTION_SUPPRESS));
    must(!x.suppress == !x.proof.n);
    outcome_encode(&x.outcome, &b);
    must(outcome_decode(buf_str(&b), &a, &back) && back.rcpts == 1 && back.rcpt[0].status == x.rcpt.status);
    buf_done(&b);
    arena_done(&a);
    return 0;
}
