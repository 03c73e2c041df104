/* Any reply explained, and told in a notification that no reply can break out of. */
#include "explain/dsn.h"
#include "explain/explain.h"
#include "lib/must.h"

static unsigned lines_with(const struct buf *b, struct str start)
{
    struct str rest = buf_str(b);
    unsigned n = 0;
    while (rest.n > 0)
        n += str_starts_nocase(str_split(&rest, '\n'), start);
    return n;
}

static void tell(struct str text, struct outcome_rcpt *part, bool polish)
{
    struct rcpt rcpt = {STR("a@x.pl"), STR("x.pl"), text, 0};
    struct envelope e = {.sender = STR("s@y.pl"), .subject = text, .message_id = text, .envid = text, .rcpts = 1, .rcpt = &rcpt};
    struct outcome o = {.host = text, .ip = text, .note = text, .rcpts = 1, .rcpt = part};
    struct dsn_request r = {.kind = DSN_FAILED,
                            .envelope = &e,
                            .content = STR("A: b\r\n\r\n"),
                            .hostname = STR("h.pl"),
                            .outcome = &o,
                            .lang = polish ? "pl" : "en",
                            .quote_max = 1000};
    struct buf b = {0};
    uint32_t which;
    must(dsn_wanted(&e, &o, DSN_FAILED, &which) == 1);
    dsn_write(&r, &which, 1, &b);
    must(lines_with(&b, STR("Action:")) == 1 && lines_with(&b, STR("Final-Recipient:")) == 1);
    must(lines_with(&b, STR("--=_")) == 7 && lines_with(&b, STR("Subject:")) == 1);
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct str text = str_mem(data + 3, size - 3);
    struct outcome_rcpt part = {.status = OUTCOME_FAILED, .phase = (enum phase)(data[0] % (PHASE_LOCAL + 1))};
    part.reply = (struct reply){.code = data[1] % 2 ? 0 : 200 + data[2], .text = text};
    enhanced_take(&part.reply.text, part.reply.code, &part.reply.enhanced);
    struct explain_input in = {.text = part.reply.text, .code = part.reply.code, .phase = part.phase, .host = text, .note = text};
    struct explanation e = explain(&in);
    must(e.cause && e.confidence <= 100 && e.evidence.offset + e.evidence.length <= text.n);
    part.verdict = explain_verdict(&e);
    tell(text, &part, data[1] & 4);
    return 0;
}
