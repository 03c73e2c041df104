/* Prints a notification of the kind that its argument names, for check_dsn.py. */
#include "explain/dsn.h"

#include <stdio.h>

static const char content[] = "Received: from pc by relay; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
                              "From: Jan <jan@shop.pl>\r\n"
                              "To: ola@example.pl\r\n"
                              "Subject: =?UTF-8?Q?Zam=C3=B3wienie?=\r\n"
                              " =?UTF-8?Q?_17?=\r\n"
                              "Message-ID: <17@shop.pl>\r\n"
                              "\r\n"
                              "Tre\xC5\x9B\xC4\x87 listu.\r\n"
                              "--not a boundary\r\n";

static struct rcpt rcpts[] = {
    {{"ola@example.pl", 14}, {"example.pl", 10}, {"rfc822;ola+2Bshop@example.pl", 28}, NOTIFY_FAILURE | NOTIFY_SUCCESS},
    {{"\"a b\"@example.pl", 16}, {"example.pl", 10}, {"", 0}, 0},
    {{"nikt@example.pl", 15}, {"example.pl", 10}, {"", 0}, NOTIFY_NEVER},
    {{"\xC5\xBC\xC3\xB3\xC5\x82w@example.pl", 18}, {"example.pl", 10}, {"utf-8;\\x{17C}\\x{F3}\\x{142}w@example.pl", 38}, 0},
};

static struct outcome_rcpt parts[] = {
    {0,
     OUTCOME_FAILED,
     PHASE_RCPT,
     {550, {5, 1, 1}, {"The email account that you tried to reach does not exist.\n--=_X\x1B[31m gsmtp", 74}},
     {{"user-unknown", 12}, WHOSE_RECIPIENT, true, 95},
     0},
    {1,
     OUTCOME_FAILED,
     PHASE_RCPT,
     {421, {4, 4, 5}, {"busy za\xBF\xF3\xB3\xE6", 11}},
     {{"expired", 7}, WHOSE_RECEIVER, true, 70},
     0},
    {2, OUTCOME_FAILED, PHASE_RCPT, {550, {0}, {"x", 1}}, {{"user-unknown", 12}, WHOSE_RECIPIENT, true, 40}, 0},
};

static void set_status(struct outcome *o, enum outcome_status status)
{
    for (uint32_t i = 0; i < o->rcpts; i++)
        o->rcpt[i].status = status;
}

static void no_reply(struct outcome *o)
{
    o->rcpt[0].reply = (struct reply){0};
    o->rcpt[0].verdict = (struct verdict){STR("timeout"), WHOSE_NETWORK, false, 95};
    o->rcpt[1].reply = (struct reply){0};
    o->note = STR("connect-timeout");
    o->host = STR("");
}

int main(int argc, char **argv)
{
    struct str kind = str_of(argc > 1 ? argv[1] : "");
    struct id id = {{1, 2, 3}};
    struct envelope e = {.id = id,
                         .accepted_ms = 1767225600000,
                         .sender = STR("jan@shop.pl"),
                         .envid = STR("QQ+2B314"),
                         .subject = STR("=?UTF-8?Q?Zam=C3=B3wienie?=\r\n =?UTF-8?Q?_17?="),
                         .message_id = STR("<17@shop.pl>"),
                         .rcpts = 3,
                         .rcpt = rcpts};
    struct outcome o = {.id = id,
                        .at_ms = 1767225660000,
                        .attempt = 2,
                        .host = STR("mx.example.pl"),
                        .ip = STR("192.0.2.9"),
                        .rcpts = 3,
                        .rcpt = parts};
    struct dsn_request r = {.kind = DSN_FAILED,
                            .envelope = &e,
                            .content = STR(content),
                            .hostname = STR("relay.shop.pl"),
                            .id = id,
                            .now_ms = 1767225700000,
                            .retry_until_ms = 1767657600000,
                            .outcome = &o,
                            .lang = "pl,en",
                            .quote_max = 10000};
    uint32_t which[4];
    struct buf b = {0};
    if (str_eq(kind, STR("headers")))
        e.ret = RET_HDRS;
    if (str_eq(kind, STR("large")))
        r.quote_max = 10;
    if (str_eq(kind, STR("delayed"))) {
        r.kind = DSN_DELAYED;
        set_status(&o, OUTCOME_DEFERRED);
        no_reply(&o);
        rcpts[0].notify = NOTIFY_DELAY;
    }
    if (str_eq(kind, STR("relayed")) || str_eq(kind, STR("delivered"))) {
        r.kind = str_eq(kind, STR("relayed")) ? DSN_RELAYED : DSN_DELIVERED;
        set_status(&o, OUTCOME_DELIVERED);
        parts[0].reply = (struct reply){250, {2, 1, 5}, STR("OK")};
        r.lang = "en";
    }
    if (str_eq(kind, STR("polish")))
        r.lang = "pl";
    if (str_eq(kind, STR("hostile"))) {
        o.host = STR("mx<img src=x>.example.pl");
        parts[0].reply = (struct reply){550, {5, 1, 1}, STR("<script>alert(1)</script> \x1b[31m & <b>no</b>\n</blockquote>")};
    }
    if (str_eq(kind, STR("global")) || str_eq(kind, STR("ascii"))) {
        e.smtputf8 = true;
        e.sender = str_eq(kind, STR("global")) ? STR("żuk@shop.pl") : e.sender;
        e.rcpts = 4;
        e.subject = STR("Pozdrowienia z gór i nad morza, z lasów i z pól, ze wsi i z miast, a także znad jezior");
        parts[1].rcpt = 3;
    }
    dsn_write(&r, which, dsn_wanted(&e, &o, r.kind, which), &b);
    fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
    return 0;
}
